"""LAMPS: an LLM request ranked by the KV memory that it will hold, times how long, tool call included."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import memory_time
from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.inputs import flag, settle
from beforehand.scheduling.policies.classic import wanted
from beforehand.scheduling.policies.label import label
from beforehand.scheduling.policies.shortest_work import engine_of, left_of, uncached
from beforehand.scheduling.policies.view import FIRST, UNKNOWN, By, ToolView, View

SEEN_NOTHING: Final = 32.0  # tokens that a tool returns, or the next answer has, before anything is known


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LAMPS:
    """Least memory over time first: the token-seconds of KV cache that a request will still hold, non-preemptive.

    It counts the prefill, the answer, what the expected handling of the tool call at its end holds meanwhile, and the
    next answer. Requests that call no tool are ranked by their memory-time too.

    Args:
        after: Whether the answer after the tool call counts.

    Raises:
        InvalidInput: an option is out of range; a view has no engine, or one that was never updated.

    Example:
        >>> from beforehand.scheduling.serving import EngineView
        >>> engine = EngineView()
        >>> engine.update(now=0.0, decoding=8, context_tokens=4000)
        >>> request = View(arrival=0.0, sequence=0, context=1000, remaining=41.0, engine=engine)
        >>> round(LAMPS().rank(request))
        590

    Reference:
        Shahout, Liang, Xin, Lao, Cui, Yu, Mitzenmacher: Fast Inference for Augmented Large Language Models.
        arXiv:2410.18248.
    """

    after: bool = True
    depends_on: ClassVar[str] = "engine"

    def __post_init__(self) -> None:
        """Validate the fields."""
        settle(self, after=flag("after", self.after))

    __str__ = label

    def rank(self, view: View) -> float:
        """Remaining memory-time, until it runs."""
        engine = _updated(self, view.engine)
        if view.state == "running":
            return FIRST
        left = view.left("expensive")
        if left >= UNKNOWN:
            return UNKNOWN
        left, context, copy = max(left, 1.0), view.context, 0.0
        if view.resident > 0:
            held = view.resident
        elif view.host > 0:
            held, copy = view.host, engine.costs.swap_seconds(view.host) * view.host
        else:
            held = int(view.cached)
        room = engine.prefill_tokens
        total = memory_time.prefill(max(context - held, 1), held, per_step=room, tau=engine.tau_p) + copy
        total += memory_time.decode(context, left, tau=engine.tau_d)
        if view.tool is not None and view.tool.probability > 0:
            pause = self._pause(context + left - 1, view.tool, engine)
            total += view.tool.probability * (pause if pause < UNKNOWN else UNKNOWN)  # nan where it is out of range
        return float(min(max(total, 1.0), UNKNOWN))

    def _pause(self, context: float, tool: ToolView, engine: EngineView) -> float:
        """Memory-time of the call that begins with so many tokens in the cache, and of the answer after it."""
        costs, room = engine.costs, engine.prefill_tokens
        blocks = memory_time.whole_blocks(context, costs.block_size)
        wastes = memory_time.wastes(context, tool.seconds, engine)
        total: float
        match wastes.least(swap=engine.free_host_tokens >= blocks):
            case "preserve":
                total = tool.seconds * blocks
            case "discard":
                total = memory_time.prefill(context, 0, per_step=room, tau=engine.tau_p)
            case "swap":
                total = 2 * costs.swap_seconds(context) * context
        if self.after:
            back, more = _known(tool.return_tokens), _known(tool.after_tokens)
            total += memory_time.prefill(back + 1, context, per_step=room, tau=engine.tau_p)
            total += memory_time.decode(context + back + 1, more, tau=engine.tau_d)
        return float(total)

    def rank_many(self, columns: Mapping[str, NDArray[Any]], engine: EngineView | None) -> NDArray[np.float64]:
        """The ranks of many waiting requests; see `Policy`."""
        engine = _updated(self, engine)
        costs, room, context = engine.costs, engine.prefill_tokens, columns["context"]
        (new, held, from_host), left = uncached(columns), left_of(columns)
        known = np.where(left < UNKNOWN, left, 1.0)
        total = memory_time.prefill(new, held, per_step=room, tau=engine.tau_p)
        total = total + np.where(from_host, costs.swap_seconds(held) * held, 0.0)
        total = total + memory_time.decode(context, known, tau=engine.tau_d)
        calls = columns["tool_probability"] > 0
        if calls.any():
            held, seconds = (context + known - 1)[calls], columns["tool_seconds"][calls]
            blocks = memory_time.whole_blocks(held, costs.block_size)
            wastes = memory_time.wastes(held, seconds, engine)
            preserve, discard = np.nan_to_num(wastes.preserve, nan=np.inf), wastes.discard
            swap = np.where(engine.free_host_tokens >= blocks, wastes.swap, np.inf)
            pause = np.where(
                (preserve <= swap) & (preserve <= discard),
                seconds * blocks,
                np.where(
                    swap <= discard,
                    2 * costs.swap_seconds(held) * held,
                    memory_time.prefill(held, 0.0, per_step=room, tau=engine.tau_p),
                ),
            )
            if self.after:
                back = np.nan_to_num(columns["tool_return_tokens"][calls], nan=SEEN_NOTHING)
                more = np.nan_to_num(columns["tool_after_tokens"][calls], nan=SEEN_NOTHING)
                pause = pause + memory_time.prefill(back + 1, held, per_step=room, tau=engine.tau_p)
                pause = pause + memory_time.decode(held + back + 1, more, tau=engine.tau_d)
            pause = np.where(pause < UNKNOWN, pause, UNKNOWN)  # nan where it is out of range
            total[calls] += columns["tool_probability"][calls] * pause
        return np.where(left < UNKNOWN, np.clip(total, 1.0, UNKNOWN), UNKNOWN)

    def review_age(self, view: View) -> float:
        """Never."""
        return math.inf

    def asks(self, view: View) -> By | None:
        """The expensive prediction."""
        return wanted(view, "expensive")

    def stages(self) -> None:
        """None: they know no engine."""
        return None


def _updated(policy: LAMPS, engine: EngineView | None) -> EngineView:
    engine = engine_of(policy, engine)
    if engine.tau_p != engine.tau_p or engine.tau_d != engine.tau_d:
        raise InvalidInput(f"{policy} needs the engine's tau_d and tau_p, but they are nan; call EngineView.update()")
    return engine


def _known(tokens: float) -> float:
    return tokens if tokens == tokens else SEEN_NOTHING
