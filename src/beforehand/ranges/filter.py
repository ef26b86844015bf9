"""What every range filter offers."""

import mmap
from typing import Any, Protocol, Self, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from beforehand.ranges.bounds import Closed
from beforehand.ranges.keys import Keys, KeyType

Buffer: TypeAlias = bytes | bytearray | memoryview | mmap.mmap | NDArray[np.uint8]


@runtime_checkable
class RangeFilter(Protocol):
    """May a key lie in a range? A filter never says no where one does; sometimes it says yes where none does.

    Filters are immutable: queries may come from any number of threads. Two are equal when their bytes are.
    """

    @property
    def count(self) -> int:
        """Distinct keys."""

    @property
    def nbytes(self) -> int:
        """Memory that a query may touch, in bytes, header and directories included."""

    @property
    def bits_per_key(self) -> float:
        """`8 * nbytes / count`; inf without keys."""

    @property
    def key_type(self) -> KeyType:
        """What the keys are."""

    @property
    def expected_false_positive_rate(self) -> float | None:
        """The share of empty ranges like those of the sample that are answered with True; None without one."""

    def may_contain(self, keys: Keys) -> bool | NDArray[np.bool_]:
        """Whether each of these may be a key: a bool for a scalar, an array of them for an array."""

    def may_intersect(self, lo: Any, hi: Any, *, closed: Closed = "both") -> bool | NDArray[np.bool_]:
        """Whether a key may lie in lo <= x <= hi, or in lo <= x < hi where closed is "left".

        A bool for two scalars; an array of them where one is an array, broadcast as numpy does.
        """

    def bound(self, length: int) -> float:
        """What the false-positive rate of no empty range of at most `length` codes exceeds, or 1.0."""

    def to_bytes(self) -> bytes:
        """Serialize; `from_bytes` and `load` read it."""

    @classmethod
    def from_bytes(cls, data: Buffer, *, copy: bool = True) -> Self:
        """Read what `to_bytes` returned; without a copy, the buffer is used as it lies, and must not change."""
