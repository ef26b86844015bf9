"""Callers that wait for a job or for room, first come first served."""

import asyncio
from collections.abc import Callable
from heapq import heapify, heappop, heappush


class Callers:
    """Callers that wait for their turn; one that was woken holds a promise until it has run.

    A newcomer may pass only if more is free than is promised, so nobody is overtaken between waking and running.
    A caller that gives up leaves its entry behind; once these are more than half, all are dropped, so that giving up
    takes O(log n) on average.
    """

    __slots__ = ("_given_up", "_numbers", "promised", "waiting")

    def __init__(self) -> None:
        self.waiting: list[tuple[int, asyncio.Future[None]]] = []
        self.promised = 0
        self._numbers = 0
        self._given_up = 0  # entries in there whose caller is gone, or a few more: it only says when to look

    async def wait(self, free: Callable[[], float]) -> None:
        """Return once something is free for this caller; if cancelled, pass the promise on."""
        self._numbers += 1
        number = self._numbers  # kept if the promised item is gone again: the caller keeps its place
        while True:
            future = asyncio.get_running_loop().create_future()
            heappush(self.waiting, (number, future))
            try:
                await future
            except asyncio.CancelledError:
                if not future.cancelled():
                    self.promised -= 1
                    self.wake(free())
                else:
                    self._give_up()
                raise
            self.promised -= 1
            if free() > 0:
                return

    def wake(self, free: float) -> None:
        """Wake the first callers, as many as `free` serves."""
        while self.waiting and free > self.promised:
            _, future = heappop(self.waiting)
            if not future.done():
                future.set_result(None)
                self.promised += 1

    def _give_up(self) -> None:
        self._given_up += 1
        if 2 * self._given_up > len(self.waiting):
            self.waiting = [entry for entry in self.waiting if not entry[1].done()]
            heapify(self.waiting)
            self._given_up = 0
