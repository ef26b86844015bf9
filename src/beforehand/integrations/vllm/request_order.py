"""The order of an engine's requests: what is known of each, its rank, and what finished ones have taught."""

import math
import time
from collections.abc import Callable, Collection
from typing import Any, Final, final

from beforehand.integrations.vllm.forecasts import Forecasts
from beforehand.integrations.vllm.hints import read_hints
from beforehand.integrations.vllm.live_policy import LivePolicy
from beforehand.integrations.vllm.overtaking import Overtaking
from beforehand.integrations.vllm.places import Place, Places
from beforehand.integrations.vllm.recording import Recording
from beforehand.integrations.vllm.refinement import Refinement
from beforehand.integrations.vllm.settings import Settings
from beforehand.integrations.vllm.slot_bound import SlotBound
from beforehand.integrations.vllm.step_clock import StepClock
from beforehand.integrations.vllm.tool_forecasts import ToolForecasts
from beforehand.integrations.vllm.tracked import Tracked
from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.policies.policy import rank_many
from beforehand.scheduling.policies.view import FIRST, View, columns_of

SOONEST: Final = 0.5  # s between two times that all ranks are computed anew because the engine's state has moved
LOOKED: Final = 8  # requests at the head of the queue whose share in the prefix cache is looked up again
AGAIN: Final = 0.1  # s between two such looks


