"""Whether an answer will end in a tool call, and what the call will take; learned from the calls that were seen."""

import math
from collections.abc import Collection, Sequence
from typing import Final, final

from beforehand.integrations.vllm.hints import Hints
from beforehand.integrations.vllm.places import Place
from beforehand.scheduling.policies.view import ToolView
from beforehand.scheduling.serving.predictors.tool_calls import ToolCalls
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations

ANY: Final = "tool"  # the name of a call whose tool nobody has named


@final
class ToolForecasts:
    """Forecasts of tool calls, from trusted clients or from earlier conversations.

    A call is a fact once the output holds a token that begins one, or a trusted client has announced it. How long it
    took, and what it returned, is known when the conversation's next request comes.

    Args:
        durations: How long calls take.
        tokens: Ids of the tokens that begin a call in the model's output.
        trust_hints: Whether clients are believed.
    """

    def __init__(self, durations: ToolDurations, *, tokens: Collection[int] = (), trust_hints: bool = False) -> None:
        self.durations = durations
        self.calls = ToolCalls()
        self.tokens = frozenset(tokens)
        self._trust_hints = trust_hints

    def expected(self, hints: Hints, turn: int) -> ToolView | None:
        """The call at the end of an answer that has just been asked for; None if none is expected."""
        if self._trust_hints and hints.tool:
            known = self.calls.predict((hints.tool,), turn)
            view = ToolView(hints.tool, hints.tool_seconds, known.return_tokens, known.after_tokens)
            if hints.return_tokens == hints.return_tokens:
                view.return_tokens = hints.return_tokens
            if hints.after_tokens == hints.after_tokens:
                view.after_tokens = hints.after_tokens
        elif hints.tools:
            view = self.calls.predict(hints.tools, turn)
        else:
            return None
        if view.seconds != view.seconds:
            view.seconds = self.durations.mean(view.name)
        return view

    def called(self, hints: Hints, expected: ToolView | None, output: Sequence[int]) -> ToolView | None:
        """The call that a finished answer has ended in; None if it has not."""
        announced = self._trust_hints and bool(hints.tool)
        if not announced and (not self.tokens or self.tokens.isdisjoint(output)):
            return None
        name = expected.name if expected is not None else ANY
        view = ToolView(name, self.durations.mean(name), math.nan, math.nan)
        if expected is not None:
            view.return_tokens, view.after_tokens = expected.return_tokens, expected.after_tokens
            if announced and hints.tool_seconds == hints.tool_seconds:
                view.seconds = hints.tool_seconds
        return view

    def paused(self, place: Place, call: ToolView | None, hints: Hints, *, now: float, context: int) -> None:
        """A conversation's answer has finished, with this call or without one."""
        place.context, place.returned = context, math.nan
        if call is not None and place.paused != place.paused:
            place.tool, place.paused = call.name, now
        if place.paused == place.paused:
            place.called, place.offered = place.tool or ANY, hints.tools or (place.tool or ANY,)
        else:
            place.called = ""
            if hints.tools:
                self.calls.observe(hints.tools, place.turn - 1, None)

    def returned(self, place: Place, *, now: float, context: int) -> None:
        """The conversation's next request has come: its call is over."""
        if place.paused == place.paused:
            self.durations.observe(place.tool, max(now - place.paused, 0.0))
            place.paused, place.tool = math.nan, ""
            place.returned = float(max(context - place.context, 0))

    def answered(self, place: Place, tokens: int) -> None:
        """The answer after a call has finished; `place` is as `returned` left it."""
        if place.called and place.returned == place.returned:
            self.calls.observe(place.offered, max(place.turn - 2, 0), place.called, place.returned, float(tokens))
            place.called, place.returned = "", math.nan
