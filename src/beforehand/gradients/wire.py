"""How many bytes a worker sends, by what carries them."""

from typing import NamedTuple


class WireBytes(NamedTuple):
    """Bytes that one worker sends in one round, without headers.

    `up` is what it sends before the sums exist, `down` what it sends of the sums, or, with an aggregator, receives.
    """

    up: float
    down: float

    @property
    def total(self) -> float:
        """Both."""
        return self.up + self.down

    def plus(self, other: "WireBytes") -> "WireBytes":
        """Both rounds of exchange together."""
        return WireBytes(self.up + other.up, self.down + other.down)


def gathered(payload: float, workers: int) -> WireBytes:
    """An all-gather of this many bytes of each worker."""
    return WireBytes((workers - 1) * payload, 0)


def served(payload: float, workers: int) -> WireBytes:
    """A gather through an aggregator, which sends the bytes of all to each."""
    return WireBytes(payload, workers * payload)


def summed(buffer: float, workers: int) -> WireBytes:
    """A ring all-reduce of a buffer: a reduce-scatter, then an all-gather."""
    half = (workers - 1) / workers * buffer
    return WireBytes(half, half)


def shard_length(size: int, unit: int, workers: int) -> int:
    """Coordinates of a shard, when each worker adds one: all alike, but the last ones may be shorter or empty."""
    return -(-size // (unit * workers)) * unit


def shard_cuts(size: int, length: int, workers: int) -> list[tuple[int, int]]:
    """First and last coordinate of each worker's shard of this length; equal where a shard is empty."""
    return [(min(rank * length, size), min((rank + 1) * length, size)) for rank in range(workers)]
