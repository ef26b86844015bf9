"""QSGD: stochastic rounding by the norm of each bucket of coordinates."""

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


@final
@dataclass(frozen=True, kw_only=True)
class QSGD(SchemeCodec):
    """Round each coordinate at random to a multiple of its bucket's norm; the mean comes back in float32.

    Args:
        bits: 4 or 8 of each code, so that 7 or 127 steps make up the norm.
        bucket: Coordinates that share a norm, a power of two from 16 to 65,536.
        norm: `"l2"` or `"max"`, the largest absolute value.
        seed: Of the rounding.

    Guarantee:
        Unbiased. A bucket that is not finite spoils no other; then the round is summed once more in float32.

    Cost:
        bits / 8 + 4 / bucket bytes for each parameter up, 4 down. The Euclidean norm is far above most values, and so
        are the steps: a baseline.

    Raises:
        InvalidInput: An option is out of range.

    Example:
        >>> import numpy as np
        >>> from beforehand.gradients import simulate
        >>> gradients = np.random.default_rng(0).normal(size=(4, 4096)).astype(np.float32)
        >>> simulate(QSGD(norm="max"), gradients).vnmse < simulate(QSGD(), gradients).vnmse
        True

    Reference:
        Alistarh et al.: QSGD: Communication-Efficient SGD via Gradient Quantization and Encoding. NIPS 2017,
        arXiv:1610.02132.
    """

    bits: Literal[4, 8] = 4
    bucket: int = 512
    norm: Literal["l2", "max"] = "l2"
    seed: int = 0

    name: ClassVar[str] = "QSGD"
    unbiased: ClassVar[bool] = True
    homomorphic: ClassVar[bool] = False
    reductions: ClassVar[tuple[Reduction, ...]] = ("combine",)

    def __post_init__(self) -> None:
        """Raise if an option is out of range."""
        one_of("bits", self.bits, (4, 8))
        one_of("bucket", self.bucket, BLOCKS)
        one_of("norm", self.norm, ("l2", "max"))
        check_seed(self.seed)

    def wire_bytes(self, layout: Layout, *, workers: int, transport: Transport = "auto") -> WireBytes:
        """What one worker sends in a round."""
        check_transport(self.name, transport, ("two_shot",))
        return two_shot_bytes(layout.size, workers, self._format, None)

    @property
    def _format(self) -> _native.BlockFormat:
        code = _native.BlockCode.int4 if self.bits == 4 else _native.BlockCode.int8
        norm = _native.BlockNorm.euclidean if self.norm == "l2" else _native.BlockNorm.largest
        return _native.BlockFormat(code, self.bucket, norm=norm)

    def _scheme(self, layout: Layout, at: Opening) -> Scheme:
        blocks, key = self._format, rounding_key(self.seed, at.rank)
        stream(0, at.bucket)

        def combine(x: Floats, step: int) -> Exchanged:
            return combined(x, BlockRounding(blocks, key, stream(step, at.bucket), at.threads), None)

        return combine

    @property
    def _remembers(self) -> bool:
        return False
