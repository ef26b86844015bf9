"""What handlings waste: each call judged by its true duration, when it is decided."""

import math
from collections.abc import Mapping
from typing import Any, final

import numpy as np

from beforehand.core.trace import Trace
from beforehand.scheduling.policies.view import View
from beforehand.scheduling.serving import FCFS, Handling, ToolDurations, simulate
from beforehand.scheduling.serving.handlings.handling import Decision, pause_wastes
from beforehand.studies.lamps.engines import HOST_TOKENS, Engine


@final
class Judged:
    """A handling that predicts durations by the mean of each tool, and what it wastes.

    The engine must know durations exactly; the handling inside is shown means instead, unless it is clairvoyant.

    Args:
        inner: The handling.
        means: Seconds by tool; None shows it the truth.

    Attributes:
        wasted: Token-seconds that others lost, by the engine's state at each decision.
        least: What they would have lost had each call's duration been known.
    """

    def __init__(self, inner: Handling, means: Mapping[str, float] | None) -> None:
        self._inner, self._means = inner, means
        self.wasted = self.least = 0.0

    def decide(self, view: View) -> Decision:
        """The inner handling's decision."""
        assert view.tool is not None
        left, elapsed = view.tool.seconds, view.tool.elapsed
        each = pause_wastes(view, elapsed + left)
        if not elapsed:
            self.least += min(each)
        if self._means is not None:
            view.tool.seconds = max(self._means[view.tool.name] - elapsed, 0.0)
        action, again = self._inner.decide(view)
        view.tool.seconds = left
        if action != "preserve":
            self.wasted += (pause_wastes(view, elapsed).preserve if elapsed else 0.0) + getattr(each, action)
        elif again >= left:
            self.wasted += each.preserve
        return action, again


def tool_means(trace: Trace) -> dict[str, float]:
    """The mean duration of each tool's calls."""
    calls = trace.children["calls"]
    return {str(tool): float(calls["seconds"][calls["tool"] == tool].mean()) for tool in np.unique(calls["tool"])}


def wasted_over_least(engine: Engine, trace: Trace, inner: Handling, *, knows: bool = False) -> tuple[float, float]:
    """What a handling wastes over what knowledge of each duration would, and its share of the memory's time.

    Args:
        engine: The engine, first come, first served.
        trace: The conversations.
        inner: The handling.
        knows: Whether it is shown the true durations.
    """
    judged = Judged(inner, None if knows else tool_means(trace))
    options: dict[str, Any] = {"lengths": "exact", "durations": "exact", "host_tokens": HOST_TOKENS} | engine.options
    result = simulate(trace, policy=FCFS(), handling=judged, **options)
    memory = result.end[-1] * engine.profile.kv_tokens
    return judged.wasted / judged.least if judged.least else math.nan, judged.wasted / memory


def filled(durations: ToolDurations, trace: Trace) -> ToolDurations:
    """The same, with the calls of these conversations."""
    calls = trace.children["calls"]
    for tool, seconds in zip(calls["tool"].tolist(), calls["seconds"].tolist(), strict=True):
        durations.observe(tool, seconds)
    return durations
