"""Which values share a table of levels: all of them, those at one index of an axis, or a block of consecutive ones."""

import math

from beforehand import _native
from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.quantization.options import whole

MOST_VALUES = 2**31 - 1


def grouping(shape: tuple[int, ...], axis: int | None, block: int | None) -> _native.Grouping:
    """Group an array of this shape: by an axis as outer x groups x inner, by blocks as rows of `inner` values.

    Raises:
        InvalidInput: Both or an impossible `axis` or `block` are given.
        CapacityExceeded: A group would have more than 2**31 - 1 values.
    """
    if axis is not None and block is not None:
        raise InvalidInput(f"axis is {axis} and block is {block}, but only one of them can group the values; drop one")
    if axis is not None:
        axis = whole("axis", axis)
        if not -len(shape) <= axis < len(shape):
            raise InvalidInput(
                f"axis is {axis}, but x has {len(shape)} dimensions; take one from 0 to {len(shape) - 1}"
            )
        axis %= len(shape)
        groups = _native.Grouping(math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]))
    elif block is not None:
        block = whole("block", block)
        if block < 1:
            raise InvalidInput(
                f"block is {block}, but must be at least 1; take the number of values that share a table"
            )
        groups = _native.Grouping(math.prod(shape[:-1]), 1, shape[-1] if shape else 1, block)
    else:
        groups = _native.Grouping(1, 1, math.prod(shape))
    if groups.largest > MOST_VALUES:
        raise CapacityExceeded(
            f"a group has {groups.largest} values, but at most 2**31 - 1 can share a table; use block="
        )
    return groups