@final
class RequestOrder:
    """Keys for the queues of one scheduler, and the state behind them. Knows nothing of vLLM but its requests' fields.

    Args:
        settings: What the user wants.
        max_model_len: Longest context of the model.
        max_batched_tokens: New tokens of an iteration.
        clock: Seconds that never go back.
        cached: From a request to the tokens that the prefix cache would save it now.
        tool_tokens: Ids of the tokens that begin a tool call.
        recording: Keeps what was served; None if nobody wants it.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        max_model_len: int,
        max_batched_tokens: int,
        clock: Callable[[], float] = time.monotonic,
        cached: Callable[[Any], int] = lambda request: 0,
        tool_tokens: Collection[int] = (),
        recording: Recording | None = None,
    ) -> None:
        self.settings = settings
        self.clock = clock
        self.engine = EngineView(max_batched_tokens=max_batched_tokens, profile=settings.profile)
        self.live = LivePolicy(settings.policy, self.engine, settings.max_preemptions)
        self.bound = SlotBound(settings.margin, settings.max_preemptions)
        self.forecasts = Forecasts(settings.lengths, trust_hints=settings.trust_hints)
        self.tools = ToolForecasts(settings.durations, tokens=tool_tokens, trust_hints=settings.trust_hints)
        self.recording = recording
        self.steps = StepClock(
            self.engine, clock, scaled=self.live.reads_engine, recorder=recording.steps if recording else None
        )
        self.refinement = Refinement.of(settings.probe)
        self.refinements = 0
        self.came: Callable[[Tracked], None] | None = None  # told of every request and segment
        self.tracked: dict[str, Tracked] = {}
        self.failure: Exception | None = None  # of a method that may not raise
        self.ignored_hints = 0
        self.forced_preemptions = 0
        self.overtaking = Overtaking(settings.max_wait)
        self._places = Places()
        self._max_model_len = max_model_len
        self._cached = cached
        self._taken: dict[str, Tracked] = {}  # left a queue in this step, and not put back
        self._began = math.nan
        self._looked = self._reranked = -math.inf
        self._bucket: tuple[int, ...] = ()

    # What the queues ask, while vLLM is in the middle of a step.

    def key(self, request: Any) -> tuple[float, int]:
        """The key of a request that waits, and its place among equals; the first call for a request takes it in.

        Never raises: what goes wrong is kept in `failure`.
        """
        try:
            tracked = self.tracked.get(request.request_id) or self._begin(request)
            self._taken.pop(request.request_id, None)
            tracked.view.state = "paused" if tracked.over else "waiting"  # a session waits here for its next input
            if not tracked.over:
                self.overtaking.waits(tracked)
            return self.rank(tracked), tracked.view.sequence
        except Exception as error:
            self.failure = self.failure or error
            return math.inf, len(self.tracked)

    def taken(self, request: Any) -> None:
        """The request has left its queue, to run or to be put back in this step."""
        tracked = self.tracked.get(request.request_id)
        if tracked is not None:
            tracked.view.state = "running"
            self._taken[request.request_id] = tracked

    # What the scheduler tells between its steps.

    def begin_step(self, waiting: Any, running: list[Any]) -> None:
        """An iteration begins: bring the queue up to date before its first requests are taken."""
        if self.failure is not None:
            raise self.failure
        self.bound.step()
        now = self.engine.now = self._began = self.clock()
        if self.live.reads_engine:
            self._observe(running, now)
        if not waiting:
            return
        for tracked in self.overtaking.overdue(now):
            tracked.urgent = True
            if tracked.request in waiting:
                waiting.add_request(tracked.request)
        if self.live.moved or self._engine_has_moved(now):
            self.live.moved = False
            self._rebuild(waiting)
        if self.live.reads_cached and now - self._looked >= AGAIN:
            self._looked = now
            self._look_up_heads(waiting)

    def end_step(self, tokens: dict[str, int], requests: dict[str, Any]) -> list[Tracked]:
        """vLLM has scheduled an iteration of these new tokens: the requests that began to run in it."""
        admitted = [tracked for id, tracked in self._taken.items() if id in self.tracked]
        for tracked in admitted:
            tracked.view.state = "running"
            if not tracked.view.started:
                tracked.view.started = True
                self.overtaking.starts(tracked)
            self.bound.runs(tracked.refresh(self.forecasts.outlived))
            if self.recording is not None:
                self.recording.admitted(tracked)
        self._taken.clear()
        self.steps.begun(self._began, tokens, requests)
        return admitted

    def updated(self) -> None:
        """vLLM has taken in the output of an iteration."""
        self.steps.ended()
        if self.recording is not None:
            self.recording.updated(self.clock())

    def refined(self, predictions: dict[str, Any]) -> None:
        """The worker's probe has seen these requests."""
        if self.refinement is not None:
            self.refinement(self.tracked, predictions)
            self.refinements += len(predictions)
            self.bound.forget()

    def rank(self, tracked: Tracked) -> float:
        """The request's rank now.

        Raises:
            ArithmeticError: the policy's answer is nan.
        """
        if tracked.urgent:
            return FIRST
        return self.live.rank(tracked.refresh(self.forecasts.outlived))

    def view(self, request: Any) -> View:
        """The view of a request that the engine holds, as it is now."""
        return self.tracked[request.request_id].refresh(self.forecasts.outlived)

    def arrange(self, running: list[Any], evicted: Callable[[list[Any]], int]) -> int:
        """Sort the running requests so that vLLM, which evicts the last, evicts those of the largest ranks: how many.

        Those that decode come before those whose prompt is still computed, as they do in vLLM's own order: a long
        prompt in front would take the tokens of the whole iteration. Only those to be evicted stand behind both.

        Args:
            running: vLLM's list.
            evicted: How many it will evict of requests in an order, from its end.
        """
        places = {}
        for request in running:
            tracked = self.tracked[request.request_id]
            places[request.request_id] = self.rank(tracked), tracked.view.sequence
        ranked = sorted(running, key=lambda request: places[request.request_id])
        count = evicted(ranked)
        stay = len(ranked) - count
        running[:] = sorted(ranked[:stay], key=lambda request: bool(request.is_prefill_chunk)) + ranked[stay:]
        return count

    def preempted(self, request: Any) -> None:
        """The request has lost its slot and is about to be queued again."""
        tracked = self.tracked.get(request.request_id)
        if tracked is not None:
            tracked.view.preemptions += 1

    def new_segment(self, request: Any) -> None:
        """A streaming session has received what comes after its pause."""
        old = self.tracked.pop(request.request_id, None)
        if old is not None:
            self._begin(request, old.place)

    def ended(self, request: Any, *, aborted: bool, paused: bool = False) -> Tracked | None:
        """An answer is over; its length counts unless it was aborted.

        Its view's `tool` is then the call that it has ended in, or None.

        Args:
            request: Whose answer it is.
            aborted: Whether the client has given up.
            paused: Whether a streaming session goes on: its request stays, until `new_segment`.
        """
        id = request.request_id
        tracked = self.tracked.get(id) if paused else self.tracked.pop(id, None)
        self._taken.pop(id, None)
        if tracked is None or tracked.over:
            return None
        tracked.over = True
        tokens, now = int(request.num_output_tokens), self.clock()
        tracked.view.state = "paused" if paused else "finished"
        tracked.place.served += tokens
        tracked.place.seen = now
        if not aborted:
            if self.forecasts.finished(tracked.forecast, tokens, tracked.hints.tenant):
                self.live.trust(self.forecasts.canary.trusted)
            self.tools.answered(tracked.place, tokens)
            call = self.tools.called(tracked.hints, tracked.view.tool, request.output_token_ids)
            tracked.view.tool = call
            self.tools.paused(tracked.place, call, tracked.hints, now=now, context=request.num_tokens)
        if self.recording is not None:
            self.recording.ended(tracked, now, aborted=aborted)
        return tracked

    def _begin(self, request: Any, place: Place | None = None) -> Tracked:
        now = self.clock()
        sampling = getattr(request, "sampling_params", None)
        hints = read_hints(getattr(sampling, "extra_args", None))
        self.ignored_hints += hints.ignored
        conversation = hints.conversation or getattr(request, "session_id", None) or ""
        if getattr(request, "resumable", False):
            conversation = conversation or request.request_id
        if hints.conversation or place is None:
            place = self._places.take(hints.tenant, conversation, now)
        else:
            place.turn, place.seen = place.turn + 1, now
        self.tools.returned(place, now=now, context=request.num_tokens)
        limit = float(max(min(request.max_tokens, self._max_model_len - request.num_prompt_tokens), 1))
        forecast = self.forecasts.first(hints, prompt=request.prompt_token_ids or (), limit=limit, turn=place.turn)
        view = View(
            arrival=place.arrival,
            sequence=place.sequence,
            cheap=forecast.tokens,
            predicted=forecast.tokens,
            tenant=hints.tenant,
            enqueued=now,
            context=request.num_tokens,
            cached=float(self._cached(request)) if self.live.reads_cached else 0.0,
            served=place.served,
            max_tokens=limit,
            tool=self.tools.expected(hints, place.turn - 1),
            engine=self.engine,
        )
        tracked = Tracked(request, view, hints, place, limit, forecast, conversation)
        self.tracked[request.request_id] = tracked
        if self.came is not None:
            self.came(tracked)
        return tracked

    def _observe(self, running: list[Any], now: float) -> None:
        """Bring the engine's view up to date."""
        context = sum(request.num_computed_tokens for request in running)
        decoding = sum(not request.is_prefill_chunk for request in running)
        self.engine.update(now=now, decoding=decoding, context_tokens=context, scale=self.steps.scale)

    def _engine_has_moved(self, now: float) -> bool:
        """Whether ranks that depend on the engine have to be computed anew: it has left its bucket of states."""
        if not self.live.reads_engine or now - self._reranked < SOONEST:
            return False
        engine = self.engine
        seconds = engine.step_seconds if engine.step_seconds > 0 else 1.0
        ratio = math.log(1.25)
        bucket = (
            round(math.log(seconds) / ratio),
            round(engine.prefill_tokens / 64),
            round(math.log(max(engine.context_tokens, 1)) / ratio),
        )
        if bucket == self._bucket:
            return False
        self._bucket, self._reranked = bucket, now
        return True

    def _rebuild(self, waiting: Any) -> None:
        """Compute the ranks of all that wait anew."""
        every = [self.tracked[request.request_id] for request in waiting.unordered()]
        columns = columns_of([each.refresh(self.forecasts.outlived) for each in every])
        ranks = rank_many(self.live.policy, columns, self.engine).tolist()
        waiting.rebuild(
            {each.request.request_id: FIRST if each.urgent else rank for each, rank in zip(every, ranks, strict=True)}
        )

    def _look_up_heads(self, waiting: Any) -> None:
        """The prefix cache may have grown or shrunk since the first in the queue came."""
        for _ in range(LOOKED):
            head = waiting.peek_request()
            tracked = self.tracked[head.request_id]
            if head.num_computed_tokens:
                return
            cached = float(self._cached(head))
            if cached == tracked.view.cached:
                return
            tracked.view.cached = cached
            waiting.add_request(head)
            if waiting.peek_request() is head:
                return
