"""A mean and its interval from sums over batches of simulated jobs, with control variates."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beforehand.scheduling.log import Floats

# The figures of a batch: the columns of the native Tallies.
FIGURES = (
    "jobs", "response", "slowdown", "short_jobs", "short_response", "interruptions", "demotions", "cheap_calls",
    "expensive_calls", "busy", "found", "work", "gaps", "memory",
)  # fmt: skip


class Sums(NamedTuple):
    """One number for each batch and figure."""

    table: Floats

    def of(self, name: str) -> Floats:
        """A figure of every batch."""
        return self.table[:, FIGURES.index(name)]


class Batching(NamedTuple):
    """How jobs are summed up: those of the warm-up, then batches of nearly equal length."""

    jobs: int
    warmup: int
    batches: int

    @property
    def ends(self) -> NDArray[np.int64]:
        """Where the warm-up ends, and each batch."""
        steps = np.arange(self.batches + 1, dtype=np.int64)
        return self.warmup - (-steps * (self.jobs - self.warmup) // self.batches)


class Measured(NamedTuple):
    """What an engine saw: sums over the warm-up, each batch, and the time after the last arrival; then single figures.

    All but the sums and the times are of the batches alone. `start` and `completion` hold every job, or none.
    """

    sums: Sums
    quantiles: tuple[float, ...]
    slowest: float
    peak_memory: float
    start: Floats
    completion: Floats


class Estimate(NamedTuple):
    """A mean, the half-width of its 95 % interval, and by how much the known means have cut its variance."""

    mean: float
    interval: float
    variance_reduction: float


def student(freedom: int) -> float:
    """The 97.5 % point of Student's t, to 0.5 % from 6 degrees of freedom on."""
    z = 1.959964
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def plain(means: Floats) -> Estimate:
    """From the batch means alone."""
    batches = len(means)
    error = float(np.std(means, ddof=1)) / math.sqrt(batches)
    return Estimate(float(np.mean(means)), student(batches - 1) * error, 1.0)


def controlled(means: Floats, variates: Floats, known: Floats) -> Estimate:
    """By regression of the batch means on variates whose true means are known: the estimate is where all are true.

    A batch with large jobs lies far from the others and bends the line to itself, so that what it is off by says too
    little: the error is that of the jackknife (MacKinnon and White, 1985), which goes by what each batch is off from
    the line through all others. Neighbors share jobs, and what one gains the other loses (Newey and West, 1987).

    Args:
        means: One for each batch.
        variates: The same batches' means of each variate, `(batches, variates)`.
        known: The true means.
    """
    off = variates - known
    scale = np.std(off, axis=0)
    varies = np.ptp(variates, axis=0) > 1e-12 * np.abs(known)
    off = off[:, varies] / scale[varies]
    batches, count = off.shape
    center = off.mean(axis=0)
    spread, apart = off - center, means - means.mean()
    inverse = np.linalg.pinv(spread.T @ spread)
    left = apart - spread @ (inverse @ (spread.T @ apart))
    shares = 1 / batches - spread @ (inverse @ center)  # the estimate is the sum of shares times means
    leverage = 1 / batches + np.sum(spread @ inverse * spread, axis=1)
    errors = shares * left / np.maximum(1 - leverage, 1e-9)
    error = math.sqrt(max(float(errors @ errors + errors[1:] @ errors[:-1]), 0.0))
    interval, usual = student(batches - 1 - count) * error, float(np.std(means, ddof=1)) / math.sqrt(batches)
    return Estimate(float(shares @ means), interval, (usual / error) ** 2 if error > 1e-9 * usual else math.inf)


def estimated(sums: Sums, rate: float, work: float, square: float) -> Estimate:
    """The mean response time from the batches.

    Work found on arrival (Lindley's recursion), work and gaps have known means, the same under every policy that never
    idles. `square`, the second moment of work, is inf where it does not apply.
    """
    jobs = sums.of("jobs")[1:-1]
    means = {name: sums.of(name)[1:-1] / jobs for name in ("response", "found", "work", "gaps")}
    if not math.isfinite(square):
        return plain(means["response"])
    known = np.array([rate * square / (2 * (1 - rate * work)), work, 1 / rate])
    found = controlled(means["response"], np.column_stack([means[name] for name in ("found", "work", "gaps")]), known)
    if found.mean >= work * (1 - 1e-9):
        return found
    # If the known means are dominated by rare huge jobs that did not occur, regression can be far off, even negative.
    return plain(means["response"])._replace(interval=math.nan)
