"""vLLM's own scheduler and block pool in virtual time: the real classes, no model, and a profile's clock."""

import heapq
import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from vllm import SamplingParams
from vllm.utils.hashing import sha256
from vllm.v1.core.kv_cache_utils import get_request_block_hasher, init_none_hash
from vllm.v1.core.sched.scheduler import Scheduler
from vllm.v1.outputs import ModelRunnerOutput
from vllm.v1.request import Request
from vllm.v1.structured_output import StructuredOutputManager

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.integrations.vllm.conversations import Conversation, conversations
from beforehand.integrations.vllm.engine_shape import EngineShape


class Clock(Protocol):
    """What tells how long an iteration takes, such as an `EngineProfile`."""

    def step_seconds(self, n: int, context: float = 0, pairs: float = 0) -> float:
        """Seconds of an iteration of `n` new tokens."""


@final
@dataclass(frozen=True)
class VirtualStep:
    """One iteration: when it ended, who was preempted and admitted in it, and the new tokens of each request."""

    end: float
    tokens: Mapping[str, int]
    admitted: tuple[str, ...]
    preempted: tuple[str, ...]
    decoding: int
    used_blocks: int


@final
@dataclass(frozen=True, eq=False)
class VirtualRun:
    """What the scheduler did: arrays with one entry a conversation, in the trace's order, and every iteration."""

    arrival: NDArray[np.float64]
    finish: NDArray[np.float64]
    first_token: NDArray[np.float64]
    preemptions: NDArray[np.int64]
    steps: list[VirtualStep]
    free_blocks: tuple[int, int]  # before the first request, after the last
    left_behind: int  # requests that the scheduler still knows
    scheduler: Any

    @property
    def new_tokens(self) -> NDArray[np.int64]:
        """New tokens of every iteration."""
        return np.array([sum(step.tokens.values()) for step in self.steps], dtype=np.int64)


@final
@dataclass(slots=True)
class _State:
    conversation: Conversation
    segment: int = 0
    produced: int = 0  # output tokens of this segment
    context: int = 0  # tokens of the conversation so far, the newest output included
    first_token: float = np.nan
    finish: float = np.nan
    preemptions: int = 0


@final
@dataclass(slots=True)
class _Running:
    shape: EngineShape
    scheduler: Any
    hasher: Any
    states: list[_State]
    hints: Callable[[int, int], dict[str, Any]] | None
    priorities: NDArray[np.int64] | None
    renewed: bool
    events: list[tuple[float, int, int]] = field(default_factory=list)
    order: Any = field(default_factory=itertools.count)

    def later(self, when: float, number: int) -> None:
        heapq.heappush(self.events, (when, next(self.order), number))

    def enter(self, number: int, now: float) -> None:
        """Hand the conversation's next segment to the scheduler, as a client of the HTTP server does."""
        state = self.states[number]
        conversation, segment = state.conversation, state.segment
        state.context += conversation.added[segment]
        state.produced = 0
        extra = self.hints(number, segment) if self.hints is not None else None
        last = state.context + conversation.outputs[segment] - 1
        wanted = SamplingParams(
            max_tokens=self.shape.max_model_len,  # the scheduler is not told how long the answer will be
            stop_token_ids=conversation.tokens(last, last + 1),
            ignore_eos=True,
            temperature=0.0,
            extra_args=extra,
        )
        priority = int(self.priorities[number]) if self.priorities is not None else 0
        self.scheduler.add_request(
            Request(
                request_id=f"{number}.{segment}",
                prompt_token_ids=conversation.tokens(0, state.context),
                sampling_params=wanted,
                pooling_params=None,
                arrival_time=now if self.renewed else conversation.arrival,
                priority=priority,
                block_hasher=self.hasher,
            )
        )

    def leave(self, number: int, now: float) -> None:
        """A segment has ended: the conversation is over, or waits for its tool."""
        state = self.states[number]
        if state.segment == len(state.conversation.outputs) - 1:
            state.finish = now
            return
        self.later(now + state.conversation.calls[state.segment], number)
        state.segment += 1


