"""Who begins to run in an iteration."""

from collections import deque
from collections.abc import Callable
from typing import Final, final

from beforehand.scheduling.engine_profile import EngineProfile
from beforehand.scheduling.serving.simulator.batch import Batch
from beforehand.scheduling.serving.simulator.job import PREFILL, Job
from beforehand.scheduling.serving.simulator.pauses import Pauses
from beforehand.scheduling.serving.simulator.totals import Limits, Totals
from beforehand.scheduling.serving.simulator.waiting import Waiting

LONG_WAIT: Final = 1.0  # s that the head waits for memory before paused conversations lose theirs


@final
class Admission:
    """Admits conversations that have come back with their memory, then others in the policy's order.

    The first that does not fit holds up all behind it. Only who fits whole is admitted, though memory is taken as the
    prompt is computed.

    Args:
        limits: What the engine may use.
        profile: What copies from the host cost.
        batch: Those who run.
        waiting: Those who wait.
        pauses: Those in tool calls.
        totals: Where cache hits and the like are counted.
        admitted: Called for everybody who is admitted.
    """

    def __init__(
        self,
        limits: Limits,
        profile: EngineProfile,
        batch: Batch,
        waiting: Waiting,
        pauses: Pauses,
        totals: Totals,
        admitted: Callable[[Job], None],
    ) -> None:
        self._limits, self._profile, self._batch, self._waiting = limits, profile, batch, waiting
        self._pauses, self._totals, self._admitted = pauses, totals, admitted
        self._pool = batch.pool
        self._reserve = int(limits.watermark * (limits.kv_tokens // profile.block_size))
        self.returns: deque[Job] = deque()  # back from a call with their memory

    def free_slots(self) -> int:
        """How many more requests may run."""
        paused = len(self._pauses.holders) if self._limits.paused_holds_slot else 0
        return self._limits.max_num_seqs - len(self._batch.running) - paused

    def admit(self, now: float) -> float:
        """Admit while there are tokens, places and memory; returns the seconds of copies from the host."""
        pool, batch, waiting, returns = self._pool, self._batch, self._waiting, self.returns
        copies = 0.0
        while batch.budget > 0 and self.free_slots() > 0 and (returns or waiting):
            busy = batch.budget < self._limits.max_batched_tokens
            job = returns[0] if returns else waiting.head(now)
            context = job.view.context
            blocks = -(-context // pool.size)
            if job.returning:
                hit, needed = 0, blocks - job.holding.blocks
            else:
                hit = pool.find(job.holding, context)
                needed = blocks - hit + pool.taken(job.holding, hit)
            if needed + (self._reserve if busy else 0) > pool.free:
                if self._relieve(job, now, busy=busy):
                    continue
                break
            if job.returning:
                returns.popleft()
                job.returning = False
            else:
                waiting.remove(job)
                pool.reuse(job.holding, hit)
                job.resident = hit * pool.size
                self._totals.cache_hits += job.resident
                if job.host:
                    copies += self._load(job)
            view = job.view
            job.phase, view.state, view.started, view.cached = PREFILL, "running", True, 0.0
            job.stamp += 1
            batch.enter(job)
            again = batch.compute(job, min(batch.budget, context - job.resident))
            if again:
                self._totals.recomputed[job.row] += again
            self._admitted(job)
        return copies

    def _load(self, job: Job) -> float:
        """Copy back from the host what the cache does not hold, in so many seconds."""
        size = self._pool.size
        usable = min(job.host, (job.view.context - 1) // size * size)
        loaded, seconds = usable - job.resident, 0.0
        if loaded > 0:
            self._pool.grow(job.holding, loaded // size)
            self._totals.host_loads += loaded
            seconds = self._profile.swap_seconds(loaded) * (1.0 - self._profile.swap_overlap)
            job.resident = usable
        self._pauses.forget_copy(job)
        return seconds

    def _relieve(self, head: Job, now: float, *, busy: bool) -> bool:
        """Take memory from those who do not run, if nobody runs or the head has waited long; False if that failed."""
        if busy:
            return now - head.waiting_since > LONG_WAIT and self._pauses.evict(now)
        if self._pauses.evict(now):
            return True
        others = [job for job in self.returns if job is not head]
        if not others:
            return False
        job = max(others, key=lambda each: each.resident)
        self.returns.remove(job)
        self._pauses.free(job)
        job.returning = False
        self._waiting.add(job, job.waiting_since)
        return True
