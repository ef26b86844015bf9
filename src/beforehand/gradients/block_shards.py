"""Blocks that share a scale, cut into shards: each worker codes its own, and whoever adds them codes the mean anew."""

from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.gradients.exchange import Combine, Floats, Message
from beforehand.gradients.scheme import Exchanged, Outcome
from beforehand.gradients.wire import WireBytes, shard_length

BLOCKS = tuple(2**k for k in range(4, 17))


class BlockRounding(NamedTuple):
    """How blocks are coded. The draws of stochastic rounding are at `stream` of `seed`; None rounds to the nearest.

    Results do not depend on `threads`.
    """

    format: _native.BlockFormat
    seed: int = 0
    stream: int | None = None
    threads: int = 1

    def encode(self, x: Floats, first: int) -> Message:
        """The message of whole blocks, of which the first coordinate has the number `first`."""
        message = np.empty(self.format.message_bytes(len(x)), np.uint8)
        _native.block_encode(
            x,
            self.format,
            stochastic=self.stream is not None,
            seed=self.seed,
            stream=self.stream or 0,
            first=first,
            threads=self.threads,
            message=message,
        )
        return message

    def add(self, message: Message, total: NDArray[Any], *, first: bool) -> None:
        """Add what the message stands for, or if `first` write it.

        Raises:
            InvalidInput: The message is not one of that many coordinates.
        """
        if message.nbytes != self.format.message_bytes(len(total)):
            raise InvalidInput(
                f"message has {message.nbytes} bytes, but {len(total)} coordinates have "
                f"{self.format.message_bytes(len(total))}; pass that of this round"
            )
        _native.block_accumulate(
            np.ascontiguousarray(message), self.format, first=first, threads=self.threads, total=total
        )


@final
class BlockShards:
    """One worker's blocks of a bucket. `down` codes the mean; None leaves it in float32."""

    def __init__(self, x: Floats, up: BlockRounding, down: BlockRounding | None) -> None:
        self.size, self.unit = len(x), up.format.block
        self._x = x
        self._up = up
        self._down = down

    def encode(self, first: int, last: int) -> Message:
        """This worker's scales and codes."""
        return self._up.encode(self._x[first:last], first)

    def accumulate(self, total: NDArray[Any] | None, message: Message) -> NDArray[Any]:
        """Add a worker's values in float32."""
        if total is not None:
            self._up.add(message, total, first=False)
            return total
        values = np.empty(message.nbytes // self._up.format.message_bytes(self.unit) * self.unit, np.float32)
        self._up.add(message, values, first=True)
        return values

    def finish(self, total: NDArray[Any], count: int) -> Message:
        """The mean, coded anew; its draws are counted from the start of the shard."""
        mean: Floats = np.divide(total, np.float32(count), dtype=np.float32)
        return mean.view(np.uint8) if self._down is None else self._down.encode(mean, 0)

    def result_bytes(self, coordinates: int, count: int) -> int:
        """Those of the blocks, or of float32."""
        return 4 * coordinates if self._down is None else self._down.format.message_bytes(coordinates)

    def decode(self, message: Message, first: int, last: int, count: int) -> Floats:
        """The mean."""
        if self._down is None:
            return np.ascontiguousarray(message).view(np.float32)
        mean = np.empty(last - first, np.float32)
        self._down.add(message, mean, first=True)
        return mean


def combined(x: Floats, up: BlockRounding, down: BlockRounding | None) -> Exchanged:
    """The exchange of a bucket, padded with zeros to whole blocks."""
    shards = BlockShards(padded(x, up.format.block), up, down)
    mean = yield Combine(shards)

    def left(x: Floats) -> Floats:
        x -= shards.accumulate(None, shards.encode(0, shards.size))[: len(x)]
        return x

    return Outcome(mean[: len(x)], left)


def padded(x: Floats, unit: int) -> Floats:
    """These coordinates and zeros up to a multiple of `unit`."""
    short = -len(x) % unit
    return np.concatenate([x, np.zeros(short, np.float32)]) if short else np.ascontiguousarray(x)


def two_shot_bytes(size: int, workers: int, up: _native.BlockFormat, down: _native.BlockFormat | None) -> WireBytes:
    """What one worker sends in a round; without a format of its own, the mean goes in float32."""
    whole = -(-size // up.block) * up.block
    length = min(shard_length(whole, up.block, workers), whole)
    back = 4 * length if down is None else down.message_bytes(length)
    return WireBytes((workers - 1) * up.message_bytes(length), (workers - 1) * back)
