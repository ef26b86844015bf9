"""How long something still lasts that has lasted so long, from how long its like have lasted."""

from __future__ import annotations

import math
import sys
from bisect import bisect_right, insort
from collections import OrderedDict, deque
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import MOST

FEW: Final = 8  # below this many values a name says nothing of its own
LEAST_ABOVE: Final = 5  # below this many values above the age the tail is fitted instead
TAIL_FROM: Final = 0.99  # and beyond this quantile
LEAST_INDEX, MOST_INDEX = 1.1, 10.0  # of a tail: below 1 its mean would be infinite
BELOW_INFINITY: Final = sys.float_info.max
MOST_NAMES: Final = 4096  # clients choose the names; the least recently seen makes room


def within(value: Any, most: float) -> bool:
    """Whether this is a number from 0 to `most`; nan is not, nor is what cannot be compared."""
    try:
        return bool(0 <= value <= most)
    except (TypeError, ValueError):
        return False


class Lifetimes:
    """The last `size` values of one kind, and what is left of one that has come to some age.

    Within the sample the answers are those of the sample itself. Where fewer than 5 values exceed the age, or it lies
    beyond the 99 % quantile, they are those of a Pareto tail, whose index is Hill's estimate from the largest tenth of
    the values, at least ten: then the older it is, the longer it still lasts.
    """

    __slots__ = ("_above", "_array", "_cut", "_ended", "_recent", "_size", "_tail", "_values")

    def __init__(self, size: int) -> None:
        self._size = size
        self._recent: deque[tuple[float, bool]] = deque()
        self._values: list[float] = []  # the same, sorted
        self._ended: list[float] = []  # those that were not cut off, sorted
        self._array: NDArray[np.float64] | None = None  # the sorted values and the rest; None: to be computed
        self._above: NDArray[np.float64] = np.zeros(1)
        self._cut = math.nan
        self._tail = math.nan  # its index; nan: to be computed

    def __len__(self) -> int:
        """How many values are kept."""
        return len(self._values)

    def add(self, value: float, *, cut: bool = False) -> None:
        """Note a value; `cut` if it would have become larger had it not been cut off.

        Raises:
            InvalidInput: it is negative, nan or above 1e100.
        """
        if not within(value, MOST):
            raise InvalidInput(f"a duration or length is {value!r}, but must be from 0 to {MOST:g}; leave it out")
        if len(self._recent) == self._size:
            oldest, was_cut = self._recent.popleft()
            del self._values[bisect_right(self._values, oldest) - 1]
            if not was_cut:
                del self._ended[bisect_right(self._ended, oldest) - 1]
        value = float(value)
        self._recent.append((value, cut))
        insort(self._values, value)
        if not cut:
            insort(self._ended, value)
        self._array = None

    def left(self, age: float) -> NDArray[np.float64]:
        """What was left of each value that exceeded the age, in ascending order; at age 0 of all values."""
        return self._sorted()[self._below(age) :] - age

    def tail(self, age: float) -> float:
        """The index of the Pareto tail that holds at this age; nan where the sample itself speaks."""
        self._sorted()
        return self._index() if self._beyond(age, len(self._values) - self._below(age)) else math.nan

    def mean(self, age: float = 0.0) -> float:
        """The mean of what is left."""
        if self._array is None:
            self._sorted()
        below = self._below(age)
        above = len(self._values) - below
        if self._beyond(age, above):
            return age / (self._index() - 1)
        left = self._above.item(below) / above - age
        return left if left > 0.0 else 0.0

    def survival(self, t: float, age: float = 0.0) -> float:
        """The probability that it lasts longer than `t` from now."""
        index = self.tail(age)
        if index == index:
            return float((age / (age + t)) ** index)
        return (len(self._values) - bisect_right(self._values, age + t)) / (len(self._values) - self._below(age))

    def quantile(self, p: float, age: float = 0.0) -> float:
        """The least `t` such that it ends within `t` from now with probability `p` at least."""
        index = self.tail(age)
        if index == index:
            return age * ((1 - p) ** (-1 / index) - 1) if p < 1 else math.inf
        below = self._below(age)
        count = len(self._values) - below
        return self._values[below + max(math.ceil(p * count - 1e-9), 1) - 1] - age

    def _beyond(self, age: float, above: int) -> bool:
        """Whether the tail holds at this age, which so many values exceed."""
        return (above < LEAST_ABOVE or age > self._cut) and age > 0

    def _below(self, age: float) -> int:
        return bisect_right(self._values, age) if age > 0 else 0

    def _sorted(self) -> NDArray[np.float64]:
        if self._array is None:
            self._array = np.array(self._values)
            self._above = np.append(np.cumsum(self._array[::-1])[::-1], 0.0)  # sums from each place to the end
            self._cut = self._values[math.ceil(TAIL_FROM * len(self._values)) - 1] if self._values else math.nan
            self._tail = math.nan
        return self._array

    def _index(self) -> float:
        if self._tail != self._tail:
            self._tail = hill_index(self._ended)
        return self._tail


def hill_index(values: list[float]) -> float:
    """Hill's estimate of a tail's index from the largest tenth of the sorted values, at least ten, from 1.1 to 10."""
    positive = np.array(values[bisect_right(values, 0.0) :])
    top = min(max(10, len(positive) // 10), len(positive) - 1)
    if top < 1:
        return MOST_INDEX
    excess = float(np.log(positive[-top:] / positive[-top - 1]).mean())
    return min(max(1 / excess, LEAST_INDEX), MOST_INDEX) if excess > 1 / MOST_INDEX else MOST_INDEX


class LifetimesByName:
    """Lifetimes of many names, of which the least recently seen make room at 4,096."""

    __slots__ = ("_names", "_size")

    def __init__(self, size: int) -> None:
        self._size = size
        self._names: OrderedDict[str, Lifetimes] = OrderedDict()

    def add(self, name: str, value: float, *, cut: bool = False) -> None:
        """Note a value of this name."""
        kept = self._names.get(name)
        if kept is None:
            kept = Lifetimes(self._size)
        kept.add(value, cut=cut)
        self._names[name] = kept
        self._names.move_to_end(name)
        if len(self._names) > MOST_NAMES:
            self._names.popitem(last=False)

    def get(self, name: str, least: int = FEW) -> Lifetimes | None:
        """Those of this name, if there are at least so many."""
        kept = self._names.get(name)
        return kept if kept is not None and len(kept) >= least else None
