"""What can be a key, and codes of keys and of bounds: x <= y means that the code of x is <= the code of y."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, TypeAlias, final, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.ranges.codes import Codes, distinct, float_codes, signed_codes, unsigned_codes
from beforehand.ranges.strings import Strings, key_strings, key_strings_of, rows_of
from beforehand.ranges.times import UNITS, ticks_of

KeyKind = Literal["uint64", "int64", "float64", "datetime64", "timedelta64", "bytes", "str"]
KEY_KINDS: Final = get_args(KeyKind)
MOST_KEYS: Final = 2**32 - 1
_TIMES: Final = {"M": "datetime64", "m": "timedelta64"}

Keys: TypeAlias = Sequence[Any] | NDArray[Any] | ArrayLike


@final
@dataclass(frozen=True)
class KeyType:
    """What the keys of a filter are.

    Args:
        kind: One of `KEY_KINDS`.
        unit: Of datetime64 and timedelta64: Y, M, W, D, h, m, s, ms, us, ns, ps, fs or as. None for all others.

    Example:
        >>> str(KeyType("datetime64", "ns"))
        'datetime64[ns]'
    """

    kind: KeyKind
    unit: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no type of keys."""
        if self.kind not in KEY_KINDS:
            raise InvalidInput(f"kind is {self.kind!r}, but must be one of {', '.join(KEY_KINDS)}")
        timed = self.kind in _TIMES.values()
        if (self.unit not in UNITS) if timed else (self.unit is not None):
            rule = f"one of {', '.join(UNITS)}" if timed else f"None for {self.kind}"
            raise InvalidInput(f"unit is {self.unit!r}, but must be {rule}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """The type that `str()` shows so.

        Raises:
            InvalidInput: It shows none so.
        """
        kind, bracket, unit = text.removesuffix("]").partition("[")
        found = cls(kind, unit if bracket else None)  # type: ignore[arg-type]
        if str(found) != text:
            raise InvalidInput(f"{text!r} is no type of keys; write it as in datetime64[ns]")
        return found

    @property
    def textual(self) -> bool:
        """Whether codes are strings of bytes, and not 64-bit integers."""
        return self.kind in ("bytes", "str")

    @property
    def steps(self) -> str:
        """The word for what its codes count, such as "integers", "floats", "steps of 1 ns" or "strings"."""
        counted = {"uint64": "integers", "int64": "integers", "float64": "floats", "bytes": "strings", "str": "strings"}
        return counted.get(self.kind, f"steps of 1 {self.unit}")

    def __str__(self) -> str:
        """Its name, as numpy writes dtypes."""
        return self.kind if self.unit is None else f"{self.kind}[{self.unit}]"


@final
@dataclass(frozen=True, eq=False)
class KeyCodes:
    """Distinct codes of keys, in ascending order."""

    type: KeyType
    codes: Codes | Strings  # Strings are cut off at the width, and end without zeros
    width: int  # of a code, in bits; a multiple of 8

    def __len__(self) -> int:
        """How many there are."""
        return len(self.codes)


def encode_keys(keys: Keys, *, name: str = "keys") -> KeyCodes:
    """The codes of keys, in order, each once.

    Args:
        keys: A 1-D array of integers, floats, datetime64, timedelta64, bytes or str, or a list of such; in any order.
        name: What messages call them.

    Raises:
        InvalidInput: They are of none of these types or mixed, have other than one dimension, or contain NaN or NaT.
        CapacityExceeded: More than 2**32 - 1 of them are distinct.
    """
    array = key_array(keys, name)
    if array.ndim != 1:
        raise InvalidInput(f"{name} have {array.ndim} dimensions, but must have one; pass {name}.ravel(), or a list")
    found = type_of(array, name)
    if found.textual:
        codes: Codes | Strings
        codes, width = key_strings_of(array) or key_strings(rows_of(array, found.kind == "str", name).tolist())
        width *= 8
    else:
        codes, width = distinct(_number_codes(array, found, name)), 64
        if np.may_share_memory(codes, array):
            codes = codes.copy()  # another thread may write to the array while a filter is built
    if len(codes) > MOST_KEYS:
        raise CapacityExceeded(f"{name} are {len(codes)} distinct ones, but a filter holds 2**32 - 1; split the file")
    return KeyCodes(found, codes, width)


def as_array(values: Any, name: str) -> NDArray[Any]:
    """Whatever numpy reads, with str, bytes and integers of any size as objects where they came in a list.

    Raises:
        InvalidInput: numpy reads no array from it, or a mask would be lost.
    """
    if isinstance(values, np.ma.MaskedArray):
        raise InvalidInput(f"{name} are masked; pass {name}.compressed(), or fill in what is missing")
    if isinstance(values, np.ndarray | np.generic):
        return np.asarray(values)
    try:
        array = np.asarray(values)
        if array.dtype.kind in "USf" and not hasattr(values, "__array__"):
            # numpy drops trailing zeros of bytes, makes text of numbers beside text, and rounds large integers
            exact = np.empty(array.shape, object)
            exact[...] = values
            if array.dtype.kind != "f" or any(_large(item) for item in exact.reshape(-1)):
                return exact
    except (ValueError, TypeError, OverflowError) as error:
        raise InvalidInput(
            f"{name} cannot be read as an array: {error}; pass an array, or a list of one type"
        ) from None
    return array


def key_array(keys: Keys, name: str = "keys") -> NDArray[Any]:
    """Keys as `as_array` reads them, but Python's integers as uint64 where that holds them all."""
    array = as_array(keys, name)
    if array.dtype.kind != "O" or not all(type(item) is int and 0 <= item < 2**64 for item in array.reshape(-1)):
        return array
    return array.astype(np.uint64)


def _large(item: Any) -> bool:
    return isinstance(item, int) and abs(item) > 2**53


def type_of(array: NDArray[Any], name: str) -> KeyType:
    """The type of keys that an array holds.

    Raises:
        InvalidInput: It holds none.
    """
    kind = array.dtype.kind
    if kind in "ui":
        return KeyType("uint64" if kind == "u" else "int64")
    if kind == "f" and array.dtype.itemsize <= 8:
        return KeyType("float64")
    if kind in _TIMES:
        return KeyType(_TIMES[kind], ticks_of(array.reshape(-1)[:0], name)[1])  # type: ignore[arg-type]
    if kind in "SUTO" and array.size:
        first = array.reshape(-1)[0]
        if isinstance(first, bytes | str):
            return KeyType("bytes" if isinstance(first, bytes) else "str")
    elif kind in "SUT":
        return KeyType("bytes" if kind == "S" else "str")
    held = f"dtype {array.dtype}" + (
        f" that starts with {array.reshape(-1)[0]!r}" if kind == "O" and array.size else ""
    )
    raise InvalidInput(
        f"{name} have {held}, but must be integers that 64 bits hold, floats of at most 64 bits, datetime64, "
        f"timedelta64, bytes or str, all of one type; {_remedy(array, name)}"
    )


def _remedy(array: NDArray[Any], name: str) -> str:
    """What to do about keys of other kinds."""
    first = array.reshape(-1)[0] if array.dtype.kind == "O" and array.size else None
    if isinstance(first, datetime.timedelta):
        return f"pass numpy.array({name}, 'timedelta64[us]')"
    if isinstance(first, datetime.date):
        unit = "us" if isinstance(first, datetime.datetime) else "D"
        return f"pass numpy.array({name}, 'datetime64[{unit}]'), of times in UTC and without a zone"
    return "convert them first"


def _number_codes(array: NDArray[Any], found: KeyType, name: str) -> Codes:
    match found.kind:
        case "uint64":
            return unsigned_codes(array)
        case "int64":
            return signed_codes(array)
        case "float64":
            return float_codes(array, name)
        case _:
            return signed_codes(ticks_of(array, name)[0])
