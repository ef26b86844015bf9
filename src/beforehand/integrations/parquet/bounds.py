"""Bounds of a range in a column: exact as a predicate, and rounded outwards for filters.

Engines round a bound to the type of the column, each in its own way: polars cuts points in time off, DuckDB and polars
round floats to float32. What they may then find must be kept, so filters are asked about no less.
"""

import datetime
import decimal
import math
import struct
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, Literal, final

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.integrations.parquet.column_type import ColumnType
from beforehand.integrations.parquet.host import arrow

Closed = Literal["both", "left"]
NANOSECONDS: Final = {
    **{"W": Fraction(604_800 * 10**9), "D": Fraction(86_400 * 10**9), "h": Fraction(3_600 * 10**9)},
    **{"m": Fraction(60 * 10**9), "s": Fraction(10**9), "ms": Fraction(10**6), "us": Fraction(1000), "ns": Fraction(1)},
    **{"ps": Fraction(1, 10**3), "fs": Fraction(1, 10**6), "as": Fraction(1, 10**9)},
}
EPOCH: Final = datetime.datetime(1970, 1, 1)
# To what bounds of such columns may be rounded.
NARROW: Final = {"double": (), "float": (np.float32,), "halffloat": (np.float16, np.float32)}
LONGEST: Final = b"\xff" * 4096  # no code of a string is longer
Number = int | float | Fraction | bytes


