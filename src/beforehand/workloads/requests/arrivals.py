"""When requests come: at a given mean rate, evenly, in clumps, in bursts, or as they once came."""

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final, Literal, Protocol, final

import numpy as np
from numpy.typing import ArrayLike

from beforehand.core.errors import InvalidInput
from beforehand.workloads.draws import Floats, exponentials, normals, uniforms

GAP, PERIOD, FIRST, TRIES = 120, 121, 122, 123  # purposes of random numbers
MOST_TRIES: Final = 64  # of one gamma variable; the chance of failing so often is below 1e-80


def check_numbers(**values: Any) -> None:
    """Raise unless all are numbers.

    Raises:
        InvalidInput: one is not.
    """
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, Real):
            raise InvalidInput(f"{name} is {value!r}, but must be a number")


class ArrivalProcess(Protocol):
    """What draws arrival times."""

    def times(self, n: int, *, seed: int) -> Floats:
        """`n` arrivals in the unit of the mean gap, ascending, from above 0 on."""

    def __str__(self) -> str:
        """In words, for the metadata of a trace."""


@final
@dataclass(frozen=True)
class Poisson:
    """Independent arrivals: gaps are exponential."""

    def times(self, n: int, *, seed: int) -> Floats:
        """`n` arrivals in the unit of the mean gap."""
        return np.cumsum(exponentials(np.arange(n), seed, GAP))

    def __str__(self) -> str:
        """The name."""
        return "poisson"


@final
@dataclass(frozen=True)
class Gamma:
    """Independent gaps with a gamma distribution: clumped above 1, even below.

    Args:
        scv: Squared coefficient of variation of the gaps, from 1/64 to 64; 1 is Poisson.

    Raises:
        InvalidInput: `scv` is out of range.
    """

    scv: float

    def __post_init__(self) -> None:
        """Check the argument."""
        check_numbers(scv=self.scv)
        if not 1 / 64 <= self.scv <= 64:
            raise InvalidInput(f"scv is {self.scv}, but must be from 1/64, nearly even gaps, to 64")

    def times(self, n: int, *, seed: int) -> Floats:
        """`n` arrivals in the unit of the mean gap."""
        return np.cumsum(_gammas(1 / self.scv, n, seed) * self.scv)

    def __str__(self) -> str:
        """The name with its number."""
        return f"gamma gaps of scv {self.scv:g}"


@final
@dataclass(frozen=True)
class OnOff:
    """Poisson arrivals at a rate that switches between busy and quiet at random: a Markov-modulated Poisson process.

    Args:
        share: The share of time that is busy, above 0, below 1.
        requests: The mean number of arrivals of a busy period, at least 1. It is counted in requests, not in seconds:
            another rate stretches the time and keeps the pattern.
        quiet: The rate in quiet periods as a share of the busy rate, from 0 to 1; 0 is silence.

    Guarantee:
        In windows of t mean gaps the arrivals have the index of dispersion (variance over mean)
        `1 + 2 a t (x - 1 + exp(-x)) / x**2` with `x = r t`, where a is the variance of the rate, in units of its mean,
        and r the sum of the two rates of switching.

    Raises:
        InvalidInput: an argument is out of range.

    Reference:
        Fischer, Meier-Hellstern: The Markov-modulated Poisson process (MMPP) cookbook. Performance Evaluation 18, 1993.
    """

    share: float
    requests: float
    quiet: float = 0.0

    def __post_init__(self) -> None:
        """Check the arguments."""
        check_numbers(share=self.share, requests=self.requests, quiet=self.quiet)
        if not 0 < self.share < 1 or not 1 <= self.requests <= 1e9 or not 0 <= self.quiet <= 1:
            raise InvalidInput(
                f"share is {self.share}, requests {self.requests} and quiet {self.quiet}, but share must be above 0 "
                "and below 1, requests from 1 to 1e9, and quiet from 0, silence, to 1"
            )

    def dispersion(self, window: float) -> float:
        """The index of dispersion, variance over mean, of the arrivals in windows of so many mean gaps."""
        busy, ends, begins = self._rates()
        variance = self.share * (1 - self.share) * (busy * (1 - self.quiet)) ** 2
        r = ends + begins
        return 1 + 2 * variance / r * (1 + math.expm1(-r * window) / (r * window))

    def times(self, n: int, *, seed: int) -> Floats:
        """`n` arrivals in the unit of the mean gap."""
        if not n:
            return np.empty(0)
        busy, ends, begins = self._rates()
        due = np.cumsum(exponentials(np.arange(n), seed, GAP))  # arrivals, in units of the integral of the rate
        starts_busy = bool(uniforms(np.arange(1), seed, FIRST)[0] <= self.share)
        clock, done = [0.0], [0.0]
        count = 0
        while done[-1] < due[-1]:
            more = np.arange(count, count + 256)
            is_busy = (more % 2 == 0) == starts_busy
            lasts = exponentials(more, seed, PERIOD) / np.where(is_busy, ends, begins)
            brought = lasts * np.where(is_busy, busy, busy * self.quiet)
            clock.extend(clock[-1] + np.cumsum(lasts))
            done.extend(done[-1] + np.cumsum(brought))
            count += len(more)
        at, served = np.array(clock), np.array(done)
        period = np.searchsorted(served, due, side="left")  # the first that ends at or after it: silence is skipped
        within = (due - served[period - 1]) / (served[period] - served[period - 1])
        arrivals: Floats = at[period - 1] + within * (at[period] - at[period - 1])
        return np.maximum.accumulate(arrivals)

    def _rates(self) -> tuple[float, float, float]:
        """Arrivals while busy, and how often busy and quiet periods end, for a mean rate of 1."""
        busy = 1 / (self.share + (1 - self.share) * self.quiet)
        ends = busy / self.requests
        return busy, ends, ends * self.share / (1 - self.share)

    def __str__(self) -> str:
        """The name with its numbers."""
        quiet = f", quiet rate {self.quiet:g} of the busy one" if self.quiet else ""
        return f"busy {self.share:g} of the time, {self.requests:g} requests at once{quiet}"


