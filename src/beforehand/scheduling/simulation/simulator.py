"""Queues run job by job: for servers and policies that have no formula, and to check those that have one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from beforehand.core.deprecation import renamed_arguments, warn_renamed
from beforehand.core.errors import InvalidInput
from beforehand.scheduling.distributions.job_distribution import Distribution, checked_distribution
from beforehand.scheduling.inputs import checked, flag, kind_of, listed, switching, whole
from beforehand.scheduling.load import arrival_rate
from beforehand.scheduling.log import Floats, Log, rate_in_sizes
from beforehand.scheduling.policies.policy import Policy, stages_of
from beforehand.scheduling.policies.stages import Stages
from beforehand.scheduling.simulation import native_engine, reference_engine
from beforehand.scheduling.simulation.draws import Jobs, draw, wanted_predictions
from beforehand.scheduling.simulation.estimate import FIGURES, Batching, Estimate, estimated
from beforehand.scheduling.simulation.run_length import jobs_needed
from beforehand.scheduling.simulation.work import work_moments, work_rows

MOST_SERVERS = 256
MOST_JOBS = 10**12
FEWEST_BATCHES = 10
REPLAYED = 2**16  # jobs between two chances to interrupt a replay
MOST_TIME = 2.0**42  # in mean sizes: a thousandth of one still counts at its end
MOST_QUANTA = 1_000  # that a job of mean size goes through


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Simulation:
    """What a simulated queue did after the warm-up.

    Args:
        response_time: The mean of completion minus arrival; inf if predictions overload the server.
        interval: Half the width of its 95 % confidence interval; nan for fewer than `jobs_needed`: too heavy for one.
        short: The mean of jobs predicted short (`DelayPredict`: that end before its limit); nan without such a class.
        long: That of the others; nan likewise.
        quantiles: Response times by share of jobs, to 0.6 %.
        max: The largest response time.
        slowdown: The mean of response time over size.
        interruptions: How often a job is preempted by another that arrives or whose prediction is done.
        demotions: How often a job is preempted because its own rank has grown.
        memory: The time average of the summed ages of unfinished jobs, in the unit of size, without prediction work.
        peak_memory: The largest such sum.
        cheap_calls: Cheap predictions for each job.
        expensive_calls: Expensive ones.
        utilization: The share of time that servers work, predictions and switches included.
        jobs: How many were counted.
        variance_reduction: The factor by which known means have cut the variance of `response_time`; 1 without.
        jobs_needed: How many jobs, those of the warm-up included, an interval takes; inf if no number does.
    """

    response_time: float
    interval: float
    short: float
    long: float
    quantiles: dict[float, float]
    max: float
    slowdown: float
    interruptions: float
    demotions: float
    memory: float
    peak_memory: float
    cheap_calls: float
    expensive_calls: float
    utilization: float
    jobs: int
    variance_reduction: float
    jobs_needed: float

    @property
    def utilisation(self) -> float:
        """The earlier name of `utilization`."""
        warn_renamed("Simulation.utilisation", "utilization")
        return self.utilization


@final
@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Replay:
    """What became of the jobs of a log.

    Args:
        completion: When each job was done.
        start: When each was first served.
        interruptions: How often jobs were preempted by others.
        demotions: How often because their own rank had grown.
        memory: The integral over time of the summed ages of unfinished jobs, without prediction work.
        peak_memory: The largest such sum.
        cheap_calls: Cheap predictions in all.
        expensive_calls: Expensive ones.
    """

    completion: Floats
    start: Floats
    interruptions: int
    demotions: int
    memory: float
    peak_memory: float
    cheap_calls: int
    expensive_calls: int

    def summary(self, log: Log, *, quantiles: Sequence[float] = (0.5, 0.9, 0.99)) -> dict[str, Any]:
        """Means over the jobs of the replayed log, under the names that they have in a `Simulation`.

        Args:
            log: What was replayed.
            quantiles: The shares of jobs whose response times are wanted.

        Raises:
            InvalidInput: the log has another number of jobs, or no arrivals; a quantile is not from 0 to 1.

        Example:
            >>> from beforehand.scheduling import FCFS, replay
            >>> log = Log([3.0, 1.0], arrival=[0.0, 1.0])
            >>> replay(FCFS(), log).summary(log)["response_time"]
            3.0
        """
        arrival = log.arrivals_in_sizes()
        if arrival is None or len(log) != len(self.completion):
            what = "no arrivals" if arrival is None else f"{len(log)} jobs"
            raise InvalidInput(f"log has {what}, but {len(self.completion)} jobs were replayed; pass that log")
        shares = [checked("quantiles", share, most=1.0) for share in quantiles]
        response, jobs = self.completion - arrival, len(log)
        return {
            "response_time": float(response.mean()),
            "quantiles": {share: float(np.quantile(response, share)) for share in shares},
            "max": float(response.max()),
            "slowdown": float(np.mean(response / log.size)),
            "interruptions": self.interruptions / jobs,
            "demotions": self.demotions / jobs,
            "memory": self.memory / float(self.completion.max() - arrival[0]),
            "peak_memory": self.peak_memory,
            "cheap_calls": self.cheap_calls / jobs,
            "expensive_calls": self.expensive_calls / jobs,
            "jobs": jobs,
        }


@renamed_arguments(law="distribution")
def simulate(
    policy: Policy,
    distribution: Distribution,
    *,
    load: float | None = None,
    rate: float | None = None,
    jobs: int = 1_000_000,
    seed: int = 0,
    servers: int = 1,
    warmup: float = 0.1,
    batches: int = 30,
    control_variate: bool = True,
    switch_cost: Sequence[float] = (0.0, 0.0),
    quantiles: Sequence[float] = (0.5, 0.9, 0.99),
) -> Simulation:
    """Run a queue with Poisson arrivals job by job.

    Args:
        policy: Any policy. Its stages run natively; one without stages runs in Python, hundreds of times as slow.
        distribution: Sizes and predictions: a `JobDistribution`, or a `Log`, whose rows are drawn by weight.
        load: The share of time that the jobs alone keep each server busy, above 0 and below 1.
        rate: Arrivals in a unit of time, that of a log's arrivals. Exactly one of `load` and `rate`.
        jobs: How many jobs come; the queue then runs empty.
        seed: Job i of a seed is the same job under every policy (common random numbers), so that comparisons are sharp.
        servers: 1 to 256, which share one queue.
        warmup: The share of jobs that is left out at the beginning.
        batches: Stretches of jobs whose means give the interval, at least 10.
        control_variate: Whether to correct for the deviation of sizes, arrivals and unfinished work from their known
            means; never where these are unknown: several servers, switch costs, no second moment.
        switch_cost: Extra work when a preempted job is resumed: fixed, and for each unit of its age.
        quantiles: Shares of jobs whose response time to report.

    Guarantee:
        A function of its arguments alone. About 19 of 20 intervals hold the true mean. Where sizes are too heavy, or
        the load too high, for that with so many jobs, there is no interval, whatever the run looks like, and
        `jobs_needed` says how many would do: 2,800 for exponential sizes at load 0.8, millions for heavy tails.

    Cost:
        Four to eight million jobs per second on an old 2 GHz core, in memory that does not grow with `jobs`. The GIL is
        released meanwhile, and an interrupt takes effect within milliseconds.

    Raises:
        InvalidInput: an argument is out of range; the distribution lacks a prediction that the policy asks for.

    Example:
        >>> from beforehand.scheduling import FCFS, SPRPT, Log, simulate
        >>> log = Log([1, 2, 6], expensive=[1, 3, 5])
        >>> first_come = simulate(FCFS(), log, load=0.8, jobs=50_000)
        >>> round(first_come.response_time, 6)  # the control variates know it
        12.111111
        >>> simulate(SPRPT(), log, load=0.8, jobs=50_000).response_time < 0.7 * first_come.response_time
        True
    """
    arrivals = arrival_rate(
        checked_distribution(distribution).mean,
        load=load,
        rate=rate_in_sizes(distribution, rate),
        servers=whole("servers", servers, least=1, most=MOST_SERVERS),
    )
    many, seed = whole("jobs", jobs, least=1, most=MOST_JOBS), whole("seed", seed, most=2**64 - 1)
    if not checked("warmup", warmup) < 1:
        raise InvalidInput(f"warmup is {warmup}, but must be below 1: some jobs must be counted")
    batching = Batching(
        many, min(int(warmup * many), many - 1), whole("batches", batches, least=FEWEST_BATCHES, most=10_000)
    )
    shares = [checked("quantiles", share, most=1.0) for share in listed("quantiles", quantiles)]
    flag("control_variate", control_variate)
    switches, stages = switching(switch_cost), _stages(policy, distribution)
    if many / arrivals > MOST_TIME * distribution.mean:
        raise InvalidInput(
            f"jobs is {many}, which come within {many / arrivals / distribution.mean:.3g} mean sizes at this load, and "
            "floats lose a job's size in times that long; take fewer jobs, or a higher load"
        )
    stream = draw(distribution, arrivals, many, seed, wanted_predictions(policy, stages, distribution))
    if stages is None:
        seen = reference_engine.serve(
            policy, stream, servers=servers, switch_cost=switches, batching=batching, shares=shares
        )
    else:
        seen = native_engine.serve(
            stages, stream, servers=servers, switch_cost=switches, batching=batching, shares=shares
        )
    first, second = work_moments(stages, distribution)
    controlled = control_variate and servers == 1 and not any(switches) and math.isfinite(second)
    needed = jobs_needed(*work_rows(stages, distribution), arrivals * first / servers, controlled=controlled)
    needed = float(np.ceil(max(needed, 2 * batching.batches) / (1 - warmup)))
    total = dict(zip(FIGURES, seen.sums.table[1:-1].sum(axis=0).tolist(), strict=True))
    counted, shorts = total["jobs"], total["short_jobs"]
    estimate = Estimate(total["response"] / counted, math.nan, 1.0)
    if arrivals * first >= servers:
        estimate = Estimate(math.inf, math.nan, 1.0)
    elif counted >= 2 * batching.batches:
        estimate = estimated(seen.sums, arrivals, first, second if controlled else math.inf)
    has_classes = stages is not None and stages.has_classes
    return Simulation(
        response_time=estimate.mean,
        interval=estimate.interval if many >= needed else math.nan,
        short=total["short_response"] / shorts if has_classes and shorts else math.nan,
        long=(total["response"] - total["short_response"]) / (counted - shorts)
        if has_classes and shorts < counted
        else math.nan,
        quantiles=dict(zip(shares, seen.quantiles, strict=True)),
        max=seen.slowest,
        slowdown=total["slowdown"] / counted,
        interruptions=total["interruptions"] / counted,
        demotions=total["demotions"] / counted,
        memory=total["memory"] / total["gaps"],
        peak_memory=seen.peak_memory,
        cheap_calls=total["cheap_calls"] / counted,
        expensive_calls=total["expensive_calls"] / counted,
        utilization=total["busy"] / (total["gaps"] * servers),
        jobs=int(counted),
        variance_reduction=estimate.variance_reduction,
        jobs_needed=needed,
    )


def replay(policy: Policy, log: Log, *, servers: int = 1, switch_cost: Sequence[float] = (0.0, 0.0)) -> Replay:
    """Serve the jobs of a log as they came.

    Args:
        policy: Any policy.
        log: Must hold arrivals; its weights do not matter here. Arrivals in another unit than the sizes are converted
            by its service rate, and all times that come back are in the unit of the sizes.
        servers: 1 to 256, which share one queue.
        switch_cost: Extra work when a preempted job is resumed: fixed, and for each unit of its age.

    Guarantee:
        Deterministic. Jobs that come at one instant are all there when the server chooses; ties go to the first row.

    Cost:
        Millions of jobs in a second; policies without stages run in Python, hundreds of times as slow.

    Raises:
        InvalidInput: the log has no arrivals, or none in the unit of its sizes, or lacks a prediction that the policy
            asks for.

    Example:
        >>> from beforehand.scheduling import SPRPT, Log, replay
        >>> log = Log([4, 1, 2], expensive=[4, 1, 2], arrival=[0, 1, 1.5])
        >>> replay(SPRPT(), log).completion
        array([7., 2., 4.])
    """
    kind_of("log", log, Log, "finished jobs with their arrivals")
    arrival = log.arrivals_in_sizes()
    if arrival is None:
        raise InvalidInput("log has no arrivals, but a replay needs them; pass arrival=, or simulate() random ones")
    if max(-arrival[0], arrival[-1]) > MOST_TIME * log.mean:
        raise InvalidInput(
            f"arrivals lie from {arrival[0]:.4g} to {arrival[-1]:.4g}, so far from 0 that floats lose sizes of "
            f"mean {log.mean:.4g}; subtract the first arrival, or replay a part of the log"
        )
    stages, switches = _stages(policy, log), switching(switch_cost)
    whole("servers", servers, least=1, most=MOST_SERVERS)
    wanted_predictions(policy, stages, log)
    columns = Jobs(arrival, log.size, log.expensive, log.cheap)
    stream = (columns.part(slice(first, first + REPLAYED)) for first in range(0, len(log), REPLAYED))
    batching = Batching(len(log), 0, 1)
    if stages is None:
        seen = reference_engine.serve(policy, stream, servers=servers, switch_cost=switches, batching=batching)
    else:
        seen = native_engine.serve(stages, stream, servers=servers, switch_cost=switches, batching=batching, keep=True)
    total = dict(zip(FIGURES, seen.sums.table.sum(axis=0).tolist(), strict=True))
    return Replay(
        completion=seen.completion,
        start=seen.start,
        interruptions=int(total["interruptions"]),
        demotions=int(total["demotions"]),
        memory=total["memory"],
        peak_memory=seen.peak_memory,
        cheap_calls=int(total["cheap_calls"]),
        expensive_calls=int(total["expensive_calls"]),
    )


def _stages(policy: Policy, distribution: Distribution) -> Stages | None:
    """The policy's stages, with quanta large enough for a run to end."""
    stages = stages_of(policy)
    quanta = stages.quanta if stages else ()
    if quanta and distribution.mean > MOST_QUANTA * min(quanta):
        raise InvalidInput(
            f"quantum is {min(quanta)}, but must be at least {distribution.mean / MOST_QUANTA:.3g}, the mean size over "
            f"{MOST_QUANTA}, for an engine; LAS(quantum=0) has a formula in expect()"
        )
    return stages
