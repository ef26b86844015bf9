"""Policies as text: JSON, names, and labels as tables print them."""

import json
import math
import re
from dataclasses import fields
from typing import Any, Final, get_args, get_type_hints

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling.inputs import kind_of, made, one_of
from beforehand.scheduling.policies.label import SPELLED
from beforehand.scheduling.policies.stock import POLICIES, Stock, name_of

_LABEL: Final = re.compile(r"(?P<name>[\w-]+)\s*(\((?P<options>.*)\))?", re.DOTALL)
INNER: Final = "inner"  # the option that is a policy itself
DEEPEST: Final = 3  # Boosted(Skip(TRAIL)): no stock policy takes more
EARLIER_NAMES: Final = {"1bit": "onebit", "1-bit": "onebit"}  # written by earlier releases, and read forever


def to_fields(policy: Stock) -> dict[str, Any]:
    """The policy as a JSON object: its name and its options, infinity as `"inf"`; policies within likewise.

    Raises:
        InvalidInput: it, or one within, is not a stock policy.
    """
    found: dict[str, Any] = {"policy": name_of(policy)}
    for field in fields(policy):
        value = getattr(policy, field.name)
        found[field.name] = to_fields(value) if field.name == INNER else "inf" if value == math.inf else value
    return found


def from_fields(given: Any, *, depth: int = 1) -> Stock:
    """The policy that `to_fields` wrote; options that are left out take their defaults.

    Args:
        given: A JSON object.
        depth: How many policies this one is within, with itself.

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
    if depth > DEEPEST:
        raise CorruptData(f"policies lie {depth} deep in each other, but at most {DEEPEST} can; unpack them")
    name = EARLIER_NAMES.get(name, name)
    one_of("policy", name, tuple(POLICIES))
    kind = POLICIES[name]
    options: dict[str, Any] = {
        option: math.inf if value == "inf" else value for option, value in given.items() if option != "policy"
    }
    if INNER in options and INNER in [field.name for field in fields(kind)]:
        inner = options[INNER]
        options[INNER] = _read(inner, depth + 1) if isinstance(inner, str) else from_fields(inner, depth=depth + 1)
    return made(name, kind, options)


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

    Args:
        text: JSON, a name such as `fcfs`, or a policy as plans print it, such as `SkipPredict(1.63, size)`. Printed
            numbers have four digits, so that a threshold may differ a little from the plan's own.

    Raises:
        CorruptData: `text` is neither, or not JSON of a policy.
        InvalidInput: the policy or an option is unknown, missing or out of range.

    Example:
        >>> policy_from_json('{"policy": "trail", "fraction": 0.8}')
        TRAIL(fraction=0.8, by='expensive')
        >>> policy_from_json("fcfs")
        FCFS()
        >>> policy_from_json("OneBit(110.9, non-preemptive)")
        OneBit(threshold=110.9, preemptive=False, cheap_work=0.0)
    """
    kind_of("text", text, str, "what policy_to_json wrote, or a name such as 'fcfs'")
    return _read(text, 1)


def _read(text: str, depth: int) -> Stock:
    label = _LABEL.fullmatch(text.strip())
    if label:
        name = label["name"].lower()
        if name == "ps":
            raise InvalidInput(f"PS shares the server among all jobs, which no order gives; pick {', '.join(POLICIES)}")
        options = _parted(label["options"] or "")
        return from_fields({"policy": name} | _options(EARLIER_NAMES.get(name, name), options), depth=depth)
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise CorruptData(
            f"{text[:60]!r} is neither one of {', '.join(POLICIES)} nor JSON of a policy ({error})"
        ) from error
    return from_fields(given, depth=depth)


def _parted(options: str) -> list[str]:
    """The options of a label: parted by the commas that lie in no bracket."""
    parts, depth = [""], 0
    for letter in options:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return parts if options else []


def _options(name: str, words: list[str]) -> dict[str, Any]:
    """The options of a label by their names: numbers in the order of the fields, words by what a field may be."""
    if not words or name not in POLICIES:
        return {}
    kind = POLICIES[name]
    hints = get_type_hints(kind)
    found: dict[str, Any] = {}
    for word in map(str.strip, words):
        option, equals, value = word.partition("=") if "(" not in word else (word, "", "")
        negated = word.removeprefix("non-")
        places: dict[str, Any] = {option: value} if equals else {}
        for each in fields(kind) if not equals else ():
            if each.name == INNER and word.partition("(")[0].strip().lower() in POLICIES:
                places[each.name] = word
            elif hints[each.name] is bool and each.name == negated:
                places[each.name] = word == negated
            elif word in get_args(hints[each.name]):
                places[each.name] = word
            elif hints[each.name] is float and not each.name.endswith(SPELLED) and _number(word) is not None:
                places[each.name] = _number(word)
        new = [place for place in places if place not in found]
        if not new:
            known = ", ".join(each.name for each in fields(kind)) or "none"
            raise InvalidInput(f"{name} has no option {word!r}; its options are {known}")
        found[new[0]] = _number(value) if equals and _number(value) is not None else places[new[0]]
    return found


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
