"""The designs that a plan compares: a policy each, with what its formula or a simulation expects of it."""

import math
from dataclasses import dataclass, fields, replace
from typing import Final, final

from beforehand.core.deprecation import warn_renamed
from beforehand.scheduling.formulas.expectation import Expectation
from beforehand.scheduling.formulas.log_formula import LogFormula
from beforehand.scheduling.plan.drawn_jobs import DrawnJobs
from beforehand.scheduling.plan.setting import SHARES, Setting, percentile
from beforehand.scheduling.policies.classic import LAS
from beforehand.scheduling.policies.stock import Stock

BLIND: Final = ("FCFS", "LAS", "PS")  # families that need no prediction


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A design that was tried, and what to expect of it.

    Args:
        family: The policy without its parameter.
        policy: The policy to run; None for processor sharing, which no order of jobs gives.
        response_time: The mean.
        cost: The objective. For the mean: `response_time`, prices, and memory if it was weighed; for a percentile that
            of the response time in place of the mean; for an SLO the share of jobs whose response time with all that
            on top is above it.
        cheap_calls: Cheap predictions for each job.
        expensive_calls: Expensive ones.
        utilization: The share of time that the servers work.
        interruptions: How often a job is preempted; None if not known.
        memory: The time average of the summed ages of unfinished jobs; None if not known.
        p95: The time within which 95 % of the jobs are done, by simulation; None for what no simulation runs.
        p99: That of 99 %.
    """

    family: str
    policy: Stock | None
    response_time: float
    cost: float
    cheap_calls: float
    expensive_calls: float
    utilization: float
    interruptions: float | None = None
    memory: float | None = None
    p95: float | None = None
    p99: float | None = None

    @property
    def utilisation(self) -> float:
        """The earlier name of `utilization`."""
        warn_renamed("Candidate.utilisation", "utilization")
        return self.utilization

    @property
    def design(self) -> str:
        """The policy as tables show it."""
        return "PS" if self.policy is None else str(self.policy)

    @property
    def preference(self) -> tuple[float, float, int, str]:
        """A key that sorts the better design first: by cost, then fewer calls, fewer options set, the policy's name."""
        if self.policy is None:
            name, options = "PS", 0
        else:
            name = type(self.policy).__name__
            options = sum(getattr(self.policy, field.name) != field.default for field in fields(self.policy))
        return self.cost, self.cheap_calls + self.expensive_calls, options, name


def candidate(family: str, policy: Stock | None, result: Expectation, setting: Setting) -> Candidate:
    """Build a candidate from an expectation."""
    cost = setting.cost(result.response_time, result.cheap_calls, result.expensive_calls, result.memory)
    return Candidate(
        family=family,
        policy=policy,
        response_time=result.response_time,
        cost=math.inf if math.isnan(cost) else cost,
        cheap_calls=result.cheap_calls,
        expensive_calls=result.expensive_calls,
        utilization=result.utilization,
        interruptions=None if math.isnan(result.interruptions) else result.interruptions,
        memory=None if math.isnan(result.memory) else result.memory,
    )


def formula_policy(policy: Stock) -> Stock:
    """The policy whose formula stands for this one: LAS with small quanta is taken for its limit."""
    return LAS(quantum=0) if isinstance(policy, LAS) else policy


def evaluate(family: str, policy: Stock | None, formula: LogFormula, setting: Setting) -> Candidate:
    """A policy, or processor sharing, by its formula for one server, which a simulation may correct later."""
    if policy is None:
        result = formula.processor_sharing(setting.load / formula.mean)
    else:
        result = formula.expect(formula_policy(policy), setting.load / formula.mean)
    return candidate(family, policy, result, setting)


def reevaluate(design: Candidate, formula: LogFormula, setting: Setting) -> Candidate:
    """The same design on another log or in another setting, by its formula."""
    return evaluate(design.family, design.policy, formula, setting)


def simulated(family: str, policy: Stock | None, drawn: DrawnJobs) -> Candidate:
    """A policy by a run on drawn jobs, in the setting that they were drawn for.

    Raises:
        AssertionError: the policy is None; processor sharing is never simulated.
    """
    assert policy is not None
    run, setting = drawn.run(policy), drawn.setting
    extra = setting.extra(run.cheap_calls, run.expensive_calls, run.memory)
    return Candidate(
        family=family,
        policy=policy,
        response_time=float(run.response.mean()),
        cost=setting.goal_of(run.response, extra),
        cheap_calls=run.cheap_calls,
        expensive_calls=run.expensive_calls,
        utilization=run.utilization,
        interruptions=run.interruptions,
        memory=run.memory,
        p95=percentile(run.response, SHARES["p95"]),
        p99=percentile(run.response, SHARES["p99"]),
    )


def with_percentiles(design: Candidate, drawn: DrawnJobs) -> Candidate:
    """A design whose mean a formula gave, with the percentiles of a run; processor sharing as it is."""
    if design.policy is None:
        return design
    response = drawn.run(design.policy).response
    return replace(design, p95=percentile(response, SHARES["p95"]), p99=percentile(response, SHARES["p99"]))
