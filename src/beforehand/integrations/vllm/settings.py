"""What the engine's user has set: `--additional-config '{"beforehand": {...}}'`, or the variable BEFOREHAND_PLAN."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final, final

from beforehand.core.errors import InvalidInput
from beforehand.core.plan import load_plan
from beforehand.core.predictor import Predictor
from beforehand.scheduling.engine_profile import EngineProfile
from beforehand.scheduling.inputs import checked, flag, kind_of, listed, settle, whole
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.policy import Policy, check_policy, depends_on
from beforehand.scheduling.policies.policy_json import policy_from_json
from beforehand.scheduling.policies.shortest_work import ShortestWork
from beforehand.scheduling.serving.handlings.handling import Handling, check_handling
from beforehand.scheduling.serving.handlings.handling_json import handling_from_json
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations

NAME: Final = "beforehand"
PLAN: Final = "BEFOREHAND_PLAN"
STRICT: Final = "BEFOREHAND_STRICT"
AREA: Final = "scheduling.serving"


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What can be set below `beforehand`; `read_settings` also takes it from a plan.

    Args:
        policy: The order of those that wait.
        handling: What becomes of the KV cache during a tool call; None leaves it to vLLM, which discards it after a
            request, and keeps a paused session's.
        probe: A file of a `LengthProbe`; its predictions come from `ProbeWorker`.
        refine_every: Output tokens between two predictions of the probe.
        margin: A running request loses its slot only to one whose rank is smaller by this natural logarithm.
        max_preemptions: How often a request may lose its slot to another; 0 means never.
        max_wait: Seconds after which a waiting request is taken first, whatever its rank; inf means never.
        cap: Requests that run at once beside those that wait for a tool's result in a streaming session; 0 means as
            many as the engine allows.
        tool_tokens: Tokens that begin a tool call; without any, those that the model's tokenizer is known to have.
        trust_hints: Whether clients' predictions are used, corrected by how far the tenant's earlier ones were off.
        record: A file for the trace of what was served, written when the engine stops; "" for none.
        lengths: A predictor of output tokens, from the plan; None for nobody.
        durations: Of tool calls, which the handling shares.
        profile: What iterations cost, from the plan; None if nobody has measured.

    Raises:
        InvalidInput: a value is out of range.
    """

    policy: Policy = field(default_factory=lambda: Boosted(ShortestWork()))
    handling: Handling | None = None
    probe: str = ""
    refine_every: int = 8
    margin: float = 0.7
    max_preemptions: float = 2
    max_wait: float = math.inf
    cap: int = 0
    tool_tokens: frozenset[int] = frozenset()
    trust_hints: bool = False
    record: str = ""
    lengths: Predictor | None = None
    durations: ToolDurations = field(default_factory=ToolDurations)
    profile: EngineProfile | None = None

    def __post_init__(self) -> None:
        """Validate the fields."""
        for name in ("margin", "max_preemptions", "max_wait"):
            settle(self, **{name: checked(name, getattr(self, name))})
        whole("cap", self.cap)
        whole("refine_every", self.refine_every, least=1)
        flag("trust_hints", self.trust_hints)
        for name in ("probe", "record"):
            kind_of(name, getattr(self, name), str, "the name of a file")
        tokens = listed("tool_tokens", self.tool_tokens, "token ids")
        settle(self, tool_tokens=frozenset(whole("tool_tokens", each) for each in tokens))
        check_policy(self.policy)
        if self.handling is not None:
            check_handling(self.handling)
        if depends_on(self.policy) == "clock":
            raise InvalidInput(f"policy is {self.policy}, whose ranks change with time alone; pass one whose do not")


OF_PLANS: Final = ("lengths", "durations", "profile")
KEYS: Final = ("plan", *(each.name for each in fields(Settings) if each.name not in OF_PLANS))


def read_settings(additional: Any, environment: Mapping[str, str]) -> Settings:
    """The settings in vLLM's `additional_config`, over those of the plan that it or BEFOREHAND_PLAN names.

    Raises:
        InvalidInput: a key is unknown, a value out of range, or a file cannot be read.
        CorruptData: the plan, or a predictor that belongs to it, is damaged or of another version.
    """
    given = additional.get(NAME, {}) if isinstance(additional, Mapping) else {}
    if not isinstance(given, Mapping):
        raise InvalidInput(f"additional_config[{NAME!r}] is {given!r}, but must be an object of settings")
    unknown = [name for name in given if name not in KEYS]
    if unknown:
        named = ", ".join(map(repr, unknown))
        raise InvalidInput(f"{NAME} has no setting {named}; its settings are {', '.join(KEYS)}")
    path = given.get("plan", environment.get(PLAN, ""))
    kind_of("plan", path, str, "the name of a file")
    values = _planned(Path(path)) if path else {}
    values.setdefault("durations", ToolDurations())
    for name, value in given.items():
        if name == "policy":
            values[name] = policy_from_json(_text(value))
        elif name == "handling":
            values[name] = handling_from_json(_text(value), durations=values["durations"])
        elif name != "plan":
            values[name] = math.inf if value == "inf" else value
    return Settings(**values)


def _planned(path: Path) -> dict[str, Any]:
    """The settings of a plan."""
    plan: Any = load_plan(path)
    if plan.area != AREA:
        raise InvalidInput(f"{path} is a plan of {plan.area}, but must be one of {AREA}; make it with plan-serving")
    built = plan.build(path.parent)
    known = {each.name for each in fields(Settings)}
    taken = {name: value for name, value in built.items() if name in known and value is not None}
    if not hasattr(taken.get("lengths"), "predict"):  # "exact", or predictions of one trace
        taken.pop("lengths", None)
    if not isinstance(taken.get("durations"), ToolDurations):
        taken.pop("durations", None)
    return taken


def _text(given: Any) -> str:
    """JSON, of what may be JSON already."""
    return given if isinstance(given, str) else json.dumps(given)
