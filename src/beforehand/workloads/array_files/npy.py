"""The .npy format, also with the dtypes of ml_dtypes, which numpy writes but does not read back."""

import ast
import io
import math
import struct
from collections.abc import Iterable
from typing import Any, BinaryIO, Final

import numpy as np

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.array_files.stored import BITS, Stored, dtype_name, mapped, settled

MAGIC: Final = b"\x93NUMPY"
MOST_HEADER: Final = 1 << 16  # bytes; that of a plain array has 128
WRITTEN: Final = {"bfloat16": "<V2", "float8_e4m3fn": "<V1", "float8_e5m2": "<f1"}  # by numpy.save of ml_dtypes


def read_npy(stream: BinaryIO, name: str = "", unnamed: str | None = None) -> Stored:
    """The array of a file, which stays there: only the header is read.

    Args:
        stream: A file of the system, at the beginning of the array.
        name: That of the array.
        unnamed: The dtype of numbers of one byte that the file calls `V1`, as it does those of most float8.

    Raises:
        InvalidInput: it holds something else than numbers, text or times; `unnamed` is missing.
        CorruptData: it is not in this format, or is cut.
    """
    descr, fortran, shape = _header(stream)
    at = stream.tell()
    dtype = _dtype_of(descr, unnamed)
    held = np.dtype(BITS[dtype]) if dtype in BITS else _numpy_dtype(descr)
    if held.hasobject:
        raise CorruptData("it holds objects of Python, which are never loaded: allow_pickle=False")
    data = mapped(stream, held, shape[::-1] if fortran else shape, at)
    after = stream.seek(0, 2) - at - math.prod(shape) * held.itemsize
    if after:
        raise CorruptData(f"{after} bytes follow its array; save several arrays by numpy.savez")
    return Stored.of(settled(data.T if fortran else data), name, dtype or dtype_name(held))


def npy_pieces(array: Stored) -> Iterable[Any]:
    """The bytes of a file of that array, one piece after the other, as numpy.save writes it.

    Raises:
        InvalidInput: it has a dtype that only safetensors has.
    """
    descr: Any = WRITTEN.get(array.dtype)
    if descr is None:
        try:
            descr = np.lib.format.dtype_to_descr(np.dtype(array.dtype))
        except TypeError:
            raise InvalidInput(
                f"array {array.name} is {array.dtype}, which numpy has not; write it to .safetensors"
            ) from None
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": descr, "fortran_order": False, "shape": array.shape})
    yield header.getvalue()
    yield from array.raw()


def _header(stream: BinaryIO) -> tuple[Any, bool, tuple[int, ...]]:
    begun = stream.read(len(MAGIC) + 2)
    if begun[: len(MAGIC)] != MAGIC:
        raise CorruptData("it does not begin as one does")
    form = {1: "<H", 2: "<I", 3: "<I"}.get(begun[-1 - 1] if len(begun) == 8 else 0)
    if form is None:
        raise CorruptData("it has a version that is not known")
    raw = stream.read(struct.calcsize(form))
    length = struct.unpack(form, raw)[0] if len(raw) == struct.calcsize(form) else 0
    if length > MOST_HEADER:
        raise CorruptData(f"its header has {length} bytes, more than the {MOST_HEADER} of any array")
    text = stream.read(length)
    if not length or len(text) < length:
        raise CorruptData("it ends inside its header")
    try:
        header = ast.literal_eval(text.decode("utf-8" if begun[6] == 3 else "latin1"))
        descr, fortran, shape = header["descr"], header["fortran_order"], header["shape"]
        right = type(fortran) is bool and type(shape) is tuple and all(type(n) is int and n >= 0 for n in shape)
    except (ValueError, SyntaxError, TypeError, KeyError, RecursionError, MemoryError, UnicodeDecodeError) as error:
        raise CorruptData(f"its header cannot be read: {type(error).__name__}") from error
    if not right or len(shape) > 32 or math.prod(shape) >= 1 << 62:
        raise CorruptData(f"its header says shape {shape} and fortran_order {fortran}")
    return descr, fortran, shape


def _dtype_of(descr: Any, unnamed: str | None) -> str | None:
    """The dtype that is not numpy's, if it is one."""
    if not isinstance(descr, str):
        return None
    if descr[1:] == "V1":
        if unnamed is None:
            raise InvalidInput(
                "it holds numbers of one byte, but numpy.save does not write down which float8 they are; "
                "pass --dtype float8_e4m3fn or float8_e5m2"
            )
        return unnamed
    return {"V2": "bfloat16", "f1": "float8_e5m2"}.get(descr[1:])


def _numpy_dtype(descr: Any) -> np.dtype[Any]:
    try:
        return np.lib.format.descr_to_dtype(descr)
    except (ValueError, TypeError, KeyError, IndexError, SyntaxError, RecursionError) as error:
        raise CorruptData(f"its header says dtype {str(descr)[:40]!r}") from error
