"""Floats of fewer bits on the wire, by the name of their dtype: numpy has no bfloat16."""

from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from beforehand.gradients.bfloat16 import from_bfloat16, to_bfloat16
from beforehand.gradients.exchange import Floats

Half: TypeAlias = Literal["float16", "bfloat16"]


def narrowed(x: Floats, dtype: str) -> NDArray[Any]:
    """These values as float32, float16 or bfloat16 (uint16); what is too large becomes infinite."""
    if dtype == "bfloat16":
        return to_bfloat16(x)
    with np.errstate(over="ignore"):
        return x.astype(dtype)


def widened(values: NDArray[Any], dtype: str) -> Floats:
    """The float32 of the same values, in memory of its own."""
    return from_bfloat16(values) if dtype == "bfloat16" else values.astype(np.float32)


def itemsize(dtype: str) -> int:
    """Bytes of a value."""
    return 4 if dtype == "float32" else 2
