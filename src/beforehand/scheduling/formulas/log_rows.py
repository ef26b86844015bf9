"""The rows of a log, weighted, and sorted once for every sum over jobs that compete by key."""

import math
from typing import Literal, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.scheduling.formulas.soap import Moments, Sums
from beforehand.scheduling.log import Floats, Log
from beforehand.scheduling.policies.stages import Order
from beforehand.scheduling.policies.view import By

Column = Literal["size", "cheap", "expensive"]


class _Sorted:
    """The rows whose key is known, in the order of their keys or of the levels from which they count."""

    __slots__ = ("_columns", "fraction", "rows")

    def __init__(self, log: Log, by: Column, fraction: float | None) -> None:
        key: Floats = getattr(log, by)
        known = np.flatnonzero(~np.isnan(key)) if np.isnan(key).any() else None
        size, key = (log.size, key) if known is None else (log.size[known], key[known])
        level = key if fraction is None else key - (size if fraction == 1 else np.minimum(fraction * key, size))
        order = np.empty(len(key), dtype=np.int64)
        _native.sorted_positions(level, order)
        self.rows = order if known is None else known[order]
        self.fraction = fraction
        self._columns: dict[Column, Floats] = {}

    def column(self, log: Log, name: Column) -> Floats:
        """A copy in this order, made when it is first needed."""
        if name not in self._columns:
            self._columns[name] = getattr(log, name)[self.rows]
        return self._columns[name]


@final
class LogRows:
    """Sums over the rows of a log, drawn by weight.

    Args:
        log: Sizes and predictions.
    """

    __slots__ = ("_complete", "_orders", "_total", "_weight", "_weights", "all", "log")

    def __init__(self, log: Log) -> None:
        self.log = log
        self._orders: dict[tuple[Column, str], _Sorted] = {}
        self._complete: dict[By, bool] = {}
        even = log.weight.min() == log.weight.max()
        self._weigh(np.ones(len(log)) if even else log.weight)  # sums of ones have no rounding

    def reweighted(self, weight: ArrayLike) -> Self:
        """The same rows with other weights; shares all that is sorted.

        Raises:
            InvalidInput: not one finite weight for each row, one is negative, or all are 0.
        """
        try:
            weights = np.array(weight, dtype=np.float64)
        except (TypeError, ValueError, OverflowError) as error:
            raise InvalidInput(f"weight must be numbers ({error}); pass how often each row counts") from error
        if weights.shape != self.log.size.shape:
            raise InvalidInput(f"weight has shape {weights.shape}, but must have one for each of {len(self.log)} rows")
        if not (weights.min() >= 0 and 0 < weights.sum() < math.inf):
            raise InvalidInput(
                "weight must be finite, not negative and not 0 throughout; pass how often each row counts"
            )
        made = object.__new__(type(self))
        made.log, made._orders, made._complete = self.log, self._orders, self._complete
        made._weigh(weights)
        return made

    def _weigh(self, weight: Floats) -> None:
        self._weight = weight
        self._total = float(weight.sum())
        self._weights: dict[tuple[Column, str], tuple[_Sorted, Floats]] = {}
        self.all = self.split("size", 0.0)[1]

    def below(self, gate: Column, least: float) -> NDArray[np.bool_]:
        """Which rows have `gate < least`."""
        column: Floats = getattr(self.log, gate)
        return column < least

    def complete(self, by: By) -> bool:
        """Whether every row has this prediction."""
        if by not in self._complete:
            self._complete[by] = not np.isnan(getattr(self.log, by)).any()
        return self._complete[by]

    def split(self, gate: Column, least: float) -> tuple[Moments, Moments]:
        """The moments of the rows with `gate < least`, and of all other rows."""
        classes = _native.split_at(self.log.size, self._weight, getattr(self.log, gate), least)
        short, long = (
            Moments(part.weight / self._total, part.work / self._total, part.squares / self._total)
            for part in (classes.below, classes.others)
        )
        return short, long

    def sweep(
        self,
        by: By,
        order: Order,
        rate: float,
        times: Floats | None,
        *,
        base: float = 0.0,
        others: float = 0.0,
        before: float = 0.0,
        gate: tuple[Column, float] = ("size", 0.0),
        attained: float = 0.0,
        fraction: float = 1.0,
        preemptive: bool = True,
    ) -> Sums:
        """What competition by key adds up to; the arguments are those of the native `Phase`."""
        if getattr(self.log, by) is None:
            return Sums()  # no row asks
        phase = _native.Phase(
            rate=rate / self._total, base=base, others=others, before=before, least=gate[1], attained=attained
        )
        keys = self._ordered(by, None, gate[0])
        if order == "remaining":
            sums = _native.sweep_remaining(keys, self._ordered(by, fraction, gate[0]), phase, fraction, times)
        else:
            sums = _native.sweep_size(keys, phase, preemptive, times)
        return Sums(sums.time / self._total, sums.memory / self._total, sums.interruptions / self._total**2)

    def attained(self, rate: float, times: Floats | None) -> float:
        """The mean response time if the job that was served least runs first."""
        return _native.sweep_attained(self._ordered("size", None, "size"), rate / self._total, times) / self._total

    def _ordered(self, by: Column, fraction: float | None, gate: Column) -> _native.Rows:
        """The rows by key, or by the level from which they count; of fractions below 1 the last one is kept."""
        name = by, "keys" if fraction is None else "starts" if fraction == 1 else "limited starts"
        ordered = self._orders.get(name)
        if ordered is None or ordered.fraction != fraction:
            ordered = self._orders[name] = _Sorted(self.log, by, fraction)
        weighed = self._weights.get(name)
        if weighed is None or weighed[0] is not ordered:
            weighed = self._weights[name] = ordered, self._weight[ordered.rows]
        key, size, at = (ordered.column(self.log, column) for column in (by, "size", gate))
        return _native.Rows(key=key, size=size, weight=weighed[1], gate=at, position=ordered.rows)
