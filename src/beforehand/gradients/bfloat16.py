"""bfloat16, which numpy lacks: the upper half of a float32, kept as uint16."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_bfloat16(x: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Round to the nearest, ties to even; NaN stays NaN."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    rounded = (bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))) >> np.uint32(16)
    quiet = bits >> np.uint32(16) | np.uint32(0x40)
    halves: NDArray[np.uint16] = np.where(np.isnan(x), quiet, rounded).astype(np.uint16)
    return halves


def from_bfloat16(halves: NDArray[Any]) -> NDArray[np.float32]:
    """The float32 of the same value."""
    return (halves.astype(np.uint32) << np.uint32(16)).view(np.float32)
