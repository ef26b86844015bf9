"""Random rotation, which makes any long vector look normal, and the Hadamard transform that it is made of."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.quantization.dtypes import DTYPES
from beforehand.quantization.inputs import Numbers, Tensor, Values, as_target, as_values
from beforehand.quantization.options import check_below


def hadamard(x: Numbers, *, out: NDArray[Any] | Tensor | None = None) -> NDArray[Any]:
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
        InvalidInput: The last axis is not a power of two; `x` contains NaN, infinity, or values whose sums overflow.

    Example:
        >>> hadamard([3.0, 1.0, 0.0, 0.0])
        array([2., 1., 2., 1.])

    Reference:
        Fino, Algazi: Unified Matrix Treatment of the Fast Walsh-Hadamard Transform. IEEE Transactions on Computers
        C-25(11), 1976.
    """
    values = as_values(x)
    if out is None:
        target = _copy(values)
    else:
        target, _ = as_target(out, values.data.shape, DTYPES[values.dtype.levels.name])
        target[...] = values.floats
    _native.hadamard_stages(target)
    _normalize(target, rounds=1)
    result: Any = target if out is None else out  # a tensor, if it was one
    return result  # type: ignore[no-any-return]


def rotate(x: Numbers, *, seed: int, stream: int = 0, rounds: int = 2, inverse: bool = False) -> NDArray[Any]:
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
        InvalidInput: The last axis is not a power of two; `x` contains NaN, infinity, or values whose sums overflow; an
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
    result = _copy(as_values(x))
    _native.rotate(result, seed, stream, rounds, inverse)
    _normalize(result, rounds)
    return result


def _copy(values: Values) -> NDArray[Any]:
    return np.array(values.floats)


def _normalize(x: NDArray[Any], rounds: int) -> None:
    """Multiply by the factor with which that many transforms keep lengths."""
    if not np.isfinite(x).all():
        raise InvalidInput("x contains NaN or infinity, or values whose sums overflow; fix them, or scale x down")
    n = x.shape[-1] if x.ndim else 1
    x *= x.dtype.type(1 / math.sqrt(n) if rounds == 1 else 1 / n)
