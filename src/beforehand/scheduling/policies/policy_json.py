"""Policies as JSON."""

import json
import math
import re
from dataclasses import asdict, fields
from typing import Any, Final

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling.inputs import kind_of, one_of
from beforehand.scheduling.policies.stock import POLICIES, Stock, name_of

EARLIER_NAMES: Final = {"1bit": "onebit"}  # written by earlier releases, and read forever


def to_fields(policy: Stock) -> dict[str, Any]:
    """The policy as a JSON object: its name and its options, infinity as `"inf"`."""
    return {"policy": name_of(policy)} | {
        name: "inf" if value == math.inf else value for name, value in asdict(policy).items()
    }


def from_fields(given: Any) -> Stock:
    """The policy that `to_fields` wrote; options that are left out take their defaults.

    Raises:
        CorruptData: it is not such an object.
        InvalidInput: the policy or an option is unknown, missing or out of range.
    """
    if not isinstance(given, dict) or "policy" not in given:
        raise CorruptData(
            f"{given!r} does not describe a policy; write an object such as "
            "{'policy': 'skippredict', 'threshold': 1.6}"
        )
    name = given["policy"]
    if not isinstance(name, str):
        raise CorruptData(f"policy is {name!r}, but must be a name: {', '.join(POLICIES)}")
    name = EARLIER_NAMES.get(name, name)
    one_of("policy", name, tuple(POLICIES))
    kind = POLICIES[name]
    options: dict[str, Any] = {
        option: math.inf if value == "inf" else value for option, value in given.items() if option != "policy"
    }
    known = [field.name for field in fields(kind)]
    for option in options:
        if option not in known:
            raise InvalidInput(f"{name} has no option {option}; its options are {', '.join(known) or 'none'}")
    try:
        return kind(**options)
    except TypeError as error:
        raise InvalidInput(f"{name} lacks an option ({error}); its options are {', '.join(known)}") from error


def policy_to_json(policy: Stock) -> str:
    """The policy as JSON text.

    Raises:
        InvalidInput: it is not a stock policy.

    Example:
        >>> from beforehand.scheduling import SkipPredict
        >>> policy_to_json(SkipPredict(float("inf")))[:44]
        '{"policy": "skippredict", "threshold": "inf"'
    """
    return json.dumps(to_fields(policy))


def policy_from_json(text: str) -> Stock:
    """The policy that `policy_to_json` wrote, or that somebody wrote by hand; a bare name means its defaults.

    Raises:
        CorruptData: `text` is not JSON, or not JSON of a policy.
        InvalidInput: the policy or an option is unknown, missing or out of range.

    Example:
        >>> policy_from_json('{"policy": "trail", "fraction": 0.8}')
        TRAIL(fraction=0.8, by='expensive')
        >>> policy_from_json("fcfs")
        FCFS()
    """
    kind_of("text", text, str, "what policy_to_json wrote, or a name such as 'fcfs'")
    if re.fullmatch(r"[\w-]+", text.strip()):
        return from_fields({"policy": text.strip().lower()})
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptData(
            f"{text[:60]!r} is neither one of {', '.join(POLICIES)} nor JSON of a policy ({error})"
        ) from error
    return from_fields(given)
