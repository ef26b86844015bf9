"""A predictor with a limit on how long anybody waits for it."""

import asyncio
import logging
import math
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Final, final

log = logging.getLogger("beforehand.gateway")

SECONDS: Final = 0.05
THREADS: Final = 4  # so many predictions may hang before all are given up
MOST_WAITING: Final = 64


@final
class WithinBudget:
    """Ask a function in threads, and do not wait longer than 50 ms for an answer.

    Guarantee:
        The event loop never waits for the function, and neither does the end of the process. An answer that is late is
        nan; while four calls hang, so is every answer, at once.
    """

    def __init__(self) -> None:
        self.late = 0
        self._asked: SimpleQueue[tuple[Callable[[], float], asyncio.AbstractEventLoop, asyncio.Future[float]]]
        self._asked = SimpleQueue()
        self._threads = 0
        self._waiting = 0

    async def ask(self, function: Callable[[], float]) -> float:
        """The function's answer; nan if it is late."""
        if self._waiting >= MOST_WAITING:
            self.late += 1
            return math.nan
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[float] = loop.create_future()
        self._waiting += 1
        answer.add_done_callback(self._done)
        if self._threads < min(self._waiting, THREADS):
            self._threads += 1
            threading.Thread(target=self._answer, daemon=True, name="beforehand-predictor").start()
        self._asked.put((function, loop, answer))
        try:
            return await asyncio.wait_for(asyncio.shield(answer), SECONDS)
        except TimeoutError:
            if not self.late:
                log.error("the predictor of lengths took longer than %g s; the mean takes its place", SECONDS)
            self.late += 1
            return math.nan

    def _done(self, _: Any) -> None:
        self._waiting -= 1

    def _answer(self) -> None:
        while True:
            function, loop, answer = self._asked.get()
            try:
                found = function()
            except Exception:  # whatever a predictor raises, its thread must live on
                found = math.nan
            try:
                loop.call_soon_threadsafe(_settle, answer, found)
            except RuntimeError:  # the loop has ended
                return


def _settle(answer: "asyncio.Future[float]", found: float) -> None:
    if not answer.done():
        answer.set_result(found)
