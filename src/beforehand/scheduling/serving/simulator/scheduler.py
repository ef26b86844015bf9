"""The engine: which requests run in an iteration, on which memory, in the order in which vLLM decides it."""

import math
from collections import deque
from collections.abc import Callable
from heapq import heappop
from typing import Any, Final, final

import numpy as np

from beforehand.scheduling.engine_profile import EngineProfile
from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.policies.view import View
from beforehand.scheduling.serving.simulator.chrome import Spans
from beforehand.scheduling.serving.simulator.forecasts import Forecasts
from beforehand.scheduling.serving.simulator.job import DECODE, DONE, PREFILL, Job
from beforehand.scheduling.serving.simulator.memory import BlockPool
from beforehand.scheduling.serving.simulator.pauses import DECIDE, RETURN, HostTier, Pauses
from beforehand.scheduling.serving.simulator.preempting import Preempting
from beforehand.scheduling.serving.simulator.request import Requests
from beforehand.scheduling.serving.simulator.totals import Iteration, Limits, Totals
from beforehand.scheduling.serving.simulator.waiting import Waiting

LONG_WAIT: Final = 1.0  # s that the head waits for memory before paused conversations lose theirs
REVIEW: Final = 8  # iterations between two looks at a request that has outlived its prediction

Calendar = dict[int, list[tuple[Job, int]]]  # by iteration: whom it concerns, if the stamp still holds


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
        self._call_seconds, self._arrival = requests.seconds.tolist(), requests.arrival.tolist()
        blocks = limits.kv_tokens // profile.block_size
        self.pool = BlockPool(
            blocks - 1, profile.block_size, caching=limits.prefix_caching
        )  # vLLM keeps one for itself
        self._reserve = int(limits.watermark * blocks)
        self.host = HostTier(limits.host_tokens)
        self.engine = EngineView(profile=profile, max_batched_tokens=limits.max_batched_tokens)
        self._events: list[Any] = []
        self.waiting = Waiting(policy, self.engine, self.refresh, self.pool, max_wait=limits.max_wait)
        self.pauses = Pauses(
            handling, forecasts, self.pool, self.host, self.engine, self.refresh, profile.swap_seconds, self._events
        )
        self.returns: deque[Job] = deque()  # back from a call with their memory: admitted before all others
        self.running: dict[Job, None] = {}  # in order of admission
        self._prefills: list[Job] = []  # of these, whose prompt is not yet complete
        self._preempting = Preempting(
            policy, self.running, forecasts, self.engine, margin=limits.margin, most=limits.max_preemptions
        )
        self._policy = policy
        self._finishing: Calendar = {}
        self._growing: Calendar = {}
        self._renewing: Calendar = {}
        self._reviewing: Calendar = {}
        self._decoding = 0
        self._context = 0  # tokens that the decoding requests attend to in the next iteration
        grid = np.arange(limits.max_batched_tokens + 1)
        self._base: list[float] = np.asarray(profile.step_seconds(grid)).tolist()
        self._arrived = self._finished = self._sequence = 0
        self._refreshed = -1
        self._preempted: list[int] = []
        self._short = False  # somebody lost memory in this iteration
        self._budget = 0  # tokens that this iteration may still take
        self._tokens: dict[Job, int] = {}  # of prompts, in this iteration
        self._pairs = self._copies = 0.0  # of this iteration: prefill pairs, and seconds of copies from the host

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
            resident = self._context - self._decoding + sum(job.resident for job in self._prefills)
            engine.update(now=self.now, decoding=self._decoding, context_tokens=resident)

    # Between iterations

    def _intake(self) -> None:
        """Let in what has come by now: conversations, returns from calls, timers of handlings, copies."""
        now, events, arrival = self.now, self._events, self._arrival
        while True:
            coming = arrival[self._arrived] if self._arrived < len(arrival) else math.inf
            event = events[0][0] if events else math.inf
            if coming <= now and coming <= event:
                job = self.jobs[self._arrived]
                self._arrived += 1
                self.totals.presence += now - coming
                job.view.sequence = self._sequence
                self._sequence += 1
                self._enter(job, coming)
            elif event <= now:
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
            else:
                break
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
            self.returns.append(job)
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
        waiting, limits, k = self.waiting, self.limits, self.iteration
        self._short = False
        tokens = self._tokens
        tokens.clear()
        if waiting:
            waiting.tick(self.now)
            if limits.max_preemptions and self._free_slots() <= 0:
                victim = self._preempting.pick(waiting.head(self.now), k)
                if victim is not None:
                    self._preempt(victim)
        if k in self._growing:
            self._grow(self._growing.pop(k))
        self._budget, self._pairs, self._copies = limits.max_batched_tokens - self._decoding, 0.0, 0.0
        if self._prefills:
            self._continue_prefills()
        admitted = len(self.running)
        if (waiting or self.returns) and not self._short:
            self._admit()
        new = limits.max_batched_tokens - self._budget
        if not new:
            self._wait()
            return
        profile = self.profile
        seconds = self._base[new] + self._context * profile.seconds_per_context_token
        seconds += self._pairs * profile.seconds_per_prefill_pair + self._copies + limits.scheduler_seconds
        if self.forecasts.seconds:
            paid = self.forecasts.paid() * (1.0 - limits.predictor_overlap)
            self.totals.prediction_seconds += paid
            seconds += paid
        self._pass(seconds)
        if self._journal is not None:
            self._note(admitted)
        totals, decoding = self.totals, self._decoding
        totals.end.append(self.now)
        totals.new_tokens.append(new)
        totals.decoding.append(decoding)
        totals.used_blocks.append(self.pool.used)
        self.engine.stepped(seconds)
        self._context += decoding
        self.iteration = k = k + 1
        if k in self._finishing:
            for job, stamp in self._finishing.pop(k):
                if job.stamp == stamp:
                    job.settle(k)
                    job.last_token = self.now
                    self._end_segment(job)
        for job in tokens:
            if job.phase == PREFILL and job.resident == job.view.context:
                self._first_decode(job)
        if k in self._renewing:
            self._renew(self._renewing.pop(k))
        if k in self._reviewing:
            for job, stamp in self._reviewing.pop(k):
                if job.stamp == stamp:
                    self._review(job)

    def _free_slots(self) -> int:
        paused = len(self.pauses.holders) if self.limits.paused_holds_slot else 0
        return self.limits.max_num_seqs - len(self.running) - paused

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
        coming = self._arrival[self._arrived] if self._arrived < len(self._arrival) else math.inf
        event = min(coming, self._events[0][0] if self._events else math.inf)
        if event == math.inf:
            raise RuntimeError(
                f"stall: at {self.now} s nothing runs and nothing will come, but {len(self.waiting)} requests wait, "
                f"{len(self.returns)} have returned and {len(self.pauses.holders)} are paused, with "
                f"{self.pool.free} of {self.pool.blocks} blocks free"
            )
        if event > self.now:
            self.totals.idle_seconds += event - self.now
            self._pass(event - self.now)
            self.now = self.pool.now = max(self.now, event)

    def _grow(self, due: list[tuple[Job, int]]) -> None:
        """Give the next block to each request that needs one; where none is free, others lose theirs."""
        growing = [job for job, stamp in due if job.stamp == stamp]
        if len(growing) > self.pool.free:
            growing.sort(key=lambda job: self._preempting.rank(job, self.iteration))
        for job in growing:
            if job.phase == DECODE and self._make_room(1, job):
                self.pool.grow(job.holding, 1)
                self._plan_growth(job, self.iteration + self.pool.size)

    def _plan_growth(self, job: Job, when: int) -> None:
        if when < job.start + job.length - job.age:  # it will still decode then
            self._growing.setdefault(when, []).append((job, job.stamp))

    def _make_room(self, blocks: int, job: Job) -> bool:
        """Free so many blocks for a request that runs; False if it had to give up its own."""
        pool = self.pool
        while pool.free < blocks:
            if self._evict_paused():
                continue
            victim = max(self.running, key=lambda each: self._preempting.rank(each, self.iteration))
            self._short = True  # nobody is admitted in an iteration in which somebody had to go
            self._preempt(victim)
            if victim is job:
                return False
        return True

    def _evict_paused(self) -> bool:
        """Take the memory of the largest paused conversation."""
        largest = max(
            (job for job in self.pauses.holders if not job.copying), key=lambda job: job.resident, default=None
        )
        if largest is None:
            return False
        self.pauses.discard(largest, self.now)
        return True

    def _continue_prefills(self) -> None:
        for job in list(self._prefills):
            if self._budget <= 0 or job.phase != PREFILL:
                continue
            chunk = min(self._budget, job.view.context - job.resident)
            needed = -(-(job.resident + chunk) // self.pool.size) - job.holding.blocks
            if self._make_room(needed, job):
                self._prefill(job, chunk)

    def _prefill(self, job: Job, chunk: int) -> None:
        """Compute the next `chunk` tokens of a prompt."""
        pool, held = self.pool, job.resident
        after = held + chunk
        needed = -(-after // pool.size) - job.holding.blocks
        if needed > 0:
            pool.grow(job.holding, needed)
        self._budget -= chunk
        self._pairs += chunk * held + chunk * (chunk + 1) // 2
        if held < job.computed:
            self.totals.recomputed[job.row] += min(after, job.computed) - held
        job.resident = job.view.resident = after
        if after > job.computed:
            job.computed = after
        pool.share(job.holding, after)
        self._tokens[job] = chunk
        whole = after == job.view.context
        if job in self._prefills:
            if whole:
                self._prefills.remove(job)
        elif not whole:
            self._prefills.append(job)

    def _admit(self) -> None:
        """Admit returned conversations, then others in the policy's order, while the first of them fits."""
        pool, waiting, returns = self.pool, self.waiting, self.returns
        size = pool.size
        while self._budget > 0 and (returns or waiting) and self._free_slots() > 0:
            busy = self._budget < self.limits.max_batched_tokens
            job = returns[0] if returns else waiting.head(self.now)
            context = job.view.context
            blocks = -(-context // size)
            if returns:
                hit, needed = 0, blocks - job.holding.blocks
            else:
                hit = pool.find(job.holding, context)
                needed = blocks - hit + pool.taken(job.holding, hit)
            if needed + (self._reserve if busy else 0) > pool.free:
                patient = busy and self.now - job.waiting_since <= LONG_WAIT
                if not patient and (self._evict_paused() or (not busy and self._evict_returned(job))):
                    continue
                return
            if returns:
                returns.popleft()
                job.returning = False
            else:
                waiting.remove(job)
                pool.reuse(job.holding, hit)
                job.resident = hit * size
                self.totals.cache_hits += job.resident
                if job.host:
                    self._load(job)
            view = job.view
            job.phase, view.state, view.started, view.cached = PREFILL, "running", True, 0.0
            job.stamp += 1
            self.running[job] = None
            self._mark(job, "prefill")
            self._prefill(job, min(self._budget, context - job.resident))
            self._preempting.consider(job, self.iteration)

    def _load(self, job: Job) -> None:
        """Copy back from the host what the cache does not hold."""
        usable = min(job.host, (job.view.context - 1) // self.pool.size * self.pool.size)
        loaded = usable - job.resident
        if loaded > 0:
            self.pool.grow(job.holding, loaded // self.pool.size)
            self.totals.host_loads += loaded
            self._copies += self.profile.swap_seconds(loaded) * (1.0 - self.profile.swap_overlap)
            job.resident = usable
        self.pauses.forget_copy(job)

    def _evict_returned(self, head: Job) -> bool:
        """Nothing runs and the first does not fit: another that has returned must begin anew."""
        others = [job for job in self.returns if job is not head]
        if not others:
            return False
        job = max(others, key=lambda each: each.resident)
        self.returns.remove(job)
        self._free(job)
        job.returning = False
        self.waiting.add(job, job.waiting_since)
        return True

    def _free(self, job: Job) -> None:
        """Take a request's memory, which it will have to compute again."""
        self.pauses.lost += job.resident
        self.pool.release(job.holding, job.resident)
        job.resident = job.view.resident = 0

    def _preempt(self, job: Job) -> None:
        """A running request loses its place and its memory, and waits again."""
        job.settle(self.iteration)
        self._leave(job)
        chunk = self._tokens.pop(job, 0)
        if chunk:  # taken back
            held = job.resident - chunk
            self._budget += chunk
            self._pairs -= chunk * held + chunk * (chunk + 1) // 2
            job.resident = held
        self._free(job)
        if job.view.age:
            job.last_token = self.now
        job.view.preemptions += 1
        self.totals.preemptions[job.row] += 1
        self._preempted.append(job.row)
        self.forecasts.left(job)
        self._mark(job, "waiting")
        self.waiting.add(job, self.now)

    def _leave(self, job: Job) -> None:
        """It runs no longer."""
        if job.phase == DECODE:
            self._decoding -= 1
            self._context -= job.resident + 1
            self._budget += 1  # the token that it would have had
        elif job in self._prefills:
            self._prefills.remove(job)
        del self.running[job]
        job.stamp += 1

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
        job.decode_from(self.iteration)
        self._decoding += 1
        self._context += job.base + 1
        self._mark(job, "decode")
        self._finishing.setdefault(self.iteration + job.length - job.age, []).append((job, job.stamp))
        self._plan_growth(job, self.iteration + job.holding.blocks * self.pool.size - job.base)
        if self.forecasts.every:
            self._renew([(job, job.stamp)])
        elif self._preempting.consider(job, self.iteration):
            self._review(job)

    def _renew(self, due: list[tuple[Job, int]]) -> None:
        """Ask for new predictions of running requests."""
        for job, stamp in due:
            if job.stamp == stamp and job.asked:
                job.settle(self.iteration)
                self.forecasts.refresh(job)
                self._preempting.consider(job, self.iteration)
                when = self.iteration + self.forecasts.every
                self._renewing.setdefault(when, []).append((job, stamp))

    def _review(self, job: Job) -> None:
        """Look again when the policy says so, or the prediction is outlived."""
        if self._preempting.consider(job, self.iteration):
            view = job.view
            ages = [age for age in (self._policy.review_age(view), view.predicted) if view.age < age < math.inf]
            steps = math.ceil(min(ages) - view.age) if ages else REVIEW
            self._reviewing.setdefault(self.iteration + max(steps, 1), []).append((job, job.stamp))

    def _end_segment(self, job: Job) -> None:
        """A segment is complete: the conversation ends, or goes into a call."""
        self._leave(job)
        if job.length > 1:
            pace = (job.last_token - job.segment_first) / (job.length - 1)
            if pace > self.totals.pace[job.row]:
                self.totals.pace[job.row] = pace
        self.forecasts.ended(job)
        if job.segment < job.last:
            self._mark(job, "tool")
            self.pauses.begin(job, self.now, self._call_seconds[job.segment])
            return
        self.pool.release(job.holding, job.resident)
        job.resident, job.phase = 0, DONE
        self._finished += 1
        self.totals.finish[job.row] = self.now
        self._mark(job, "")

    def _mark(self, job: Job, state: str) -> None:
        if self.spans is not None:
            self.spans.change(job.row, state, self.now)

    def _note(self, admitted: int) -> None:
        """Keep what was decided, for a comparison."""
        given = {job.row: 1 for job in self.running if job.phase == DECODE}
        given |= {job.row: chunk for job, chunk in self._tokens.items()}
        new = tuple(job.row for job in list(self.running)[admitted:])
        assert self._journal is not None
        self._journal.append(Iteration(self.now, new, tuple(self._preempted), given, self.pool.used))
        self._preempted.clear()
