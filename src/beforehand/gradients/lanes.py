"""Sums of small integers on the wire: how many bits a coordinate's sum takes, and in what integers they travel."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import CapacityExceeded


class Lanes(NamedTuple):
    """Lanes of `width` bits, `each` to a `container` that every collective adds.

    Backends add uint8, int32 and int64 everywhere, and 16-bit integers nowhere.
    """

    width: int
    container: str
    each: int

    def containers(self, values: int) -> int:
        """How many containers hold that many values."""
        return -(-values // self.each)

    def nbytes(self, values: int) -> int:
        """Bytes of that many values."""
        return self.containers(values) * np.dtype(self.container).itemsize

    def pack(self, values: NDArray[Any]) -> NDArray[Any]:
        """The containers of these values, uint8 or uint16."""
        if self.width == 8:
            return values.astype(np.uint8, copy=False)
        held = np.ascontiguousarray(values, np.uint8 if self.width < 8 else np.uint16)
        packed = np.empty(self.containers(len(values)), self.container)
        _native.pack_lanes(held, self.width, packed)
        return packed

    def unpack(self, containers: NDArray[Any], count: int) -> NDArray[Any]:
        """The first `count` values."""
        if self.width == 8:
            return containers.view(np.uint8)[:count]
        values = np.empty(count, np.uint8 if self.width < 8 else np.uint16)
        _native.unpack_lanes(np.ascontiguousarray(containers), self.width, values)
        return values


LANES = {
    lanes.width: lanes
    for lanes in [
        Lanes(5, "int32", 6),
        Lanes(6, "int64", 10),
        Lanes(7, "int64", 9),
        Lanes(8, "uint8", 1),
        Lanes(9, "int64", 7),
        Lanes(10, "int32", 3),
        Lanes(12, "int64", 5),
        Lanes(16, "int32", 2),
    ]
}


def smallest_lanes(largest: int) -> Lanes:
    """The narrowest lanes that hold sums up to `largest`, which fit some."""
    return next(lanes for lanes in LANES.values() if largest < 2**lanes.width)


def check_capacity(workers: int, granularity: int, lanes: int) -> None:
    """Raise if the sum of all workers may overflow a lane.

    Raises:
        CapacityExceeded: It may.
    """
    largest, most = workers * granularity, 2**lanes - 1
    if largest <= most:
        return
    wider = next((each.width for each in LANES.values() if largest < 2**each.width), None)
    remedy = f"take lanes={wider}, or " if wider else "take "
    fewer = f", or at most {most // granularity} workers" if most >= 2 * granularity else ""
    raise CapacityExceeded(
        f"{workers} workers x granularity {granularity} = {largest} > {most}: "
        f"{remedy}granularity <= {most // workers}{fewer}"
    )
