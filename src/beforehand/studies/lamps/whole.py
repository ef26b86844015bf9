"""LAMPS on the whole conversation instead of its next segment, with all of it known: an ablation."""

from typing import Any, final

import numpy as np

from beforehand.core.trace import Trace
from beforehand.scheduling import memory_time
from beforehand.scheduling.policies.view import FIRST, View
from beforehand.scheduling.serving import EngineProfile, EngineView
from beforehand.studies.serving_baselines import Unstaged

DECODING, CONTEXT_TOKENS = 128, 20_000  # of the engine's state that stands for all


@final
class WholeConversation(Unstaged):
    """Least memory-time of all that is left of the conversation, its calls swapped, in an engine of a fixed state.

    Example:
        >>> from beforehand.scheduling.serving import PROFILES
        >>> trace = Trace("requests", {"arrival": [0.0], "prompt_tokens": [100], "output_tokens": [20]})
        >>> round(WholeConversation(trace, PROFILES["gptj-6b-a100-40g"]).rank(View(0.0, 0)), 1)
        51.5
    """

    __slots__ = ("_left",)

    def __init__(self, trace: Trace, profile: EngineProfile) -> None:
        engine = EngineView(profile=profile)
        engine.update(now=0.0, decoding=DECODING, context_tokens=CONTEXT_TOKENS)
        self._left: list[dict[int, float]] = []  # of each conversation: memory-time left, by output tokens before
        prompts, last = trace["prompt_tokens"], trace["output_tokens"]
        calls = trace.children.get("calls")
        offsets = calls.offsets if calls is not None else np.zeros(len(prompts) + 1, np.int64)
        for row, prompt in enumerate(prompts):
            low, high = int(offsets[row]), int(offsets[row + 1])
            segments = [
                (int(calls["output_tokens"][at]), int(calls["return_tokens"][at])) for at in range(low, high)
            ] if calls is not None else []  # fmt: skip
            self._left.append(_left(int(prompt), [*segments, (int(last[row]), -1)], engine))

    def rank(self, view: View) -> float:
        """What is left, or FIRST while it runs."""
        return FIRST if view.state == "running" else self._left[view.sequence][view.served]


def _left(prompt: int, segments: list[tuple[int, int]], engine: EngineView) -> dict[int, float]:
    """Memory-time from each segment on."""
    room, tau_p, tau_d = engine.prefill_tokens, engine.tau_p, engine.tau_d
    costs: list[float] = []
    new, held = prompt, 0
    for output, returned in segments:
        context = held + new
        cost: Any = memory_time.prefill(new, held, per_step=room, tau=tau_p)
        cost += memory_time.decode(context, output, tau=tau_d)
        held, new = context + output - 1, returned + 1
        if returned >= 0:
            cost += 2 * engine.costs.swap_seconds(held) * held
        costs.append(float(cost))
    served = np.concatenate(([0], np.cumsum([output for output, _ in segments])))[:-1]
    return dict(zip(served.tolist(), np.cumsum(costs[::-1])[::-1].tolist(), strict=True))
