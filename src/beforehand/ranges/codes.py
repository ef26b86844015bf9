"""The codes of numbers: 64 bits, compared from the top, in the order of the numbers."""

import math
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput

Codes = NDArray[np.uint64]
SIGN: Final = np.uint64(2**63)
LARGEST_CODE: Final = np.uint64(2**64 - 1)
EXACT_FLOAT: Final = 2**53  # up to here, each integer is a float64


_TOGETHER: Final = 2**15  # values that are compared at a time: what that writes stays in a near cache


def distinct(values: NDArray[Any]) -> NDArray[Any]:
    """Numbers in ascending order, each once; what is so already is not copied."""
    if _ascend(values):
        return values
    ordered = np.sort(values)  # a fiftieth of the time of np.unique, which hashes before it sorts
    return ordered[np.concatenate(([True], ordered[1:] != ordered[:-1]))]


def _ascend(values: NDArray[Any]) -> bool:
    runs = (values[first : first + _TOGETHER + 1] for first in range(0, len(values) - 1, _TOGETHER))
    return all((run[1:] > run[:-1]).all() for run in runs)


def unsigned_codes(values: NDArray[Any]) -> Codes:
    """The values themselves."""
    return np.ascontiguousarray(values, np.uint64)


def signed_codes(values: NDArray[Any]) -> Codes:
    """The values, shifted so that the smallest int64 is 0."""
    return np.ascontiguousarray(values, np.int64).view(np.uint64) ^ SIGN


def float_codes(values: NDArray[Any], name: str = "values") -> Codes:
    """Bits of the float64, made to ascend: all flipped where negative, the sign alone elsewhere. -0.0 counts as 0.0.

    Raises:
        InvalidInput: A value is NaN.
    """
    floats = np.array(values, np.float64, order="C")  # a copy, without the byte order of others
    missing = np.isnan(floats)
    if missing.any():
        raise InvalidInput(f"{first_of(name, missing)} is NaN, which has no place in any order; drop it")
    floats += 0.0  # -0.0 becomes 0.0
    bits = floats.view(np.uint64)
    return bits ^ np.where(bits >> np.uint64(63), LARGEST_CODE, SIGN)


def whole_codes(values: NDArray[Any], signed: bool) -> tuple[Codes, NDArray[np.int8]]:
    """Codes of integers of any size, moved to the nearest of the 64-bit domain, and on which side of it each lay.

    Args:
        values: Integers as numpy holds them, or Python's in an array of objects.
        signed: Whether the domain is that of int64, or else that of uint64.

    Returns:
        Codes; and -1 for values below the domain, 1 for those above, 0 for those inside.
    """
    lowest, highest = (-(2**63), 2**63 - 1) if signed else (0, 2**64 - 1)
    below, above = np.asarray(values < lowest, np.bool_), np.asarray(values > highest, np.bool_)
    inside = np.where(below, lowest, np.where(above, highest, values)) if (below | above).any() else values
    side = above.astype(np.int8) - below.astype(np.int8)
    return (signed_codes(inside.astype(np.int64)) if signed else unsigned_codes(inside.astype(np.uint64))), side


def rounded_floats(values: NDArray[Any], toward: Literal["up", "down"]) -> NDArray[np.float64]:
    """Integers as float64, each the nearest that is not below ("up") or not above ("down") it."""
    floats = np.empty(values.shape, np.float64)
    for index, value in np.ndenumerate(values):
        floats[index] = _rounded(int(value), toward)
    return floats


def _rounded(value: int, toward: Literal["up", "down"]) -> float:
    try:
        nearest = float(value)
    except OverflowError:
        nearest = math.inf if value > 0 else -math.inf
    if toward == "up" and nearest < value:
        return math.nextafter(nearest, math.inf)
    if toward == "down" and nearest > value:
        return math.nextafter(nearest, -math.inf)
    return nearest


def first_of(name: str, where: NDArray[np.bool_]) -> str:
    """What messages call the first element that is marked: `keys[3]`, or just `lo` where it is the only one."""
    index = np.unravel_index(int(where.argmax()), where.shape)
    return f"{name}[{', '.join(map(str, map(int, index)))}]" if index else name
