"""What the engine's user has set: `--additional-config '{"beforehand": {...}}'`, or the variable BEFOREHAND_PLAN."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final, final

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import checked, flag, whole
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.policies.policy_json import policy_from_json
from beforehand.scheduling.policies.shortest_work import ShortestWork
from beforehand.scheduling.serving.handlings.handling_json import StockHandling, handling_from_json
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations

NAME: Final = "beforehand"
PLAN: Final = "BEFOREHAND_PLAN"
STRICT: Final = "BEFOREHAND_STRICT"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set; a field that is given overrides the plan's.

    Args:
        policy: The order of those that wait.
        margin: A running request loses its place only to one whose rank is smaller by this natural logarithm.
        max_preemptions: How often a request may lose its place to another; 0 means never.
        max_wait: Seconds after which a waiting request is taken first, whatever its rank; inf means never.
        cap: Requests that run at once beside those that wait for a tool's result in a streaming session; 0 means as
            many as the engine allows.
        probe: A file that `LengthProbe.save` wrote, for `ProbeWorker`; "" means none.
        refine_every: Output tokens between two predictions of the probe.
        handling: What becomes of the KV cache during a tool call; None leaves it to vLLM, which discards it after a
            request, and keeps a paused session's.
        tool_tokens: Tokens that begin a tool call; without any, those that the model's tokenizer is known to have.
        trust_hints: Whether clients' predictions are used, corrected by how far the tenant's earlier ones were off.
        record: A file for the trace of what was served, written when the engine stops; "" means none.

    Raises:
        InvalidInput: a value is out of range.
    """

    policy: Policy
    margin: float = 0.7
    max_preemptions: float = 2
    max_wait: float = math.inf
    cap: int = 0
    probe: str = ""
    refine_every: int = 8
    handling: StockHandling | None = None
    durations: ToolDurations = field(default_factory=ToolDurations)  # that the handling shares; cannot be set
    tool_tokens: frozenset[int] = frozenset()
    trust_hints: bool = False
    record: str = ""

    def __post_init__(self) -> None:
        """Validate the fields."""
        for name in ("margin", "max_preemptions", "max_wait"):
            object.__setattr__(self, name, checked(name, getattr(self, name), least=0.0, most=math.inf))
        whole("cap", self.cap)
        if not isinstance(self.probe, str):
            raise InvalidInput(f"probe is {self.probe!r}, but must be a path")
        whole("refine_every", self.refine_every, least=1)
        flag("trust_hints", self.trust_hints)
        if getattr(self.policy, "depends_on", "request") == "clock" or getattr(self.policy, "timed", False):
            raise InvalidInput(
                f"policy is {self.policy}, whose ranks change with time alone; the plug-in takes no such"
            )


def read_settings(additional: Any, environment: Mapping[str, str]) -> Settings:
    """The settings in vLLM's `additional_config`, over those of a plan.

    Raises:
        InvalidInput: a key is unknown or a value out of range; the message lists the keys.
    """
    given = additional.get(NAME, {}) if isinstance(additional, Mapping) else {}
    if not isinstance(given, Mapping):
        raise InvalidInput(f"additional_config[{NAME!r}] is {given!r}, but must be an object of settings")
    known = [each.name for each in fields(Settings) if each.name != "durations"]
    unknown = [name for name in given if name not in known]
    if unknown:
        raise InvalidInput(
            f"{NAME} has no setting {', '.join(map(repr, unknown))}; its settings are {', '.join(known)}"
        )
    values = dict(given)
    policy, handling = values.pop("policy", None), values.pop("handling", None)
    durations = ToolDurations()
    if handling is not None:
        text = handling if isinstance(handling, str) else json.dumps(handling)
        values["handling"] = handling_from_json(text, durations=durations)
    if "tool_tokens" in values:
        values["tool_tokens"] = _tokens(values["tool_tokens"])
    chosen = Boosted(ShortestWork()) if policy is None else _policy(policy)
    return Settings(policy=chosen, durations=durations, **{name: _number(value) for name, value in values.items()})


def _policy(given: Any) -> Policy:
    """A policy from its name, its JSON, or the object that JSON holds."""
    return policy_from_json(given if isinstance(given, str) else json.dumps(given))


def _tokens(given: Any) -> frozenset[int]:
    """Token ids from a list."""
    if not isinstance(given, list) or not all(isinstance(each, int) and each >= 0 for each in given):
        raise InvalidInput(f"tool_tokens is {given!r}, but must be a list of token ids")
    return frozenset(given)


def _number(value: Any) -> Any:
    """The value, with infinity as JSON can write it."""
    return math.inf if value == "inf" else value
