"""Points in time and durations: ticks of one unit, and bounds in another one brought to it exactly."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.ranges.codes import first_of

UNITS: Final = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns", "ps", "fs", "as")
_ATTOSECONDS: Final = {
    "as": 1,
    "fs": 10**3,
    "ps": 10**6,
    "ns": 10**9,
    "us": 10**12,
    "ms": 10**15,
    "s": 10**18,
    "m": 60 * 10**18,
    "h": 3_600 * 10**18,
    "D": 86_400 * 10**18,
    "W": 604_800 * 10**18,
}
_MONTHS: Final = {"M": 1, "Y": 12}
_MOST_MONTHS: Final = 2**63 // 32  # whose days an int64 surely holds
_LARGEST: Final = 2**63 - 1

Ticks = NDArray[np.int64]
Sides = NDArray[np.int8]


def ticks_of(values: NDArray[Any], name: str) -> tuple[Ticks, str]:
    """Ticks and their unit, one of `UNITS`; those of a multiple such as [10s] are counted in the unit itself.

    Raises:
        InvalidInput: A value is NaT, or there is no unit.
        CapacityExceeded: In the unit itself, 64 bits do not hold the ticks.
    """
    missing = np.isnat(values)
    if missing.any():
        raise InvalidInput(f"{first_of(name, missing)} is NaT, which has no place in any order; drop it")
    unit, count = np.datetime_data(values.dtype)
    if unit == "generic":
        raise InvalidInput(f"{name} have dtype {values.dtype.name} without a unit; pass one, such as [ns]")
    unit = "us" if unit == "μs" else unit
    ticks = np.array(values, values.dtype.newbyteorder("="), order="C").view(np.int64)
    if count != 1:
        if ticks.size and max(int(ticks.max()), -int(ticks.min())) > _LARGEST // count:
            raise CapacityExceeded(f"{name} in steps of {count} {unit} are beyond what 64 bits hold in {unit}")
        ticks *= count
    return ticks, unit


def in_unit(ticks: Ticks, unit: str, wanted: str, kind: str, name: str) -> tuple[Ticks, NDArray[np.bool_], Sides]:
    """Ticks in another unit: rounded down, whether each is exact, and on which side of 64 bits it lay.

    Returns:
        Floors, moved to the nearest that an int64 holds; whether nothing was rounded away; -1 for those below what
        an int64 holds, 1 for those above, 0 for all others.

    Raises:
        InvalidInput: They are durations of which one counts months, whose length differs.
    """
    side = np.zeros(ticks.shape, np.int8)
    exact = np.ones(ticks.shape, np.bool_)
    if unit == wanted:
        return ticks, exact, side
    calendar = (unit in _MONTHS) + (wanted in _MONTHS)
    if calendar == 2:
        return _scaled(ticks, _MONTHS[unit], _MONTHS[wanted])
    if calendar == 0:
        return _scaled(ticks, _ATTOSECONDS[unit], _ATTOSECONDS[wanted])
    if kind == "timedelta64":
        raise InvalidInput(f"{name} are durations in {unit}, but the keys are in {wanted}, and months differ in length")
    if unit in _MONTHS:
        months = ticks if unit == "M" else _scaled(ticks, 12, 1)[0]
        held = np.clip(months, -_MOST_MONTHS, _MOST_MONTHS)
        days = held.view("M8[M]").astype("M8[D]").view(np.int64)
        floors, exact, side = _scaled(days, _ATTOSECONDS["D"], _ATTOSECONDS[wanted])
        side = np.where(months > held, 1, np.where(months < held, -1, side)).astype(np.int8)
        exact |= side != 0  # nothing is added to the ends
        return np.where(side > 0, _LARGEST, np.where(side < 0, -_LARGEST - 1, floors)), exact, side
    days, whole_days, _ = _scaled(ticks, _ATTOSECONDS[unit], _ATTOSECONDS["D"])
    held = np.clip(days, -(2**55), 2**55)  # weeks before and after, of which there are none in practice
    months = held.view("M8[D]").astype("M8[M]")
    starts = months.astype("M8[D]").view(np.int64)
    floors, whole_months, side = _scaled(months.view(np.int64), 1, _MONTHS[wanted])
    return floors, whole_days & (starts == days) & whole_months, side


def _scaled(ticks: Ticks, unit: int, wanted: int) -> tuple[Ticks, NDArray[np.bool_], Sides]:
    if unit >= wanted:
        factor = unit // wanted
        most = _LARGEST // factor
        side = (ticks > most).astype(np.int8) - (ticks < -most).astype(np.int8)
        product = np.where(side == 0, ticks, 0) * (factor if most else 1)
        ends = np.where(side > 0, _LARGEST, -_LARGEST - 1)
        return np.where(side == 0, product, ends), np.ones(ticks.shape, np.bool_), side
    factor = wanted // unit
    side = np.zeros(ticks.shape, np.int8)
    if factor > _LARGEST:
        return -(ticks < 0).astype(np.int64), ticks == 0, side
    floors = ticks // factor
    return floors, floors * factor == ticks, side
