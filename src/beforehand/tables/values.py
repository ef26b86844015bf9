"""Python values to arrays, where a text format does not say the dtype or a file may lie about it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

EXACT_INTEGER = 2**53
ACCEPTED: dict[str, set[type]] = {"b": {bool}, "i": {int}, "u": {int}, "U": {str}, "f": {int, float, type(None)}}
COLUMN_DTYPES = "bool str float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64".split()


def array(name: str, values: Sequence[Any], dtype: str | None = None) -> NDArray[Any]:
    """An array that holds every value exactly, null being NaN; without a dtype, of the narrowest kind that does."""
    types = set(map(type, values))
    if dtype is None:
        kind = next((kind for kind in "biU" if types and types <= ACCEPTED[kind]), "f")
        dtype = {"b": "bool", "i": "int64", "U": "str", "f": "float64"}[kind]
        if kind == "i" and max(values) >= 2**63:
            dtype = "uint64"
    if dtype not in COLUMN_DTYPES or not types <= ACCEPTED[np.dtype(dtype).kind]:
        raise ValueError(f"column {name} mixes {', '.join(sorted(t.__name__ for t in types))}, but must be {dtype}")
    if dtype == "float64" and any(type(value) is int and abs(value) > EXACT_INTEGER for value in values):
        raise ValueError(f"column {name} mixes floats with integers beyond 2**53, which float64 cannot hold")
    return np.array(values, dtype=dtype)
