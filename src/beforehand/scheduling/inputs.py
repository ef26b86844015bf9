"""Checks of options, in one place."""

import math
from collections.abc import Mapping
from dataclasses import MISSING, fields
from numbers import Integral, Real
from typing import Any, Final, TypeVar

import numpy as np

from beforehand.core.errors import InvalidInput

Made = TypeVar("Made")

LEAST: Final = 1e-100
MOST: Final = 1e100  # of sizes, predictions and prices: their squares, products and sums stay in range


def checked(name: str, value: float, *, least: float = 0.0, most: float = math.inf, above: bool = False) -> float:
    """The number as a float, at least `least` (above it, if `above`) and at most `most`; infinity only where `most` is.

    Raises:
        InvalidInput: it is not a number, or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidInput(f"{name} is {value!r}, but must be a number")
    try:
        number = float(value)
    except OverflowError as error:
        raise InvalidInput(f"{name} is larger than any float, but must be a number that a float can hold") from error
    if not (least < number if above else least <= number) or not number <= most:
        limits = f"above {least:g}" if above else f"at least {least:g}"
        raise InvalidInput(
            f"{name} is {value}, but must be {limits}" + (f" and at most {most:g}" if most < math.inf else "")
        )
    return number


def finite(name: str, value: float, *, above: bool = False) -> float:
    """The number as a float, from 0 (from 1e-100, if `above`) to 1e100.

    Raises:
        InvalidInput: it is not a number, or out of range.
    """
    number = checked(name, value, above=above)
    if number == math.inf:
        raise InvalidInput(f"{name} is {value}, but must be finite")
    return checked(name, number, least=LEAST if above else 0.0, most=MOST)


def whole(name: str, value: int, *, least: int = 0, most: int | None = None) -> int:
    """The number as an int, from `least` to `most`.

    Raises:
        InvalidInput: it is not a whole number, or out of range.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InvalidInput(f"{name} is {value!r}, but must be a whole number")
    number = int(value)
    if number < least or (most is not None and number > most):
        limits = f"of at least {least}" if most is None else f"from {least} to {most}"
        shown = value if abs(number) < 10**100 else "too large"
        raise InvalidInput(f"{name} is {shown}, but must be a whole number {limits}")
    return number


def flag(name: str, value: bool) -> bool:
    """The bool, or numpy's, as a bool.

    Raises:
        InvalidInput: it is something else.
    """
    if not isinstance(value, bool | np.bool_):
        raise InvalidInput(f"{name} is {value!r}, but must be True or False")
    return bool(value)


def switching(value: Any) -> tuple[float, float]:
    """The cost of a preemption: fixed, and for each unit of the job's age.

    Raises:
        InvalidInput: it is not a pair of finite, non-negative numbers.
    """
    try:
        fixed, per_age = value
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"switch_cost is {value!r}, but must be two numbers: fixed, and per unit of age") from error
    return finite("switch_cost[0]", fixed), finite("switch_cost[1]", per_age)


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Raise unless the word is allowed.

    Raises:
        InvalidInput: it is not.
    """
    if not isinstance(value, str) or value not in allowed:
        raise InvalidInput(f"{name} is {value!r}, but must be one of {', '.join(allowed)}")


def settle(holder: Any, **fields: Any) -> None:
    """Set fields of a frozen dataclass to their checked values, while it is being made."""
    for name, value in fields.items():
        object.__setattr__(holder, name, value)


def listed(name: str, values: Any, what: str = "numbers") -> tuple[Any, ...]:
    """The items of a sequence.

    Raises:
        InvalidInput: it is a single value or a string.
    """
    if isinstance(values, str) or not hasattr(values, "__iter__") or getattr(values, "ndim", 1) == 0:
        raise InvalidInput(f"{name} is {values!r}, but must be a sequence of {what}; put a single one into a tuple")
    return tuple(values)


def kind_of(name: str, value: object, kind: type, remedy: str) -> None:
    """Raise unless the value is of this kind.

    Raises:
        InvalidInput: it is not.
    """
    if not isinstance(value, kind):
        raise InvalidInput(f"{name} is {value!r}, but must be a {kind.__name__}; pass {remedy}")


def made(name: str, kind: type[Made], options: Mapping[str, Any], **more: Any) -> Made:
    """An object of a dataclass, from options that somebody wrote by name, and `more` that nobody may write.

    Raises:
        InvalidInput: an option is unknown, missing or out of range.
    """
    every = [field for field in fields(kind) if field.name not in more]  # type: ignore[arg-type]
    known = ", ".join(field.name for field in every) or "none"
    for option in options:
        if option not in [field.name for field in every]:
            raise InvalidInput(f"{name} has no option {option}; its options are {known}")
    needed = [field.name for field in every if field.default is MISSING and field.default_factory is MISSING]
    if lacking := [option for option in needed if option not in options]:
        raise InvalidInput(f"{name} lacks an option: give it {', '.join(lacking)}; its options are {known}")
    return kind(**options, **more)
