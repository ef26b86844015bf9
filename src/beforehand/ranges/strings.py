"""Strings of bytes, one after the other: keys as codes of one width, and the bounds of ranges."""

from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.ranges.codes import distinct, first_of

MOST_WIDTH: Final = 4096


@final
@dataclass(frozen=True, eq=False)
class Strings:
    """Strings of bytes: that of row i are `data[offsets[i] : offsets[i + 1]]`."""

    data: NDArray[np.uint8]
    offsets: NDArray[np.uint64]

    def __len__(self) -> int:
        """How many there are."""
        return len(self.offsets) - 1

    @property
    def lengths(self) -> NDArray[np.int64]:
        """How many bytes each has."""
        ends = self.offsets.astype(np.int64)
        return ends[1:] - ends[:-1]

    def __getitem__(self, row: int) -> bytes:
        """The bytes of one row."""
        first, last = int(self.offsets[row]), int(self.offsets[row + 1])
        return self.data[first:last].tobytes()


def as_strings(rows: list[bytes]) -> Strings:
    """Copies of these bytes, one after the other."""
    offsets = np.fromiter(accumulate(map(len, rows), initial=0), np.uint64, len(rows) + 1)
    return Strings(np.frombuffer(b"".join(rows), np.uint8), offsets)


def key_strings(rows: list[bytes]) -> tuple[Strings, int]:
    """Keys as distinct codes in ascending order, without the zeros that pad them, and how many bytes a code has.

    A code has as many bytes as the longest key, but 1 to `MOST_WIDTH`: what is longer is cut off.
    """
    width = min(max(map(len, rows), default=1) or 1, MOST_WIDTH)
    return as_strings(sorted({row[:width].rstrip(b"\0") for row in rows})), width


def key_strings_of(values: NDArray[Any]) -> tuple[Strings, int] | None:
    """As `key_strings`, of a 1-D array that numpy holds without an object for each row; None of any other.

    That is bytes of at most `MOST_WIDTH`, and str as long that is all ASCII.
    """
    size = values.dtype.itemsize // (4 if values.dtype.kind == "U" else 1)
    if values.dtype.kind not in "SU" or not 1 <= size <= MOST_WIDTH or not len(values):
        return None
    if values.dtype.kind == "U":
        points = np.ascontiguousarray(values, values.dtype.newbyteorder("=")).view(np.uint32)
        if points.max() > ord("\x7f"):
            return None
        values = points.astype(np.uint8).view(f"S{size}")
    ordered = np.ascontiguousarray(distinct(values))
    lengths = np.char.str_len(ordered)
    held = np.arange(size) < lengths[:, np.newaxis]
    offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.uint64)
    return Strings(ordered.view(np.uint8).reshape(-1, size)[held], offsets), int(lengths.max()) or 1


def rows_of(values: NDArray[Any], text: bool, name: str) -> NDArray[np.object_]:
    """An array of bytes objects, of the same shape: str in UTF-8, whose bytes have the order of the characters.

    Args:
        values: bytes or str, as numpy holds them or as objects.
        text: Whether they must be str, or else bytes.
        name: What messages call them.

    Raises:
        InvalidInput: A value is of another type, or has half a surrogate pair, which UTF-8 cannot hold.
    """
    rows = np.empty(values.shape, object)
    wanted = str if text else bytes
    items = values if values.dtype.kind == "O" else values.astype(object)
    flat = rows.reshape(-1)  # a view
    for index, item in enumerate(items.reshape(-1)):
        if not isinstance(item, wanted):
            place = first_of(name, np.arange(items.size).reshape(items.shape) == index)
            raise InvalidInput(f"{place} is {item!r}, but must be {wanted.__name__}, as all keys are")
        flat[index] = _utf8(item, name) if isinstance(item, str) else item
    return rows


def _utf8(text: str, name: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidInput(
            f"{name} contain {text!r}, which has half a surrogate pair that UTF-8 cannot hold; decode it properly, or "
            "pass bytes"
        ) from error
