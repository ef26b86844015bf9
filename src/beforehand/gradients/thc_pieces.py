"""The pieces of a worker's bucket under THC: their norms, their ranges, their rotation, their codes."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.gradients.exchange import Floats, Message
from beforehand.gradients.layout import Piece
from beforehand.gradients.randomness import rounding_key, stream
from beforehand.gradients.thc_shards import Range
from beforehand.gradients.thc_table import Table

SMALLEST_NORM = 1e-30  # below, a piece is zero for all
LARGEST_NORM = 1e34  # above, a rotated coordinate may overflow


class Norms(NamedTuple):
    """What the first exchange tells of all workers."""

    by_worker: NDArray[np.float32]  # (workers, pieces)
    table: int
    exact: bool


class Rounded(NamedTuple):
    """Coordinates as small integers, and how many lay outside of their range."""

    values: NDArray[Any]
    outside: int


@final
class Pieces:
    """Transforms and codes the pieces of a bucket. Pieces are known to the random numbers by their index."""

    def __init__(
        self, pieces: Sequence[Piece], tables: tuple[Table, ...], *, seed: int, rank: int, bucket: int, threads: int
    ) -> None:
        self.all = tuple(pieces)
        self.size = self.all[-1].start + self.all[-1].length
        self._tables = tables
        self._seed, self._key = seed, rounding_key(seed, rank)
        self._bucket = bucket
        self._threads = threads
        stream(0, bucket, len(self.all) - 1)

    def proposal(self, x: Floats, favored: int) -> Message:
        """The norm of each piece, rounded up, the table in favor, and whether the round must be exact."""
        return self.told([_native.sum_of_squares(x[start : start + length]) for start, length in self.all], favored)

    def told(self, squares: Sequence[float], favored: int) -> Message:
        """`proposal` of pieces whose squares have been added."""
        norms = np.sqrt(np.array(squares))
        exact = not (norms <= LARGEST_NORM).all()
        rounded = np.where(norms <= LARGEST_NORM, norms, 0).astype(np.float32)
        rounded = np.where(rounded < norms, np.nextafter(rounded, np.float32(np.inf)), rounded)
        return np.concatenate([rounded.view(np.uint8), np.array([favored, exact], np.uint8)])

    def read(self, answer: NDArray[Any], workers: int) -> Norms:
        """What `proposal` of all workers says; the table is that of rank 0."""
        length = 4 * len(self.all) + 2
        if answer.shape != (workers, length) or answer[0, -2] >= len(self._tables):
            raise InvalidInput(
                f"the norms of all workers have shape {answer.shape}, but must have {(workers, length)}, "
                "with a table that this worker knows; open all encoders with one codec and layout"
            )
        norms = np.ascontiguousarray(answer[:, :-2]).view(np.float32)
        return Norms(norms, int(answer[0, -2]), bool(answer[:, -1].any()))

    def ranges(self, norms: Norms) -> tuple[Range, ...]:
        """What decodes each piece."""
        longest = norms.by_worker.max(axis=0).astype(np.float64)
        limits = np.where(longest < SMALLEST_NORM, 0, self._tables[norms.table].half_range * longest)
        return tuple(Range(piece, float(limit) / piece.length) for piece, limit in zip(self.all, limits, strict=True))

    def rotate(self, x: Floats, step: int) -> None:
        """Rotate all pieces, whatever their ranges will be."""
        self.turn(x, [Range(piece, 1.0) for piece in self.all], step, "before")

    def turn(
        self, x: Floats, ranges: Sequence[Range], step: int, signs: Literal["before", "after"], *, first: int = 0
    ) -> None:
        """Rotate, or back, the pieces from the `first` on that these ranges decode: in place and without a factor."""
        origin = ranges[0].piece.start
        for index, (piece, limit) in enumerate(ranges, start=first):
            part = x[piece.start - origin : piece.start - origin + piece.length]
            if limit == 0:
                part[:] = 0
                continue
            where = stream(step, self._bucket, index)
            _native.hadamard_stages(part, seed=self._seed, stream=where, signs=signs, threads=self._threads)

    def codes(self, h: Floats, table: Table, ranges: Sequence[Range], step: int) -> Rounded:
        """The packed codes of rotated coordinates."""
        packed = np.zeros(self.size * table.bits // 8, np.uint8)
        return self._rounded(h, table, ranges, step, packed, table.bits)

    def points(self, h: Floats, table: Table, ranges: Sequence[Range], step: int) -> Rounded:
        """The points that the codes stand for, one by one."""
        points = np.zeros(self.size, np.uint8 if table.granularity < 256 else np.uint16)
        return self._rounded(h, table, ranges, step, points, None)

    def _rounded(
        self, h: Floats, table: Table, ranges: Sequence[Range], step: int, out: NDArray[Any], bits: int | None
    ) -> Rounded:
        values, outside = np.array(table.values, np.uint16), 0
        for index, (piece, limit) in enumerate(ranges):
            if limit == 0:
                continue
            end = piece.start + piece.length
            part = out[len(out) * piece.start // self.size : len(out) * end // self.size]
            x, scale = h[piece.start : end], table.granularity / (2 * limit * piece.length)
            where = stream(step, self._bucket, index)
            if bits is None:
                outside += _native.thc_points(
                    x, scale, values, seed=self._key, stream=where, threads=self._threads, out=part
                )
            else:
                outside += _native.thc_encode(
                    x, scale, values, bits=bits, seed=self._key, stream=where, threads=self._threads, out=part
                )
        return Rounded(out, outside)


def squares(by_worker: NDArray[np.float32]) -> NDArray[np.float64]:
    """The squared norm of each worker over these pieces."""
    total: NDArray[np.float64] = (by_worker.astype(np.float64) ** 2).sum(axis=1)
    return total


def energy(h: Floats, ranges: Sequence[Range]) -> float:
    """The squared norm of what rotated pieces stand for: rotation keeps lengths, so nothing is rotated back for it."""
    origin = ranges[0].piece.start
    return sum(
        piece.length * _native.sum_of_squares(h[piece.start - origin : piece.start - origin + piece.length])
        for piece, _ in ranges
    )
