"""The queue in plain Python: what every faster engine must agree with, and the path for policies without stages."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import final, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.log import Floats
from beforehand.scheduling.policies.policy import Policy, is_timed
from beforehand.scheduling.policies.view import FIRST, By, View
from beforehand.scheduling.simulation.draws import Jobs, together
from beforehand.scheduling.simulation.estimate import FIGURES, Batching, Measured, Sums
from beforehand.scheduling.simulation.work import prediction_spans, works_of

Counts = NDArray[np.int64]


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """What happened to each job; `memory` and `peak_memory` cover the time before each arrival and after the last."""

    start: Floats
    completion: Floats
    interruptions: Counts
    demotions: Counts
    cheap_calls: Counts
    expensive_calls: Counts
    busy: Floats
    memory: Floats
    peak_memory: Floats


@dataclass(slots=True)
class _Job:
    """A job that is present, and what it is doing."""

    view: View
    index: int
    works: list[tuple[float, float]]  # the ages at which prediction work begins and ends
    total: float
    served: float = 0.0  # service without prediction work
    owed: float = 0.0  # what a switch costs
    target: float = 0.0  # the age of its next own event, which comes at `event`
    event: float = math.inf
    own: bool = False  # its own event falls on this instant

    @property
    def grows(self) -> bool:
        return not self.owed and not any(begin <= self.view.age < end for begin, end in self.works)


def run(policy: Policy, jobs: Jobs, *, servers: int, switch_cost: tuple[float, float]) -> Run:
    """Serve these jobs, one dispatch for each distinct instant: own events, then arrivals, then the lowest ranks.

    Cost:
        Each event ranks all jobs that are present.

    Raises:
        InvalidInput: the policy asks for a prediction that is missing, or is timed and preempts.
    """
    arrival, size, n, stages = jobs.arrival, jobs.size, len(jobs.size), policy.stages()
    timed = is_timed(policy)
    start, completion, busy = np.full(n, math.nan), np.full(n, math.nan), np.zeros(n)
    interruptions, demotions = np.zeros(n, np.int64), np.zeros(n, np.int64)
    calls = {"cheap": np.zeros(n, np.int64), "expensive": np.zeros(n, np.int64)}
    memory, peak = np.zeros(n + 1), np.zeros(n + 1)
    present: list[_Job] = []
    running: list[_Job] = []
    came, now = 0, float(arrival[0])

    def known(name: By, row: int) -> float:
        column: Floats | None = getattr(jobs, name)
        return math.nan if column is None else float(column[row])

    def ask(job: _Job) -> None:
        while (name := policy.asks(job.view)) is not None:
            if name not in get_args(By) or not math.isnan(job.view.key(name)):
                raise InvalidInput(
                    f"{policy!r} asks for {name!r} though it knows {job.view}, but may ask for 'cheap' and 'expensive' "
                    "once each; fix its asks()"
                )
            value = known(name, job.index)
            if math.isnan(value):
                raise InvalidInput(
                    f"{type(policy).__name__} asks for the {name} prediction of job {job.index}, which has none; "
                    f"pass a distribution or log with {name} predictions, or take another policy"
                )
            calls[name][job.index] += 1
            if name == "cheap":
                job.view.cheap = value
            else:
                job.view.predicted = value

    def begin(job: _Job) -> None:
        review = policy.review_age(job.view)
        if not isinstance(review, Real) or not review > job.view.age:
            raise InvalidInput(
                f"{policy!r} wants to review a job of age {job.view.age} at {review}, but that must be later, or inf "
                "for never; fix its review_age()"
            )
        job.target = min(job.total, review)
        job.event = now + (job.owed or max(job.target - job.view.age, 0.0))

    def place(job: _Job) -> tuple[float, int]:
        if timed:
            job.view.now = now
        rank = policy.rank(job.view)
        if not isinstance(rank, Real) or rank != rank:
            raise InvalidInput(
                f"{policy!r} ranked a job {rank!r}, but ranks must be numbers; fix its rank(), or set timed = True if "
                "it goes by the time"
            )
        if timed and job.view.started and rank != FIRST:
            raise InvalidInput(
                f"{policy!r} is timed and ranked a started job {rank}, but between two events no engine would notice "
                "when a waiting job passes it; return FIRST for a view that is started"
            )
        return rank, job.view.sequence

    while came < n or present:
        instant = max(now, min([job.event for job in running] + ([float(arrival[came])] if came < n else [])))
        passed, growing = instant - now, [job for job in running if job.grows]
        held = sum(job.served for job in present)
        memory[came] += passed * (held + 0.5 * len(growing) * passed)
        peak[came] = max(peak[came], held + len(growing) * passed)
        for job in growing:
            job.served += passed
        now = instant
        for job in running:
            busy[job.index] += passed
            job.own = job.event <= now and not job.owed
            if job.owed:
                if job.event <= now:
                    job.owed = 0.0
                    begin(job)
            elif not job.own:
                job.view.age += passed
            else:
                job.view.age = job.target
                if job.target < job.total:
                    ask(job)
                    begin(job)
                else:
                    completion[job.index] = now
        running = [job for job in running if math.isnan(completion[job.index])]
        present = [job for job in present if math.isnan(completion[job.index])]
        while came < n and arrival[came] <= now:
            row = float(size[came]), known("cheap", came), known("expensive", came)
            works = [] if stages is None else prediction_spans(stages, *row)
            total = row[0] + sum(end - begin for begin, end in works)
            present.append(_Job(View(float(arrival[came]), came), came, works, total))
            ask(present[-1])
            came += 1
        chosen = sorted(present, key=place)[:servers]
        serving = {job.index for job in chosen}
        for job in running:
            if job.index not in serving:
                (demotions if job.own else interruptions)[job.index] += 1
                job.owed = switch_cost[0] + switch_cost[1] * job.view.age
        already = {job.index for job in running}
        for job in chosen:
            job.own = False
            if job.index not in already:
                if not job.view.started:
                    job.view.started, start[job.index] = True, now
                begin(job)
        running = chosen
    return Run(
        start=start,
        completion=completion,
        interruptions=interruptions,
        demotions=demotions,
        cheap_calls=calls["cheap"],
        expensive_calls=calls["expensive"],
        busy=busy,
        memory=memory,
        peak_memory=peak,
    )


def serve(
    policy: Policy,
    stream: Iterable[Jobs],
    *,
    servers: int,
    switch_cost: tuple[float, float],
    batching: Batching,
    shares: Sequence[float] = (),
) -> Measured:
    """Serve all jobs of a stream, and sum up by batches."""
    jobs = together(stream)
    size, stages = jobs.size, policy.stages()
    done = run(policy, jobs, servers=servers, switch_cost=switch_cost)
    works = np.zeros(len(size)) if stages is None else works_of(stages, size, jobs.cheap)
    response = done.completion - jobs.arrival
    found, held = np.empty(len(size)), 0.0
    gaps = np.diff(jobs.arrival, prepend=0.0)
    for i, (gap, work) in enumerate(zip(gaps, size + works, strict=True)):
        found[i] = held = max(held - gap, 0.0)
        held += work
    short = np.zeros(len(size), np.bool_) if stages is None else stages.is_short(size, jobs.cheap)
    figures = {
        "jobs": np.ones(len(size)),
        "response": response,
        "slowdown": response / size,
        "short_jobs": short,
        "short_response": short * response,
        "interruptions": done.interruptions,
        "demotions": done.demotions,
        "cheap_calls": done.cheap_calls,
        "expensive_calls": done.expensive_calls,
        "busy": done.busy,
        "found": found,
        "work": size + works,
        "gaps": gaps,
    }
    batch = np.searchsorted(batching.ends, np.arange(len(size) + 1), side="right")
    sums = [np.bincount(batch[:-1], figures[name], batching.batches + 2) for name in FIGURES[:-1]]
    sums.append(np.bincount(batch, done.memory, batching.batches + 2))
    counted = response[batching.warmup :]
    return Measured(
        sums=Sums(np.array(sums, np.float64).T),
        quantiles=tuple(float(q) for q in np.quantile(counted, shares)),
        slowest=float(counted.max()),
        peak_memory=float(done.peak_memory[batching.warmup :].max()),
        start=done.start,
        completion=done.completion,
    )
