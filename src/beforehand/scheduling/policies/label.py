"""How a policy is shown in tables and messages."""

from dataclasses import fields
from typing import Any


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
        else:
            shown.append(f"{field.name}={value:.4g}" if field.name.endswith("work") else f"{value:.4g}")
    return type(policy).__name__ + (f"({', '.join(shown)})" if shown else "")
