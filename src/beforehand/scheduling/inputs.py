"""Numbers that options may take, checked in one place."""

import math
from numbers import Integral, Real
from typing import Any

from beforehand.core.errors import InvalidInput


def checked(name: str, value: float, *, least: float = 0.0, most: float = math.inf, above: bool = False) -> float:
    """The number as a float, at least `least` (above it, if `above`) and at most `most`; infinity only where `most` is.

    Raises:
        InvalidInput: it is no number, or outside.
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise InvalidInput(f"{name} is {value!r}, but must be a number")
    number = float(value)
    if not (least < number if above else least <= number) or not number <= most:
        limits = f"above {least:g}" if above else f"at least {least:g}"
        raise InvalidInput(
            f"{name} is {value}, but must be {limits}" + (f" and at most {most:g}" if most < math.inf else "")
        )
    return number


def finite(name: str, value: float, *, above: bool = False) -> float:
    """The number as a float, not negative (above 0, if `above`) and finite.

    Raises:
        InvalidInput: it is no such number.
    """
    if checked(name, value, above=above) == math.inf:
        raise InvalidInput(f"{name} is {value}, but must be finite")
    return float(value)


def whole(name: str, value: int, *, least: int = 0, most: int | None = None) -> int:
    """The number as an int, from `least` to `most`.

    Raises:
        InvalidInput: it is no whole number, or outside.
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise InvalidInput(f"{name} is {value!r}, but must be a whole number")
    number = int(value)
    if number < least or (most is not None and number > most):
        limits = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise InvalidInput(f"{name} is {value}, but must be a whole number {limits}")
    return number


def switching(value: Any) -> tuple[float, float]:
    """What setting a job aside costs: fixed, and for each unit of its age.

    Raises:
        InvalidInput: it is no pair of finite numbers that are not negative.
    """
    try:
        fixed, per_age = value
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"switch_cost is {value!r}, but must be two numbers: fixed, and per unit of age") from error
    return finite("switch_cost[0]", fixed), finite("switch_cost[1]", per_age)


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    """Nothing, if the word is allowed.

    Raises:
        InvalidInput: it is not.
    """
    if value not in allowed:
        raise InvalidInput(f"{name} is {value!r}, but must be one of {', '.join(allowed)}")
