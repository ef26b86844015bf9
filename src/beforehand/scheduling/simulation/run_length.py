"""How many jobs a simulation takes until its interval can be trusted.

Only what is known beforehand counts. A run cannot tell that it was too short: without the rare jobs that make up the
mean it looks quiet, and its interval is narrow and wrong.
"""

import math
from typing import Final, NamedTuple

import numpy as np

from beforehand.scheduling.log import Floats


class Bearable(NamedTuple):
    """What intervals can bear and still hold as often as they say: benchmarks/bench_simulator.py measures that."""

    error: float  # the relative standard error of the mean work found on arrival
    unseen: float  # the share in the second moment of work of jobs so large that none is expected in the run


CONTROLLED: Final = Bearable(0.22, 0.02)  # where known means correct the estimate
PLAIN: Final = Bearable(0.05, 0.005)


def workload_error(work: Floats, weight: Floats, load: float) -> float:
    """The relative standard error of the mean work that n jobs find on arrival, times the root of n.

    Args:
        work: What jobs bring, in any unit.
        weight: How likely each amount is; they sum to 1.
        load: The share of time that each server works.

    Guarantee:
        Exact for one server, in the limit of many jobs; inf where the load is not below 1.

    Reference:
        v**2 / (2 (1 - load)) solves Poisson's equation for the work v in the queue, so that what n jobs find is n times
        the mean plus a martingale; its jumps have the variance below. For exponential sizes that is the result of
        Daley: The Serial Correlation Coefficients of Waiting Times in a Stationary Single Server Queue. Journal of the
        Australian Mathematical Society 8(4), 1968.
    """
    if not load < 1:
        return math.inf
    share = work / np.sum(weight * work)  # in mean jobs, so that powers stay in range
    second, third, fourth = (float(np.sum(weight * share**k)) for k in (2, 3, 4))
    times = load / (1 - load)
    mean = times * second / 2  # of the work found: Pollaczek and Khinchine, and Takacs for its square
    square = 2 * mean * mean + times * third / 3
    jumps = (times / 2) ** 2 * (4 * square * second + 4 * mean * third + fourth)
    return math.sqrt(jumps + (square - mean * mean) * (1 + load) / (1 - load)) / mean


def rarity(work: Floats, weight: Floats, unseen: float) -> float:
    """One in how many jobs is as large as those that must be seen, if larger ones may make up this share of E[work**2].

    Args:
        work: What jobs bring, in any unit.
        weight: How likely each amount is; they sum to 1.
        unseen: The share, above 0 and below 1.
    """
    order = np.argsort(-work)
    square = weight[order] * (work[order] / work.max()) ** 2
    last = np.searchsorted(np.cumsum(square), unseen * square.sum(), side="right")
    return 1 / float(np.sum(weight[order[: last + 1]]))


def jobs_needed(work: Floats, weight: Floats, load: float, *, controlled: bool) -> float:
    """How many jobs after the warm-up it takes until an interval can be trusted; inf if no number does.

    Args:
        work: What jobs bring, in any unit.
        weight: How likely each amount is; they sum to 1.
        load: The share of time that each server works.
        controlled: Whether known means correct the estimate.
    """
    bearable = CONTROLLED if controlled else PLAIN
    return max((workload_error(work, weight, load) / bearable.error) ** 2, rarity(work, weight, bearable.unseen))
