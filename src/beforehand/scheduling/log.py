"""A log of finished jobs: how long each took, and what was predicted."""

import math
from copy import copy
from dataclasses import dataclass
from typing import Any, Final, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.errors import InvalidInput
from beforehand.core.trace import Trace
from beforehand.scheduling.inputs import LEAST, MOST, checked, finite, whole
from beforehand.scheduling.units import service_rate_of, unit_name

Floats = NDArray[np.float64]
UNITS: Final = ("unit", "time_unit", "service_rate")


def _column(
    name: str, values: ArrayLike, rows: int | None, low: float, high: float, *, above: bool, gaps: bool
) -> Floats:
    try:
        given = np.asarray(values)
        if given.dtype.kind not in "biufO":
            raise TypeError(f"dtype {given.dtype}")
        array = np.array(given, dtype=np.float64, order="C")
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInput(f"{name} must be real numbers ({error}); pass a 1-D array of them") from error
    if array.ndim != 1 or array.size == 0:
        raise InvalidInput(f"{name} has shape {array.shape}, but must be a 1-D array of at least one row")
    if rows is not None and array.size != rows:
        raise InvalidInput(f"{name} has {array.size} rows, but size has {rows}; pass one number for each job")
    good = (array > low if above else array >= low) & (array <= high)
    if gaps:
        good |= np.isnan(array)
    if not good.all():
        row = int(np.argmin(good))
        rule = f"{'above' if above else 'at least'} {low:g}" + (f" and at most {high:g}" if high < math.inf else "")
        rule += ", or nan where none was asked" if gaps else ""
        raise InvalidInput(f"{name} is {array[row]} in row {row}, but must be {rule}; drop or fix the row")
    array.setflags(write=False)
    return array


def _service_rate(unit: str | None, time_unit: str | None, given: float | None) -> float | None:
    """What is given, or what the units say."""
    known = service_rate_of(unit, time_unit)
    if given is None:
        return known
    rate = finite("service_rate", given, above=True)
    if known is not None and time_unit is not None and not math.isclose(rate, known):
        raise InvalidInput(
            f"service_rate is {given}, but for sizes in {unit} and arrivals in {time_unit} it is {known:g}; leave it "
            "out"
        )
    return rate


