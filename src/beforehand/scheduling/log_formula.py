"""Exact means from a log: one sweep over its sorted rows for each policy, without a law and without simulating."""

import math
from typing import Any, Literal, NamedTuple, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.scheduling.classic import FCFS, LAS, PSPJF, SPJF, SPRPT
from beforehand.scheduling.expectation import Expectation
from beforehand.scheduling.inputs import finite
from beforehand.scheduling.log import MOST, Floats, Log
from beforehand.scheduling.skip_predict import DelayPredict, OneBit, SkipPredict
from beforehand.scheduling.trail import TRAIL
from beforehand.scheduling.view import By

Column = Literal["size", "cheap", "expensive"]
_Columns = tuple[Floats, Floats, Floats, Floats, NDArray[np.int64]]
Order = Literal["remaining", "size", "once"]  # by what is left, by size, by size until the job first runs


class _Moments(NamedTuple):
    """Of some of the rows: the share of their weight, and the means of size and its square, over all rows."""

    share: float = 0.0
    work: float = 0.0
    squares: float = 0.0


class _Classes(NamedTuple):
    short: _Moments
    long: _Moments


class _Sums(NamedTuple):
    """Over the rows that compete by key, each times its share."""

    time: float = 0.0
    memory: float = 0.0
    interruptions: float = 0.0


