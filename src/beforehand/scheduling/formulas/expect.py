"""Mean response times without simulation, for a log or for distributions."""

from dataclasses import replace
from typing import Any, Final

import numpy as np

from beforehand.core.deprecation import renamed_arguments
from beforehand.core.errors import InvalidInput
from beforehand.scheduling.distributions.job_distribution import Distribution, checked_distribution
from beforehand.scheduling.formulas.distribution_formula import expect_joint, jobs_of
from beforehand.scheduling.formulas.expectation import Expectation
from beforehand.scheduling.formulas.log_formula import LogFormula
from beforehand.scheduling.formulas.soap import shared
from beforehand.scheduling.inputs import finite, flag
from beforehand.scheduling.load import arrival_rate
from beforehand.scheduling.log import Log, rate_in_sizes

WORST_ACCURACY: Final = 0.001  # that is still an answer


@renamed_arguments(law="distribution")
def expect(
    policy: Any,
    distribution: Distribution,
    *,
    load: float | None = None,
    rate: float | None = None,
    cheap_cost: float = 0.0,
    expensive_cost: float = 0.0,
    per_job: bool = False,
) -> Expectation:
    """The mean response time of a policy on one server with Poisson arrivals, exactly.

    Args:
        policy: A stock policy; `LAS(quantum=0)` for its limit. Works in the policy are done by the server itself.
        distribution: Sizes and predictions: a `JobDistribution`, or a `Log` of finished jobs.
        load: The share of time that the jobs alone keep the server busy, above 0 and below 1.
        rate: Arrivals in a unit of time, that of a log's arrivals. Exactly one of `load` and `rate`.
        cheap_cost: The price of one cheap prediction, in the unit of size, if it is made elsewhere.
        expensive_cost: That of an expensive one.
        per_job: Whether to say what to expect for each row of a log.

    Guarantee:
        Exact for a `Log`, to rounding; `accuracy` bounds the relative error for a `JobDistribution`. A predictor
        elsewhere with a fixed latency adds that latency and changes nothing else. A server overloaded by its own
        predictions is a result, not an error: `stable` is False and the response time infinite.

    Cost:
        O(n log n) for a log of n rows; up to 0.3 s for a `JobDistribution`, seconds for a few that change within a
        narrow range, and less for the same one at another load.

    Raises:
        InvalidInput: the policy has no formula (simulate it); it asks for a prediction that is missing; both or
            neither of `load` and `rate`, or out of range.

    Example:
        >>> from beforehand.scheduling import Log, SkipPredict, expect
        >>> log = Log([1, 2, 0.5, 4, 1, 1.5], cheap=[1, 2, 0.5, 3, 3, 0.5], expensive=[1, 1, 1, 3, 2, 0])
        >>> round(expect(SkipPredict(1.5), log, load=0.8, cheap_cost=0.1).cost, 4)
        4.5579

    Reference:
        Scully, Harchol-Balter, Scheller-Wolf: SOAP: One Clean Analysis of All Age-Based Scheduling Policies.
        SIGMETRICS 2018.
    """
    cheap, expensive = finite("cheap_cost", cheap_cost), finite("expensive_cost", expensive_cost)
    arrivals = arrival_rate(checked_distribution(distribution).mean, load=load, rate=rate_in_sizes(distribution, rate))
    flag("per_job", per_job)
    if isinstance(distribution, Log):
        found = LogFormula(distribution).expect(policy, arrivals, per_job=per_job)
    else:
        if per_job:
            raise InvalidInput("per_job is True, but only a Log has rows; leave it out for a JobDistribution")
        with np.errstate(divide="ignore", over="ignore"):  # at thresholds near 0 and near the largest float
            found = expect_joint(policy, distribution, arrivals)
    if not (found.response_time >= distribution.mean * (1 - 1e-9) and found.accuracy <= WORST_ACCURACY):
        raise InvalidInput(
            f"the mean response time of {policy!r} comes out as {found.response_time:.4g} with an error of "
            f"{found.accuracy:.0e}, but must be known to {WORST_ACCURACY:g}; use simulate instead"
        )
    cost = found.response_time + cheap * found.cheap_calls + expensive * found.expensive_calls
    return replace(found, cost=cost)


@renamed_arguments(law="distribution")
def processor_sharing(
    distribution: Distribution, *, load: float | None = None, rate: float | None = None
) -> Expectation:
    """The mean response time if all jobs share the server: a baseline that needs neither predictions nor an order.

    Raises:
        InvalidInput: both or neither of `load` and `rate`, or out of range.

    Example:
        >>> from beforehand.scheduling import Log
        >>> processor_sharing(Log([1.0, 3.0]), load=0.5).response_time
        4.0
    """
    arrivals = arrival_rate(checked_distribution(distribution).mean, load=load, rate=rate_in_sizes(distribution, rate))
    return shared(jobs_of(distribution), arrivals)
