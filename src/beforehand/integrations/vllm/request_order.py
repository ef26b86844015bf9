"""The order of an engine's requests: what is known of each, its rank, and what finished ones have taught."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, final

from beforehand.integrations.vllm.hints import Hints, read_hints
from beforehand.integrations.vllm.lengths import ClaimedLengths, FinishedLengths
from beforehand.integrations.vllm.places import Place, Places
from beforehand.integrations.vllm.refinement import Refinement
from beforehand.integrations.vllm.settings import Settings
from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.classic import FCFS
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.policies.view import FIRST, View

BOOST: Final = 30.0  # s, where nothing was planned
FIRST_RANKS: Final = 64  # whose mean is the knee, where nothing was planned
STEPS: Final = 32  # half-life of the mean duration of an iteration
SMALLEST_KNEE: Final = 1e-9
AGES: Final = (0.0, 1.0, 16.0, 256.0, 4096.0)  # at which a policy is asked whether it ever gives up a slot


@final
@dataclass(slots=True, eq=False)
class Tracked:
    """A request that the engine holds."""

    request: Any
    view: View
    hints: Hints
    place: Place
    limit: float  # output tokens at most
    claimed: float = math.nan  # what the client said, if clients are trusted
    predicted: bool = False  # whether somebody predicted, or it is the mean
    refined: float = math.nan  # tokens left by the newest prediction of a probe
    refined_age: float = 0.0
    posterior: Any = None  # by the probe: smoothed probabilities of what is left
    first_token: float = math.nan


@final
class RequestOrder:
    """Keys for the queues of one scheduler, and the state behind them. Knows nothing of vLLM but its requests' fields.

    Args:
        settings: What the user wants.
        max_model_len: Longest context of the model.
        max_batched_tokens: New tokens of an iteration.
        block_size: Tokens of a block of the KV cache.
        clock: Seconds that never go back.
        cached: From a request to the tokens that the prefix cache would save it now.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        max_model_len: int,
        max_batched_tokens: int,
        block_size: int,
        clock: Callable[[], float] = time.monotonic,
        cached: Callable[[Any], int] = lambda request: 0,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.tracked: dict[str, Tracked] = {}
        self.places = Places()
        self.lengths = FinishedLengths()
        self.claims = ClaimedLengths()
        self.engine = EngineView(max_batched_tokens=max_batched_tokens)
        self._refinement = Refinement.of(settings.probe)
        self.failure: Exception | None = None  # of a method that may not raise
        self.came: Callable[[Tracked], None] | None = None  # told of every request and segment
        self.ignored_hints = 0
        self.forced_preemptions = 0
        self._max_model_len = max_model_len
        self._block_size = block_size
        self._cached = cached
        self._began = math.nan  # s; when the iteration now running began
        self._ended = -math.inf
        self._taken: dict[str, Tracked] = {}  # left a queue in this step, and not put back
        self._wanted = settings.policy
        learns = isinstance(self._wanted, Boosted) and self._wanted.knee == "auto"
        self._first_ranks: list[float] | None = [] if learns else None
        self.policy: Policy = (
            self._wanted.frozen(boost=BOOST, knee=math.inf) if isinstance(self._wanted, Boosted) else self._wanted
        )
        self.moved = False  # whether all keys must be computed anew
        self.can_preempt = settings.max_preemptions > 0 and self._gives_up_slots()

    # What the queues ask; vLLM is in the middle of a step then.

    def key(self, request: Any) -> tuple[float, int]:
        """The key of a request that waits, and its place among equals; the first call for a request takes it in."""
        try:
            tracked = self.tracked.get(request.request_id) or self._begin(request)
            self._taken.pop(request.request_id, None)
            tracked.view.state = "waiting"
            return self.rank(tracked), tracked.view.sequence
        except Exception as error:
            self.failure = self.failure or error
            return math.inf, len(self.tracked)

    def taken(self, request: Any) -> None:
        """The request has left its queue."""
        tracked = self.tracked.get(request.request_id)
        if tracked is not None:
            self._taken[request.request_id] = tracked

    # What the scheduler tells between its steps.

    def rank(self, tracked: Tracked) -> float:
        """The request's rank now.

        Raises:
            ArithmeticError: the policy's answer is nan.
        """
        view = self.refresh(tracked)
        rank = self.policy.rank(view)
        if rank != rank:
            raise ArithmeticError(f"{self.policy} ranked {view} as nan")
        if self._first_ranks is not None and not view.started:
            self._learn_knee(view)
        return rank

    def refresh(self, tracked: Tracked) -> View:
        """The request's view, as it is now."""
        view, request = tracked.view, tracked.request
        age = view.age = float(request.num_output_tokens)
        view.context = request.num_tokens
        view.resident = request.num_computed_tokens
        left = tracked.refined - (age - tracked.refined_age)
        if left != left:
            left = view.predicted - age
        view.remaining = min(max(left, 1.0), max(tracked.limit - age, 1.0))
        return view

    def admitted(self) -> list[Tracked]:
        """The requests that have begun to run since the last call."""
        found = [each for id, each in self._taken.items() if id in self.tracked]
        self._taken.clear()
        for tracked in found:
            tracked.view.state = "running"
            tracked.view.started = True
        return found

    def begin_step(self) -> None:
        """An iteration begins."""
        self.engine.now = self._began = self.clock()

    def end_step(self, tokens: int) -> list[Tracked]:
        """vLLM has scheduled an iteration of this many new tokens: the requests that began to run in it."""
        return self.admitted()

    def tidy(self, waiting: Any) -> None:
        """Bring the queue up to date before its first requests are taken."""
        if self.moved:
            self.moved = False
            tracked = (self.tracked[request.request_id] for request in waiting.unordered())
            waiting.rebuild({each.request.request_id: self.rank(each) for each in tracked})

    def arrange(self, running: list[Any]) -> None:
        """Sort the running requests so that vLLM, which evicts the last, evicts the one of the largest rank.

        Those that decode come before those whose prompt is still computed, as they do in vLLM's own order: a long
        prompt in front would take the tokens of the whole iteration. Only the one to be evicted stands behind both.
        """
        places = {id(request): self._place(request) for request in running}
        last = max(running, key=lambda request: places[id(request)])
        running.sort(key=lambda request: (request is last, request.is_prefill_chunk, places[id(request)]))

    def _place(self, request: Any) -> tuple[float, int]:
        tracked = self.tracked[request.request_id]
        return self.rank(tracked), tracked.view.sequence

    def view(self, request: Any) -> View:
        """The view of a request that the engine holds, as it is now."""
        return self.refresh(self.tracked[request.request_id])

    def refined(self, predictions: dict[str, Any]) -> None:
        """The worker's probe has seen these requests: probabilities of tokens left."""
        if self._refinement is not None:
            self._refinement(self.tracked, predictions)

    def new_segment(self, request: Any) -> None:
        """A streaming session has received what comes after its pause."""
        old = self.tracked.pop(request.request_id, None)
        if old is not None:
            old.place.served += int(old.view.age)
            self._begin(request, old.place)

    def preempted(self, request: Any) -> None:
        """The request has lost its slot and is about to be queued again."""
        tracked = self.tracked.get(request.request_id)
        if tracked is not None:
            tracked.view.preemptions += 1

    def finished(self, request: Any, *, aborted: bool) -> Tracked | None:
        """The request is over; its length counts unless it was aborted."""
        tracked = self.tracked.pop(request.request_id, None)
        self._taken.pop(request.request_id, None)
        if tracked is None:
            return None
        tokens = int(request.num_output_tokens)
        tracked.place.served += tokens
        tracked.place.seen = self.clock()
        if not aborted:
            self.lengths.add(tokens)
            if tracked.claimed == tracked.claimed:
                self.claims.add(tracked.hints.tenant, tracked.claimed, tokens)
        return tracked

    def _begin(self, request: Any, place: Place | None = None) -> Tracked:
        now = self.clock()
        sampling = getattr(request, "sampling_params", None)
        hints = read_hints(getattr(sampling, "extra_args", None))
        self.ignored_hints += hints.ignored
        name = hints.conversation or getattr(request, "session_id", None) or ""
        if name or place is None:
            place = self.places.take(hints.tenant, name, now)
        limit = float(max(min(request.max_tokens, self._max_model_len - request.num_prompt_tokens), 1))
        view = View(
            arrival=place.arrival,
            sequence=place.sequence,
            tenant=hints.tenant,
            enqueued=now,
            context=request.num_tokens,
            served=place.served,
            max_tokens=limit,
            engine=self.engine,
            cached=float(self._cached(request)),
        )
        tracked = Tracked(request, view, hints, place, limit)
        self._predict(tracked)
        self.tracked[request.request_id] = tracked
        if self.came is not None:
            self.came(tracked)
        return tracked

    def _predict(self, tracked: Tracked) -> None:
        hints = tracked.hints
        length = self.lengths.mean
        if self.settings.trust_hints and hints.predicted_tokens == hints.predicted_tokens:
            tracked.claimed = hints.predicted_tokens
            tracked.predicted = True
            length = self.claims.corrected(hints.tenant, hints.predicted_tokens)
        tracked.view.predicted = tracked.view.cheap = min(max(length, 1.0), tracked.limit)

    def _learn_knee(self, view: View) -> None:
        """Take the mean of the first ranks as the knee."""
        assert isinstance(self._wanted, Boosted)
        assert self._first_ranks is not None
        self._first_ranks.append(self._wanted.inner.rank(view))
        if len(self._first_ranks) == FIRST_RANKS:
            mean = math.fsum(each for each in self._first_ranks if 0 < each < math.inf) / FIRST_RANKS
            self.policy = self._wanted.frozen(boost=BOOST, knee=max(mean, SMALLEST_KNEE))
            self._first_ranks, self.moved = None, True

    def _gives_up_slots(self) -> bool:
        """Whether a running request may lose its slot to another, by the policy."""
        policy = self.policy.inner if isinstance(self.policy, Boosted) else self.policy
        if isinstance(policy, FCFS):
            return False
        view = View(0.0, 0, started=True, state="running", context=1, engine=self.engine)
        view.cheap = view.predicted = view.remaining = 1e6
        for view.age in AGES:
            if policy.rank(view) > FIRST:
                return True
        return False