@final
@dataclass(frozen=True)
class Range:
    """A range that was asked about in a column; without a bound where that is None."""

    type: ColumnType
    lo: Number | None
    hi: Number | None
    strict: bool  # hi itself is outside

    @classmethod
    def read(cls, type_: ColumnType, lo: Any, hi: Any, closed: Closed = "both") -> "Range":
        """Take bounds as users give them.

        Raises:
            InvalidInput: A bound is NaN or of another kind than the column, lo is above hi, or closed is unknown.
        """
        if closed not in ("both", "left"):
            raise InvalidInput(f"closed is {closed!r}, but must be one of both, left")
        low = None if lo is None else exact(type_, lo, "lo")
        high = None if hi is None else exact(type_, hi, "hi")
        if low is not None and high is not None and low > high:  # type: ignore[operator]
            raise InvalidInput(f"lo is {lo!r} and above hi, {hi!r}; swap them, or drop the range")
        return cls(type_, low, high, closed == "left")

    @property
    def whole_column(self) -> bool:
        """Whether there is no bound at all."""
        return self.lo is None and self.hi is None

    def outwards(self) -> tuple[Any, Any] | None:
        """First and last that a filter is asked about: whole numbers, floats, or bytes; None where nothing is inside.

        What is strict is so for bytes only: other ends are inside.
        """
        if self.strict and self.lo is not None and self.lo == self.hi:
            return None
        match self.type.form:
            case "bytes":
                if self.strict and self.hi == b"":
                    return None
                return self.lo or b"", LONGEST if self.hi is None else self.hi
            case "float":
                return self._float_range(outwards=True)
        first, last = self._whole_range(outwards=True)
        if first > last:
            return None
        if self.type.form == "wide":
            return whole_key(self.type, first), whole_key(self.type, last)
        return first, last

    def codes(self) -> tuple[Any, Any, bool] | None:
        """The same as codes of filters, and whether the last code is the one before that of the upper bound."""
        ends = self.outwards()
        if ends is None:
            return None
        lo, hi = ends
        if self.type.form == "float":
            return _float_code(lo), _float_code(hi), False
        if self.type.form == "whole":
            shift = 0 if self.type.key_type.kind == "uint64" else 2**63
            if self.type.unit is not None:  # keys of the lowest point in time count as the one above
                lo, hi = (max(end, -(2**63) + 1) for end in ends)
            return lo + shift, hi + shift, False
        # Only where no longer string has the code of hi: those with zeros at the end share it.
        before = self.strict and self.type.form == "bytes" and hi is not LONGEST and hi[-1] != 0
        return lo, hi, before

    def scalars(self, arrow_type: Any) -> tuple[Any, Any] | None:
        """Both bounds as pyarrow has them, exactly and of the column's own type; None where nothing can match.

        Half floats, which have no comparison, count as doubles; and what is strict is so only for strings and bytes.
        """
        pa = arrow()
        while pa.types.is_dictionary(arrow_type):
            arrow_type = arrow_type.value_type
        ends: tuple[Any, Any]
        if self.type.form == "bytes":
            plain = pa.string() if self.type.text else pa.binary()
            ends = (self.lo, self.hi)
            return tuple(None if end is None else pa.scalar(end).cast(plain) for end in ends)  # type: ignore[return-value]
        if self.type.form == "float":
            asked = self._float_range(outwards=False)
            if asked is None:
                return None
            ends = asked
        else:
            ends = self._whole_range(outwards=False)
            if ends[0] > ends[1]:
                return None
        given = zip((self.lo, self.hi), ends, strict=True)
        return tuple(None if bound is None else self._scalar(end, arrow_type) for bound, end in given)  # type: ignore[return-value]

    def expression(self, field: Any, arrow_type: Any) -> Any:
        """The predicate for pyarrow, with bounds of the column's own type; None where there is no bound."""
        pc = arrow("pyarrow.compute")
        if self.whole_column:
            return None
        scalars = self.scalars(arrow_type)
        if scalars is None:
            return pc.scalar(False)
        lower, upper = scalars
        field = field.cast(lower.type if upper is None else upper.type) if self.type.form == "float" else field
        conditions = [] if lower is None else [field >= lower]
        if upper is not None:
            conditions.append(field < upper if self.strict and self.type.form == "bytes" else field <= upper)
        return conditions[0] if len(conditions) == 1 else conditions[0] & conditions[1]

    def _whole_range(self, outwards: bool) -> tuple[int, int]:
        """First and last whole number inside; rounded outwards, or exactly."""
        least, most = self.type.least, self.type.most
        lo, hi = self.lo, self.hi
        assert not isinstance(lo, bytes)
        assert not isinstance(hi, bytes)
        first = least if lo is None else math.floor(lo) if outwards else math.ceil(lo)
        if hi is None:
            last = most
        elif self.strict:
            last = math.ceil(hi) - 1
        else:
            last = math.ceil(hi) if outwards else math.floor(hi)
        return max(first, least), min(last, most)

    def _float_range(self, outwards: bool) -> tuple[float, float] | None:
        lo: float = -math.inf if self.lo is None else _rounded(self.lo, up=not outwards)
        hi: float = math.inf if self.hi is None else _rounded(self.hi, up=outwards or self.strict)
        if self.strict and self.hi is not None:
            hi = math.nextafter(hi, -math.inf)
        if outwards:
            with np.errstate(over="ignore"):
                for narrow in NARROW[self.type.name]:
                    lo, hi = min(lo, float(narrow(lo))), max(hi, float(narrow(hi)))
        return None if lo > hi else (lo, hi)

    def _scalar(self, number: Any, arrow_type: Any) -> Any:
        pa = arrow()
        if self.type.form == "float":
            return pa.scalar(number, pa.float64())
        if self.type.is_decimal:
            digits = decimal.Decimal(number).scaleb(-self.type.scale, decimal.Context(prec=100))
            return pa.scalar(digits, arrow_type)
        stored = pa.scalar(number, pa.uint64() if number > 2**63 - 1 else pa.int64())
        plain = {"date32[day]": pa.int32()}.get(self.type.name) or (
            pa.int32() if "32[" in self.type.name else pa.int64()
        )
        return stored.cast(plain).cast(arrow_type) if self.type.unit else stored.cast(arrow_type)


def whole_key(type_: ColumnType, number: int) -> Any:
    """A whole or wide number of the column as a key of filters."""
    if type_.form == "wide":
        return (number + 2 ** (8 * type_.width - 1)).to_bytes(type_.width, "big")
    if type_.unit is None:
        return number
    kind = "M8" if type_.key_type.kind == "datetime64" else "m8"
    return np.int64(max(number, -(2**63) + 1)).view(f"{kind}[{type_.unit}]")


def key_of(type_: ColumnType, number: Number) -> Any:
    """An exact number of the column as the nearest key of filters that is not above it."""
    if isinstance(number, bytes):
        return number
    if type_.form == "float":
        return float(number)
    return whole_key(type_, min(max(math.floor(number), type_.least), type_.most))


