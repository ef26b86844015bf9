"""The packed codes of a bucket, cut into shards, and how they are added and decoded."""

from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.gradients.exchange import Floats, Message
from beforehand.gradients.lanes import smallest_lanes
from beforehand.gradients.layout import Piece
from beforehand.gradients.thc_table import Table

GROUP = 512  # coordinates that are packed together


class Range(NamedTuple):
    """What decodes a piece: its points lie at -limit .. limit before the inverse rotation; 0 if all of it is zero."""

    piece: Piece
    limit: float

    def affine(self, granularity: int, count: int) -> tuple[float, float]:
        """By what a sum of `count` points is multiplied, and what is then subtracted."""
        return 2 * self.limit / (granularity * count), self.limit


@final
class THCShards:
    """One worker's codes of a bucket. Sums are of points, so they are exact in any order."""

    unit = GROUP

    def __init__(self, packed: Message, table: Table, ranges: tuple[Range, ...]) -> None:
        self.size = ranges[-1].piece.start + ranges[-1].piece.length
        self._packed = packed
        self._table = table
        self.points = np.array(table.values, np.uint16)
        self._ranges = ranges

    def encode(self, first: int, last: int) -> Message:
        """This worker's packed codes."""
        return self._packed[self._bytes(first) : self._bytes(last)]

    def accumulate(self, total: NDArray[Any] | None, message: Message) -> NDArray[Any]:
        """Add the points of a worker's codes."""
        count = len(message) * 8 // self._table.bits
        sums = np.empty(count, np.uint16) if total is None else total
        _native.thc_accumulate(
            np.ascontiguousarray(message), self.points, bits=self._table.bits, first=total is None, sums=sums
        )
        return sums

    def finish(self, total: NDArray[Any], count: int) -> Message:
        """The sums in the narrowest lanes that hold those of `count` workers."""
        return smallest_lanes(count * self._table.granularity).pack(total).view(np.uint8)

    def result_bytes(self, coordinates: int, count: int) -> int:
        """Those of the lanes."""
        return smallest_lanes(count * self._table.granularity).nbytes(coordinates)

    def decode(self, message: Message, first: int, last: int, count: int) -> Floats:
        """The mean before the inverse rotation.

        Raises:
            InvalidInput: The message is not one of that many coordinates.
        """
        lanes = smallest_lanes(count * self._table.granularity)
        if message.nbytes != lanes.nbytes(last - first):
            raise InvalidInput(
                f"message has {message.nbytes} bytes, but sums of {count} workers have {lanes.nbytes(last - first)}; "
                "pass that of this round"
            )
        return self.mean_of(
            lanes.unpack(np.ascontiguousarray(message).view(lanes.container), last - first), first, count
        )

    def mean_of(self, sums: NDArray[Any], first: int, count: int) -> Floats:
        """What sums of `count` workers from coordinate `first` on stand for."""
        return decoded(sums, self._ranges, self._table.granularity, count, first)

    def _bytes(self, coordinates: int) -> int:
        return coordinates * self._table.bits // 8


def decoded(sums: NDArray[Any], ranges: tuple[Range, ...], granularity: int, count: int, first: int = 0) -> Floats:
    """The mean before the inverse rotation of sums from coordinate `first` on."""
    mean = np.empty(len(sums), np.float32)
    for each in ranges:
        start = max(each.piece.start - first, 0)
        end = min(each.piece.start + each.piece.length - first, len(sums))
        if start < end:
            factor, offset = each.affine(granularity, count)
            _native.decode_lanes(sums[start:end], factor, offset, mean[start:end])
    return mean
