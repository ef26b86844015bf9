"""Least attained service in quanta on a log, as engines and queues serve it; `expect` has its limit."""

import numpy as np

from beforehand.scheduling.inputs import MOST
from beforehand.scheduling.log import Log


def in_quanta(quantum: float, log: Log, rate: float) -> float:
    """The mean response time under `LAS(quantum)` on one server with Poisson arrivals at `rate`; load below 1.

    A job that ends in its k-th quantum waits for all work that others have left up to k quanta each, and is overtaken
    by what they bring of up to k - 1 quanta.

    Args:
        quantum: Service before the next level, above 0.
        log: The jobs.
        rate: Arrivals in the time that one unit of size takes.

    Guarantee:
        Exact to rounding. It tends to first come, first served for long quanta, and to `LAS(quantum=0)` for short ones.

    Cost:
        O(n log n) for n rows.

    Example:
        >>> round(in_quanta(1.0, Log([1.0, 3.0]), 0.25), 6)
        3.983333

    Reference:
        Kleinrock: Queueing Systems, volume 2, section 4.7. Wiley 1976.
    """
    order = np.argsort(log.size, kind="stable")
    size, weight = log.size[order], log.weight[order]
    with np.errstate(over="ignore"):  # of quanta that are next to nothing
        levels = np.maximum(np.ceil(size / quantum), 1.0)
    countable = levels < 2**53  # beyond that, floats have no next level, and quanta are next to nothing
    levels = np.where(countable, levels, 0.0)
    limits = [np.where(countable, np.minimum(level * quantum, MOST), size) for level in (levels, levels - 1)]
    sums = [np.concatenate(([0.0], np.cumsum(weight * size**k))) for k in (0, 1, 2)]

    def capped(limit: np.ndarray, k: int) -> np.ndarray:
        """The mean of the k-th power of sizes cut at each limit."""
        below = np.searchsorted(size, limit, side="right")
        return np.asarray(sums[k][below] + limit**k * (sums[0][-1] - sums[0][below]))

    with_equals, ahead = (1 - rate * capped(limit, 1) for limit in limits)
    times = rate * capped(limits[0], 2) / (2 * with_equals * ahead) + size / ahead
    return float(np.sum(weight * times))
