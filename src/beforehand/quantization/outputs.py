"""Where decoded numbers go: which rows are wanted, and the array or the CPU tensor that takes them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.quantization.inputs import CPU


def decoded_dtype(dtype: str, level_dtype: np.dtype[Any]) -> np.dtype[Any]:
    """What decoding gives for a source of that dtype."""
    return np.dtype(dtype) if dtype in ("float16", "float32", "float64") else level_dtype


def select(shape: tuple[int, ...], rows: Any) -> tuple[int, NDArray[np.int64] | None, tuple[int, ...]]:
    """The first row and the rest follows on, or a list of rows; and the shape that they make.

    Raises:
        InvalidInput: `rows` are beyond axis 0, or no integers.
    """
    if rows is None:
        return 0, None, shape
    if not shape:
        raise InvalidInput(f"rows is {rows!r}, but codes of a 0-d array have none; leave it out")
    if isinstance(rows, slice):
        chosen = range(*rows.indices(shape[0]))
        if chosen.step == 1:
            return min(chosen.start, shape[0]), None, (len(chosen), *shape[1:])
        return 0, chosen.start + chosen.step * np.arange(len(chosen)), (len(chosen), *shape[1:])
    index = np.array(rows)  # a copy: nobody may change what is checked below
    if index.size == 0 and not isinstance(rows, np.ndarray):
        index = index.astype(np.int64)  # what numpy makes of an empty list is float64
    if index.dtype.kind not in "iu":
        raise InvalidInput(f"rows have dtype {index.dtype}, but must be an int, a slice or an array of ints")
    wrong = (index < -shape[0]) | (index >= shape[0])
    if wrong.any():
        raise InvalidInput(f"rows hold {index[wrong].flat[0]}, but axis 0 has {shape[0]} rows")
    index = index.astype(np.int64)
    return 0, np.where(index < 0, index + shape[0], index).reshape(-1), (*index.shape, *shape[1:])


def as_target(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any], source: str) -> tuple[NDArray[Any], bool]:
    """`out` as an array to write to, and whether it holds bfloat16.

    Raises:
        InvalidInput: It cannot be written to, or has not that shape and dtype.
    """
    if not hasattr(out, "__dlpack__"):  # arrays have it too
        raise InvalidInput(f"out is a {type(out).__name__}, but must be an array or a tensor with __dlpack__")
    if int(out.__dlpack_device__()[0]) != CPU:
        raise InvalidInput("out is not on the CPU; leave it out and move the result")
    if getattr(out, "requires_grad", False):
        raise InvalidInput("out requires a gradient, which writing would not tell it of; pass out.detach()")
    try:
        target = out if isinstance(out, np.ndarray) else _native.writable(out)
        half = target is not out and _native.bfloat16_bits(out) is not None
        fits = target.flags.c_contiguous and target.flags.writeable and target.flags.aligned
    except TypeError:  # what the binding says of memory that it may not write to
        fits = False
    if not fits:
        raise InvalidInput("out must be contiguous, aligned and writable; leave it out and copy the result")
    wanted = np.dtype(np.uint16) if half and source == "bfloat16" else dtype
    if target.shape != shape or target.dtype != wanted or half != (wanted == np.uint16):
        found = "bfloat16" if half else target.dtype
        raise InvalidInput(f"out has shape {target.shape} and dtype {found}, but must have {shape} and {dtype}")
    return target, half
