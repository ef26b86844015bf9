"""The result of a formula: means over all jobs."""

import math
from dataclasses import dataclass
from typing import final

from beforehand.core.deprecation import warn_renamed
from beforehand.scheduling.log import Floats


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Expectation:
    """Means over all jobs in the long run.

    Args:
        response_time: Completion minus arrival; inf if the server cannot keep up.
        cost: `response_time`, plus the price of the predictions of one job.
        waiting: `response_time` minus the mean size.
        short: The response time of jobs predicted short; nan if the policy has no such class, or it is empty.
        long: That of the others; nan likewise.
        cheap_calls: Cheap predictions for each job.
        expensive_calls: Expensive ones.
        utilization: The share of time that the server works, predictions on the server included.
        stable: Whether it can keep up.
        interruptions: How often a job is preempted by another that arrives; nan if not known.
        memory: The time average of the summed ages of unfinished jobs, in the unit of size; nan if not known.
        per_job: The expected response time of each row of a log, if asked for.
        accuracy: The estimated relative error of the quadrature; 0 for a log.
    """

    response_time: float
    cost: float
    waiting: float
    short: float = math.nan
    long: float = math.nan
    cheap_calls: float = 0.0
    expensive_calls: float = 0.0
    utilization: float
    stable: bool = True
    interruptions: float = math.nan
    memory: float = math.nan
    per_job: Floats | None = None
    accuracy: float = 0.0

    @property
    def utilisation(self) -> float:
        """The earlier name of `utilization`."""
        warn_renamed("Expectation.utilisation", "utilization")
        return self.utilization
