"""BlockInt: integers with a scale for each block, the practical rival of everything homomorphic."""

from dataclasses import dataclass
from typing import ClassVar, Literal, final

from beforehand import _native
from beforehand.gradients.block_shards import BLOCKS, BlockRounding, combined, two_shot_bytes
from beforehand.gradients.codec import Reduction, Transport, check_transport
from beforehand.gradients.exchange import Floats
from beforehand.gradients.inputs import check_seed, one_of
from beforehand.gradients.layout import Layout
from beforehand.gradients.randomness import rounding_key, stream
from beforehand.gradients.scheme import Exchanged, Opening, Scheme, SchemeCodec
from beforehand.gradients.wire import WireBytes

UP, DOWN = 0, 1  # the streams of a worker's own message and of the mean that it codes for all


@final
@dataclass(frozen=True, kw_only=True)
class BlockInt(SchemeCodec):
    """Round each block to integers by its largest value; the mean of a shard is rounded again on its way back.

    Args:
        bits: 8 or 4 of each integer.
        block: Coordinates that share a scale, a power of two from 16 to 65,536.
        rounding: `"nearest"`, ties to even, or `"stochastic"`.
        scale_dtype: `"float32"`, or `"bfloat16"`, rounded up.
        feedback: `"full"` adds to the next gradient what this worker's message lacked; `"none"` loses it.
        seed: Of stochastic rounding.

    Guarantee:
        An error of half a step at most in each direction, of one with stochastic rounding, which is unbiased both ways.
        A step is the largest value of the block over 127, or 7. A block that is not finite spoils no other; then the
        round is summed once more in float32.

    Cost:
        One pass for each message; bits / 8 + 4 / block bytes for each parameter in each direction.

    Raises:
        InvalidInput: An option is out of range.

    Example:
        >>> import numpy as np
        >>> from beforehand.gradients import simulate
        >>> gradients = np.random.default_rng(0).normal(size=(4, 4096)).astype(np.float32)
        >>> simulate(BlockInt(bits=8), gradients).vnmse < 1e-4
        True
    """

    bits: Literal[4, 8] = 8
    block: int = 256
    rounding: Literal["nearest", "stochastic"] = "nearest"
    scale_dtype: Literal["float32", "bfloat16"] = "float32"
    feedback: Literal["none", "full"] = "none"
    seed: int = 0

    name: ClassVar[str] = "BlockInt"
    homomorphic: ClassVar[bool] = False
    reductions: ClassVar[tuple[Reduction, ...]] = ("combine",)

    def __post_init__(self) -> None:
        """Raise if an option is out of range."""
        one_of("bits", self.bits, (4, 8))
        one_of("block", self.block, BLOCKS)
        one_of("rounding", self.rounding, ("nearest", "stochastic"))
        one_of("scale_dtype", self.scale_dtype, ("float32", "bfloat16"))
        one_of("feedback", self.feedback, ("none", "full"))
        check_seed(self.seed)

    @property
    def unbiased(self) -> bool:
        """Whether rounding is stochastic."""
        return self.rounding == "stochastic"

    def wire_bytes(self, layout: Layout, *, workers: int, transport: Transport = "auto") -> WireBytes:
        """What one worker sends in a round."""
        check_transport(self.name, transport, ("two_shot",))
        return two_shot_bytes(layout.size, workers, self._format, self._format)

    @property
    def _format(self) -> _native.BlockFormat:
        code = _native.BlockCode.int4 if self.bits == 4 else _native.BlockCode.int8
        return _native.BlockFormat(code, self.block, short_scale=self.scale_dtype == "bfloat16")

    def rounding_at(self, step: int, *, rank: int, bucket: int, part: int = UP) -> BlockRounding:
        """How a worker codes its blocks in this step."""
        if self.rounding == "nearest":
            return BlockRounding(self._format)
        return BlockRounding(self._format, rounding_key(self.seed, rank), stream(step, bucket, part))

    def _scheme(self, layout: Layout, at: Opening) -> Scheme:
        stream(0, at.bucket)

        def combine(x: Floats, step: int) -> Exchanged:
            up, down = (self.rounding_at(step, rank=at.rank, bucket=at.bucket, part=part) for part in (UP, DOWN))
            return combined(x, up._replace(threads=at.threads), down._replace(threads=at.threads))

        return combine

    @property
    def _remembers(self) -> bool:
        return self.feedback == "full"
