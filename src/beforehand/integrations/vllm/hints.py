"""What a client says about its request, in `SamplingParams.extra_args` or the HTTP field `vllm_xargs`."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

NUMBERS: Final = ("predicted_tokens", "tool_seconds", "return_tokens", "after_tokens", "hold_seconds")
TEXTS: Final = ("conversation", "tenant", "tool", "handling")
PREFIX: Final = "bh_"
LONGEST: Final = 256  # characters of a text that are kept; what is longer is ignored
LARGEST: Final = 1e9  # tokens or seconds


@dataclass(frozen=True, slots=True)
class Hints:
    """The fields `bh_...` of one request; what was left out or is of no use is nan, or empty.

    Args:
        predicted_tokens: How long the answer will be.
        conversation: Name shared by all requests of one conversation.
        tenant: Whose request it is.
        tool: The tool that will be called at the end of the answer.
        tool_seconds: How long that call will take.
        tools: The tools that the request offers.
        return_tokens: Tokens that the tool will return.
        after_tokens: Length of the answer after the call.
        handling: What to do with the KV cache during the call: `preserve`, `discard` or `swap`.
        hold_seconds: For how long at most to preserve it.
        ignored: Number of fields that had a wrong type or value, or an unknown name.
    """

    predicted_tokens: float = math.nan
    conversation: str = ""
    tenant: str = ""
    tool: str = ""
    tool_seconds: float = math.nan
    tools: tuple[str, ...] = ()
    return_tokens: float = math.nan
    after_tokens: float = math.nan
    handling: str = ""
    hold_seconds: float = math.nan
    ignored: int = 0


NONE: Final = Hints()


def read_hints(extra: Mapping[str, Any] | None) -> Hints:
    """The hints among a request's extra arguments; never raises, since a bad hint must not cost an answer.

    Example:
        >>> read_hints({"bh_predicted_tokens": 40, "bh_tool": 7}).ignored
        1
    """
    if not isinstance(extra, Mapping):
        return NONE
    found: dict[str, Any] = {}
    ignored = 0
    for name, value in extra.items():
        if not isinstance(name, str) or not name.startswith(PREFIX):
            continue
        field = name[len(PREFIX) :]
        kept = _kept(field, value)
        if kept is None:
            ignored += 1
        else:
            found[field] = kept
    return Hints(**found, ignored=ignored) if found or ignored else NONE


def _kept(field: str, value: Any) -> Any:
    """The value as `Hints` holds it; None if it is none."""
    if field in NUMBERS:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return float(value) if 0 <= value <= LARGEST else None  # nan compares false
    if field in TEXTS:
        return value if isinstance(value, str) and value and _storable(value) else None
    if field == "tools":
        names = value.split(",") if isinstance(value, str) else value
        if isinstance(names, list | tuple) and all(isinstance(each, str) and _storable(each) for each in names):
            return tuple(sorted({each.strip() for each in names} - {""}))
    return None


def _storable(text: str) -> bool:
    """Whether every kind of file that records requests can hold it: short, and no half of a surrogate pair."""
    return len(text) <= LONGEST and not any("\ud800" <= each <= "\udfff" for each in text)
