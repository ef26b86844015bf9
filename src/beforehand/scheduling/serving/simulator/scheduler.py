"""The engine: which requests run in an iteration, on which memory, in the order in which vLLM decides it."""

import math
from collections.abc import Callable
from heapq import heappop
from typing import Any, Final, final

import numpy as np

from beforehand.scheduling.engine_profile import EngineProfile
from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.policies.view import View
from beforehand.scheduling.serving.simulator.admission import Admission
from beforehand.scheduling.serving.simulator.batch import Batch, Plan
from beforehand.scheduling.serving.simulator.chrome import Spans
from beforehand.scheduling.serving.simulator.forecasts import Forecasts
from beforehand.scheduling.serving.simulator.job import DECODE, DONE, PREFILL, Job
from beforehand.scheduling.serving.simulator.memory import BlockPool
from beforehand.scheduling.serving.simulator.pauses import DECIDE, RETURN, HostTier, Pauses
from beforehand.scheduling.serving.simulator.preempting import Preempting
from beforehand.scheduling.serving.simulator.request import Requests
from beforehand.scheduling.serving.simulator.totals import Iteration, Limits, Totals
from beforehand.scheduling.serving.simulator.waiting import Waiting

REVIEW: Final = 8  # iterations between two looks at a request that has outlived its prediction


