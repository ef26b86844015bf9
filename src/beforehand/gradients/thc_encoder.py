"""One worker's end of a bucket under THC."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.gradients.agreement import Agreement
from beforehand.gradients.exchange import Combine, Floats, Gather, Message, Round, RoundStats, Sum
from beforehand.gradients.feedback import Feedback
from beforehand.gradients.inputs import as_gradient
from beforehand.gradients.lanes import Lanes
from beforehand.gradients.layout import Layout
from beforehand.gradients.randomness import rounding_key, stream
from beforehand.gradients.thc_shards import Range, THCShards, decoded
from beforehand.gradients.thc_table import Table

SMALLEST_NORM = 1e-30  # below, a piece is zero for all
LARGEST_NORM = 1e34  # above, a rotated coordinate may overflow


class _Norms(NamedTuple):
    """What the first exchange tells of all workers."""

    by_worker: NDArray[np.float32]  # (workers, pieces)
    table: int
    exact: bool


@final
class THCEncoder:
    """What `THC.open` returns."""

    def __init__(
        self,
        layout: Layout,
        tables: tuple[Table, ...],
        lanes: Lanes,
        *,
        rank: int,
        workers: int,
        reduction: str,
        feedback: Literal["none", "full", "truncation"],
        seed: int,
        bucket: int,
        step: int,
        threads: int,
    ) -> None:
        self.workers = workers
        self.step = step
        self.last = RoundStats()
        self._layout = layout
        self._pieces = layout.pieces()
        self._tables = tables
        self._lanes = lanes
        self._sums = reduction == "sum"
        self._feedback = None if feedback == "none" else Feedback(layout)
        self._full = feedback == "full"
        self._seed, self._key = seed, rounding_key(seed, rank)
        self._bucket = bucket
        self._threads = threads
        self._agreement = Agreement(tables)
        self._buffer = np.zeros(self._pieces[-1].start + self._pieces[-1].length, np.float32)
        stream(step, bucket, len(self._pieces) - 1)

    def reduce(self, gradient: Floats, *, loss_scale: float = 1.0) -> Round:
        """One round: a `Gather` of norms, then a `Combine` of codes or a `Sum` of lanes."""
        given = as_gradient(gradient, self._layout.size)
        x = given if self._feedback is None else self._feedback.added(given, loss_scale)
        self._buffer[: len(x)] = x
        self._buffer[len(x) :] = 0
        norms = self._read((yield Gather(self._proposal())))
        if norms.exact:
            total = yield Sum(np.array(given))
            self.last = RoundStats(rho=self._agreement.rho, fallback="nonfinite")
            self.step += 1
            total /= np.float32(self.workers)
            return total
        table = self._tables[norms.table]
        ranges = self._ranges(norms, table)
        self._turn(self._buffer, ranges, "before")
        rest = None if self._feedback is None or self._full else self._beyond(ranges)
        rounded, outside = self._round(table, ranges)
        if self._sums:
            sums = yield Sum(self._lanes.pack(rounded))
            mean = decoded(self._lanes.unpack(sums, len(rounded)), ranges, table.granularity, self.workers)
        else:
            mean = yield Combine(THCShards(rounded, table, ranges))
        self._observe(norms, mean)
        self._turn(mean, ranges, "after")
        if self._feedback is not None:
            if rest is None:
                points = rounded if self._sums else THCShards(rounded, table, ranges).accumulate(None, rounded)
                rest = decoded(points, ranges, table.granularity, 1)
            self._turn(rest, ranges, "after")
            rest = rest[: len(x)]
            self._feedback.keep(x - rest if self._full else rest, loss_scale)
        self.last = RoundStats(at_limit=outside / len(mean), rho=self._agreement.rho, truncation=table.truncation)
        self.step += 1
        return mean[: len(x)]

    def state(self) -> dict[str, NDArray[Any]]:
        """The feedback of each parameter, and what the choice of tables knows."""
        kept = {} if self._feedback is None else self._feedback.state()
        if self._agreement.rho is not None:
            kept[self._selector] = np.array([self._agreement.rho, self._agreement.favored])
        return kept

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what belongs to this bucket."""
        if self._feedback is not None:
            self._feedback.load(state)
        if self._selector in state:
            rho, favored = state[self._selector].tolist()
            self._agreement.rho = float(rho)
            self._agreement.favored = min(max(int(favored), 0), len(self._tables) - 1)

    @property
    def _selector(self) -> str:
        return f"selector/{self._layout.tensors[0][0]}"

    def _proposal(self) -> Message:
        """The norm of each piece, rounded up, the table in favor, and whether the round must be exact."""
        squares = [_native.sum_of_squares(self._buffer[start : start + length]) for start, length in self._pieces]
        norms = np.sqrt(np.array(squares))
        exact = not (norms <= LARGEST_NORM).all()
        rounded = np.where(norms <= LARGEST_NORM, norms, 0).astype(np.float32)
        rounded = np.where(rounded < norms, np.nextafter(rounded, np.float32(np.inf)), rounded)
        tail = np.array([self._agreement.favored, exact], np.uint8)
        return np.concatenate([rounded.view(np.uint8), tail])

    def _read(self, answer: NDArray[Any]) -> _Norms:
        """What `_proposal` of all workers says; the table is that of rank 0."""
        pieces = len(self._pieces)
        if answer.shape != (self.workers, 4 * pieces + 2) or answer[0, -2] >= len(self._tables):
            raise InvalidInput(
                f"the norms of all workers have shape {answer.shape}, but must have {(self.workers, 4 * pieces + 2)}, "
                "with a table that this worker knows; open all encoders with one codec and layout"
            )
        norms = np.ascontiguousarray(answer[:, : 4 * pieces]).view(np.float32)
        return _Norms(norms, int(answer[0, -2]), bool(answer[:, -1].any()))

    def _ranges(self, norms: _Norms, table: Table) -> tuple[Range, ...]:
        longest = norms.by_worker.max(axis=0).astype(np.float64)
        limits = np.where(longest < SMALLEST_NORM, 0, table.half_range * longest)
        return tuple(
            Range(piece, float(limit) / piece.length) for piece, limit in zip(self._pieces, limits, strict=True)
        )

    def _turn(self, x: Floats, ranges: tuple[Range, ...], signs: Literal["before", "after"]) -> None:
        """Rotate every piece, or back, in place and without a factor."""
        for index, (piece, limit) in enumerate(ranges):
            part = x[piece.start : piece.start + piece.length]
            if limit == 0:
                part[:] = 0
                continue
            where = stream(self.step, self._bucket, index)
            _native.hadamard_stages(part, seed=self._seed, stream=where, signs=signs, threads=self._threads)

    def _round(self, table: Table, ranges: tuple[Range, ...]) -> tuple[NDArray[Any], int]:
        """The packed codes of the rotated buffer, or for a sum its points, and how many coordinates were outside."""
        size, points = len(self._buffer), np.array(table.values, np.uint16)
        if self._sums:
            rounded: NDArray[Any] = np.zeros(size, np.uint8 if table.granularity < 256 else np.uint16)
        else:
            rounded = np.zeros(size * table.bits // 8, np.uint8)
        outside = 0
        for index, (piece, limit) in enumerate(ranges):
            if limit == 0:
                continue
            end = piece.start + piece.length
            part = rounded[len(rounded) * piece.start // size : len(rounded) * end // size]
            h, scale = self._buffer[piece.start : end], table.granularity / (2 * limit * piece.length)
            where = stream(self.step, self._bucket, index)
            if self._sums:
                outside += _native.thc_points(
                    h, scale, points, seed=self._key, stream=where, threads=self._threads, out=part
                )
            else:
                outside += _native.thc_encode(
                    h, scale, points, bits=table.bits, seed=self._key, stream=where, threads=self._threads, out=part
                )
        return rounded, outside

    def _beyond(self, ranges: tuple[Range, ...]) -> Floats:
        """What the range cuts off of the rotated buffer, on the scale of `decoded`."""
        cut = np.zeros_like(self._buffer)
        for piece, limit in ranges:
            part = slice(piece.start, piece.start + piece.length)
            h = self._buffer[part] / np.float32(piece.length)
            cut[part] = h - np.clip(h, np.float32(-limit), np.float32(limit))
        return cut

    def _observe(self, norms: _Norms, mean: Floats) -> None:
        """Let the agreement see this round: rotation keeps lengths, so the mean need not be rotated back for it."""
        squares = (norms.by_worker.astype(np.float64) ** 2).sum(axis=1)
        energies = [length * _native.sum_of_squares(mean[start : start + length]) for start, length in self._pieces]
        self._agreement.observe(squares, sum(energies), norms.table)
