"""What a serving plan is made for: the engine, and the goal with its limits."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self, final

from beforehand.scheduling.engine_profile import EngineProfile
from beforehand.scheduling.inputs import checked, finite, flag, kind_of, one_of, settle, whole
from beforehand.scheduling.serving.plan.objective import check_objective

MOST: Final = 2**53
COUNTS: Final = ("max_num_seqs", "max_batched_tokens", "kv_tokens", "host_tokens", "refine_every")
SHARES: Final = ("predictor_overlap", "watermark")
TIMES: Final = ("scheduler_seconds", "margin")
FLAGS: Final = ("prefix_caching", "reject_oversized", "paused_holds_slot")
LIMITS: Final = ("max_wait", "max_preemptions")  # may be infinite
RESUME: Final = ("original", "return")
ENGINE: Final = (*COUNTS, *SHARES, *TIMES, *FLAGS, *LIMITS, "resume")


@final
@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a serving plan is made for.

    Args:
        profile: How long the engine's steps take.
        objective: A figure of `ServingResult.summary()` to keep small; goodput is kept large.
        max_p99_ratio: How far the p99 of net latency may rise above that of first come, first served: 1.3 is 30 %.
        min_gain: The least gain in the objective that is worth having, as a share.
        slo: Limits in seconds, for goodput: `ttft`, `itl` or both.
        engine: Options of `simulate` that describe the engine, from `max_num_seqs` to `watermark`.
        seed: Of all runs.

    Raises:
        InvalidInput: a field is out of range.
    """

    profile: EngineProfile
    objective: str = "mean_net_latency"
    max_p99_ratio: float = 1.3
    min_gain: float = 0.02
    slo: Mapping[str, float] | None = None
    engine: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def __post_init__(self) -> None:
        """Validate the fields."""
        kind_of("profile", self.profile, EngineProfile, "PROFILES['llama3-8b-a100-80g'], or EngineProfile.load(path)")
        check_objective(self.objective, self.slo)
        settle(
            self,
            max_p99_ratio=checked("max_p99_ratio", self.max_p99_ratio, least=1.0),
            min_gain=finite("min_gain", self.min_gain),
            slo=None if self.slo is None else {name: finite(f"slo[{name!r}]", each) for name, each in self.slo.items()},
            engine=checked_engine(self.engine),
            seed=whole("seed", self.seed, most=2**63),
        )
        for name in self.slo or {}:
            one_of("slo", name, ("ttft", "itl"))

    @property
    def swaps(self) -> bool:
        """Whether there is a host tier to swap to."""
        return bool(self.engine.get("host_tokens", 0))

    @property
    def kv_tokens(self) -> int:
        """Tokens that the KV cache holds."""
        return int(self.engine.get("kv_tokens", self.profile.kv_tokens))

    def to_fields(self) -> dict[str, Any]:
        """The setting as a JSON object."""
        engine = infinite_as_text(self.engine)
        return vars(self) | {"profile": json.loads(self.profile.to_json()), "engine": engine}

    @classmethod
    def from_fields(cls, given: Mapping[str, Any]) -> Self:
        """The setting that `to_fields` wrote."""
        engine = text_as_infinite(given["engine"])
        profile = EngineProfile.from_json(json.dumps(given["profile"]))
        return cls(**{**given, "profile": profile, "engine": engine})


def checked_engine(engine: Mapping[str, Any]) -> dict[str, Any]:
    """The options of an engine that `simulate` takes, in range.

    Raises:
        InvalidInput: there is no such option, or it is out of range.
    """
    options: dict[str, Any] = {}
    for name, value in engine.items():
        one_of("engine", name, ENGINE)
        if name == "kv_tokens" and value is None:
            continue  # the profile's
        if name in COUNTS:
            options[name] = whole(name, value, least=int(name != "host_tokens"), most=MOST)
        elif name in SHARES:
            options[name] = checked(name, value, most=1.0)
        elif name in TIMES:
            options[name] = finite(name, value)
        elif name in FLAGS:
            options[name] = flag(name, value)
        elif name in LIMITS:
            options[name] = math.inf if value == math.inf else _limit(name, value)
        else:
            one_of(name, value, RESUME)
            options[name] = value
    return options


def _limit(name: str, value: Any) -> float | int:
    return whole(name, value, most=MOST) if name == "max_preemptions" else finite(name, value)


def infinite_as_text(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """The same with infinity as `"inf"`, which JSON has no number for."""
    return {name: "inf" if value == math.inf else value for name, value in numbers.items()}


def text_as_infinite(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """The same with `"inf"` as infinity."""
    return {name: math.inf if value == "inf" else value for name, value in numbers.items()}
