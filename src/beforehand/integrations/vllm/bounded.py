"""A predictor that may neither fail nor take its time."""

import math
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from typing import Any, Final, final

import numpy as np

PATIENCE: Final = 0.05  # s
STRIKES: Final = 3  # failures in a row after which it is asked no more


@final
class BoundedPredictor:
    """Asks a predictor for one request, for 50 ms at most.

    Guarantee:
        `ask` returns within 50 ms, a positive number or nan. A predictor that fails, answers with something else or
        comes too late three times in a row is not asked again.

    Args:
        predictor: Of the core's protocol; its features are arrays of one entry.
    """

    def __init__(self, predictor: Any) -> None:
        self._predictor = predictor
        self._worker = ThreadPoolExecutor(1, "beforehand-predictor")
        self._strikes = 0
        self.failures = 0

    def ask(self, features: dict[str, Any]) -> float:
        """Predicted tokens; nan if there is no answer."""
        if self._strikes >= STRIKES:
            return math.nan
        try:
            answer = self._worker.submit(self._predictor.predict, features).result(PATIENCE)
            tokens = float(np.asarray(answer, np.float64).reshape(-1)[0])
        except (TooLate, Exception):
            tokens = math.nan
        if 0 < tokens < math.inf:
            self._strikes = 0
            return tokens
        self.failures += 1
        self._strikes += 1
        return math.nan
