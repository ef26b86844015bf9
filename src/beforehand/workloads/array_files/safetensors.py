"""The safetensors format: names, dtypes and places in JSON, then the numbers.

Not read by its package, which copies what it reads, refuses dtypes that numpy lacks, and writes only from memory.
"""

import json
import math
import os
import struct
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.array_files.stored import BITS, Stored, held_as, mapped, settled

MOST_HEADER: Final = 100_000_000  # bytes, the limit of the package too
NAMES: Final = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U64": "uint64",
    "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool", "C64": "complex64",
}  # fmt: skip
PACKED: Final = {"F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8}  # bits a value
OWN: Final = {name: own for own, name in NAMES.items()}
LABELS: Final = "__metadata__"


def read_safetensors(stream: BinaryIO) -> tuple[list[Stored], dict[str, Any]]:
    """All arrays, which stay in the file, in their order there; and what was noted down with them.

    Raises:
        CorruptData: it is not in this format, is cut, or has gaps or numbers that belong to two arrays.
    """
    size = os.fstat(stream.fileno()).st_size
    raw = stream.read(8)
    length = struct.unpack("<Q", raw)[0] if len(raw) == 8 else 0
    if not 2 <= length <= min(size - 8, MOST_HEADER):
        raise CorruptData(f"it says that its header has {length} bytes, of {size} in all; fetch or write it again")
    try:
        header = json.loads(stream.read(length), object_pairs_hook=_distinct)
        labels = header.pop(LABELS, {})
        entries = sorted(
            ((name, *_entry(entry)) for name, entry in header.items()), key=lambda entry: (entry[3], entry[4])
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        reason = str(error).partition("\n")[0]
        raise CorruptData(f"its header cannot be read: {reason[:200]}; fetch or write it again") from error
    end = 0
    found = []
    for name, kind, shape, first, last in entries:
        if kind not in NAMES and kind not in PACKED:
            raise CorruptData(f"it has array {name} of dtype {kind!r}, which is not known; write it again")
        dtype = NAMES.get(kind, kind)
        held = np.dtype(BITS.get(dtype, dtype)) if kind in NAMES else np.dtype(np.uint8)
        fits = 8 * (last - first) == math.prod(shape) * PACKED.get(kind, 8 * held.itemsize)
        if first != end or not fits or last > size - 8 - length:
            raise CorruptData(
                f"it places array {name} of {kind} and shape {list(shape)} at bytes {first} to {last}, "
                "where it cannot be; fetch or write it again"
            )
        end = last
        data = mapped(stream, held, shape if kind in NAMES else (last - first,), 8 + length + first)
        found.append(_stored(settled(data), name, dtype, shape))
    if end != size - 8 - length:
        raise CorruptData(f"it has {size - 8 - length - end} bytes that belong to no array; fetch or write it again")
    return found, labels if isinstance(labels, dict) else {}


def write_safetensors(stream: BinaryIO, arrays: Sequence[Stored], labels: Mapping[str, Any]) -> None:
    """A file of these arrays, in this order.

    Raises:
        InvalidInput: an array holds text, times or whatever else the format has no name for.
    """
    header: dict[str, Any] = {LABELS: dict(labels)} if labels else {}
    end = 0
    for array in arrays:
        kind = OWN.get(array.dtype, array.dtype)
        if kind not in NAMES and kind not in PACKED:
            raise InvalidInput(f"array {array.name} is {array.dtype}, which safetensors cannot hold; write it to .npz")
        first, end = end, end + _bytes_of(array, kind)
        header[array.name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [first, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    stream.write(struct.pack("<Q", len(text)) + text)
    for array in arrays:
        for piece in array.raw():
            stream.write(piece)


def _bytes_of(array: Stored, kind: str) -> int:
    return array.size * PACKED.get(kind, 8 * held_as(array.dtype).itemsize) // 8


def _stored(data: NDArray[Any], name: str, dtype: str, shape: tuple[int, ...]) -> Stored:
    if data.shape == shape:
        return Stored.of(data, name, dtype)
    return Stored(name=name, dtype=dtype, shape=shape, rows=lambda first, last: data if first == 0 else data[:0])


def _entry(entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    kind, shape, (first, last) = entry["dtype"], entry["shape"], entry["data_offsets"]
    if type(kind) is not str or not all(type(n) is int and n >= 0 for n in (*shape, first, last)):
        raise ValueError(f"an array of dtype {kind!r} and shape {shape!r}")
    if len(shape) > 32 or math.prod(shape) >= 1 << 62:
        raise ValueError(f"an array of shape {shape!r}")
    return kind, tuple(shape), first, last


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it names something twice")
    return found
