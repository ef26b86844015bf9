"""A policy as an engine runs it: with numbers for what is automatic, and without predictions that say nothing."""

import math
from dataclasses import replace
from typing import Final, final

from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.classic import FCFS
from beforehand.scheduling.policies.policy import Policy, depends_on
from beforehand.scheduling.policies.shortest_work import ShortestWork
from beforehand.scheduling.policies.view import FIRST, View

BOOST: Final = 30.0  # s, where nothing was planned
FIRST_RANKS: Final = 64  # whose mean is the knee, where nothing was planned
SMALLEST_KNEE: Final = 1e-9
AGES: Final = (0.0, 1.0, 16.0, 256.0, 4096.0)  # at which a policy is asked whether it ever gives up a slot


@final
class LivePolicy:
    """The policy in force.

    Args:
        wanted: What the user has set. An automatic boost is 30 s; an automatic knee is the mean of the first 64 ranks,
            until which the guard has the log form.
        engine: Of the views that are ranked.
        max_preemptions: How often a request may lose its slot; 0 means never.
    """

    def __init__(self, wanted: Policy, engine: EngineView, max_preemptions: float) -> None:
        self._wanted = wanted
        self._engine = engine
        self._max_preemptions = max_preemptions
        learns = isinstance(wanted, Boosted) and wanted.knee == "auto"
        self._first_ranks: list[float] | None = [] if learns else None
        self._trusted = True
        self.moved = False  # whether all ranks must be computed anew
        self.reads_engine = depends_on(wanted) == "engine"
        self._settle(math.inf)
        self.reads_cached = self._reads_cached()

    def rank(self, view: View) -> float:
        """The rank of a request.

        Raises:
            ArithmeticError: the policy's answer is nan.
        """
        rank = self.policy.rank(view)
        if rank != rank:
            raise ArithmeticError(f"{self.policy} has ranked {view} as nan, but a rank must be a number")
        if self._first_ranks is not None and not view.started:
            self._learn_knee(view)
        return rank

    def trust(self, trusted: bool) -> None:
        """From now on with predictions, or without."""
        if trusted != self._trusted:
            self._trusted = trusted
            self._settle(self._knee)
            self.moved = True

    def _settle(self, knee: float) -> None:
        """Make the policy from what is wanted and known."""
        self._knee = knee
        policy = self._wanted
        if isinstance(policy, Boosted):
            policy = policy.frozen(boost=BOOST, knee=knee)
        self.policy: Policy = policy if self._trusted else without_predictions(policy)
        self.can_preempt = self._max_preemptions > 0 and self._gives_up_slots()

    def _learn_knee(self, view: View) -> None:
        """Take the mean of the first ranks as the knee."""
        assert isinstance(self._wanted, Boosted)
        assert self._first_ranks is not None
        self._first_ranks.append(self._wanted.inner.rank(view))
        if len(self._first_ranks) == FIRST_RANKS:
            mean = math.fsum(each for each in self._first_ranks if 0 < each < math.inf) / FIRST_RANKS
            self._first_ranks, self.moved = None, True
            self._settle(max(mean, SMALLEST_KNEE))

    def _gives_up_slots(self) -> bool:
        """Whether a running request may ever lose its slot to another."""
        policy = self.policy.inner if isinstance(self.policy, Boosted) else self.policy
        if isinstance(policy, FCFS):
            return False
        view = self._example()
        view.started, view.state = True, "running"
        for view.age in AGES:
            if policy.rank(view) > FIRST:
                return True
        return False

    def _reads_cached(self) -> bool:
        """Whether the share of a prompt in the prefix cache makes a difference."""
        view = self._example()
        before = self.policy.rank(view)
        view.cached = 512.0
        return self.policy.rank(view) != before

    def _example(self) -> View:
        view = View(0.0, 0, context=1024, max_tokens=1e6, engine=self._engine)
        view.cheap = view.predicted = view.remaining = 1e4
        if self._engine.tau_p != self._engine.tau_p:
            self._engine.update(now=0.0, decoding=0, context_tokens=0)
        return view


def without_predictions(policy: Policy) -> Policy:
    """The closest order that reads no prediction: by uncached prompt, or first come, first served."""
    inner = policy.inner if isinstance(policy, Boosted) else policy
    if not isinstance(inner, ShortestWork):
        return FCFS()
    blind = ShortestWork(decode=0)
    return replace(policy, inner=blind) if isinstance(policy, Boosted) else blind
