"""What to expect of a policy: mean response times without simulating."""

from dataclasses import replace
from typing import Any, Final

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.distributions.joint import Joint
from beforehand.scheduling.formulas.distribution_formula import POINTS, DistributionJobs, expect_joint
from beforehand.scheduling.formulas.expectation import Expectation
from beforehand.scheduling.formulas.log_formula import LogFormula, LogJobs
from beforehand.scheduling.formulas.log_rows import LogRows
from beforehand.scheduling.formulas.soap import shared
from beforehand.scheduling.inputs import finite, flag
from beforehand.scheduling.load import arrival_rate
from beforehand.scheduling.log import Log

WORST_ACCURACY: Final = 0.001  # that is still an answer


def law_of(law: Any) -> Joint | Log:
    """The law itself.

    Raises:
        InvalidInput: it is neither a `Joint` nor a `Log`.
    """
    if not isinstance(law, Joint | Log):
        raise InvalidInput(f"law is {law!r}, but must be a Joint of laws or a Log of finished jobs")
    return law


def expect(
    policy: Any,
    law: Joint | Log,
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
        law: Sizes and predictions: a `Joint` of laws, or a `Log` of finished jobs.
        load: The share of time that the jobs alone keep the server busy, above 0 and below 1.
        rate: Arrivals in a unit of time. Exactly one of `load` and `rate`.
        cheap_cost: The price of one cheap prediction, in the unit of size, if it is made elsewhere.
        expensive_cost: That of an expensive one.
        per_job: Whether to say what each row of a log has to expect.

    Guarantee:
        Exact for a `Log`, to rounding; `accuracy` bounds the relative error for a `Joint`. A predictor elsewhere with a
        fixed latency adds that latency and changes nothing else. A server that predicts itself into overload is a
        result, not an error: `stable` is False and the response time infinite.

    Cost:
        O(n log n) for a log of n rows; up to 0.3 s for laws, seconds for a few that change within a narrow range, and
        less for the same ones at another load.

    Raises:
        InvalidInput: the policy has no formula (simulate it); it asks for a prediction that the law lacks; both or
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
    arrivals = arrival_rate(law_of(law).mean, load=load, rate=rate)
    flag("per_job", per_job)
    if isinstance(law, Log):
        found = LogFormula(law).expect(policy, arrivals, per_job=per_job)
    else:
        if per_job:
            raise InvalidInput("per_job is True, but only a Log has rows; leave it out for laws")
        with np.errstate(divide="ignore", over="ignore"):  # at thresholds near 0 and near the largest float
            found = expect_joint(policy, law, arrivals)
    if not (found.response_time >= law.mean * (1 - 1e-9) and found.accuracy <= WORST_ACCURACY):
        raise InvalidInput(
            f"the mean response time of {policy!r} comes out as {found.response_time:.4g} with an error of "
            f"{found.accuracy:.0e}, but must be known to {WORST_ACCURACY:g}; use simulate, or laws less extreme"
        )
    cost = found.response_time + cheap * found.cheap_calls + expensive * found.expensive_calls
    return replace(found, cost=cost)


def processor_sharing(law: Joint | Log, *, load: float | None = None, rate: float | None = None) -> Expectation:
    """What sharing the server among all jobs gives: a baseline that needs no prediction, and no order either.

    Raises:
        InvalidInput: both or neither of `load` and `rate`, or out of range.

    Example:
        >>> from beforehand.scheduling import Log
        >>> processor_sharing(Log([1.0, 3.0]), load=0.5).response_time
        4.0
    """
    arrivals = arrival_rate(law_of(law).mean, load=load, rate=rate)
    return shared(LogJobs(LogRows(law)) if isinstance(law, Log) else DistributionJobs(law, POINTS), arrivals)
