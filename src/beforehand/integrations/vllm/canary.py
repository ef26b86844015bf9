"""Whether the predictions of lengths still say anything."""

from collections import deque
from typing import Final, final

import numpy as np
from numpy.typing import ArrayLike

WINDOW: Final = 256  # finished requests
FEWEST: Final = 64  # before which nothing is said
EVERY: Final = 16  # finished requests between two looks
OFF: Final = 0.1  # of Kendall's tau: below it predictions are left out
ON: Final = 0.2  # above it they are taken in again


def kendall(first: ArrayLike, second: ArrayLike) -> float:
    """Kendall's tau-b of two samples of the same length; nan if one of them is constant.

    Example:
        >>> kendall([1, 2, 3], [10, 30, 20])
        0.3333333333333333
    """
    one, other = np.asarray(first, np.float64), np.asarray(second, np.float64)
    a = np.sign(one[:, None] - one)
    b = np.sign(other[:, None] - other)
    pairs = np.sqrt(np.sum(a * a) * np.sum(b * b))
    return float(np.sum(a * b) / pairs) if pairs else np.nan


@final
class Canary:
    """Compares predictions with what they were of, over the last 256 finished requests.

    Predictions are left out once their order has little to do with that of the lengths (Kendall's tau below 0.1), and
    taken in again above 0.2. Where all predictions, or all lengths, are equal there is nothing to say.
    """

    def __init__(self) -> None:
        self._pairs: deque[tuple[float, float]] = deque(maxlen=WINDOW)
        self._since = 0
        self.trusted = True
        self.tau = np.nan

    def add(self, predicted: float, actual: float) -> bool:
        """A request has finished; whether `trusted` has changed."""
        self._pairs.append((predicted, actual))
        self._since += 1
        if len(self._pairs) < FEWEST or self._since < EVERY:
            return False
        self._since = 0
        pairs = np.array(self._pairs)
        self.tau = kendall(pairs[:, 0], pairs[:, 1])
        before = self.trusted
        if self.tau == self.tau:
            self.trusted = self.tau > ON if not before else self.tau >= OFF
        return self.trusted != before