def exact(type_: ColumnType, value: Any, name: str) -> Number:
    """A bound as an exact number of what the column counts, or as bytes.

    Raises:
        InvalidInput: It is of another kind than the column, or NaN.
    """
    if hasattr(value, "as_py"):  # a scalar of pyarrow
        value = _of_scalar(value)
    number: Number | None = None
    if type_.form == "bytes":
        if isinstance(value, str if type_.text else bytes | bytearray):
            number = value.encode() if isinstance(value, str) else bytes(value)
    elif type_.is_decimal:
        if _whole(value) or isinstance(value, decimal.Decimal):
            if isinstance(value, decimal.Decimal) and not value.is_finite():
                raise InvalidInput(f"{name} is {value}, which bounds no decimals; leave it out")
            number = Fraction(value) * Fraction(10) ** type_.scale
    elif type_.unit is not None:
        number = _ticks(type_, value, name)
    elif _whole(value):
        number = int(value)
    elif type_.form == "float" and isinstance(value, float | np.floating):
        number = float(value)
        if math.isnan(number):
            raise InvalidInput(f"{name} is nan, which bounds no range; pass a number, or leave it out")
    if number is None:
        raise InvalidInput(f"{name} is {value!r}, but the column holds {type_.name}; pass a bound of that kind")
    return number


def _of_scalar(scalar: Any) -> Any:
    """What a scalar of pyarrow holds; points in time and durations as numpy's, which have its units."""
    types = arrow().types
    if not types.is_temporal(scalar.type) or not scalar.is_valid:
        return scalar.as_py()
    kind = "m8" if types.is_duration(scalar.type) or types.is_time(scalar.type) else "M8"
    unit = "D" if types.is_date32(scalar.type) else "ms" if types.is_date64(scalar.type) else scalar.type.unit
    return np.int64(scalar.value).view(f"{kind}[{unit}]")


def _whole(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool | np.timedelta64)


def _ticks(type_: ColumnType, value: Any, name: str) -> Fraction | None:
    """How many of the column's units a point in time lies after 1970, or a duration lasts; None for anything else."""
    tick = NANOSECONDS[type_.unit or ""]
    if type_.key_type.kind == "timedelta64":
        if isinstance(value, datetime.time) and value.tzinfo is None and type_.name.startswith("time"):
            value = datetime.timedelta(
                hours=value.hour, minutes=value.minute, seconds=value.second, microseconds=value.microsecond
            )
        if isinstance(value, datetime.timedelta):
            value = value.to_timedelta64() if hasattr(value, "to_timedelta64") else value
        if isinstance(value, datetime.timedelta):
            return _nanoseconds(value) / tick
        return _of_numpy(value, name) / tick if isinstance(value, np.timedelta64) else None
    if isinstance(value, datetime.datetime):
        if (value.tzinfo is not None) != type_.zoned:
            fix = "give it a time zone" if type_.zoned else "drop its time zone"
            raise InvalidInput(f"{name} is {value!r}, but the column holds {type_.name}; {fix}")
        if hasattr(value, "to_datetime64"):  # pandas counts nanoseconds
            value = value.to_datetime64()
        else:
            utc = value.replace(tzinfo=None) if value.tzinfo is None else _in_utc(value)
            return _nanoseconds(utc - EPOCH) / tick
    if isinstance(value, datetime.date):
        return _nanoseconds(datetime.datetime.combine(value, datetime.time()) - EPOCH) / tick
    return _of_numpy(value, name) / tick if isinstance(value, np.datetime64) else None


def _in_utc(value: datetime.datetime) -> datetime.datetime:
    offset = value.utcoffset() or datetime.timedelta()
    return value.replace(tzinfo=None) - offset


def _nanoseconds(delta: datetime.timedelta) -> Fraction:
    return Fraction(((delta.days * 86_400 + delta.seconds) * 10**6 + delta.microseconds) * 1000)


def _of_numpy(value: Any, name: str) -> Fraction:
    if np.isnat(value):
        raise InvalidInput(f"{name} is NaT, which bounds no range; pass a point in time, or leave it out")
    unit, count = np.datetime_data(value.dtype)
    if unit in ("Y", "M") and isinstance(value, np.datetime64):
        value, unit, count = value.astype("M8[D]"), "D", 1
    if unit not in NANOSECONDS:
        raise InvalidInput(f"{name} is {value!r}, whose unit has no fixed length; pass it in days or less")
    return Fraction(int(value.view(np.int64)) * count) * NANOSECONDS[unit]


def _float_code(value: float) -> int:
    bits: int = struct.unpack("<Q", struct.pack("<d", value + 0.0))[0]  # -0.0 becomes 0.0
    return bits ^ (2**64 - 1 if bits >> 63 else 2**63)


def _rounded(value: Any, up: bool) -> float:
    """A number as the nearest float that is not below it, or not above."""
    try:
        nearest = float(value)
    except OverflowError:
        nearest = math.inf if value > 0 else -math.inf
    if up and nearest < value:
        return math.nextafter(nearest, math.inf)
    if not up and nearest > value:
        return math.nextafter(nearest, -math.inf)
    return nearest
