"""All policies by name, and how they are written down."""

import json
import math
from dataclasses import asdict, fields
from typing import Any, Final

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling.inputs import kind_of, one_of
from beforehand.scheduling.policies.classic import FCFS, LAS, PSPJF, SPJF, SPRPT
from beforehand.scheduling.policies.skip_predict import DelayPredict, OneBit, SkipPredict
from beforehand.scheduling.policies.trail import TRAIL

Stock = FCFS | SPJF | PSPJF | SPRPT | LAS | OneBit | SkipPredict | DelayPredict | TRAIL

POLICIES: Final[dict[str, type[Stock]]] = {
    "fcfs": FCFS,
    "spjf": SPJF,
    "pspjf": PSPJF,
    "sprpt": SPRPT,
    "las": LAS,
    "1bit": OneBit,
    "skippredict": SkipPredict,
    "delaypredict": DelayPredict,
    "trail": TRAIL,
}


def name_of(policy: Any) -> str:
    """The policy's name in `POLICIES`.

    Raises:
        InvalidInput: it is none of them.
    """
    for name, kind in POLICIES.items():
        if type(policy) is kind:
            return name
    raise InvalidInput(f"policy is {policy!r}, but must be one of {', '.join(POLICIES)}")


def label(policy: Stock) -> str:
    """The policy as tables show it: its name, and what differs from the defaults.

    Example:
        >>> label(SkipPredict(1.63, long_order="size"))
        'SkipPredict(1.63, size)'
    """
    told = []
    for field in fields(policy):
        value = getattr(policy, field.name)
        if value != field.default:
            number = not isinstance(value, bool | str)
            shown = f"{value:.4g}" if number else value if isinstance(value, str) else "non-preemptive"
            told.append(f"{field.name}={shown}" if number and field.name.endswith("work") else shown)
    return type(policy).__name__ + (f"({', '.join(told)})" if told else "")


def to_fields(policy: Stock) -> dict[str, Any]:
    """The policy as a JSON object: its name and its options, infinity as `"inf"`."""
    return {"policy": name_of(policy)} | {
        name: "inf" if value == math.inf else value for name, value in asdict(policy).items()
    }


def from_fields(told: Any) -> Stock:
    """The policy that `to_fields` wrote; options that are left out take their defaults.

    Raises:
        CorruptData: it is no such object.
        InvalidInput: an option is out of range.
    """
    if not isinstance(told, dict) or "policy" not in told:
        raise CorruptData(
            f"{told!r} is no policy; write an object such as {{'policy': 'skippredict', 'threshold': 1.6}}"
        )
    options: dict[str, Any] = {
        name: math.inf if value == "inf" else value for name, value in told.items() if name != "policy"
    }
    if not isinstance(told["policy"], str):
        raise CorruptData(f"policy is {told['policy']!r}, but must be a name: {', '.join(POLICIES)}")
    one_of("policy", told["policy"], tuple(POLICIES))
    kind = POLICIES[told["policy"]]
    known = [field.name for field in fields(kind)]
    for name in options:
        if name not in known:
            raise InvalidInput(f"{name} is no option of {told['policy']}, which has {', '.join(known) or 'none'}")
    try:
        return kind(**options)
    except TypeError as error:
        raise InvalidInput(f"{told['policy']} lacks an option ({error}); it has {', '.join(known)}") from error


def policy_to_json(policy: Stock) -> str:
    """The policy as JSON text.

    Example:
        >>> policy_to_json(SkipPredict(float("inf")))[:44]
        '{"policy": "skippredict", "threshold": "inf"'
    """
    return json.dumps(to_fields(policy))


def policy_from_json(text: str) -> Stock:
    """The policy that `policy_to_json` wrote, or that somebody wrote by hand; a bare name is one with its defaults.

    Raises:
        CorruptData: `text` is no JSON of a policy.
        InvalidInput: the policy or an option is unknown, missing or out of range.

    Example:
        >>> policy_from_json('{"policy": "trail", "fraction": 0.8}')
        TRAIL(fraction=0.8, by='expensive')
        >>> policy_from_json("fcfs")
        FCFS()
    """
    kind_of("text", text, str, "what policy_to_json wrote, or a name such as 'fcfs'")
    if text.strip().lower() in POLICIES:
        return from_fields({"policy": text.strip().lower()})
    try:
        told = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptData(
            f"{text[:60]!r} is neither one of {', '.join(POLICIES)} nor JSON of a policy ({error})"
        ) from error
    return from_fields(told)
