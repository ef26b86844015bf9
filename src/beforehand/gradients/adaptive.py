"""Adaptive: levels chosen for each block of the very gradient that is sent."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.gradients.block_shards import BlockRounding, padded
from beforehand.gradients.codec import Reduction, Transport, check_transport
from beforehand.gradients.exchange import Combine, Floats, Gather, Message
from beforehand.gradients.inputs import check_seed, one_of
from beforehand.gradients.layout import Layout
from beforehand.gradients.randomness import rounding_key, stream
from beforehand.gradients.scheme import Exchanged, Opening, Outcome, Scheme, SchemeCodec
from beforehand.gradients.wire import WireBytes, gathered, shard_length
from beforehand.quantization import encode, levels

BLOCKS = tuple(2**k for k in range(8, 17))
BINS = 256  # of the histogram method
UP, DOWN = 0, 1  # the streams of a worker's own message and of the mean that it codes for all


@final
@dataclass(frozen=True, kw_only=True)
class Adaptive(SchemeCodec):
    """Choose levels for each block so that rounding at random errs least, and send them with the codes.

    Args:
        bits: 2, 3 or 4 of each code.
        method: `"histogram"`, near the best; `"exact"`, the best; `"uniform"`, evenly spaced.
        block: Coordinates that share a table of levels, a power of two from 256 to 65,536.
        seed: Of the rounding.

    Guarantee:
        Unbiased both ways: a mean on its way back is rounded at random to 8-bit integers with a scale for each 256
        coordinates; in an all-gather nothing is rounded twice. `last.squared_error` of the encoder is the expected
        error of its own message. A block that is not finite spoils no other; then the round is summed in float32.

    Cost:
        Choosing levels takes most of the time, some 80 ns for each coordinate in blocks of 4,096, more in smaller ones.
        bits / 8 + 4 2^bits / block bytes for each parameter up, or from everybody to everybody in an all-gather. Beside
        `THC` of the same bits it errs less where values are sparse, and more where they are dense and blocks are long.

    Raises:
        InvalidInput: An option is out of range.

    Example:
        >>> from beforehand.gradients import simulate
        >>> gradients = np.random.default_rng(0).normal(size=(4, 4096)).astype(np.float32)
        >>> simulate(Adaptive(bits=4, block=1024), gradients).vnmse < 0.03
        True

    Reference:
        Ben Basat, Ben-Itzhak, Mitzenmacher, Vargaftik: Optimal and Near-Optimal Adaptive Vector Quantization,
        arXiv:2402.03158.
    """

    bits: Literal[2, 3, 4] = 4
    method: Literal["histogram", "exact", "uniform"] = "histogram"
    block: int = 4096
    seed: int = 0

    name: ClassVar[str] = "Adaptive"
    unbiased: ClassVar[bool] = True
    homomorphic: ClassVar[bool] = False
    reductions: ClassVar[tuple[Reduction, ...]] = ("combine", "gather")

    def __post_init__(self) -> None:
        """Raise if an option is out of range."""
        one_of("bits", self.bits, (2, 3, 4))
        one_of("method", self.method, ("histogram", "exact", "uniform"))
        one_of("block", self.block, BLOCKS)
        check_seed(self.seed)

    def wire_bytes(self, layout: Layout, *, workers: int, transport: Transport = "auto") -> WireBytes:
        """What one worker sends in a round."""
        check_transport(self.name, transport, ("two_shot", "gather"))
        size = -(-layout.size // self.block) * self.block
        if transport == "gather":
            return gathered(self._nbytes(size), workers)
        length = min(shard_length(size, self.block, workers), size)
        return WireBytes((workers - 1) * self._nbytes(length), (workers - 1) * result_format().message_bytes(length))

    def _nbytes(self, size: int) -> int:
        return size // self.block * 4 * 2**self.bits + size * self.bits // 8

    def _scheme(self, layout: Layout, at: Opening) -> Scheme:
        key = rounding_key(self.seed, at.rank)
        stream(0, at.bucket)

        def coded(x: Floats, step: int) -> tuple["AdaptiveShards", float]:
            rows = padded(x, self.block).reshape(-1, self.block)
            broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
            if len(broken):
                rows = rows.copy()
                rows[broken] = 0
            flat, bins = rows.reshape(-1), BINS if self.method == "histogram" else None
            chosen = levels(flat, 2**self.bits, method=self.method, block=self.block, bins=bins, threads=at.threads)
            codes = encode(flat, chosen, seed=key, stream=stream(step, at.bucket, UP), threads=at.threads).indices()
            tables = np.pad(chosen.values, ((0, 0), (0, 2**self.bits - chosen.n_levels)), mode="edge")
            tables[broken] = np.nan
            down = BlockRounding(result_format(), key, stream(step, at.bucket, DOWN))
            return AdaptiveShards(tables.astype("<f4"), packed(codes, self.bits), self.bits, down), chosen.squared_error

        def combine(x: Floats, step: int) -> Exchanged:
            shards, error = coded(x, step)
            mean = yield Combine(shards)
            return Outcome(mean[: len(x)], squared_error=error)

        def gather(x: Floats, step: int) -> Exchanged:
            shards, error = coded(x, step)
            total = None
            for message in (yield Gather(shards.encode(0, shards.size))):
                total = shards.accumulate(total, message)
            assert total is not None
            return Outcome(np.divide(total[: len(x)], np.float32(at.workers), dtype=np.float32), squared_error=error)

        return combine if at.reduction == "combine" else gather

    @property
    def _remembers(self) -> bool:
        return False


@final
class AdaptiveShards:
    """One worker's blocks of a bucket. A message is the tables of its blocks, then their codes."""

    def __init__(self, tables: Floats, codes: Message, bits: int, down: BlockRounding) -> None:
        self.size = 8 * len(codes) // bits
        self.unit = self.size // len(tables)
        self._tables = tables
        self._codes = codes
        self._bits = bits
        self._down = down

    def encode(self, first: int, last: int) -> Message:
        """This worker's tables and codes."""
        tables = self._tables[first // self.unit : last // self.unit]
        codes = self._codes[first * self._bits // 8 : last * self._bits // 8]
        return np.concatenate([tables.reshape(-1).view(np.uint8), codes])

    def accumulate(self, total: NDArray[Any] | None, message: Message) -> NDArray[Any]:
        """Add a worker's values in float32.

        Raises:
            InvalidInput: The message is not one of whole blocks, or of fewer.
        """
        table, codes = 4 * 2**self._bits, self.unit * self._bits // 8
        blocks = message.nbytes // (table + codes)
        if blocks * (table + codes) != message.nbytes or (total is not None and len(total) != blocks * self.unit):
            raise InvalidInput(
                f"message has {message.nbytes} bytes, but each block of {self.unit} has {table + codes}; pass that of "
                "this round"
            )
        tables = message[: blocks * table].copy().view("<f4").astype(np.float32)
        places = unpacked(message[blocks * table :], self._bits).reshape(blocks, self.unit).astype(np.int64)
        places += np.arange(blocks)[:, None] * 2**self._bits
        values: Floats = tables[places.reshape(-1)]
        if total is None:
            return values
        with np.errstate(invalid="ignore", over="ignore"):  # as any sum in float32
            total += values
        return total

    def finish(self, total: NDArray[Any], count: int) -> Message:
        """The mean as integers with scales; their draws are counted from the start of the shard."""
        return self._down.encode(np.divide(total, np.float32(count), dtype=np.float32), 0)

    def result_bytes(self, coordinates: int, count: int) -> int:
        """Those of the integers and their scales."""
        return self._down.format.message_bytes(coordinates)

    def decode(self, message: Message, first: int, last: int, count: int) -> Floats:
        """The mean."""
        mean = np.empty(last - first, np.float32)
        self._down.add(message, mean, first=True)
        return mean


def result_format() -> _native.BlockFormat:
    """How the mean on its way back is coded. Made anew: one kept here outlives nanobind, which reports it as leaked."""
    return _native.BlockFormat(_native.BlockCode.int8, 256)


def packed(codes: NDArray[np.uint8], bits: int) -> Message:
    """A multiple of 8 codes, one behind the other from the lowest bit on."""
    return np.packbits(np.unpackbits(codes[:, None], axis=1, count=bits, bitorder="little"), bitorder="little")


def unpacked(message: Message, bits: int) -> NDArray[np.uint8]:
    """What `packed` packed."""
    rows = np.unpackbits(message, bitorder="little").reshape(-1, bits)
    return np.packbits(rows, axis=1, bitorder="little")[:, 0]
