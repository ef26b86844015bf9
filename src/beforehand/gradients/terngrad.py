"""TernGrad: signs, at random, times the largest value of all workers."""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.gradients.block_shards import padded
from beforehand.gradients.codec import Reduction, Transport, check_transport
from beforehand.gradients.exchange import Combine, Floats, Gather, Message
from beforehand.gradients.inputs import check_seed, real
from beforehand.gradients.lanes import LANES, Lanes, check_capacity, smallest_lanes
from beforehand.gradients.layout import Layout
from beforehand.gradients.randomness import rounding_key, stream
from beforehand.gradients.scheme import Exchanged, Opening, Outcome, Scheme, SchemeCodec
from beforehand.gradients.wire import WireBytes, gathered, served, shard_length

GROUP = 512  # coordinates that are packed together
POINTS = np.array([0, 1, 2, 2], np.uint16)  # of the codes of -1, 0 and 1; the fourth is never written


@final
@dataclass(frozen=True, kw_only=True)
class TernGrad(SchemeCodec):
    """Send -1, 0 or 1 for each coordinate, in units of the largest value of all workers.

    Args:
        clip: First bound each worker's values to this many of its standard deviations, above 0; None does not. The
            mean is then biased.
        seed: Of the rounding.

    Guarantee:
        Unbiased, if nothing is clipped. Sums are of integers: the same bits whatever the order of workers. A round that
        is not finite is summed in float32.

    Cost:
        A quarter of a byte up for each parameter, and a sum in the narrowest lanes that hold it back. The largest value
        is far above most, so the error is a multiple of the gradient itself: a baseline.

    Raises:
        InvalidInput: An option is out of range.

    Example:
        >>> import numpy as np
        >>> from beforehand.gradients import simulate
        >>> gradients = np.array([[4, -4, 0, 4], [4, 0, 0, -4]], np.float32)
        >>> simulate(TernGrad(), gradients).mean  # whole steps are exact
        array([ 4., -2.,  0.,  0.], dtype=float32)

    Reference:
        Wen et al.: TernGrad: Ternary Gradients to Reduce Communication in Distributed Deep Learning. NIPS 2017,
        arXiv:1705.07878.
    """

    clip: float | None = None
    seed: int = 0

    name: ClassVar[str] = "TernGrad"
    homomorphic: ClassVar[bool] = True
    reductions: ClassVar[tuple[Reduction, ...]] = ("combine",)

    def __post_init__(self) -> None:
        """Raise if an option is out of range."""
        if self.clip is not None:
            real("clip", self.clip)
        if self.clip is not None and not 0 < self.clip < math.inf:
            raise InvalidInput(f"clip is {self.clip}, but must be None, or above 0 and finite")
        check_seed(self.seed)

    @property
    def unbiased(self) -> bool:
        """Whether nothing is clipped."""
        return self.clip is None

    def code_points(self, workers: int) -> tuple[tuple[int, ...], ...]:
        """The points that codes stand for."""
        return (tuple(POINTS.tolist()),)

    def wire_bytes(self, layout: Layout, *, workers: int, transport: Transport = "auto") -> WireBytes:
        """What one worker sends in a round, the largest values included."""
        check_transport(self.name, transport, ("two_shot", "aggregator"))
        size, scales = -(-layout.size // GROUP) * GROUP, gathered(4, workers)
        if transport == "aggregator":
            lanes = LANES[8 if 2 * workers < 2**8 else 16]
            return served(4, workers).plus(WireBytes(size / 4, lanes.nbytes(size)))
        length = min(shard_length(size, GROUP, workers), size)
        down = smallest_lanes(2 * workers).nbytes(length)
        return scales.plus(WireBytes((workers - 1) * length / 4, (workers - 1) * down))

    def _scheme(self, layout: Layout, at: Opening) -> Scheme:
        check_capacity(at.workers, 2, 16)
        stream(0, at.bucket)
        key = rounding_key(self.seed, at.rank)

        def combine(x: Floats, step: int) -> Exchanged:
            with np.errstate(invalid="ignore", over="ignore"):
                if self.clip is not None:
                    bound = np.float32(self.clip * x.std(dtype=np.float64))
                    x = np.clip(x, -bound, bound)
                own = np.abs(x).max()
            scales = yield Gather(np.array([own], np.float32).view(np.uint8))
            scale = float(np.ascontiguousarray(scales).view(np.float32).max())
            if not math.isfinite(scale):
                return Outcome(np.full(len(x), np.nan, np.float32))
            values = padded(x, GROUP)
            packed = np.empty(len(values) // 4, np.uint8)
            _native.ternary_encode(values, scale, seed=key, stream=stream(step, at.bucket), packed=packed)
            mean = yield Combine(TernaryShards(packed, scale))
            return Outcome(mean[: len(x)])

        return combine

    @property
    def _remembers(self) -> bool:
        return False


@final
class TernaryShards:
    """One worker's codes of a bucket. Sums are of integers, so they are exact in any order."""

    unit = GROUP
    points = POINTS

    def __init__(self, packed: Message, scale: float) -> None:
        self.size = 4 * len(packed)
        self._packed = packed
        self._scale = scale

    def encode(self, first: int, last: int) -> Message:
        """This worker's packed codes."""
        return self._packed[first // 4 : last // 4]

    def accumulate(self, total: NDArray[Any] | None, message: Message) -> NDArray[Any]:
        """Add a worker's codes, each as 0, 1 or 2."""
        sums = np.empty(4 * len(message), np.uint16) if total is None else total
        _native.thc_accumulate(np.ascontiguousarray(message), POINTS, bits=2, first=total is None, sums=sums)
        return sums

    def finish(self, total: NDArray[Any], count: int) -> Message:
        """The sums in the narrowest lanes that hold those of `count` workers."""
        return self._lanes(count).pack(total).view(np.uint8)

    def result_bytes(self, coordinates: int, count: int) -> int:
        """Those of the lanes."""
        return self._lanes(count).nbytes(coordinates)

    def decode(self, message: Message, first: int, last: int, count: int) -> Floats:
        """The mean; a sum of zeros gives exactly 0.

        Raises:
            InvalidInput: The message is not one of that many coordinates.
        """
        lanes = self._lanes(count)
        if message.nbytes != lanes.nbytes(last - first):
            raise InvalidInput(
                f"message has {message.nbytes} bytes, but sums of {count} workers have {lanes.nbytes(last - first)}; "
                "pass that of this round"
            )
        return self.mean_of(
            lanes.unpack(np.ascontiguousarray(message).view(lanes.container), last - first), first, count
        )

    def mean_of(self, sums: NDArray[Any], first: int, count: int) -> Floats:
        """What sums of `count` workers stand for, wherever they lie."""
        factor, mean = np.float32(self._scale / count), np.empty(len(sums), np.float32)
        _native.decode_lanes(sums, float(factor), float(np.float32(count) * factor), mean)
        return mean

    @staticmethod
    def _lanes(count: int) -> Lanes:
        return smallest_lanes(2 * count)
