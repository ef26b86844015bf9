"""Tool calls as an engine sees them: an answer that ends in one, and the conversation's return."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, final

from beforehand.integrations.vllm.hints import Hints
from beforehand.integrations.vllm.places import Place
from beforehand.scheduling.memory_time import Action
from beforehand.scheduling.policies.view import ToolView, View
from beforehand.scheduling.serving.handlings.handling import Decision, Handling
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations

ACTIONS: Final[tuple[Action, ...]] = ("preserve", "discard", "swap")
LONGEST: Final = 120.0  # s that blocks are kept at most
MEANS: Final = 4.0  # or this many times what such a call takes on average


@final
@dataclass(slots=True)
class Call:
    """A call under way, and what is kept for it."""

    view: View
    since: float  # s; when the answer ended
    until: float  # s; after which nothing is kept, whatever the handling says
    claimed: float  # s; what the client said it takes, if clients are trusted; else nan
    asked: Action | None  # what the client wants, if clients are trusted
    again: float = math.inf  # s; when to ask again what to do


@final
class Calls:
    """Decides what to keep during tool calls, and learns how long they take.

    That an answer ended in a call is believed if it holds one of the tokens that begin one, or if the client says so
    and clients are trusted.

    Args:
        handling: What decides.
        tool_tokens: The tokens that begin a call.
        trust_hints: Whether to believe clients.
        durations: What calls have taken; the handling may share it.
    """

    def __init__(
        self,
        handling: Handling,
        *,
        tool_tokens: Iterable[int] = (),
        trust_hints: bool = False,
        durations: ToolDurations | None = None,
    ) -> None:
        self.handling = handling
        self.durations = ToolDurations() if durations is None else durations
        self.counts: dict[str, int] = dict.fromkeys(ACTIONS, 0)
        self._tokens = frozenset(tool_tokens)
        self._trusted = trust_hints

    def begin(self, request: Any, view: View, hints: Hints, now: float, *, sure: bool = False) -> Call | None:
        """The call that an answer has ended in, None if it has not; `sure` where it must have."""
        told = bool(hints.tool) and self._trusted
        if not sure and not told and self._tokens.isdisjoint(request.output_token_ids):
            return None
        name = hints.tool if told else hints.tools[0] if len(hints.tools) == 1 else ""
        tool = ToolView(name)
        held = int(request.num_computed_tokens)
        paused = replace(view, state="paused", tool=tool, context=held, resident=held, now=now)
        trusted = hints if self._trusted else Hints()
        hold = trusted.hold_seconds
        if hold != hold:
            hold = MEANS * self.durations.mean(name)
        asked = next((action for action in ACTIONS if action == trusted.handling), None)
        return Call(paused, now, now + min(LONGEST, hold), trusted.tool_seconds, asked)

    def decide(self, call: Call, now: float) -> Decision:
        """What to do with what the call still holds, and when to ask again."""
        tool = call.view.tool
        assert tool is not None
        tool.elapsed = max(now - call.since, 0.0)
        tool.seconds = call.claimed - tool.elapsed
        if not tool.seconds > 0:  # nothing was claimed, or it was wrong
            tool.seconds = self.durations.mean(tool.name, elapsed=tool.elapsed)
        action, again = (call.asked, math.inf) if call.asked else self.handling.decide(call.view)
        if action == "preserve" and now >= call.until:
            return "discard", math.inf
        return action, min(again, call.until - now)

    def returned(self, place: Place, now: float) -> None:
        """A conversation's next request has come."""
        if place.paused == place.paused:
            self.durations.observe(place.tool, max(now - place.paused, 0.0))
            place.paused, place.tool = math.nan, ""
