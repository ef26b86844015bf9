"""The requests that wait, in the policy's order."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Final, final

from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.policies.policy import Policy, depends_on
from beforehand.scheduling.serving.ordering.rank_queue import RankQueue
from beforehand.scheduling.serving.simulator.job import WAITING, Job
from beforehand.scheduling.serving.simulator.memory import BlockPool

PATIENCE: Final = 0.5  # s between two rankings of the whole queue
LOOKED: Final = 8  # heads looked up: what is cached changes while requests wait, but only the first few matter
BUCKET: Final = math.log(1.25)


@final
class Waiting:
    """Ranks those who wait, and says who is first.

    A policy that learns from latencies has a method `finished(latency, now)`, which hears of every conversation's end.

    Args:
        policy: What ranks them.
        engine: What policies see of the engine; up to date whenever a rank is asked for.
        refresh: Brings it up to date.
        pool: Where cached prompts are looked up.
        max_wait: Seconds after which who has waited longest goes first.
    """

    def __init__(
        self, policy: Policy, engine: EngineView, refresh: Callable[[], None], pool: BlockPool, *, max_wait: float
    ) -> None:
        self._policy, self._engine, self._refresh, self._pool = policy, engine, refresh, pool
        self.finished: Callable[[float, float], None] = getattr(policy, "finished", lambda latency, now: None)
        self._depends = depends_on(policy)
        self._max_wait = max_wait
        self._queue: RankQueue[Job] = RankQueue()
        self._oldest: deque[tuple[Job, int]] = deque()
        self._bucket: tuple[int, int, int] | None = None
        self._ranked = -math.inf
        self.rankings = 0

    def __len__(self) -> int:
        """How many wait."""
        return len(self._queue)

    def __contains__(self, job: Job) -> bool:
        """Whether it is among them."""
        return job in self._queue

    def add(self, job: Job, now: float) -> None:
        """A request begins to wait."""
        job.phase, job.waiting_since = WAITING, now
        view = job.view
        view.state = "waiting"
        self._look_up(job)
        if self._depends != "request":
            self._refresh()
        self._queue.push(job, self.rank(job), view.sequence)
        if self._max_wait < math.inf:
            job.stamp += 1
            self._oldest.append((job, job.stamp))

    def rank(self, job: Job) -> float:
        """The policy's rank; the engine's state counts as it was last refreshed."""
        if self._depends == "clock":
            job.view.now = self._engine.now
        return self._policy.rank(job.view)

    def rerank(self, job: Job) -> None:
        """Its prediction has changed."""
        self._queue.push(job, self.rank(job), job.view.sequence)

    def head(self, now: float) -> Job:
        """Who is to be admitted next; there must be one."""
        oldest = self._oldest
        while oldest:
            job, stamp = oldest[0]
            if job.stamp == stamp and job.phase == WAITING:
                if now - job.waiting_since > self._max_wait:
                    return job
                break
            oldest.popleft()
        job, looked = self._queue.peek(), 0
        while looked < LOOKED and self._look_up(job):
            self.rerank(job)
            job = self._queue.peek()
            looked += 1
        return job

    def remove(self, job: Job) -> None:
        """It waits no longer."""
        self._queue.remove(job)

    def tick(self, now: float) -> None:
        """Rank all again where the policy looks at the clock, or at an engine that has changed."""
        if self._depends == "request" or not self._queue:
            return
        if self._depends == "engine" and now - self._ranked < PATIENCE:
            return
        self._refresh()
        if self._depends == "clock":
            self._queue.rebuild({job: self.rank(job) for job in self._queue})
        else:
            engine = self._engine
            bucket = (
                round(math.log(engine.step_seconds) / BUCKET) if engine.step_seconds > 0 else 0,
                round(engine.prefill_tokens / 64),
                round(math.log(max(engine.context_tokens, 1)) / BUCKET),
            )
            if bucket == self._bucket:
                return
            self._bucket, self._ranked = bucket, now
            self._queue.rank_all(self._policy, engine, attrgetter("view"))
        self.rankings += 1

    def __iter__(self) -> Iterator[Job]:
        """All in order."""
        return iter(self._queue)

    def _look_up(self, job: Job) -> bool:
        """Note how much of the context is cached; say whether that is news."""
        if job.returning or not self._pool.caching:
            return False
        cached = float(self._pool.find(job.holding, job.view.context) * self._pool.size)
        if cached == job.view.cached:
            return False
        job.view.cached = cached
        return True