@final
@dataclass(frozen=True, eq=False, init=False)
class Log:
    """Finished jobs as the distribution of those to come: any dependence between sizes and predictions, ties allowed.

    Args:
        size: How long each job took, above 0 and at most 1e100, in any unit; 1-D. Their mean is at least 1e-100.
        expensive: What the expensive predictor said, in the same unit, from 0 to 1e100; nan where it was not asked.
        cheap: What the cheap one said: a number, or 0 and 1; nan where it was not asked.
        weight: How often the job counts, at least 0; normalized to sum 1. Left out, all count alike.
        arrival: When it came, within 1e100 of 0 and non-decreasing; only `replay` and a measured load need it.
        unit: The unit of the sizes, such as `"seconds"` or `"tokens"`, for plans to name; None if not known.
        time_unit: The unit of the arrivals. Left out: that of the sizes, where that is one of time or not known.
        service_rate: How many units of size one server does in a unit of time, such as 50 tokens in a second, above 0
            and finite. Left out: 1 where both units are the same, 1000 for sizes in milliseconds and arrivals in
            seconds, and so on; None where the units do not say it.

    Guarantee:
        Columns are copies in float64 that cannot be written to. What needs sizes and arrivals in one unit refuses a log
        whose service rate is not known.

    Raises:
        InvalidInput: a column breaks a rule; the message names column, row and value. A unit is not a name; the service
            rate is out of range, or contradicts the units.

    Example:
        >>> log = Log([1, 2, 3], expensive=[1, 1, 4])
        >>> len(log), log.mean
        (3, 2.0)
        >>> tokens = Log([20, 40], arrival=[0, 1], unit="tokens", time_unit="seconds", service_rate=50)
        >>> tokens.measured_load()
        0.6
    """

    size: Floats
    expensive: Floats | None
    cheap: Floats | None
    weight: Floats
    arrival: Floats | None
    unit: str | None
    time_unit: str | None
    service_rate: float | None

    def __init__(
        self,
        size: ArrayLike,
        *,
        expensive: ArrayLike | None = None,
        cheap: ArrayLike | None = None,
        weight: ArrayLike | None = None,
        arrival: ArrayLike | None = None,
        unit: str | None = None,
        time_unit: str | None = None,
        service_rate: float | None = None,
    ) -> None:
        given = {"unit": unit, "time_unit": time_unit, "service_rate": _service_rate(unit, time_unit, service_rate)}
        sizes = _column("size", size, None, 0.0, MOST, above=True, gaps=False)
        rows = sizes.size
        held: dict[str, Floats | None] = {"size": sizes, "weight": np.full(rows, 1 / rows), "arrival": None}
        for name, values in (("expensive", expensive), ("cheap", cheap)):
            held[name] = None if values is None else _column(name, values, rows, 0.0, MOST, above=False, gaps=True)
        if weight is not None:
            weights = _column("weight", weight, rows, 0.0, math.inf, above=False, gaps=False)
            largest = weights.max()
            if not 0 < largest < math.inf:
                raise InvalidInput(f"weight must be finite, with one above 0 at least, but the largest is {largest}")
            held["weight"] = weights / largest / np.sum(weights / largest)
        held["weight"].setflags(write=False)  # type: ignore[union-attr]
        if arrival is not None:
            arrivals = _column("arrival", arrival, rows, -MOST, MOST, above=False, gaps=False)
            falls = np.flatnonzero(np.diff(arrivals) < 0)
            if falls.size:
                row = int(falls[0]) + 1
                raise InvalidInput(
                    f"arrival is {arrivals[row]} in row {row}, but must be non-decreasing; sort by arrival"
                )
            held["arrival"] = arrivals
        for name, value in (held | given).items():
            object.__setattr__(self, name, value)
        if not self.mean >= LEAST:
            raise InvalidInput(f"size has mean {self.mean}, but must have at least {LEAST:g}; take a smaller unit")

    @classmethod
    def read(cls, jobs: Any) -> Self:
        """A log as it is, or that of a `Trace` of kind `jobs` (size [expensive, cheap, weight, arrival]).

        Of the trace's metadata, `unit`, `time_unit` and `service_rate` are taken.

        Raises:
            InvalidInput: it is neither, or a column breaks a rule.
        """
        if isinstance(jobs, cls):
            return jobs
        if not isinstance(jobs, Trace):
            raise InvalidInput(f"log is {type(jobs).__name__}, but must be a Log or a Trace of kind 'jobs'")
        if jobs.kind != "jobs" or "size" not in jobs.columns:
            raise InvalidInput(
                f"the trace is of kind {jobs.kind!r} with columns {', '.join(jobs.columns)}, but a log needs "
                "kind 'jobs' and a column 'size'"
            )
        optional = ("expensive", "cheap", "weight", "arrival")
        held: dict[str, Any] = {name: jobs[name] for name in optional if name in jobs.columns}
        return cls(jobs["size"], **held, **{name: jobs.meta.get(name) for name in UNITS})

    def __len__(self) -> int:
        """How many jobs there are."""
        return self.size.size

    @property
    def mean(self) -> float:
        """The mean size."""
        return self.moment(1)

    def moment(self, k: int) -> float:
        """The mean of the k-th power of the size; inf where that is beyond a float."""
        with np.errstate(over="ignore"):
            return float(np.sum(self.weight * self.size ** whole("k", k)))

    @property
    def rate(self) -> float:
        """Arrivals in a unit of time; nan without arrivals or where all come at once."""
        if self.arrival is None or self.arrival[0] == self.arrival[-1]:
            return math.nan
        return (len(self) - 1) / max(float(self.arrival[-1] - self.arrival[0]), 1 / MOST)

    def measured_load(self, servers: int = 1) -> float:
        """The share of time that these jobs, at their own arrivals, keep each server busy; nan where `rate` is.

        Raises:
            InvalidInput: sizes and arrivals are in units of which no service rate is known.
        """
        if math.isnan(self.rate):
            return math.nan
        return (
            self.rate * self.mean / (self._known_service_rate(", or pass a load") * whole("servers", servers, least=1))
        )

    def arrivals_in_sizes(self) -> Floats | None:
        """The arrivals in the unit of the sizes, in which one server does one unit of work in a unit of time.

        Raises:
            InvalidInput: sizes and arrivals are in units of which no service rate is known.
        """
        if self.arrival is None:
            return None
        service_rate = self._known_service_rate()
        if service_rate == 1:
            return self.arrival
        arrival = self.arrival * service_rate
        arrival.setflags(write=False)
        return arrival

    def at_load(self, load: float, servers: int = 1) -> "Log":
        """The same jobs with their arrivals stretched until they make this load, in the unit of the sizes, from 0 on.

        Raises:
            InvalidInput: there are no arrivals, or all jobs come at once.
        """
        if self.arrival is None or math.isnan(self.rate):
            raise InvalidInput("the log has no arrivals at different times to stretch to a load; pass arrival=")
        stretch = self.rate * self.mean / (load * servers)
        stretched = self.arriving((self.arrival - self.arrival[0]) * stretch)
        for name, value in (("time_unit", self.unit), ("service_rate", 1.0)):
            object.__setattr__(stretched, name, value)
        return stretched

    @property
    def missing(self) -> dict[str, int]:
        """How many jobs lack each prediction that the log has a column for; nothing where none lacks it."""
        held = {name: getattr(self, name) for name in ("cheap", "expensive")}
        counts = {name: int(np.isnan(column).sum()) for name, column in held.items() if column is not None}
        return {name: count for name, count in counts.items() if count}

    def missing_last(self) -> "Log":
        """The same jobs, those without a prediction taken for longer than all others, as `PredictionQueue` ranks them.

        Such jobs get one prediction, large enough to be the last even of what is left to do. A column without any
        prediction is left out.

        Example:
            >>> log = Log([1, 2, 3], expensive=[1, math.nan, 4], cheap=[math.nan] * 3)
            >>> log.missing
            {'cheap': 3, 'expensive': 1}
            >>> log.missing_last().expensive
            array([  1., 112.,   4.])
            >>> log.missing_last().cheap is None
            True
        """
        filled: dict[str, Floats | None] = {}
        for name, count in self.missing.items():
            column = getattr(self, name)
            filled[name] = None
            if count < len(self):
                # 16 keeps TRAIL from pinning such a job early: it never does so without a prediction
                last = min(16 * (float(np.nanmax(column)) + float(self.size.max())), MOST)
                filled[name] = np.where(np.isnan(column), last, column)
                filled[name].setflags(write=False)  # type: ignore[union-attr]
        return self._replaced(**filled) if filled else self

    def take(self, rows: NDArray[Any]) -> "Log":
        """The log of these rows, by index or mask, in the order given.

        Raises:
            InvalidInput: a row does not exist, or none is given.
        """
        try:
            self.size[rows]
        except IndexError as error:
            raise InvalidInput(f"rows do not fit a log of {len(self)} ({error}); pass indexes or a mask") from error
        columns = {name: getattr(self, name) for name in ("expensive", "cheap", "weight", "arrival")}
        taken = {name: None if held is None else held[rows] for name, held in columns.items()}
        return Log(self.size[rows], **taken, **{name: getattr(self, name) for name in UNITS})

    def exactly_predicted(self) -> "Log":
        """The same jobs with their sizes as expensive predictions, and no cheap ones: what a clairvoyant would see."""
        return self._replaced(expensive=self.size, cheap=None)

    def arriving(self, arrival: Floats) -> "Log":
        """The same jobs at other times in the unit of the arrivals, which are non-decreasing, one for each row."""
        return self._replaced(arrival=arrival)

    def _replaced(self, **columns: Floats | None) -> "Log":
        """A copy with other columns, which keep the rules and are not checked again."""
        log = copy(self)
        for name, column in columns.items():
            object.__setattr__(log, name, column)
        return log

    def _known_service_rate(self, otherwise: str = "") -> float:
        """How many units of size one server does in a unit of time.

        Args:
            otherwise: What else helps, for the error.

        Raises:
            InvalidInput: it is not known.
        """
        if self.service_rate is not None:
            return self.service_rate
        if self.unit is None:
            found = f"arrivals are in {self.time_unit}, but the unit of the sizes is not known"
            remedy = f"say it (--size-unit {self.time_unit}, unit='{self.time_unit}')"
        else:
            found = f"sizes are in {self.unit} and arrivals in {self.time_unit or 'a unit that is not known'}"
            option = "--tokens-per-second, " if unit_name("unit", self.unit) == "tokens" else ""
            remedy = f"say how many {self.unit} a server does in a unit of time ({option}service_rate=)"
        raise InvalidInput(f"{found}, but to set them off against each other takes one unit; {remedy}{otherwise}")


def rate_in_sizes(jobs: Any, rate: float | None) -> float | None:
    """Arrivals in a log's unit of time as those in the unit of its sizes; of any other distribution as they are.

    Raises:
        InvalidInput: `rate` is not above 0; the log's units are such that no service rate is known.
    """
    if rate is None or not isinstance(jobs, Log):
        return rate
    return checked("rate", rate, above=True) / jobs._known_service_rate(", or pass a load")