@final
class Replay:
    """Arrivals as they once came, stretched to the rate that is asked for.

    Args:
        arrival: Times in any unit, ascending, at least two that differ.

    Raises:
        InvalidInput: they are fewer, descend, or are not finite; more are asked for than there are.
    """

    def __init__(self, arrival: ArrayLike) -> None:
        try:
            times = np.array(arrival, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise InvalidInput(
                f"arrival must be times in ascending order, but is no array of numbers ({error})"
            ) from error
        if times.ndim != 1 or len(times) < 2 or not np.isfinite(times).all() or (np.diff(times) < 0).any():
            raise InvalidInput(
                f"arrival has shape {times.shape}, but must be two or more finite times in ascending order; sort them"
            )
        if times[-1] == times[0]:
            raise InvalidInput(f"all {len(times)} arrivals are at {times[0]:g}, but two must differ; take a longer log")
        self._arrival = times - times[0]

    def times(self, n: int, *, seed: int) -> Floats:
        """The first `n` arrivals, so that their mean gap is 1."""
        if n > len(self._arrival):
            raise InvalidInput(f"n is {n}, but the log has {len(self._arrival)} arrivals to replay; take at most these")
        taken = self._arrival[:n]
        span = taken[-1] if n else 0.0
        if n > 1 and span == 0:
            raise InvalidInput(f"the first {n} arrivals of the log come at once, so they have no rate; take more")
        scaled: Floats = taken * ((n - 1) / span) if n > 1 else taken
        return scaled

    def __str__(self) -> str:
        """The name with the number of arrivals."""
        return f"replayed from {len(self._arrival)} arrivals"


Arrivals = Literal["poisson"] | ArrivalProcess
AZURE_CODE_BURSTS: Final = OnOff(share=0.18, requests=124)
"""As the requests to Azure's code service came on 2023-11-16: index of dispersion 13, 72 and 164 in 1, 10 and 60 s."""
AZURE_CONV_BURSTS: Final = OnOff(share=0.5, requests=1077, quiet=0.616)
"""As those to its conversation service: index of dispersion 1.4, 3.9 and 16 in 1, 10 and 60 s."""


def arrival_times(n: int, rate: float, arrivals: Arrivals, seed: int) -> Floats:
    """When `n` requests come, in seconds from 0 on.

    Args:
        n: Requests.
        rate: Their mean number a second, positive and finite.
        arrivals: `"poisson"`, or a process.
        seed: Another seed draws other arrivals.

    Raises:
        InvalidInput: an argument is out of range.
    """
    if not isinstance(rate, int | float | np.number) or isinstance(rate, bool) or not 0 < rate < math.inf:
        raise InvalidInput(f"rate is {rate!r}, but must be requests a second, positive and finite")
    with np.errstate(over="ignore"):
        times = process(arrivals).times(n, seed=seed) / float(rate)
    if not np.isfinite(times).all():
        raise InvalidInput(f"rate is {rate}, at which {n} requests come too late to be written down; take a higher one")
    return times


def process(arrivals: Any) -> ArrivalProcess:
    """The process of this name, or the one given.

    Raises:
        InvalidInput: it is neither.
    """
    if isinstance(arrivals, str) and arrivals == "poisson":
        return Poisson()
    if not callable(getattr(arrivals, "times", None)):
        raise InvalidInput(f"arrivals is {arrivals!r}, but must be 'poisson', or Gamma, OnOff or Replay")
    given: ArrivalProcess = arrivals
    return given


def _gammas(shape: float, n: int, seed: int) -> Floats:
    """Gamma variables of this shape and scale 1, each drawn from numbers of its own position.

    Marsaglia, Tsang: A Simple Method for Generating Gamma Variables. ACM TOMS 26, 2000.
    """
    row = np.arange(n)
    boosted = shape + 1 if shape < 1 else shape
    d = boosted - 1 / 3
    c = 1 / math.sqrt(9 * d)
    drawn, open_rows = np.empty(n), row
    for attempt in range(MOST_TRIES):
        if not open_rows.size:
            break
        counters = open_rows * MOST_TRIES + attempt
        z = normals(counters, seed, TRIES)
        cube = (1 + c * z) ** 3
        log_cube = np.log(np.where(cube > 0, cube, 1.0))
        fits = (cube > 0) & (np.log(uniforms(counters, seed, GAP)) < z**2 / 2 + d * (1 - cube + log_cube))
        drawn[open_rows] = d * np.maximum(cube, 0)
        open_rows = open_rows[~fits]
    if shape < 1:
        drawn *= uniforms(row, seed, FIRST) ** (1 / shape)
    return drawn
