"""Ranges that are asked about, as closed ranges of codes."""

import math
from dataclasses import dataclass
from typing import Any, Final, Literal, final, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.ranges.codes import (
    EXACT_FLOAT,
    Codes,
    first_of,
    float_codes,
    rounded_floats,
    signed_codes,
    unsigned_codes,
    whole_codes,
)
from beforehand.ranges.keys import KeyType, as_array, type_of
from beforehand.ranges.strings import Strings, as_strings, rows_of
from beforehand.ranges.times import in_unit, ticks_of

Closed = Literal["both", "left"]
CLOSED: Final = get_args(Closed)


@final
@dataclass(frozen=True, eq=False)
class Bounds:
    """Closed ranges of codes, flat, one a row; what numpy broadcast came from `shape`.

    For strings `hi` may have to be lowered by one step of the code: where `before[i]`, the range ends with the last
    code before that of hi, which then is shorter than the width or as long, and does not end with a zero.
    """

    lo: Codes | Strings
    hi: Codes | Strings
    empty: NDArray[np.bool_]  # no value of the keys' type is in the range; its codes are those of another
    before: NDArray[np.bool_] | None  # of strings only
    shape: tuple[int, ...]  # () for one range, given as two scalars

    def __len__(self) -> int:
        """How many ranges there are."""
        return len(self.empty)


def type_of_bounds(key_type: KeyType, count: int, lo: Any, name: str = "lo") -> KeyType:
    """What bounds must be: of the type of so many keys, or of any type where an empty list of keys has told none."""
    if count or key_type.kind != "float64":  # as which numpy reads an empty list
        return key_type
    array = as_array(lo, name)
    kind = array.dtype.kind
    tells = kind in "MmSUT" or (kind == "O" and any(isinstance(item, bytes | str) for item in array.reshape(-1)[:1]))
    return type_of(array, name) if tells else key_type


@final
@dataclass(frozen=True, eq=False)
class _Ends:
    """Bounds of one side: codes, moved to the nearest of the domain, and which lay outside."""

    values: NDArray[Any]  # of the shape that came in; what can be compared with the other side
    unit: str | None = None