class _Found(NamedTuple):
    time: float
    interruptions: float = math.nan
    memory: float = math.nan
    short: float = math.nan
    long: float = math.nan


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
class LogFormula:
    """What each policy would do to the jobs of a log, exactly, for as many policies and rates as you ask.

    Jobs come at random times (Poisson) and are rows of the log, drawn by weight; one server. The rows are sorted when a
    policy first needs them in order, and stay sorted for other thresholds, limits, rates and weights.

    Args:
        log: Sizes and predictions.

    Guarantee:
        Exact to rounding (some 1e-14, relative), ties and any dependence between predictions and sizes included.

    Cost:
        O(n log n) for the first policy on a column, about 0.3 us a row; then O(n), about 0.05 us a row, and twice that
        with `per_job`. Keeps up to 32 bytes a row and order. The GIL is released above 10,000 rows.

    Example:
        >>> from beforehand.scheduling import Log, SPRPT
        >>> formula = LogFormula(Log([1, 2, 0.5, 4, 1, 1.5], expensive=[1, 1, 1, 3, 2, 0]))
        >>> round(formula.expect(SPRPT(), 0.48).response_time, 4)
        4.5345
        >>> formula.expect(SPRPT(), 0.48, per_job=True).per_job.round(2)
        array([ 2.01,  3.01,  1.44, 15.15,  3.91,  1.69])

    Reference:
        Scully, Harchol-Balter, Scheller-Wolf: SOAP: One Clean Analysis of All Age-Based Scheduling Policies.
        SIGMETRICS 2018.
    """

    __slots__ = ("_all", "_log", "_orders", "_total", "_weight", "_weights")

    def __init__(self, log: Log) -> None:
        self._log = log
        self._orders: dict[tuple[Column, str], _Sorted] = {}
        even = log.weight.min() == log.weight.max()
        self._weigh(np.ones(len(log)) if even else log.weight)  # sums of ones have no rounding

    def reweighted(self, weight: ArrayLike) -> Self:
        """The same rows with other weights (times drawn, in a bootstrap); shares all that is sorted.

        Raises:
            InvalidInput: not one finite weight for each row, one is negative, or all are 0.
        """
        weights = np.ascontiguousarray(weight, dtype=np.float64)
        if weights.shape != self._log.size.shape:
            raise InvalidInput(f"weight has shape {weights.shape}, but must have one for each of {len(self._log)} rows")
        if not (weights.min() >= 0 and 0 < weights.sum() < math.inf):
            raise InvalidInput(
                "weight must be finite, not negative, and not 0 throughout; pass how often each row counts"
            )
        made = object.__new__(type(self))
        made._log, made._orders = self._log, self._orders
        made._weigh(weights)
        return made

    def _weigh(self, weight: Floats) -> None:
        self._weight = weight
        self._total = float(weight.sum())
        self._weights: dict[_Sorted, Floats] = {}
        self._all = self._split(self._log.size, 0.0).long

    @property
    def mean(self) -> float:
        """The mean size, by weight."""
        return self._all.work

    def processor_sharing(self, rate: float) -> Expectation:
        """What sharing the server among all jobs gives; inf if it cannot keep up."""
        load = finite("rate", rate, above=True) * self.mean
        if load >= 1:
            return self._expectation(_Found(math.inf), load)
        return self._expectation(
            _Found(self.mean / (1 - load), memory=rate * self._all.squares / (2 * (1 - load))), load
        )

    def expect(self, policy: Any, rate: float, *, per_job: bool = False) -> Expectation:
        """The means of a policy at a rate of arrivals; predictions made elsewhere are not in its cost.

        Args:
            policy: A stock policy; `LAS(quantum=0)` for its limit.
            rate: Arrivals in a unit of time. What the server cannot keep up with is infinite, and no error.
            per_job: Also say what each row has to expect.

        Raises:
            InvalidInput: the policy has no formula, or asks for a prediction that the log or a row lacks.
        """
        arrivals = finite("rate", rate, above=True)
        cheap, expensive, work, classes = self._predictions(policy)
        load = arrivals * (self.mean + work)
        times = np.full(len(self._log), math.inf) if per_job else None
        found = self._found(policy, classes, arrivals, times) if load < 1 else _Found(math.inf)
        if work:
            found = found._replace(interruptions=math.nan, memory=math.nan)
        return self._expectation(found, load, cheap, expensive, times)

    def _expectation(
        self, found: _Found, load: float, cheap: float = 0.0, expensive: float = 0.0, times: Floats | None = None
    ) -> Expectation:
        return Expectation(
            response_time=found.time,
            cost=found.time,
            waiting=found.time - self.mean,
            short=found.short,
            long=found.long,
            cheap_calls=cheap,
            expensive_calls=expensive,
            utilisation=load,
            stable=load < 1,
            interruptions=found.interruptions,
            memory=found.memory,
            per_job=times,
        )

    def _predictions(self, policy: Any) -> tuple[float, float, float, _Classes]:
        """Cheap and expensive predictions for each job, the server's work on them, and shorts and longs."""
        match policy:
            case FCFS() | LAS(quantum=0):
                return 0.0, 0.0, 0.0, _Classes(_Moments(), self._all)
            case SPJF() | PSPJF() | SPRPT() | TRAIL():
                self._column(policy.by)
                work = policy.work if isinstance(policy, SPRPT) else 0.0
                return (
                    float(policy.by == "cheap"),
                    float(policy.by == "expensive"),
                    work,
                    _Classes(_Moments(), self._all),
                )
            case OneBit():
                return 1.0, 0.0, policy.cheap_work, self._split(self._column("cheap"), policy.threshold)
            case SkipPredict():
                classes = self._asked_expensive(self._column("cheap"), policy.threshold)
                calls = classes.long.share
                return 1.0, calls, policy.cheap_work + calls * policy.expensive_work, classes
            case DelayPredict():
                classes = self._asked_expensive(self._log.size, _above(policy.limit))
                calls = classes.long.share
                return 0.0, calls, calls * policy.expensive_work, classes
        raise InvalidInput(f"policy is {policy!r}, which has no formula; use simulate")

    def _asked_expensive(self, gate: Floats, least: float) -> _Classes:
        asked = gate >= least
        if asked.any():
            self._column("expensive", asked)
        return self._split(gate, least)

    def _column(self, by: By, asked: NDArray[np.bool_] | None = None) -> Floats:
        """The prediction that a policy asks for: of every row, unless told otherwise."""
        column: Floats | None = getattr(self._log, by)
        if column is None:
            raise InvalidInput(f"the log has no column {by!r}, but the policy asks for it; pass {by}= to Log")
        missing = np.isnan(column) if asked is None else np.isnan(column) & asked
        if missing.any():
            row = int(np.argmax(missing))
            raise InvalidInput(f"{by} is nan in row {row}, but the policy asks for it; drop or mend the row")
        return column

    def _found(self, policy: Any, classes: _Classes, rate: float, times: Floats | None) -> _Found:
        match policy:
            case FCFS():
                return self._first_come(rate, times)
            case LAS():
                ordered = self._columns("size", None, "size")
                return _Found(_native.sweep_attained(ordered, rate / self._total, times) / self._total)
            case OneBit():
                return self._one_bit(policy, classes, rate, times)
            case SkipPredict():
                return self._skip_predict(policy, classes, rate, times)
            case DelayPredict():
                return self._delay_predict(policy, classes, rate, times)
            case SPJF():
                moment = rate * self._all.squares
                return _Found(self._sweep(policy.by, "once", rate, times, others=moment).time, 0.0, moment / 2)
            case PSPJF():
                sums = self._sweep(policy.by, "size", rate, times)
            case TRAIL():
                sums = self._sweep(policy.by, "remaining", rate, times, fraction=policy.fraction)
            case SPRPT(by=by, work=work):
                base = rate * work
                sums = self._sweep(by, "remaining", rate, times, base=base, others=base * work, before=work)
        return _Found(sums.time, rate * sums.interruptions, rate * sums.memory)

    def _first_come(self, rate: float, times: Floats | None) -> _Found:
        wait = rate * self._all.squares / (2 * (1 - rate * self.mean))
        if times is not None:
            times[:] = wait + self._log.size
        return _Found(wait + self.mean, 0.0, rate * self._all.squares / 2)

    def _one_bit(self, policy: OneBit, classes: _Classes, rate: float, times: Floats | None) -> _Found:
        short, long = classes
        work, left = policy.cheap_work, 1 - rate * (self.mean + policy.cheap_work)
        beyond = 1 - rate * (work + short.work)  # what known shorts and predictions leave to longs
        if policy.preemptive:
            wait = rate * (short.squares + work * (2 * short.work + work)) / (2 * beyond) + work
            every = rate * (self._all.squares + work * (2 * self.mean + work))
            slowdown = 1 / beyond
            long_wait = (every / (2 * left) + work) * slowdown
        else:
            wait, slowdown = rate * self._all.squares / (2 * beyond), 1.0
            long_wait = wait / left
        if times is not None:
            size = self._log.size
            times[:] = np.where(self._column("cheap") < policy.threshold, wait + size, long_wait + slowdown * size)
        sums = _Sums(long.share * long_wait + long.work * slowdown, long.squares / 2 * slowdown)
        return _two_classes(rate, classes, wait, sums, preemptive=policy.preemptive)

    def _skip_predict(self, policy: SkipPredict, classes: _Classes, rate: float, times: Floats | None) -> _Found:
        short, long = classes
        work, before = policy.cheap_work, policy.cheap_work + policy.expensive_work
        base = rate * (work + short.work + policy.expensive_work * long.share)
        if policy.preemptive:
            first = rate * (short.squares + work * (2 * short.work + work * short.share))
            wait = (first + rate * long.share * work**2) / (2 * (1 - rate * (work + short.work))) + work
            others = first + rate * long.share * before**2
            order: Order = policy.long_order
        else:
            others = rate * self._all.squares
            wait, order = others / (2 * (1 - base)), "once"
        sums = self._sweep(
            "expensive", order, rate, times, base=base, others=others, before=before, gate=("cheap", policy.threshold)
        )  # fmt: skip
        if times is not None:
            is_short = self._column("cheap") < policy.threshold
            times[is_short] = wait + self._log.size[is_short]
        return _two_classes(rate, classes, wait, sums, preemptive=policy.preemptive)

    def _delay_predict(self, policy: DelayPredict, classes: _Classes, rate: float, times: Floats | None) -> _Found:
        short, long = classes
        limit = min(policy.limit, MOST)  # sizes end there
        before = limit + policy.expensive_work
        first = rate * (short.work + long.share * limit)
        wait = rate * (short.squares + long.share * limit**2) / (2 * (1 - first))
        sums = self._sweep(
            "expensive", policy.long_order, rate, times, base=first + rate * policy.expensive_work * long.share,
            others=rate * (short.squares + long.share * before**2), before=before, gate=("size", _above(policy.limit)),
            attained=limit,
        )  # fmt: skip
        if times is not None:
            is_short = self._log.size <= policy.limit
            times[is_short] = wait + self._log.size[is_short]
        found = _two_classes(rate, classes, wait, sums)
        again = limit * (sums.time - long.share * (wait + limit / 2))  # longs at age `limit`, waiting again or later
        found = found._replace(memory=found.memory + rate * again)
        if not limit:
            return found
        return found._replace(interruptions=rate * (long.work - long.share * limit))  # every arrival outranks them

    def _sweep(
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
    ) -> _Sums:
        """What competition by key adds up to; the arguments are those of the native `Phase`."""
        if getattr(self._log, by) is None:
            return _Sums()  # no row asks
        phase = (rate / self._total, base, others, before, gate[1], attained)
        keys = self._columns(by, None, gate[0])
        if order == "remaining":
            starts = self._columns(by, fraction, gate[0])
            time, memory, interruptions = _native.sweep_remaining(keys, starts, phase, fraction, times)
        else:
            time, memory, interruptions = _native.sweep_size(keys, phase, order == "size", times)
        return _Sums(time / self._total, memory / self._total, interruptions / self._total**2)

    def _columns(self, by: Column, fraction: float | None, gate: Column) -> _Columns:
        """The rows by key, or by the level from which they count; of fractions below 1 the last one is kept."""
        name = by, "keys" if fraction is None else "starts" if fraction == 1 else "limited starts"
        ordered = self._orders.get(name)
        if ordered is None or ordered.fraction != fraction:
            ordered = self._orders[name] = _Sorted(self._log, by, fraction)
        weight = self._weights.get(ordered)
        if weight is None:
            weight = self._weights[ordered] = self._weight[ordered.rows]
        key, size, at = (ordered.column(self._log, column) for column in (by, "size", gate))
        return key, size, weight, at, ordered.rows

    def _split(self, gate: Floats, least: float) -> _Classes:
        """Rows whose gate is below, and the others."""
        parts = _native.split_at(self._log.size, self._weight, gate, least)
        short, long = (_Moments(*(value / self._total for value in part)) for part in parts)
        return _Classes(short, long)


def _above(limit: float) -> float:
    """The least number above it: a row is beyond a limit if it is greater, and above a gate if it is not less."""
    return float(np.nextafter(limit, math.inf))


def _two_classes(rate: float, classes: _Classes, wait: float, sums: _Sums, *, preemptive: bool = True) -> _Found:
    """Shorts that wait for `wait` and then run, and what longs add up to."""
    short, long = classes
    first = short.share * wait + short.work
    interruptions = rate * (short.share * long.work + sums.interruptions) if preemptive else 0.0
    memory = short.squares / 2 + (sums.memory if preemptive else long.squares / 2)
    return _Found(
        time=first + sums.time,
        interruptions=interruptions,
        memory=rate * memory,
        short=first / short.share if short.share else math.nan,
        long=sums.time / long.share if long.share else math.nan,
    )
