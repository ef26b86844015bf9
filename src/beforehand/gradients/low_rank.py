"""LowRank: matrices as products of two thin ones, found by one step of the power method (PowerSGD)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Self, final

from beforehand.core.errors import InvalidInput
from beforehand.gradients.codec import (
    Reduction,
    Transport,
    check_open,
    check_transport,
    codec_to_json,
    options_from_json,
)
from beforehand.gradients.inputs import check_seed, one_of, real
from beforehand.gradients.layout import Layout
from beforehand.gradients.low_rank_encoder import LowRankEncoder, Matrix
from beforehand.gradients.wire import WireBytes, summed


@final
@dataclass(frozen=True, kw_only=True)
class LowRank:
    """Sum thin factors of each matrix in place of the matrix: PowerSGD, with feedback by each worker's own factors.

    Tensors of two and more dimensions are matrices, with the first dimension as rows. What does not get shorter is
    summed as it is.

    Args:
        rank: Of the factors, at least 1.
        minimum_rate: A matrix is compressed where it has more than this many times the numbers of its factors.
        start_step: The steps before are summed as they are; at least 2 under DDP.
        feedback: `"full"` adds to the next gradient what this worker's own factors lacked; `"none"` loses it.
        warm_start: Start from the factors of the last step, not from random ones.
        seed: Of the first factors, the same on all workers.

    Guarantee:
        A mean of the rank, or less, is recovered up to rounding. Feedback stays bounded: taken off is what this worker
        sent, not what all did. A direction that gradients have left can be found again. A round that is not finite is
        summed once more in float32, and leaves feedback and factors as they are.

    Cost:
        Two all-reduces of 4 rank (rows + columns) bytes in all for each matrix, and three products with thin matrices.
        The factors are made orthonormal in float64. On different CPUs last bits may differ: replicas then drift.

    Raises:
        InvalidInput: An option is out of range.

    Example:
        >>> import numpy as np
        >>> from beforehand.gradients import Layout, drive_local, vnmse
        >>> draw = np.random.default_rng(0)
        >>> matrix = draw.normal(size=(60, 2)) @ draw.normal(size=(2, 50))
        >>> gradients = np.stack([matrix.ravel()] * 2).astype(np.float32)
        >>> layout, codec = Layout([("weight", (60, 50))]), LowRank(rank=2, start_step=0)
        >>> encoders = [codec.open(layout, rank=rank, workers=2, reduction="sum") for rank in range(2)]
        >>> vnmse(drive_local(encoders, gradients).means[0], gradients[0]) < 1e-10
        True

    Reference:
        Vogels, Karimireddy, Jaggi: PowerSGD: Practical Low-Rank Gradient Compression for Distributed Optimization.
        NeurIPS 2019, arXiv:1905.13727.
    """

    rank: int = 4
    minimum_rate: float = 2.0
    start_step: int = 3
    feedback: Literal["none", "full"] = "full"
    warm_start: bool = True
    seed: int = 0

    name: ClassVar[str] = "LowRank"
    unbiased: ClassVar[bool] = False
    homomorphic: ClassVar[bool] = False
    reductions: ClassVar[tuple[Reduction, ...]] = ("sum",)

    def __post_init__(self) -> None:
        """Raise if an option is out of range."""
        for name, least in (("rank", 1), ("start_step", 0)):
            given = getattr(self, name)
            if type(given) is not int or given < least:
                raise InvalidInput(f"{name} is {given!r}, but must be a whole number of at least {least}")
        real("minimum_rate", self.minimum_rate)
        if not 0 < self.minimum_rate < math.inf:
            raise InvalidInput(f"minimum_rate is {self.minimum_rate}, but must be above 0 and finite")
        one_of("feedback", self.feedback, ("none", "full"))
        one_of("warm_start", self.warm_start, (False, True))
        check_seed(self.seed)

    def compressed(self, layout: Layout) -> tuple[str, ...]:
        """The names of the tensors of a bucket that are compressed."""
        return tuple(each.name for each in self._matrices(layout))

    def _matrices(self, layout: Layout) -> tuple[Matrix, ...]:
        found: list[Matrix] = []
        for name, shape in layout.tensors:
            if len(shape) < 2:
                continue
            rows, columns = shape[0], math.prod(shape[1:])
            rank = min(self.rank, rows, columns)
            if (rows + columns) * rank * self.minimum_rate < rows * columns:
                found.append(Matrix(name, shape, rows, columns, rank))
        return tuple(found)

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
    ) -> LowRankEncoder:
        """An encoder for one worker's bucket.

        Args:
            layout: Of the bucket.
            rank: Of this worker, from 0.
            workers: How many there are.
            reduction: `"sum"`.
            bucket: Number of this bucket, below 4,096.
            step: Of the run, where it begins.
            threads: Those of numpy's matrix products are its own.

        Raises:
            InvalidInput: This codec cannot use the reduction, or there is no such rank.
            CapacityExceeded: There are more than 4,096 buckets, or matrices in one.
        """
        check_open(self, rank=rank, workers=workers, reduction=reduction)
        return LowRankEncoder(
            layout,
            self._matrices(layout),
            workers=workers,
            start_step=self.start_step,
            feedback=self.feedback == "full",
            warm_start=self.warm_start,
            seed=self.seed,
            bucket=bucket,
            step=step,
        )

    def wire_bytes(self, layout: Layout, *, workers: int, transport: Transport = "auto") -> WireBytes:
        """What one worker sends in a round from `start_step` on."""
        check_transport(self.name, transport, ("allreduce",))
        matrices = self._matrices(layout)
        plain = layout.size - sum(each.rows * each.columns for each in matrices)
        up = plain + sum(each.rows * each.rank for each in matrices)
        back = sum(each.columns * each.rank for each in matrices)
        return summed(4 * up, workers).plus(summed(4 * back, workers))

    def expected_vnmse(
        self, workers: int, *, correlation: float, norms: Sequence[float] | None = None, fill: float = 1.0
    ) -> float | None:
        """None: it depends on the spectrum of the matrices."""
        return None

    def to_json(self) -> str:
        """The options."""
        return codec_to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The codec that `to_json` described."""
        return options_from_json(cls, cls.name, text)
