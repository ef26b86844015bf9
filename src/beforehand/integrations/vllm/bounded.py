"""A predictor that may neither fail nor take its time."""

import math
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, Final, final

import numpy as np

from beforehand.integrations.vllm.report import LOGGER

PATIENCE: Final = 0.05  # s
STRIKES: Final = 3  # failures in a row after which it is asked no more


@final
class BoundedPredictor:
    """Asks a predictor for one request, for 50 ms at most.

    Guarantee:
        `ask` returns within 50 ms, a positive number or nan. A predictor that fails, answers with something else or
        comes too late three times in a row is not asked again, which vLLM's log says. The end of the process waits for
        no answer.

    Args:
        predictor: Of the core's protocol; its features are arrays of one entry.
    """

    def __init__(self, predictor: Any) -> None:
        self._predictor = predictor
        self._asked: SimpleQueue[tuple[dict[str, Any], Future[Any]]] = SimpleQueue()
        self._thread: Thread | None = None
        self._strikes = 0
        self.failures = 0

    def ask(self, features: dict[str, Any]) -> float:
        """Predicted tokens; nan if there is no answer."""
        if self._strikes >= STRIKES:
            return math.nan
        try:
            tokens = float(np.asarray(self._put(features).result(PATIENCE), np.float64).reshape(-1)[0])
        except Exception:  # late, failed, or no number
            tokens = math.nan
        if 0 < tokens < math.inf:
            self._strikes = 0
            return tokens
        self.failures += 1
        self._strikes += 1
        if self._strikes == STRIKES:
            LOGGER.error("the predictor of lengths failed %d times in a row; the mean takes its place", STRIKES)
        return math.nan

    def _put(self, features: dict[str, Any]) -> "Future[Any]":
        answer: Future[Any] = Future()
        if self._thread is None:
            self._thread = Thread(target=self._answer, daemon=True, name="beforehand-predictor")
            self._thread.start()
        self._asked.put((features, answer))
        return answer

    def _answer(self) -> None:
        while True:
            features, answer = self._asked.get()
            try:
                answer.set_result(self._predictor.predict(features))
            except Exception as error:  # of any predictor; `ask` counts it
                answer.set_exception(error)
