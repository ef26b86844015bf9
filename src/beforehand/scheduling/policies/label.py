"""How a policy is shown in tables and messages."""

from dataclasses import fields
from numbers import Real
from typing import Any, Final

SPELLED: Final = ("work", "decode", "boost", "knee")  # ends of the names of numbers that are shown with their name


def label(policy: Any) -> str:
    """The policy's name, and the options that differ from their defaults; numbers to four digits.

    It is the `__str__` of every stock policy. Different policies may share a label: compare the policies themselves.

    Example:
        >>> from beforehand.scheduling import SkipPredict
        >>> str(SkipPredict(1.63, long_order="size"))
        'SkipPredict(1.63, size)'
    """
    shown = []
    for field in fields(policy):
        value = getattr(policy, field.name)
        if value == field.default:
            continue
        if isinstance(value, bool):
            shown.append(field.name if value else f"non-{field.name}")
        elif isinstance(value, str):
            shown.append(value)
        elif isinstance(value, Real):
            number = f"{float(value):.4g}"
            shown.append(f"{field.name}={number}" if field.name.endswith(SPELLED) else number)
        else:
            shown.append(str(value))
    return type(policy).__name__ + (f"({', '.join(shown)})" if shown else "")
