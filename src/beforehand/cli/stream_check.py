"""Exact counts, in as much memory as they take: to measure how far off a summary is, and to learn from."""

from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray


class Errors(NamedTuple):
    """How far estimates were off, over all keys that came."""

    keys: int
    rmse: float
    weighted_error: float  # the mean over all arrivals
    violations: int  # keys whose true count is outside their bounds


@final
class Numbered:
    """Gives each distinct key a number, from 0 in the order in which they come first."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}
        self.keys: list[Any] = []

    def numbers(self, keys: Any, weights: Any = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The number of each key that is not null, and its weight."""
        from beforehand import _native

        asked = _native.AskedKeys(keys)
        ids, first, inverse = np.unique(asked.ids, return_index=True, return_inverse=True)
        new = np.sort(first[[i for i, each in enumerate(ids.tolist()) if each not in self._numbers]])
        if new.size:
            for each in asked.ids[new].tolist():
                self._numbers[each] = len(self._numbers)
            taken: Any = asked.select(new.astype(np.uint64)).take()
            self.keys += taken if isinstance(taken, list) else taken.tolist()
        numbers = np.array([self._numbers[each] for each in ids.tolist()], np.int64)[inverse]
        if weights is None:
            return numbers, np.ones(numbers.size, np.int64)
        return numbers, np.asarray(weights).astype(np.int64)[asked.rows.astype(np.int64)]


@final
class Check:
    """Counts each key exactly beside a summary."""

    def __init__(self) -> None:
        self._numbered = Numbered()
        self._counts = np.zeros(0, np.uint64)

    def update(self, keys: Any, weights: Any = None) -> None:
        """Count a batch."""
        numbers, added = self._numbered.numbers(keys, weights)
        more = len(self._numbered.keys) - self._counts.size
        self._counts = np.append(self._counts, np.zeros(more, np.uint64))
        np.add.at(self._counts, numbers, added.astype(np.uint64))

    def errors(self, summary: Any) -> Errors:
        """Compare a summary of the same stream."""
        if not self._counts.size:
            return Errors(0, 0.0, 0.0, 0)
        counts = self._counts.astype(np.float64)
        off = np.abs(summary.estimate(self._numbered.keys) - counts)
        lower, upper = summary.bounds(self._numbered.keys)
        return Errors(
            keys=counts.size,
            rmse=float(np.sqrt(np.mean(off**2))),
            weighted_error=float(np.sum(counts * off) / np.sum(counts)),
            violations=int(np.count_nonzero((self._counts < lower) | (self._counts > upper))),
        )
