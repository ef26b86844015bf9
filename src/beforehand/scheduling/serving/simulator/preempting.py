"""Who loses its place to whom: the best request that waits against the worst that runs."""

import math
from collections.abc import Mapping
from typing import final

from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.policies.classic import FCFS
from beforehand.scheduling.policies.policy import Policy, is_timed
from beforehand.scheduling.policies.view import FIRST, View
from beforehand.scheduling.serving.ordering.preemption import LEAST_RANK, select_victims
from beforehand.scheduling.serving.simulator.forecasts import Forecasts
from beforehand.scheduling.serving.simulator.job import Job


@final
class Preempting:
    """Calls `select_victims` when it can have an answer.

    While a request runs its rank only falls, until its prediction is renewed or `review_age` comes: so the largest key
    among those who run, once computed, remains an upper bound, and most iterations need no other.
    """

    def __init__(
        self,
        policy: Policy,
        running: Mapping[Job, None],
        forecasts: Forecasts,
        engine: EngineView,
        *,
        margin: float,
        most: float,
    ) -> None:
        self._policy, self._running, self._forecasts, self._engine = policy, running, forecasts, engine
        constant = isinstance(policy, FCFS) or getattr(policy, "boost", math.inf) == 0
        self._margin, self._most = margin, 0.0 if constant else most  # equal ranks never overtake each other
        self._timed = is_timed(policy)
        boost = getattr(policy, "boost", math.inf)
        self._inner = getattr(policy, "inner", policy) if boost < math.inf else policy
        self._boost = boost
        self._slack = margin * boost if 0 < boost < math.inf else margin if boost else 0.0
        self._bound = -math.inf

    @property
    def possible(self) -> bool:
        """Whether anybody who runs could lose its place."""
        return self._most > 0 and (self._bound > FIRST or self._timed)

    def rank(self, job: Job, iteration: int) -> tuple[float, int]:
        """Rank and sequence of one that runs, now."""
        self._update(job, iteration)
        return self._policy.rank(job.view), job.view.sequence

    def consider(self, job: Job, iteration: int) -> bool:
        """It has begun to run, or its rank may have risen; say whether it can lose its place at all."""
        if job.view.preemptions >= self._most:
            return False
        self._update(job, iteration)
        key = self._key(job.view)
        if key > self._bound:
            self._bound = key
        return key > FIRST

    def pick(self, head: Job, iteration: int) -> Job | None:
        """Who has to make room for the first that waits, there being no free place; None: nobody."""
        if not self._timed and not self._key(head.view) + self._slack < self._bound:
            return None
        guarded, most, policy_rank = self._boost < math.inf, self._most, self._policy.rank
        worst, largest, last, bound = None, FIRST, -1, FIRST
        for job in self._running:
            view = job.view
            if view.preemptions >= most:
                continue
            self._update(job, iteration)
            rank = policy_rank(view)
            if rank == FIRST:
                continue
            if guarded:
                bound = max(bound, self._key(view))
            if rank > largest or (rank == largest and view.sequence > last):
                worst, largest, last = job, rank, view.sequence
        self._bound = bound if guarded or worst is None else math.log(max(largest, LEAST_RANK))
        if worst is None:
            return None
        victims = select_victims(
            self._policy, head.view, [worst.view], free_slots=0, margin=self._margin, max_preemptions=self._most
        )
        return worst if victims else None

    def _update(self, job: Job, iteration: int) -> None:
        job.settle(iteration)
        self._forecasts.left(job)
        if self._timed:
            job.view.now = self._engine.now

    def _key(self, view: View) -> float:
        """What `select_victims` compares: the arrival plus a head start; without a guard the logarithm of the rank."""
        rank = self._inner.rank(view)
        if rank == FIRST:
            return FIRST
        size = math.log(rank if rank > LEAST_RANK else LEAST_RANK)
        return size if self._boost == math.inf else view.arrival + self._boost * size
