"""BlockFloat8: floats of 8 bits with a scale for each block."""

from dataclasses import dataclass
from typing import ClassVar, Literal, final

from beforehand import _native
from beforehand.gradients.block_shards import BLOCKS, BlockRounding, combined, two_shot_bytes
from beforehand.gradients.codec import Reduction, Transport, check_transport
from beforehand.gradients.exchange import Floats
from beforehand.gradients.inputs import one_of
from beforehand.gradients.layout import Layout
from beforehand.gradients.scheme import Exchanged, Opening, Scheme, SchemeCodec
from beforehand.gradients.wire import WireBytes


@final
@dataclass(frozen=True, kw_only=True)
class BlockFloat8(SchemeCodec):
    """Round each block to floats of 8 bits by its largest value; the mean of a shard is rounded again on its way back.

    Args:
        format: `"e4m3"`, whose largest number is 448, or `"e5m2"`, with 57,344; both of the OCP.
        block: Coordinates that share a scale, a power of two from 16 to 65,536.
        feedback: `"full"` adds to the next gradient what this worker's message lacked; `"none"` loses it.

    Guarantee:
        Nearest, ties to even, in each direction. The largest value of a block becomes the largest number, so that none
        saturates, and a block that is not finite spoils no other; then the round is summed once more in float32.

    Cost:
        1 + 4 / block bytes for each parameter in each direction, as `BlockInt(bits=8)`, which errs less where values of
        a block are alike; floats keep small values beside large ones.

    Raises:
        InvalidInput: An option is out of range.

    Example:
        >>> import numpy as np
        >>> from beforehand.gradients import simulate
        >>> gradients = np.random.default_rng(0).normal(size=(4, 4096)).astype(np.float32)
        >>> simulate(BlockFloat8(), gradients).vnmse < 2e-3
        True
    """

    format: Literal["e4m3", "e5m2"] = "e4m3"
    block: int = 256
    feedback: Literal["none", "full"] = "none"

    name: ClassVar[str] = "BlockFloat8"
    unbiased: ClassVar[bool] = False
    homomorphic: ClassVar[bool] = False
    reductions: ClassVar[tuple[Reduction, ...]] = ("combine",)

    def __post_init__(self) -> None:
        """Raise if an option is out of range."""
        one_of("format", self.format, ("e4m3", "e5m2"))
        one_of("block", self.block, BLOCKS)
        one_of("feedback", self.feedback, ("none", "full"))

    def wire_bytes(self, layout: Layout, *, workers: int, transport: Transport = "auto") -> WireBytes:
        """What one worker sends in a round."""
        check_transport(self.name, transport, ("two_shot",))
        return two_shot_bytes(layout.size, workers, self._format, self._format)

    @property
    def _format(self) -> _native.BlockFormat:
        code = _native.BlockCode.e4m3 if self.format == "e4m3" else _native.BlockCode.e5m2
        return _native.BlockFormat(code, self.block)

    @property
    def always(self) -> BlockRounding:
        """How every worker codes its blocks."""
        return BlockRounding(self._format)

    def _scheme(self, layout: Layout, at: Opening) -> Scheme:
        rounding = self.always._replace(threads=at.threads)

        def combine(x: Floats, step: int) -> Exchanged:
            return combined(x, rounding, rounding)

        return combine

    @property
    def _remembers(self) -> bool:
        return self.feedback == "full"
