"""From codes back to values: all of them or some rows, into a new array or a given one."""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.quantization.codes import Codes
from beforehand.quantization.dtypes import DTYPES, narrow
from beforehand.quantization.inputs import Tensor, as_target
from beforehand.quantization.options import check_threads

Rows: TypeAlias = int | slice | Sequence[int] | NDArray[np.integer]
LARGEST_BFLOAT16 = np.float32(3.3895313892515355e38)


def decode(
    codes: Codes, *, rows: Rows | None = None, out: NDArray[Any] | Tensor | None = None, threads: int = 1
) -> NDArray[Any]:
    """Turn codes back into the levels that they stand for.

    Args:
        codes: What `encode` returned.
        rows: Decode only these indices of axis 0: an int, a slice, or an array of ints; other rows are not touched.
            With rotation, only if each row was rotated by itself: with `axis=0`, or in blocks that never cross rows.
        out: Where to write: a contiguous array, or a CPU tensor with `__dlpack__`, of the result's shape and dtype, or
            of bfloat16 for codes of bfloat16. It is returned.
        threads: Maximum number of threads.

    Returns:
        An array of the source's dtype; float32 for bfloat16, and the dtype of the levels for integers.

    Cost:
        About 0.3 ns a value for 16 levels in one table, else 1 to 2 ns; with rotation 4 to 8. Releases the GIL above
        10,000 values.

    Raises:
        InvalidInput: `rows` are out of range, or were rotated together; `out` has another shape or dtype.
        CapacityExceeded: Codes of 0 bits, which take no bytes whatever their shape, stand for more than 256 MiB of
            repeated values, and neither `rows` nor `out` is given.

    Example:
        >>> from beforehand.quantization import encode
        >>> codes = encode([[0.0, 2.0], [4.0, 1.0]], [0.0, 1.0, 2.0, 4.0], seed=1)
        >>> decode(codes)
        array([[0., 2.],
               [4., 1.]])
        >>> decode(codes, rows=-1)
        array([4., 1.])
    """
    if not isinstance(codes, Codes):
        raise InvalidInput(f"codes must be a Codes object, got {type(codes).__name__}; pass what encode() returned")
    check_threads(threads)
    dtype = DTYPES[codes.dtype]
    first, chosen, shape = select(codes.shape, rows)
    if rows is None and out is None:
        codes._check_repeated(dtype.decoded.itemsize, "pass rows= or out= to decode it all the same")
    target, half = (np.empty(shape, dtype.decoded), False) if out is None else as_target(out, shape, dtype)
    if codes.method == "rotation":
        if rows is not None and chosen is None:
            chosen = np.arange(first, first + shape[0])
        _decode_rotated(codes, chosen, target, half, threads)
    elif codes.method == "scaled":
        _decode_scaled(codes, first, chosen, target, half, threads)
    else:
        _decode_plain(codes, first, chosen, target, half, threads)
    result: Any = target if out is None else out  # a tensor, if it was one
    return result  # type: ignore[no-any-return]


def select(shape: tuple[int, ...], rows: Rows | None) -> tuple[int, NDArray[np.int64] | None, tuple[int, ...]]:
    """The first row of consecutive ones, or a list of rows; and the shape of the result.

    Raises:
        InvalidInput: `rows` are out of range, or not integers.
    """
    if rows is None:
        return 0, None, shape
    if not shape:
        raise InvalidInput(f"rows is {rows!r}, but a 0-d array has no rows; leave it out")
    if isinstance(rows, slice):
        chosen = range(*rows.indices(shape[0]))
        if chosen.step == 1:
            return min(chosen.start, shape[0]), None, (len(chosen), *shape[1:])
        return 0, chosen.start + chosen.step * np.arange(len(chosen)), (len(chosen), *shape[1:])
    try:
        index = np.array(rows)  # a copy: nobody may change what is checked below
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"rows are not an array ({error}); pass an int, a slice or an array of ints") from None
    if index.size == 0 and not isinstance(rows, np.ndarray):
        index = index.astype(np.int64)  # what numpy makes of an empty list is float64
    if index.dtype.kind not in "iu":
        raise InvalidInput(f"rows have dtype {index.dtype}, but must be an int, a slice or an array of ints")
    wrong = (index < -shape[0]) | (index >= shape[0])
    if wrong.any():
        raise InvalidInput(f"rows contain {index[wrong].flat[0]}, but axis 0 has {shape[0]} rows")
    index = index.astype(np.int64)
    return 0, np.where(index < 0, index + shape[0], index).reshape(-1), (*index.shape, *shape[1:])


def _decode_plain(
    codes: Codes, first: int, rows: NDArray[np.int64] | None, target: NDArray[Any], half: bool, threads: int
) -> None:
    """Look up the values from row `first` on, or those of some rows, as floats or, `half`, as the bits of bfloat16."""
    with np.errstate(under="ignore"):
        items = narrow(codes.levels) if half else codes.levels.astype(target.dtype)
    row = math.prod(codes.shape[1:])
    _native.decode_codes(
        codes._header,
        codes._data,
        items.reshape(-1),
        first=first * row,
        rows=rows,
        row=0 if rows is None else row,
        threads=threads,
        out=target.reshape(-1),
    )


def _decode_rotated(
    codes: Codes, rows: NDArray[np.int64] | None, target: NDArray[Any], half: bool, threads: int
) -> None:
    """Rotate all values or those of some rows back, to floats or, `half`, to the bits of bfloat16.

    Raises:
        InvalidInput: Rows are given, but were rotated together.
    """
    if rows is not None and not _row_by_row(codes):
        raise InvalidInput(
            "rows are given, but were rotated together; decode all of them, or make levels with axis=0 before encoding"
        )
    dtype = DTYPES[codes.dtype].levels
    floats = target if target.dtype == dtype else np.empty(target.shape, dtype)
    row = 0 if rows is None else math.prod(codes.shape[1:])
    _native.decode_rotated(codes._header, codes._data, rows=rows, row=row, threads=threads, out=floats.reshape(-1))
    _round_into(target, floats, half)


def _decode_scaled(
    codes: Codes, first: int, rows: NDArray[np.int64] | None, target: NDArray[Any], half: bool, threads: int
) -> None:
    """Multiply levels by scales, from row `first` on or of some rows, to floats or, `half`, to the bits of bfloat16."""
    dtype = DTYPES[codes.dtype].levels
    floats = target if target.dtype == dtype else np.empty(target.shape, dtype)
    row = math.prod(codes.shape[1:])
    _native.decode_scaled(
        codes._header,
        codes._data,
        first=first * row,
        rows=rows,
        row=0 if rows is None else row,
        threads=threads,
        out=floats.reshape(-1),
    )
    _round_into(target, floats, half)


def _round_into(target: NDArray[Any], floats: NDArray[Any], half: bool) -> None:
    """Round floats to the dtype of the target or, `half`, to the bits of bfloat16; the largest stays finite."""
    if half:
        target[...] = narrow(np.clip(floats, -LARGEST_BFLOAT16, LARGEST_BFLOAT16))
    elif floats is not target:
        largest = np.finfo(target.dtype).max
        with np.errstate(under="ignore"):
            target[...] = np.clip(floats, -largest, largest)


def _row_by_row(codes: Codes) -> bool:
    """Whether each chunk lies within one row."""
    shape, header = codes.shape, codes._header
    if header.axis is not None:
        return header.axis == 0 or shape[0] <= 1
    return shape[0] <= 1 or math.prod(shape[1:]) % header.block == 0
