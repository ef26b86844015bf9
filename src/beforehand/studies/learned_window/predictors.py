"""What tells a learned window how far away the next arrival of a key is: the truth, less than that, or nothing."""

from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.predictor import Price
from beforehand.streams import next_gaps
from beforehand.studies.learned_window.runs import EVERY

Keys = NDArray[Any]
Gaps = NDArray[np.float64]
FREE: Final = Price(seconds=0.0, bytes=0, per="key")


@final
class NextGaps:
    """The gaps themselves, times errors of log-normal size; arrivals from `at` on are asked about."""

    price = FREE

    def __init__(self, keys: Keys, *, error: float = 0.0) -> None:
        self.keys, self.at = keys, 0
        errors = np.exp(error * np.random.default_rng(0).standard_normal(len(keys)))
        self.gaps: Gaps = next_gaps(keys).astype(np.float64) * errors

    def predict_gaps(self, keys: Keys) -> Gaps:
        """Those of the first arrival of each key."""
        near = self.keys[self.at : self.at + EVERY]
        found: Gaps = self.gaps[self.at + (near == np.asarray(keys)[:, None]).argmax(axis=1)]
        return found


@final
class Contrary:
    """The reverse of the truth: what comes again soon is said to be gone."""

    price = FREE

    def __init__(self, keys: Keys) -> None:
        self.truth, self.at = NextGaps(keys), 0

    def predict_gaps(self, keys: Keys) -> Gaps:
        """The shorter the gap, the longer."""
        self.truth.at = self.at
        return 1e9 / np.square(1 + self.truth.predict_gaps(keys))


@final
class RandomGaps:
    """Gaps that have nothing to do with the keys, another each time."""

    price = FREE

    def __init__(self, most: int) -> None:
        self.most, self.random = most, np.random.default_rng(0)

    def predict_gaps(self, keys: Keys) -> Gaps:
        """From 0 to `most`, all alike."""
        return self.random.uniform(0, self.most, len(keys))