def run_scheduler(
    requests: Trace,
    *,
    profile: Clock,
    shape: EngineShape | None = None,
    scheduler: type[Any] = Scheduler,
    priorities: ArrayLike | None = None,
    resume: str = "return",
    hints: Callable[[int, int], dict[str, Any]] | None = None,
    additional: dict[str, Any] | None = None,
) -> VirtualRun:
    """Let vLLM's scheduler serve a trace of requests, each iteration lasting as long as the profile says.

    A tool call is a new request with the longer prompt, as over HTTP. Prompts differ from each other, but for shared
    prefixes, so that the prefix cache finds what it would find.

    Args:
        requests: A trace of kind `requests`.
        profile: What tells the seconds of an iteration.
        shape: The engine's limits.
        scheduler: vLLM's class, or one derived from it.
        priorities: One integer a conversation for `policy="priority"`; the lowest first.
        resume: "return" gives a segment after a call the time of its return as arrival, "original" that of the
            conversation.
        hints: From conversation and segment to what the client sends as `extra_args`.
        additional: `additional_config` of the engine.

    Raises:
        InvalidInput: The trace is of another kind, or `resume` is unknown.
        RuntimeError: The scheduler stands still although requests wait.
    """
    if resume not in ("return", "original"):
        raise InvalidInput(f"resume is {resume!r}, but must be 'return' or 'original'")
    shape = EngineShape() if shape is None else shape
    talks = conversations(requests)
    whole, caches = shape.configs(additional)
    init_none_hash(sha256)
    served = scheduler(
        vllm_config=whole,
        kv_cache_config=caches,
        structured_output_manager=StructuredOutputManager(whole),
        block_size=shape.block_size,
        hash_block_size=shape.block_size,
        log_stats=False,
    )
    run = _Running(
        shape=shape,
        scheduler=served,
        hasher=get_request_block_hasher(shape.block_size, sha256) if shape.prefix_caching else None,
        states=[_State(talk) for talk in talks],
        hints=hints,
        priorities=None if priorities is None else np.asarray(priorities, dtype=np.int64),
        renewed=resume == "return",
    )
    for number, talk in enumerate(talks):
        run.later(talk.arrival, number)
    pool = served.kv_cache_manager.block_pool
    before = pool.get_num_free_blocks()
    steps = _serve(run, profile)
    served.schedule()  # tells the workers of the last that finished, and forgets them
    return VirtualRun(
        arrival=np.array([talk.arrival for talk in talks]),
        finish=np.array([state.finish for state in run.states]),
        first_token=np.array([state.first_token for state in run.states]),
        preemptions=np.array([state.preemptions for state in run.states], dtype=np.int64),
        steps=steps,
        free_blocks=(before, pool.get_num_free_blocks()),
        left_behind=len(served.requests),
        scheduler=served,
    )


def _serve(run: _Running, profile: Clock) -> list[VirtualStep]:
    now, steps = 0.0, []
    served = run.scheduler
    if hasattr(served, "clock"):
        served.clock = lambda: now
    while run.events or served.get_num_unfinished_requests():
        while run.events and run.events[0][0] <= now:
            run.enter(heapq.heappop(run.events)[2], now)
        if not served.get_num_unfinished_requests():
            now = run.events[0][0]
            continue
        before = {request.request_id: request.num_preemptions for request in served.requests.values()}
        running = {request.request_id for request in served.running}
        planned = served.schedule()
        tokens = dict(planned.num_scheduled_tokens)
        now_known = served.requests
        preempted = tuple(n for n, old in before.items() if n in now_known and now_known[n].num_preemptions > old)
        for name in preempted:
            run.states[int(name.split(".")[0])].preemptions += 1
        if not tokens:
            if preempted:  # whoever made room for itself is admitted again in the next step
                continue
            if not run.events:
                raise RuntimeError(
                    f"stall: at {now} s nothing runs and nothing will come, but {len(served.requests)} requests wait"
                )
            now = max(now, run.events[0][0])
            continue
        decoding, seconds = _load(served, tokens, profile)
        now += seconds
        used = served.kv_cache_manager.block_pool
        steps.append(
            VirtualStep(
                end=now,
                tokens=tokens,
                admitted=tuple(name for name in tokens if name not in running or name in preempted),
                preempted=preempted,
                decoding=decoding,
                used_blocks=used.num_gpu_blocks - 1 - used.get_num_free_blocks(),
            )
        )
        _answer(run, planned, now)
    return steps


def _load(served: Any, tokens: Mapping[str, int], profile: Clock) -> tuple[int, float]:
    """How many requests decode, and the seconds of the iteration: after `schedule`, computed tokens include the new."""
    decoding = context = pairs = 0
    for name, new in tokens.items():
        request = served.requests[name]
        computed = request.num_computed_tokens
        if new == 1 and request.num_output_tokens and computed == request.num_tokens:
            decoding += 1
            context += computed
        else:
            pairs += new * (computed - new) + new * (new + 1) // 2
    return decoding, float(profile.step_seconds(sum(tokens.values()), context, pairs))


def _answer(run: _Running, planned: Any, now: float) -> None:
    """Sample a token for every request whose prompt is complete, and tell the scheduler."""
    names = list(planned.num_scheduled_tokens)
    sampled: list[list[int]] = []
    for name in names:
        request = run.scheduler.requests[name]
        state = run.states[int(name.split(".")[0])]
        if request.num_computed_tokens < request.num_tokens:
            sampled.append([])
            continue
        sampled.append(state.conversation.tokens(state.context, state.context + 1))
        state.context += 1
        state.produced += 1
        if np.isnan(state.first_token):
            state.first_token = now
    output = ModelRunnerOutput(
        req_ids=names, req_id_to_index={name: at for at, name in enumerate(names)}, sampled_token_ids=sampled
    )
    for batch in run.scheduler.update_from_output(planned, output).values():
        for result in batch.outputs:
            if result.finish_reason is not None:
                run.leave(int(result.request_id.split(".")[0]), now)