@final
class Scheduler:
    """Runs iterations until all requests are served.

    A request that decodes costs nothing for each token: calendars say, by iteration, when its next block is due, when
    its prediction is renewed, and when it ends.
    """

    def __init__(
        self,
        requests: Requests,
        jobs: list[Job],
        *,
        profile: EngineProfile,
        policy: Policy,
        handling: Any,
        forecasts: Forecasts,
        limits: Limits,
        spans: Spans | None = None,
        journal: list[Iteration] | None = None,
        on_ready: Callable[[View], None] | None = None,
    ) -> None:
        self.requests, self.jobs, self.limits, self.profile = requests, jobs, limits, profile
        self.totals = Totals(len(jobs))
        self.now, self.iteration = 0.0, 0
        self.forecasts, self.spans, self._journal, self._on_ready = forecasts, spans, journal, on_ready
        self._lengths, self._returned = requests.output.tolist(), requests.returned.tolist()
        self._call_seconds, self._arrival = requests.seconds.tolist(), [*requests.arrival.tolist(), math.inf]
        blocks = limits.kv_tokens // profile.block_size
        self.pool = BlockPool(blocks - 1, profile.block_size, caching=limits.prefix_caching)  # vLLM keeps one, too
        self.host = HostTier(limits.host_tokens)
        self.engine = EngineView(profile=profile, max_batched_tokens=limits.max_batched_tokens)
        self._events: list[Any] = []
        self.waiting = Waiting(policy, self.engine, self.refresh, self.pool, max_wait=limits.max_wait)
        self.pauses = Pauses(
            handling, forecasts, self.pool, self.host, self.engine, self.refresh, profile.swap_seconds, self._events
        )
        self.batch = Batch(self.pool, limits.max_batched_tokens)
        self._policy = policy
        self._preempting = Preempting(
            policy, self.batch.running, forecasts, self.engine, margin=limits.margin, most=limits.max_preemptions
        )
        self.admission = Admission(limits, profile, self.batch, self.waiting, self.pauses, self.totals, self._admitted)
        grid = np.arange(limits.max_batched_tokens + 1)
        self._base: list[float] = np.asarray(profile.step_seconds(grid)).tolist()
        self._arrived = self._finished = self._sequence = 0
        self._refreshed = -1
        self._preempted: list[int] = []
        self._short = False  # somebody lost memory in this iteration
        self._copies = 0.0  # seconds of copies from the host in this iteration

    def run(self) -> None:
        """Serve all requests.

        Raises:
            RuntimeError: nothing can run although requests wait; that is a mistake in this library.
        """
        while self._finished < len(self.jobs):
            self._intake()
            self._iterate()

    def refresh(self) -> None:
        """Bring up to date what policies and handlings see of the engine."""
        engine = self.engine
        engine.free_tokens = self.pool.free * self.pool.size
        engine.free_host_tokens = self.host.free
        if self._refreshed != self.iteration or engine.now != self.now:
            self._refreshed = self.iteration
            engine.update(now=self.now, decoding=self.batch.decoding, context_tokens=self.batch.resident)

    # Between iterations

    def _intake(self) -> None:
        """Let in what has come by now: conversations, returns from calls, timers of handlings, copies."""
        now, events, arrival = self.now, self._events, self._arrival
        while True:
            coming = arrival[self._arrived]
            event = events[0][0] if events else math.inf
            if now < coming and now < event:
                break
            if coming <= event:
                job = self.jobs[self._arrived]
                self._arrived += 1
                self.totals.presence += now - coming
                job.view.sequence = self._sequence
                self._sequence += 1
                self._enter(job, coming)
            else:
                when, _, kind, job, stamp = heappop(events)
                if job.stamp != stamp:
                    continue
                if kind == RETURN:
                    self._return(job, when)
                elif kind == DECIDE:
                    self.pauses.due.append(job)
                elif job.copying:
                    self.pauses.copied(job, now)
                    self._mark(job, "swapped")
        if self.pauses.due:
            self.pauses.decide(now)

    def _enter(self, job: Job, when: float) -> None:
        """A segment becomes ready."""
        job.length = self._lengths[job.segment]
        view = job.view
        view.enqueued = when
        view.engine = self.engine
        self.forecasts.begin(job)
        self._mark(job, "waiting")
        if job.returning:
            view.state = "waiting"
            job.waiting_since = when
            self.admission.returns.append(job)
        else:
            self.waiting.add(job, when)
        if self._on_ready is not None:
            self.refresh()
            self._on_ready(view)

    def _return(self, job: Job, when: float) -> None:
        """A tool call comes back."""
        self.pauses.end(job, self.now)
        self.forecasts.returned(job, self._call_seconds[job.segment])
        job.stamp += 1
        view = job.view
        view.context += self._returned[job.segment]
        view.served += int(view.age)
        view.age, view.started, view.preemptions = 0, False, 0
        job.segment += 1
        if self.limits.renew_arrival:
            view.arrival, view.sequence = when, self._sequence
            self._sequence += 1
        self._enter(job, when)

    # One iteration

    def _iterate(self) -> None:
        """Decide who gets tokens, and let the time pass that they take."""
        batch, waiting, limits = self.batch, self.waiting, self.limits
        self._short, self._copies = False, 0.0
        batch.chunks.clear()
        if waiting:
            waiting.tick(self.now)
            if self._preempting.possible and self.admission.free_slots() <= 0:
                victim = self._preempting.pick(waiting.head(self.now), self.iteration)
                if victim is not None:
                    self._preempt(victim)
        due = batch.growing.pop(self.iteration, None)
        if due is not None:
            self._grow(due)
        batch.open()
        if batch.prefills:
            self._continue_prefills()
        before = len(batch.running)
        if self._short:
            batch.arrange(lambda job: self._preempting.rank(job, self.iteration))
        else:
            self._copies = self.admission.admit(self.now)
        new = limits.max_batched_tokens - batch.budget
        if new:
            self._compute_for(self._seconds(new), new)
            if self._journal is not None:
                self._note(before)
            self._conclude()
        elif not self._short:
            self._wait()

    def _seconds(self, new: int) -> float:
        """How long the iteration takes."""
        batch, profile, limits = self.batch, self.profile, self.limits
        seconds = self._base[new] + (batch.context + batch.extra_context) * profile.seconds_per_context_token
        seconds += batch.pairs * profile.seconds_per_prefill_pair + self._copies + limits.scheduler_seconds
        if self.forecasts.seconds:
            paid = self.forecasts.paid() * (1.0 - limits.predictor_overlap)
            self.totals.prediction_seconds += paid
            seconds += paid
        return seconds

    def _compute_for(self, seconds: float, new: int) -> None:
        """The iteration runs."""
        self._pass(seconds)
        totals, decoding = self.totals, self.batch.decoding
        totals.end.append(self.now)
        totals.new_tokens.append(new)
        totals.decoding.append(decoding)
        totals.used_blocks.append(self.pool.blocks - self.pool.free)
        self.engine.stepped(seconds)
        self.batch.context += decoding
        self.iteration += 1

    def _conclude(self) -> None:
        """What the iteration has completed."""
        batch, k = self.batch, self.iteration
        ending = batch.finishing.pop(k, None)
        if ending is not None:
            if len(ending) > 1:  # who stands first is freed first, and evicted from the cache first
                ending.sort(key=lambda each: each[0].entered)
            for job, stamp in ending:
                if job.stamp == stamp:
                    job.settle(k)
                    job.last_token = self.now
                    self._end_segment(job)
        if batch.chunks:
            for job in batch.completed():
                self._first_decode(job)
        if k in batch.renewing:
            self._renew(batch.renewing.pop(k))
        if k in batch.reviewing:
            for plan in batch.reviewing.pop(k):
                if plan[0].stamp == plan[1]:
                    self._review(plan)

    def _pass(self, seconds: float) -> None:
        """Let time go on, with what is in the system and in memory now."""
        if not seconds > 0:
            raise RuntimeError(f"stall: an iteration lasts {seconds} s at {self.now} s")
        totals = self.totals
        totals.presence += seconds * (self._arrived - self._finished)
        totals.block_seconds += seconds * self.pool.used
        self.now += seconds
        self.pool.now = self.now

    def _wait(self) -> None:
        """Nothing can run: go on to the next event."""
        event = min(self._arrival[self._arrived], self._events[0][0] if self._events else math.inf)
        if event == math.inf:
            raise RuntimeError(
                f"stall: at {self.now} s nothing runs and nothing will come, but {len(self.waiting)} requests wait, "
                f"{len(self.admission.returns)} have returned and {len(self.pauses.holders)} are paused, with "
                f"{self.pool.free} of {self.pool.blocks} blocks free"
            )
        if event > self.now:
            self.totals.idle_seconds += event - self.now
            self._pass(event - self.now)
            self.now = self.pool.now = max(self.now, event)

    def _grow(self, due: list[Plan]) -> None:
        """Give the next block to each request that needs one; where none is free, others lose theirs."""
        pool, batch, later = self.pool, self.batch, self.iteration + self.pool.size
        growing = [plan for plan in due if plan[0].stamp == plan[1]]
        if len(growing) <= pool.free:
            pool.grow_each([job.holding for job, _ in growing])
            batch.plan_growths(growing, later)
            return
        growing.sort(key=lambda plan: self._preempting.rank(plan[0], self.iteration))
        for plan in growing:
            job = plan[0]
            while job.phase == DECODE:
                if pool.free:
                    pool.grow(job.holding, 1)
                    batch.plan_growths([plan], later)
                    break
                self._evict()

    def _continue_prefills(self) -> None:
        batch = self.batch
        for job in list(batch.prefills):
            while batch.budget > 0 and job.phase == PREFILL:
                chunk = min(batch.budget, job.view.context - job.resident)
                if batch.needed(job, chunk) <= self.pool.free:
                    self._compute(job, chunk)
                    break
                self._evict()  # whoever goes leaves its token to this prompt

    def _evict(self) -> None:
        """Somebody who is paused, or else runs, has to go."""
        if not self.pauses.evict(self.now):
            self._short = True  # nobody is admitted in this iteration
            self._preempt(max(self.batch.running, key=lambda each: self._preempting.rank(each, self.iteration)))

    def _compute(self, job: Job, chunk: int) -> None:
        again = self.batch.compute(job, chunk)
        if again:
            self.totals.recomputed[job.row] += again

    def _admitted(self, job: Job) -> None:
        self._mark(job, "prefill")
        self._preempting.consider(job, self.iteration)

    def _preempt(self, job: Job) -> None:
        """A running request loses its place and its memory, and waits again."""
        job.settle(self.iteration)
        self.batch.leave(job)
        self.batch.take_back(job)
        self.pauses.free(job)
        if job.phase == DECODE:  # one that computes its prompt again has put out no token since it lost its memory
            job.last_token = self.now
        job.view.preemptions += 1
        self.totals.preemptions[job.row] += 1
        if self._journal is not None:
            self._preempted.append(job.row)
        self.forecasts.left(job)
        self._mark(job, "waiting")
        self.waiting.add(job, self.now)

    def _first_decode(self, job: Job) -> None:
        """A prompt is complete: the iteration that completed it has put out a token."""
        view, now = job.view, self.now
        if view.age:
            self.totals.gaps.append(now - job.last_token)
        else:
            job.segment_first = now
            if job.first_token != job.first_token:
                job.first_token = self.totals.first_token[job.row] = now
        view.age += 1
        view.context += 1
        job.age, job.last_token = int(view.age), now
        if job.age == job.length:
            self._end_segment(job)
            return
        self.batch.decode(job, self.iteration)
        self._mark(job, "decode")
        if self.forecasts.every:
            self._renew([(job, job.stamp)])
        else:
            self._review((job, job.stamp))

    def _renew(self, due: list[Plan]) -> None:
        """Ask for new predictions of running requests."""
        for job, stamp in due:
            if job.stamp == stamp and job.asked:
                job.settle(self.iteration)
                self.forecasts.refresh(job)
                self._preempting.consider(job, self.iteration)
                when = self.iteration + self.forecasts.every
                self.batch.renewing.setdefault(when, []).append((job, stamp))

    def _review(self, plan: Plan) -> None:
        """Look again when the policy says so, or the prediction is outlived."""
        job = plan[0]
        if self._preempting.consider(job, self.iteration):
            view, due = job.view, math.inf
            for age in (self._policy.review_age(view), view.predicted):
                if view.age < age < due:
                    due = age
            steps = math.ceil(due - view.age) if due < math.inf else REVIEW
            self.batch.reviewing.setdefault(self.iteration + steps, []).append(plan)

    def _end_segment(self, job: Job) -> None:
        """A segment is complete: the conversation ends, or goes into a call."""
        self.batch.leave(job)
        if job.length > 1:
            pace = (job.last_token - job.segment_first) / (job.length - 1)
            if pace > self.totals.pace[job.row]:
                self.totals.pace[job.row] = pace
        self.forecasts.ended(job)
        if job.segment < job.last:
            self._mark(job, "tool")
            self.pauses.begin(job, self.now, self._call_seconds[job.segment])
            self._refreshed = -1  # others may still end in this iteration
            return
        self.pool.release(job.holding, job.resident)
        job.resident, job.phase = 0, DONE
        self._finished += 1
        self.totals.finish[job.row] = self.now
        self.waiting.finished(self.now - self._arrival[job.row], self.now)
        self._mark(job, "")

    def _mark(self, job: Job, state: str) -> None:
        if self.spans is not None:
            self.spans.change(job.row, state, self.now)

    def _note(self, admitted: int) -> None:
        """Keep what was decided, for a comparison."""
        given = {job.row: 1 for job in self.batch.running if job.phase == DECODE}
        given |= {job.row: chunk for job, chunk in self.batch.chunks.items()}
        new = tuple(job.row for job in list(self.batch.running)[admitted:])
        assert self._journal is not None
        self._journal.append(Iteration(self.now, new, tuple(self._preempted), given, self.pool.used))
        self._preempted.clear()
