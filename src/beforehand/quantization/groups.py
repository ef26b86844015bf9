"""Which values share a table of levels: all of them, those at one index of an axis, or a block of consecutive ones."""

import math
from dataclasses import dataclass

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.quantization.inputs import whole

MOST_VALUES = 2**31 - 1


@dataclass(frozen=True)
class Groups:
    """An array as outer x groups x inner, or as `outer` rows of `inner` values, each cut into runs of `block`."""

    outer: int
    groups: int
    inner: int
    block: int  # 0: none

    @classmethod
    def of(cls, shape: tuple[int, ...], axis: int | None, block: int | None) -> "Groups":
        """Group an array of this shape.

        Raises:
            InvalidInput: Both or an impossible `axis` or `block` are given.
            CapacityExceeded: A group would have more than 2**31 - 1 values.
        """
        if axis is not None and block is not None:
            raise InvalidInput(
                f"axis is {axis} and block is {block}, but only one of them can group the values; drop one"
            )
        if axis is not None:
            axis = whole("axis", axis)
            if not -len(shape) <= axis < len(shape):
                raise InvalidInput(
                    f"axis is {axis}, but x has {len(shape)} dimensions; take one from 0 to {len(shape) - 1}"
                )
            axis %= len(shape)
            groups = cls(math.prod(shape[:axis]), shape[axis], math.prod(shape[axis + 1 :]), 0)
        elif block is not None:
            block = whole("block", block)
            if block < 1:
                raise InvalidInput(
                    f"block is {block}, but must be at least 1; take the number of values that share a table"
                )
            groups = cls(math.prod(shape[:-1]), 1, shape[-1] if shape else 1, block)
        else:
            groups = cls(1, 1, math.prod(shape), 0)
        if groups.largest > MOST_VALUES:
            raise CapacityExceeded(
                f"a group has {groups.largest} values, but at most 2**31 - 1 can share a table; use block="
            )
        return groups

    @property
    def count(self) -> int:
        """How many tables there are."""
        return self.outer * -(-self.inner // self.block) if self.block else self.groups

    @property
    def largest(self) -> int:
        """Values in the largest group."""
        return min(self.block, self.inner) if self.block else self.outer * self.inner

    @property
    def native(self) -> tuple[int, int, int, int]:
        """What kernels take."""
        return self.outer, self.groups, self.inner, self.block
