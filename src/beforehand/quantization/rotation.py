"""Random rotation, which makes any long vector look normal, and the Hadamard transform that it is made of."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.quantization.inputs import Values, as_values, narrow, whole
from beforehand.quantization.outputs import as_target

ROUNDS = 2  # with a single one sparse vectors are biased
SMALLEST_CHUNK, LARGEST_CHUNK = 64, 65536  # values that are rotated together; the largest by default
NO_AXIS = 255
LARGEST_BFLOAT16 = np.float32(3.3895313892515355e38)


def hadamard(x: Any, *, out: Any = None) -> NDArray[Any]:
    """The orthonormal Walsh-Hadamard transform along the last axis, in natural order.

    Args:
        x: Of a dtype that `levels` accepts; its last axis is a power of two, n.
        out: Where to: a contiguous array of the result's shape and dtype, `x` itself too. It is returned.

    Returns:
        float32 for floats of 32 bits or fewer and integers of 8 or 16, else float64.

    Guarantee:
        Keeps lengths and dot products, and undoes itself, up to rounding: some k roundings for n = 2**k. The same bits
        on every machine.

    Cost:
        k additions a value: with 10 or 20 of them some 2 to 3 ns, copy and checks included, and 10 to 15 for float64.
        Releases the GIL above 10,000 values.

    Raises:
        InvalidInput: The last axis is no power of two; `x` holds NaN, infinity, or values whose sums overflow.

    Example:
        >>> hadamard([3.0, 1.0, 0.0, 0.0])
        array([2., 1., 2., 1.])

    Reference:
        Fino, Algazi: Unified Matrix Treatment of the Fast Walsh-Hadamard Transform. IEEE Transactions on Computers
        C-25(11), 1976.
    """
    values = as_values(x)
    if out is None:
        result = _floats(values)
    else:
        result, _ = as_target(out, values.shape, values.level_dtype, str(values.level_dtype))
        result[...] = values.data if values.table is None else values.table[values.data]
    n = _length(result)
    _native.hadamard_stages(result)
    found: NDArray[Any] = result if out is None else out
    _normalise(result, 1 / math.sqrt(n))
    return found


def rotate(x: Any, *, seed: int, stream: int = 0, rounds: int = 2, inverse: bool = False) -> NDArray[Any]:
    """Rotate each row, along the last axis, by the random rotation of this seed and stream, or back.

    A round flips random signs and takes `hadamard` of the result. All rows are rotated alike.

    Args:
        x: Of a dtype that `levels` accepts; its last axis is a power of two.
        seed: From 0 to 2**64 - 1.
        stream: From 0 to 2**56 - 1.
        rounds: 1 or 2. After one the error that rounding leaves is biased for sparse rows; after two it is not.
        inverse: Undo the rotation of the same seed, stream and rounds.

    Returns:
        float32 for floats of 32 bits or fewer and integers of 8 or 16, else float64.

    Guarantee:
        Keeps lengths and dot products, and the inverse brings `x` back, up to rounding. The same bits on every machine.

    Cost:
        Some 5 ns a value for two rounds of float32. Releases the GIL above 10,000 values.

    Raises:
        InvalidInput: The last axis is no power of two; `x` holds NaN, infinity, or values whose sums overflow; an
            option breaks its rule.

    Example:
        >>> turned = rotate([4.0, 1.0, 2.0, 2.0], seed=1)
        >>> float(turned @ turned)
        25.0
        >>> rotate(turned, seed=1, inverse=True)
        array([4., 1., 2., 2.])

    Reference:
        Vargaftik et al.: DRIVE, NeurIPS 2021, arXiv:2105.08339; EDEN, ICML 2022, arXiv:2108.08842.
    """
    check_below("seed", seed, 64)
    check_below("stream", stream, 56)
    if rounds not in (1, 2):
        raise InvalidInput(f"rounds is {rounds!r}, but must be 1 or 2")
    result = _floats(as_values(x))
    n = _length(result)
    _native.rotate(result, seed, stream, rounds, inverse)
    _normalise(result, 1 / math.sqrt(n) if rounds == 1 else 1 / n)
    return result


def decode_rotated(
    header: _native.CodesHeader,
    data: bytes,
    rows: NDArray[np.int64] | None,
    threads: int,
    target: NDArray[Any],
    half: bool,
) -> None:
    """Decode what was rotated, all or these rows, to an array of floats or, `half`, of the bits of bfloat16.

    Raises:
        InvalidInput: Rows are wanted, but some were rotated together.
    """
    if rows is not None and not _row_by_row(header):
        raise InvalidInput(
            "rows are given, but were rotated together; decode all of them, or make levels with axis=0 before encoding"
        )
    dtype = np.dtype(np.float32 if header.single else np.float64)
    floats = target if target.dtype == dtype else np.empty(target.shape, dtype)
    row = 0 if rows is None else math.prod(header.shape[1:])
    _native.decode_rotated(header, data, rows, row, threads, floats.reshape(-1))
    if half:
        target[...] = narrow(np.clip(floats, -LARGEST_BFLOAT16, LARGEST_BFLOAT16))
    elif floats is not target:
        most = np.finfo(target.dtype).max
        with np.errstate(under="ignore"):
            target[...] = np.clip(floats, -most, most)


def check_rotation(s: int, block: int | None) -> None:
    """Check the number of levels for rotated values, and the largest chunk.

    Raises:
        InvalidInput: One of them is no power of two in its range.
    """
    if not 2 <= whole("s", s) <= 256 or s & (s - 1):
        raise InvalidInput(f"s is {s}, but must be a power of two from 2 to 256 with method='rotation'")
    if block is None or whole("block", block) < SMALLEST_CHUNK or block & (block - 1):
        raise InvalidInput(
            f"block is {block}, but must be a power of two of at least {SMALLEST_CHUNK} with method='rotation'"
        )


def check_below(name: str, value: int, bits: int) -> None:
    """Check a number that random words are drawn for.

    Raises:
        InvalidInput: It is no integer of so many bits.
    """
    if not isinstance(value, int | np.integer) or not 0 <= value < 2**bits:
        raise InvalidInput(f"{name} is {value!r}, but must be an int from 0 to 2**{bits} - 1")


def _row_by_row(header: _native.CodesHeader) -> bool:
    """Whether no chunk reaches over two rows."""
    if header.axis != NO_AXIS:
        return header.axis == 0 or header.shape[0] <= 1
    return header.shape[0] <= 1 or math.prod(header.shape[1:]) % header.block == 0


def _floats(values: Values) -> NDArray[Any]:
    """A copy in the level dtype."""
    return values.data.copy() if values.table is None else values.table[values.data]


def _length(x: NDArray[Any]) -> int:
    n = x.shape[-1] if x.ndim else 1
    if n < 1 or n & (n - 1):
        raise InvalidInput(f"x has a last axis of {n}, but it must be a power of two; fill it up with zeros")
    return n


def _normalise(x: NDArray[Any], factor: float) -> None:
    if not np.isfinite(x).all():
        raise InvalidInput("x holds NaN or infinity, or values whose sums overflow; mend them, or scale x down")
    x *= x.dtype.type(factor)
