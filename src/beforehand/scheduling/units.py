"""Units of sizes and of times, and how much of one a server does in the other."""

from typing import Final

from beforehand.core.errors import InvalidInput

SECONDS: Final = {
    "nanoseconds": 1e-9,
    "microseconds": 1e-6,
    "milliseconds": 1e-3,
    "seconds": 1.0,
    "minutes": 60.0,
    "hours": 3600.0,
    "days": 86400.0,
}
_SHORT: Final = {
    "nanoseconds": ("ns", "nanosecond", "nanos"),
    "microseconds": ("us", "µs", "microsecond", "micros"),
    "milliseconds": ("ms", "millisecond", "millis", "msec"),
    "seconds": ("s", "sec", "secs", "second"),
    "minutes": ("min", "mins", "minute"),
    "hours": ("h", "hour"),
    "days": ("d", "day"),
    "tokens": ("token",),
}
_NAMES: Final = {short: name for name, shorts in _SHORT.items() for short in shorts}


def unit_name(argument: str, unit: str | None) -> str | None:
    """The full name of a unit: `"milliseconds"` of `"ms"`; a unit of another kind, such as `"tokens"`, as it is.

    Args:
        argument: The argument that holds it, for errors.
        unit: The unit; None if it is not known.

    Raises:
        InvalidInput: it is not a name.

    Example:
        >>> unit_name("unit", "ms"), unit_name("unit", "pages")
        ('milliseconds', 'pages')
    """
    if unit is None:
        return None
    if not isinstance(unit, str) or not unit.strip() or not unit.isprintable():
        raise InvalidInput(f"{argument} is {unit!r}, but must be a name such as 'seconds', or None if it is not known")
    name = unit.strip()
    short = name.lower()
    return short if short in SECONDS else _NAMES.get(short, name)


def service_rate_of(unit: str | None, time_unit: str | None) -> float | None:
    """How many units of size one server does in a unit of time, where the units themselves say it; else None.

    Args:
        unit: That of the sizes; None if not known.
        time_unit: That of the arrivals; None: that of the sizes, if it is one of time or not known.

    Example:
        >>> service_rate_of("milliseconds", "seconds"), service_rate_of("tokens", "seconds")
        (1000.0, None)
    """
    unit, time_unit = unit_name("unit", unit), unit_name("time_unit", time_unit)
    if unit == time_unit:
        return 1.0
    if time_unit is None:
        return 1.0 if unit in SECONDS else None
    if unit in SECONDS and time_unit in SECONDS:
        return SECONDS[time_unit] / SECONDS[unit]
    return None
