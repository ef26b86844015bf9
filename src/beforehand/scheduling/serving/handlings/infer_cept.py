"""INFERCEPT's handling: keep while that wastes least, by the time that a call has taken so far."""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Literal, final, get_args

from beforehand.scheduling.inputs import finite, flag, one_of, settle
from beforehand.scheduling.memory_time import whole_blocks
from beforehand.scheduling.policies.label import label
from beforehand.scheduling.policies.view import View
from beforehand.scheduling.serving.handlings.handling import Decision, engine_of, held, pause_wastes

Estimate = Literal["elapsed", "predicted"]


@final
@dataclass(frozen=True, slots=True)
class InferCept:
    """Preserve while that wastes least, then swap as far as the copies hide behind the iteration, else discard.

    Args:
        estimate: How long a call will still take: `"elapsed"`, as long as it has taken, needs no prediction;
            `"predicted"` is the engine's prediction, and the truth where the engine knows it.
        swap: Whether it may swap.
        period: Seconds until a preserved request is looked at again.

    Guarantee:
        With `estimate="elapsed"` and wastes that do not change, a call wastes at most twice what it would if its
        duration were known, and `period` seconds of preserving on top.

    Raises:
        InvalidInput: an option is out of range; in `decide`, a view has no engine.

    Example:
        >>> from beforehand.scheduling.engine_profile import PROFILES
        >>> from beforehand.scheduling.policies.view import ToolView
        >>> from beforehand.scheduling.engine_view import EngineView
        >>> engine = EngineView(profile=PROFILES["gptj-6b-a100-40g"])
        >>> engine.update(now=0.0, decoding=128, context_tokens=20_000)
        >>> view = View(arrival=0.0, sequence=0, resident=1040, tool=ToolView(elapsed=0.1), engine=engine)
        >>> InferCept().decide(view)
        ('preserve', 0.01)
        >>> view.tool.elapsed = 30.0
        >>> InferCept().decide(view)
        ('discard', inf)

    Reference:
        Abhyankar, He, Srivatsa, Zhang, Zhang: InferCept: Efficient Intercept Support for Augmented Large Language Model
        Inference. arXiv:2402.01869.
    """

    _: KW_ONLY
    estimate: Estimate = "elapsed"
    swap: bool = True
    period: float = 0.01

    def __post_init__(self) -> None:
        """Validate the fields."""
        one_of("estimate", self.estimate, get_args(Estimate))
        settle(self, swap=flag("swap", self.swap), period=finite("period", self.period, above=True))

    __str__ = label

    def decide(self, view: View) -> Decision:
        """As `decide_all`, for one request."""
        return self.decide_all([view])[0]

    def decide_all(self, views: Sequence[View]) -> list[Decision]:
        """Which requests to preserve, swap and discard; those that save most by leaving are swapped first.

        Swaps are begun while what was swapped in this call takes less time to copy than an iteration.
        """
        decisions: list[Decision] = [("preserve", self.period)] * len(views)
        wasted = [pause_wastes(view, self._seconds(view)) for view in views]
        leaving = [
            place for place, each in enumerate(wasted) if each.least(swap=self.swap) != "preserve"
        ]  # nan, an unknown duration, leaves
        leaving.sort(key=lambda place: -min(wasted[place].discard, wasted[place].swap))
        copied = 0.0
        for place in leaving:
            view, waste = views[place], wasted[place]
            engine = engine_of(view)
            costs = engine.costs
            blocks = whole_blocks(held(view), costs.block_size)
            step = engine.tau_d if engine.step_seconds != engine.step_seconds else engine.step_seconds
            hidden = (step - costs.swap_latency) * costs.swap_bytes_per_second / costs.kv_bytes_per_token
            swappable = self.swap and copied < hidden and copied + blocks <= engine.free_host_tokens
            if swappable and waste.swap <= waste.discard:
                copied += blocks
                decisions[place] = "swap", math.inf
            elif not waste.preserve <= waste.discard:
                decisions[place] = "discard", math.inf
        return decisions

    def _seconds(self, view: View) -> float:
        if view.tool is None:
            return math.nan
        return view.tool.elapsed if self.estimate == "elapsed" else view.tool.seconds
