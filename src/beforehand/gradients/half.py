"""Floats of fewer bits on the wire, by the name of their dtype. numpy has no bfloat16: its bits are kept as uint16."""

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.gradients.exchange import Floats

Half: TypeAlias = Literal["float16", "bfloat16"]
KINDS = {"float16": _native.Half.float16, "bfloat16": _native.Half.bfloat16}


def narrowed(x: Floats, dtype: str, divisor: float = 1) -> NDArray[Any]:
    """These values over `divisor`, a float32, as float32, float16 or bfloat16 (uint16), in memory of their own.

    The quotient is rounded to float32 first. Rounding is to the nearest, ties to even; what is too large becomes
    infinite, and NaN stays NaN.
    """
    if dtype == "float32":
        return np.divide(x, np.float32(divisor), dtype=np.float32)
    flat = np.ascontiguousarray(x, np.float32).reshape(-1)
    halves = np.empty(flat.size, np.uint16)
    _native.narrow(flat, KINDS[dtype], divisor, halves)
    return halves.view(np.float16 if dtype == "float16" else np.uint16).reshape(np.shape(x))


def widened(values: NDArray[Any], dtype: str, factor: float = 1) -> Floats:
    """The float32 of the same values times `factor`, a float32, in memory of their own."""
    if dtype == "float32":
        scaled: Floats = np.multiply(values, np.float32(factor), dtype=np.float32)
        return scaled
    flat = np.ascontiguousarray(values).reshape(-1)
    x = np.empty(flat.size, np.float32)
    _native.widen(flat.view(np.uint16), KINDS[dtype], factor, x)
    return x.reshape(values.shape)


def itemsize(dtype: str) -> int:
    """Bytes of a value."""
    return 4 if dtype == "float32" else 2
