"""THC: workers send small integers whose sum is the code of the mean."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, final

import numpy as np
from numpy.typing import ArrayLike

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.gradients import theory
from beforehand.gradients.codec import (
    Reduction,
    Transport,
    check_open,
    check_transport,
    codec_to_json,
    options_from_json,
)
from beforehand.gradients.exchange import Encoder
from beforehand.gradients.inputs import check_seed, numbers, one_of, whole
from beforehand.gradients.lanes import LANES, check_capacity, smallest_lanes
from beforehand.gradients.layout import Layout, split_power_of_two
from beforehand.gradients.metrics import correlation
from beforehand.gradients.thc_encoder import THCEncoder
from beforehand.gradients.thc_shards import GROUP
from beforehand.gradients.thc_table import MOST_SOLVED, Table, identity_table, solved
from beforehand.gradients.wire import WireBytes, gathered, served, shard_length, summed

TRUNCATIONS: tuple[float, ...] = (2.0**-5, 2.0**-7, 2.0**-9, 2.0**-11)
LANE_TRUNCATIONS: tuple[float, ...] = (*TRUNCATIONS, 2.0**-13)
MOST_POINTS = {"solved": 127, "lane": 1023}  # by default: more gain under 1 %, or leave u too few bits for the draw


@final
@dataclass(frozen=True, kw_only=True)
class THC:
    """Add gradients as small integers: codes of a random rotation, in a range that all workers share.

    Each worker rotates its gradient at random, rounds every coordinate at random to one of a few points, and sends the
    codes. Whoever adds them only adds integers; the mean is decoded once.

    Args:
        bits: 2, 3 or 4 of each code, or `"lane"`: every level that fits the lanes of a plain sum.
        granularity: The largest point of the table. None takes what the lanes hold for the number of workers, at most
            127, or 1023 for `"lane"`.
        truncation: Share of coordinates beyond the range, above 0 and below 0.5; `"auto"` chooses it round by round.
        lanes: Bits of a coordinate's sum: 5, 6, 7, 8, 9, 10, 12 or 16.
        feedback: `"none"`; `"full"` adds to the next gradient what this worker's message lacked; `"truncation"` only
            what was beyond the range.
        seed: Of rotation and rounding, the same on all workers.

    Guarantee:
        The sum of codes decodes to the mean of what the codes decode to, exactly, whatever the order of workers: before
        the inverse rotation, and so with the same bits after it on every machine. No lane overflows. Rounding is
        unbiased; truncation is not.

    Raises:
        InvalidInput: An option is out of range.

    Example:
        >>> import numpy as np
        >>> from beforehand.gradients import simulate, vnmse
        >>> gradients = np.random.default_rng(0).lognormal(size=(4, 4096)).astype(np.float32)
        >>> found = simulate(THC(bits=4, truncation=1 / 32), gradients)
        >>> found.vnmse < 0.02
        True

    Reference:
        Li et al.: THC. NSDI 2024, arXiv:2302.08545.
    """

    bits: Literal[2, 3, 4, "lane"] = 4
    granularity: int | None = None
    truncation: float | Literal["auto"] = "auto"
    lanes: int = 8
    feedback: Literal["none", "full", "truncation"] = "none"
    seed: int = 0

    name: ClassVar[str] = "THC"
    unbiased: ClassVar[bool] = False
    homomorphic: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Raise if an option is out of range."""
        one_of("bits", self.bits, (2, 3, 4, "lane"))
        one_of("lanes", self.lanes, tuple(LANES))
        one_of("feedback", self.feedback, ("none", "full", "truncation"))
        check_seed(self.seed)
        if self.truncation != "auto":
            theory.half_range(self.truncation)
        if self.granularity is not None:
            whole("granularity", self.granularity)
        if self.granularity is not None and not self._fewest <= self.granularity <= MOST_SOLVED:
            raise InvalidInput(
                f"granularity is {self.granularity}, but must be from {self._fewest} to {MOST_SOLVED} "
                f"for bits={self.bits!r}"
            )

    @property
    def _fewest(self) -> int:
        return 3 if self.bits == "lane" else 2**self.bits - 1

    @property
    def reductions(self) -> tuple[Reduction, ...]:
        """`"combine"` carries codes, `"sum"` lanes."""
        return ("sum",) if self.bits == "lane" else ("combine", "sum")

    def granularity_for(self, workers: int) -> int:
        """The largest point for this number of workers.

        Raises:
            CapacityExceeded: The sums do not fit the lanes.
        """
        if self.granularity is not None:
            check_capacity(workers, self.granularity, self.lanes)
            return self.granularity
        most: int = MOST_POINTS["lane" if self.bits == "lane" else "solved"]
        found: int = min((2**self.lanes - 1) // workers, most)
        if found < self._fewest:
            raise CapacityExceeded(
                f"lanes={self.lanes} leave {workers} workers a granularity of {found}, but bits={self.bits!r} needs "
                f"{self._fewest}: take wider lanes or fewer bits"
            )
        return found

    def tables(self, workers: int) -> tuple[Table, ...]:
        """The tables among which rounds choose.

        Raises:
            CapacityExceeded: The sums do not fit the lanes.
        """
        granularity = self.granularity_for(workers)
        if self.bits == "lane":
            shares: tuple[float, ...] = LANE_TRUNCATIONS if self.truncation == "auto" else (self.truncation,)
            return tuple(identity_table(granularity, share) for share in shares)
        bits = self.bits
        chosen: tuple[float, ...] = TRUNCATIONS if self.truncation == "auto" else (self.truncation,)
        return tuple(solved(bits, granularity, share) for share in chosen)

    def code_points(self, workers: int) -> tuple[tuple[int, ...], ...]:
        """The points that codes stand for, of each table; none with `"lane"`, which sends no codes.

        Raises:
            CapacityExceeded: The sums do not fit the lanes.
        """
        return () if self.bits == "lane" else tuple(table.values for table in self.tables(workers))

    def open(
        self,
        layout: Layout,
        *,
        rank: int,
        workers: int,
        reduction: Reduction,
        bucket: int = 0,
        step: int = 0,
        threads: int = 1,
        tables: tuple[Table, ...] | None = None,
    ) -> Encoder:
        """An encoder for one worker's bucket.

        Args:
            layout: Of the bucket.
            rank: Of this worker, from 0.
            workers: How many there are.
            reduction: `"combine"` or `"sum"`.
            bucket: Number of this bucket, below 4,096.
            step: Of the run, where it begins.
            threads: For the transforms; results do not depend on it.
            tables: Those that rank 0 solved, since another machine may solve them to other bits; None solves them here.

        Raises:
            CapacityExceeded: The sums do not fit the lanes.
            InvalidInput: This codec cannot use the reduction, or there is no such rank.
        """
        check_open(self, rank=rank, workers=workers, reduction=reduction)
        return THCEncoder(
            layout,
            self.tables(workers) if tables is None else tables,
            LANES[self.lanes],
            rank=rank,
            workers=workers,
            reduction=reduction,
            feedback=self.feedback,
            seed=self.seed,
            bucket=bucket,
            step=step,
            threads=threads,
        )

    def wire_bytes(self, layout: Layout, *, workers: int, transport: Transport = "auto") -> WireBytes:
        """What one worker sends in a round, its norms included."""
        allowed: tuple[Transport, ...] = ("allreduce", "two_shot", "aggregator")
        check_transport(self.name, transport, ("allreduce",) if self.bits == "lane" else allowed)
        granularity = self.granularity_for(workers)
        pieces = layout.pieces()
        size = sum(piece.length for piece in pieces)
        proposal = 4 * len(pieces) + 2
        norms = gathered(proposal, workers)
        if self.bits == "lane" or transport == "allreduce":
            return norms.plus(summed(LANES[self.lanes].nbytes(size), workers))
        if transport == "aggregator":
            return served(proposal, workers).plus(WireBytes(size * self.bits / 8, LANES[self.lanes].nbytes(size)))
        length = min(shard_length(size, GROUP, workers), size)
        down = smallest_lanes(workers * granularity).nbytes(length)
        return norms.plus(WireBytes((workers - 1) * length * self.bits / 8, (workers - 1) * down))

    def expected_vnmse(
        self, workers: int, *, correlation: float, norms: Sequence[float] | None = None, fill: float = 1.0
    ) -> float:
        """The error to expect; with `truncation="auto"`, that of the best of its tables.

        Args:
            workers: How many there are.
            correlation: Agreement of the workers (rho).
            norms: Lengths of their gradients, in any unit; None if all are equal.
            fill: Coordinates of the bucket over those of its pieces.
        """
        lengths = [1.0] * workers if norms is None else norms
        return min(
            theory.expected_vnmse(table.values, table.half_range, correlation=correlation, norms=lengths, fill=fill)
            for table in self.tables(workers)
        )

    def foretell(self, gradients: ArrayLike) -> float:
        """The vNMSE to expect on these gradients, from norms and agreement of each piece of the bucket.

        Pieces have ranges of their own, and what errs on padding is dropped. Where a few coordinates in the last piece
        hold much of a gradient, as the biases of a last layer do, `expected_vnmse` of the whole bucket is far off.

        Args:
            gradients: (n, d), one row for each worker.

        Guarantee:
            With `truncation="auto"` that of the best table. Within 3 % on gradients of a network in training, where
            `expected_vnmse` of the whole bucket is up to 30 % off.

        Raises:
            InvalidInput: The shape is another.
            CapacityExceeded: The sums do not fit the lanes.

        Example:
            >>> import numpy as np
            >>> gradients = np.random.default_rng(0).normal(size=(4, 4096))
            >>> round(THC(truncation=1 / 64).foretell(gradients), 4)
            0.0172
        """
        rows = numbers("gradients", gradients, np.float64)
        if rows.ndim != 2 or 0 in rows.shape:
            raise InvalidInput(f"gradients have shape {rows.shape}, but must have one row for each worker")
        parts = [(rows[:, start : start + length], length) for start, length in split_power_of_two(rows.shape[1])]
        energy = float((rows.mean(axis=0) ** 2).sum())
        if energy == 0:
            return 0.0 if not rows.any() else math.inf
        errors = []
        for table in self.tables(len(rows)):
            error = 0.0
            for part, length in parts:
                rho, norms = correlation(part), np.linalg.norm(part, axis=1).tolist()
                if rho > 0 and max(norms) > 0:
                    fill, own = part.shape[1] / length, float((part.mean(axis=0) ** 2).sum())
                    error += own * theory.expected_vnmse(
                        table.values, table.half_range, correlation=rho, norms=norms, fill=fill
                    )
            errors.append(error / energy)
        return min(errors)

    def to_json(self) -> str:
        """The options."""
        return codec_to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The codec that `to_json` described."""
        return options_from_json(cls, cls.name, text)
