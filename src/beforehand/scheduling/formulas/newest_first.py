"""One bit of advice with the short jobs served newest first, as it was first analyzed; no policy has that order."""

import math

from beforehand.core.deprecation import renamed_arguments
from beforehand.scheduling.distributions.job_distribution import Distribution
from beforehand.scheduling.formulas.distribution_formula import jobs_of
from beforehand.scheduling.formulas.expectation import Expectation
from beforehand.scheduling.formulas.soap import Discipline, Gate, in_turn
from beforehand.scheduling.load import arrival_rate


@renamed_arguments(law="distribution")
def one_bit_newest_first(threshold: float, distribution: Distribution, *, load: float) -> Expectation:
    """`OneBit` with its short jobs served newest first: each new short job preempts whatever runs.

    A formula for studies; no policy has that order. It is the order in which one bit of advice was first analyzed.

    Args:
        threshold: A job is short if its cheap prediction is below.
        distribution: Sizes and cheap predictions.
        load: The share of time that the server is busy.

    Raises:
        InvalidInput: there are no cheap predictions; `load` is not above 0 and below 1.

    Example:
        >>> from beforehand.scheduling import Exponential, ExponentialError, JobDistribution
        >>> jobs = JobDistribution(Exponential(), cheap=ExponentialError())
        >>> round(one_bit_newest_first(1.0, jobs, load=0.9).response_time, 9)
        6.317871472

    Reference:
        Mitzenmacher: Queues with Small Advice. SIAM ACDA 2021.
    """
    rate = arrival_rate(distribution.mean, load=load, rate=None)
    jobs = jobs_of(distribution)
    short, long = jobs.split(Discipline("fcfs", gate=Gate("cheap", threshold)))
    slowdown = 1 / (1 - rate * short.work)
    newest = in_turn(short, 0.0, slowdown).time
    last = in_turn(long, rate * jobs.all.squares / (2 * (1 - load)) * slowdown, slowdown).time
    return Expectation(
        response_time=newest + last,
        cost=newest + last,
        waiting=newest + last - distribution.mean,
        short=newest / short.share if short.share else math.nan,
        long=last / long.share if long.share else math.nan,
        cheap_calls=1.0,
        utilization=load,
    )
