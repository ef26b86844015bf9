"""A sample that does not depend on how data are parted: of the values that there are, those whose hashes are lowest."""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

SIZE = 4096
PIECE = 65_536  # values hashed at a time, so that they stay in the cache


@final
class DistinctSample:
    """The range of some values, and `SIZE` of them drawn by their own bits, however often each of them comes.

    Samples of parts merge into that of the whole, to the bit: which values are in it depends on nothing but which
    values there are.
    """

    def __init__(self) -> None:
        self.values: NDArray[np.float64] = np.empty(0)  # in the order of their hashes
        self._hashes: NDArray[np.uint64] = np.empty(0, np.uint64)
        self.low, self.high = np.inf, -np.inf

    def update(self, values: NDArray[Any]) -> None:
        """Add finite values."""
        for at in range(0, values.size, PIECE):
            piece = values[at : at + PIECE].astype(np.float64) + 0.0  # -0.0 is 0.0
            self.low, self.high = min(self.low, piece.min()), max(self.high, piece.max())
            hashes = _hashed(piece)
            if self._hashes.size == SIZE:
                lower = hashes < self._hashes[-1]
                piece, hashes = piece[lower], hashes[lower]
            self._add(piece, hashes)

    def merge(self, other: "DistinctSample") -> None:
        """Add the values of another sample."""
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self._add(other.values, other._hashes)

    def _add(self, values: NDArray[np.float64], hashes: NDArray[np.uint64]) -> None:
        if not hashes.size:
            return
        every, first = np.unique(np.concatenate([self._hashes, hashes]), return_index=True)
        self._hashes = every[:SIZE]
        self.values = np.concatenate([self.values, values])[first[:SIZE]]

    def to_bytes(self) -> bytes:
        """The range and the values, as float64."""
        return np.concatenate([[self.low, self.high], self.values]).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes) -> "DistinctSample":
        """Read what `to_bytes` wrote."""
        made = cls()
        made.low, made.high, *_ = numbers = np.frombuffer(data)
        made.values = numbers[2:]
        made._hashes = _hashed(made.values)
        return made


def _hashed(values: NDArray[np.float64]) -> NDArray[np.uint64]:
    """The bits of each value, mixed as splitmix64 does."""
    mixed = values.view(np.uint64).copy()
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed ^= mixed >> np.uint64(shift)
        mixed *= np.uint64(factor)
    mixed ^= mixed >> np.uint64(31)
    return mixed
