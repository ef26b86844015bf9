"""Windows beside the truth, arrival by arrival."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beforehand.streams.summary import Estimator
from beforehand.streams.window import Windowed

EVERY: Final = 8  # of how many arrivals one is judged
ESTIMATORS: Final[tuple[Estimator, ...]] = ("balanced", "upper")
Keys = NDArray[Any]
Counts = NDArray[np.int64]


def counts_in_window(keys: Keys, window: int) -> Counts:
    """How often the key of each arrival came in the window that ends with it."""
    order = np.argsort(keys, kind="stable")
    _, group = np.unique(keys, return_inverse=True)
    place = group[order] * (len(keys) + window) + order  # ascending: by key, then by time
    gone = np.searchsorted(place, place - window, side="right")
    counts = np.empty(len(keys), np.int64)
    counts[order] = np.arange(len(keys)) - gone + 1
    return counts


def arrive(window: Windowed, keys: Keys, stop: int) -> None:
    """Let the arrivals before `stop` come, `EVERY` of them; tell a predictor that knows the stream where that is."""
    predictor: Any = getattr(window, "predictor", None)
    if hasattr(predictor, "at"):
        predictor.at = stop - EVERY
    window.update(keys[stop - EVERY : stop])


def errors(window: Windowed, keys: Keys, true: Counts) -> dict[str, float]:
    """The root of the mean squared error just after an arrival, of both estimators, from the third window on."""
    judged, found = [], []
    for stop in range(EVERY, len(keys) + 1, EVERY):
        arrive(window, keys, stop)
        if stop > 2 * window.window:
            judged.append(stop - 1)
            found.append([window.estimate(keys[stop - 1], estimator=estimator) for estimator in ESTIMATORS])
    squares = (np.array(found) - true[judged][:, None]) ** 2
    return dict(zip(ESTIMATORS, np.sqrt(squares.mean(axis=0)).tolist(), strict=True))
