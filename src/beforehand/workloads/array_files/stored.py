"""An array as a file holds it: mapped, or kept in a temporary file, and handed out in runs of rows."""

import math
import mmap
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, Final, final
from weakref import finalize

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CorruptData, InvalidInput

PIECE: Final = 1 << 24  # bytes that are converted at a time
BITS: Final = {"bfloat16": "uint16", "float8_e4m3fn": "uint8", "float8_e5m2": "uint8"}  # dtypes that numpy lacks
FLOATS: Final = ("float64", "float32", "float16", *BITS)
KEPT: Final = "biufcmMUS"  # kinds of numpy that are plain bytes


@final
@dataclass(frozen=True, eq=False, kw_only=True)
class Stored:
    """One array of a file, of which `rows` gives as much as is asked for.

    Attributes:
        name: Its name in the file; empty where the file has only one.
        dtype: The name in numpy or ml_dtypes, or where those have none that of the file.
        shape: Of the array.
        rows: The numbers of some rows of axis 0, from the first up to but without the last, in C order; of dtypes that
            numpy lacks the bits, as unsigned integers. Of a 0-d array row 0 is all. Of a dtype that only the file has
            they are plain bytes, flat.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    rows: Callable[[int, int], NDArray[Any]]

    @classmethod
    def of(cls, data: NDArray[Any], name: str = "", dtype: str | None = None) -> "Stored":
        """What is in memory or mapped already; of dtypes that numpy lacks its bits."""
        taken = data.reshape(1) if data.ndim == 0 else data
        return cls(name=name, dtype=dtype or dtype_name(data.dtype), shape=data.shape, rows=lambda a, b: taken[a:b])

    @property
    def size(self) -> int:
        """How many values there are."""
        return math.prod(self.shape)

    @property
    def length(self) -> int:
        """How many rows there are."""
        return self.shape[0] if self.shape else 1

    def all(self) -> NDArray[Any]:
        """All of it, in its shape; mapped where it is."""
        return self.rows(0, self.length).reshape(self.shape)

    def pieces(self) -> Iterator[NDArray[Any]]:
        """All rows, some megabytes at a time."""
        width = max(1, math.prod(self.shape[1:]) * 8)
        step = max(1, PIECE // width)
        for first in range(0, self.length, step):
            yield self.rows(first, min(first + step, self.length))

    def raw(self) -> Iterator[memoryview]:
        """The same as bytes."""
        return map(as_bytes, self.pieces())


@final
class Spool:
    """Bytes that come one after the other, in a temporary file; then an array of them, which is mapped."""

    def __init__(self) -> None:
        self.file = tempfile.TemporaryFile()
        finalize(self, self.file.close)

    def write(self, data: Any) -> None:
        """Append bytes, or the numbers of an array in C order.

        Raises:
            InvalidInput: there is no room for them.
        """
        try:
            self.file.write(as_bytes(data) if isinstance(data, np.ndarray) else data)
        except OSError as error:
            raise _no_room(error) from error

    @property
    def size(self) -> int:
        """How many bytes were written."""
        return self.file.tell()

    def array(self, dtype: Any, shape: tuple[int, ...]) -> NDArray[Any]:
        """All of it, after which nothing can be written any more."""
        with self.finished() as stream:
            return mapped(stream, dtype, shape)

    def finished(self) -> BinaryIO:
        """The file at its beginning, with all that was written; it closes with the spool."""
        try:
            self.file.flush()
        except OSError as error:
            raise _no_room(error) from error
        self.file.seek(0)
        return self.file


def as_bytes(data: NDArray[Any]) -> memoryview:
    """The bytes of an array in C order, not copied where that is its order; of times and text too."""
    return np.ascontiguousarray(data).reshape(-1).view(np.uint8).data if data.nbytes else memoryview(b"")


def mapped(stream: BinaryIO, dtype: Any, shape: tuple[int, ...], at: int = 0) -> NDArray[Any]:
    """Numbers of a file that begin at that byte, not read yet; the file may be closed.

    Raises:
        CorruptData: the file ends before they do.
    """
    dtype = np.dtype(dtype)
    count = math.prod(shape)
    held = os.fstat(stream.fileno()).st_size
    if count * dtype.itemsize > held - at:
        raise CorruptData(
            f"it ends after {held - at} of {count * dtype.itemsize} bytes of numbers; fetch or write it again"
        )
    if not count or not dtype.itemsize:
        return np.empty(shape, dtype)
    whole = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    return np.frombuffer(whole, dtype, count, at).reshape(shape)


def settled(data: NDArray[Any]) -> NDArray[Any]:
    """The same in C order, aligned and in this machine's byte order; what is not so is copied to a temporary file."""
    native = data.dtype.newbyteorder("=")
    if data.flags.c_contiguous and data.flags.aligned and data.dtype == native:
        return data
    spool = Spool()
    for piece in Stored.of(data).pieces():
        spool.write(np.ascontiguousarray(piece, native))
    return spool.array(native, data.shape)


def dtype_name(dtype: np.dtype[Any]) -> str:
    """How a dtype of numpy is called here.

    Raises:
        InvalidInput: it is not one of plain numbers, text or times.
    """
    if dtype.kind not in KEPT:
        raise InvalidInput(f"it has dtype {dtype}, but must hold numbers; convert it first")
    return dtype.name if dtype.kind in "biufc" else dtype.str


def held_as(dtype: str) -> np.dtype[Any]:
    """The dtype of numpy in which numbers of a dtype are held; of those that no file but safetensors has, bytes."""
    try:
        return np.dtype(BITS.get(dtype, dtype))
    except TypeError:
        return np.dtype(np.uint8)


def _no_room(error: OSError) -> InvalidInput:
    return InvalidInput(
        f"{tempfile.gettempdir()} cannot hold what is read ({error.strerror}); set TMPDIR to a folder with more room"
    )