def encode_bounds(
    key_type: KeyType,
    width: int,
    lo: Any,
    hi: Any,
    *,
    closed: Closed = "both",
    names: tuple[str, str] = ("lo", "hi"),
) -> Bounds:
    """The codes of ranges.

    Args:
        key_type: What the keys are.
        width: Of a code, in bits.
        lo, hi: Scalars or arrays of the keys' kind, which are broadcast. Integers may be of any size, and may ask
            about floats; datetimes and durations may be in any unit.
        closed: "both" for lo <= x <= hi, "left" for lo <= x < hi.
        names: What messages call lo and hi.

    Raises:
        InvalidInput: lo is above hi; a bound is of another kind, NaN or NaT; the shapes do not fit; closed is unknown.
    """
    if closed not in CLOSED:
        raise InvalidInput(f"closed is {closed!r}, but must be one of {', '.join(CLOSED)}")
    low = _read(key_type, lo, names[0])
    high = low if hi is lo else _read(key_type, hi, names[1])
    try:
        shape = np.broadcast_shapes(low.values.shape, high.values.shape)
    except ValueError:
        shapes = f"{names[0]} has shape {low.values.shape}, {names[1]} has {high.values.shape}"
        raise InvalidInput(f"{shapes}, which do not broadcast; pass one of each, or as many") from None
    crossed = np.broadcast_to(_above(key_type, low, high), shape)
    if crossed.any():
        place = np.unravel_index(int(crossed.argmax()), shape)
        below, above = (np.broadcast_to(as_array(each, "bounds"), shape)[place] for each in (hi, lo))
        raise InvalidInput(
            f"{first_of(names[0], crossed)} is {above!s}, above {first_of(names[1], crossed)}, which is {below!s}; "
            "swap them, or drop the range"
        )
    strict = closed == "left"
    if not key_type.textual:
        return _numbers(key_type, low, high, strict, shape)
    empty = np.broadcast_to(~_above(key_type, high, low), shape) if strict else np.zeros(shape, np.bool_)
    return _strings(low.values, high.values, width // 8, strict, empty)


def _read(key_type: KeyType, given: Any, name: str) -> _Ends:
    array = as_array(given, name)
    kind = array.dtype.kind
    if array.size == 0 and not isinstance(given, np.ndarray):  # an empty list, which could be of any kind
        return _Ends(np.empty(array.shape, object if key_type.textual else np.int64), key_type.unit)
    whole = kind in "ui" or (kind == "O" and all(_whole(item) for item in array.reshape(-1)))
    match key_type.kind:
        case "uint64" | "int64" if whole:
            return _Ends(array)
        case "float64" if whole or (kind == "f" and array.dtype.itemsize <= 8):
            missing = np.isnan(array) if kind == "f" else np.zeros(array.shape, np.bool_)
            if missing.any():
                raise InvalidInput(f"{first_of(name, missing)} is NaN, which bounds no range; pass a number")
            return _Ends(array)
        case "datetime64" | "timedelta64" if kind == ("M" if key_type.kind == "datetime64" else "m"):
            return _Ends(*ticks_of(array, name))
        case "bytes" | "str" if kind in "SUTO":
            return _Ends(rows_of(array, key_type.kind == "str", name))
    shown = repr(given) if array.ndim == 0 else f"an array of {array.dtype}"
    remedy = {"datetime64": "numpy.datetime64, in UTC", "timedelta64": "numpy.timedelta64"}.get(key_type.kind)
    raise InvalidInput(f"{name} is {shown}, but the keys are {key_type}; pass {remedy or 'bounds of that kind'}")


def _whole(item: Any) -> bool:
    return isinstance(item, int | np.integer) and not isinstance(item, bool)


def _above(key_type: KeyType, one: _Ends, other: _Ends) -> NDArray[np.bool_]:
    """Whether one is above the other; of a large integer and a float that equals its rounding, neither is."""
    if one.unit != other.unit and one.unit and other.unit:
        floors, exact, side = in_unit(one.values, one.unit, other.unit, key_type.kind, "one bound")
        inside = (floors > other.values) | ((floors == other.values) & ~exact)
        return np.where(side == 0, inside, side > 0)
    return np.asarray(one.values > other.values, np.bool_)


def _numbers(key_type: KeyType, low: _Ends, high: _Ends, strict: bool, shape: tuple[int, ...]) -> Bounds:
    lo, lo_side = _codes(key_type, low, up=True)
    hi, hi_side = _codes(key_type, high, up=strict)
    if lo_side is None and hi_side is None and not strict:
        ends = np.broadcast_arrays(lo, hi)
        return Bounds(np.ravel(ends[0]), np.ravel(ends[1]), np.zeros(math.prod(shape), np.bool_), None, shape)
    inside = np.zeros((), np.int8)
    lo, lo_side, hi, hi_side = np.broadcast_arrays(
        lo, inside if lo_side is None else lo_side, hi, inside if hi_side is None else hi_side
    )
    empty = (lo_side > 0) | (hi_side < 0)
    if strict:  # the code before that of hi, but where hi was above the domain
        first = (hi == 0) & (hi_side == 0)
        empty |= first
        hi = np.where(first | (hi_side > 0), hi, hi - np.uint64(1))
    empty |= lo > hi  # also where bounds in finer steps than the keys' leave nothing between
    hi = np.where(empty, lo, hi)
    return Bounds(np.ravel(lo), np.ravel(hi), np.ravel(empty), None, shape)


def _codes(key_type: KeyType, ends: _Ends, up: bool) -> tuple[Codes, NDArray[np.int8] | None]:
    """Codes, and on which side of the domain each bound lay: None where each is exactly one of the keys' type."""
    values = ends.values
    kind = values.dtype.kind
    match key_type.kind:
        case "uint64" | "int64":
            signed = key_type.kind == "int64"
            if kind == ("i" if signed else "u"):
                return signed_codes(values) if signed else unsigned_codes(values), None
            return whole_codes(values, signed)
        case "float64":
            if kind == "f" or (kind in "ui" and bool(((values <= EXACT_FLOAT) & (values >= -EXACT_FLOAT)).all())):
                return float_codes(values), None
            return float_codes(rounded_floats(values, "up" if up else "down")), np.zeros(values.shape, np.int8)
    if ends.unit == key_type.unit:
        return signed_codes(values), None
    ticks, exact, side = in_unit(values, ends.unit or "", key_type.unit or "", key_type.kind, "bounds")
    return signed_codes(ticks + (~exact).astype(np.int64) if up else ticks), side


def _strings(
    low: NDArray[np.object_], high: NDArray[np.object_], width: int, strict: bool, empty: NDArray[np.bool_]
) -> Bounds:
    lo: list[bytes] = np.broadcast_to(low, empty.shape).reshape(-1).tolist()
    hi: list[bytes] = np.broadcast_to(high, empty.shape).reshape(-1).tolist()
    before = np.array([strict and 0 < len(row) <= width and row[-1] != 0 for row in hi], np.bool_)
    before &= ~np.ravel(empty)
    return Bounds(
        as_strings([row[:width] for row in lo]),
        as_strings([row[:width] for row in hi]),
        np.ravel(empty),
        before,
        empty.shape,
    )
