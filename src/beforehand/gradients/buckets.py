"""Which buckets DDP makes of a model's gradients, and what each sends and computes in a step."""

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

from beforehand.gradients.cast import Cast
from beforehand.gradients.codec import Codec, Reduction, Transport
from beforehand.gradients.codecs import REDUCTIONS
from beforehand.gradients.layout import Layout
from beforehand.gradients.speeds import RoundSeconds, Speed, Speeds, speed_of
from beforehand.gradients.wire import WireBytes

FIRST: Final = 2**20  # bytes, of the bucket that is ready first
CAP: Final = 25 * 2**20  # of the others
SMALLEST: Final = 16384  # coordinates; below, a round takes the time of starting an exchange, of which THC needs two
PLAIN: Final = Cast("float32")


def ready_buckets(layout: Layout) -> tuple[Layout, ...]:
    """The buckets that DDP makes by default, in the order in which backward fills them: the last tensors first.

    A bucket is closed as soon as it reaches its bytes, so that it may have more. Its tensors stand as in the model, so
    that it is a run of the model's coordinates.

    Example:
        >>> layout = Layout([("first", (5_000_000,)), ("second", (3_000_000,)), ("last", (300_000,))])
        >>> [[name for name, _ in bucket.tensors] for bucket in ready_buckets(layout)]
        [['last'], ['first', 'second']]
    """
    found: list[Layout] = []
    tensors: list[tuple[str, tuple[int, ...]]] = []
    size = 0
    for name, shape in reversed(layout.tensors):
        if math.prod(shape) == 0:
            continue
        tensors.append((name, shape))
        size += 4 * math.prod(shape)
        if size >= (CAP if found else FIRST):
            found.append(Layout(reversed(tensors)))
            tensors, size = [], 0
    return (*found, Layout(reversed(tensors))) if tensors else tuple(found)


@final
@dataclass(frozen=True)
class Buckets:
    """A model's buckets among so many workers: what a step sends and computes.

    Args:
        layout: Of the whole model.
        workers: How many there are.
    """

    layout: Layout
    workers: int

    @functools.cached_property
    def all(self) -> tuple[Layout, ...]:
        """In the order in which they become ready."""
        return ready_buckets(self.layout)

    def taken(self, codec: Codec, transport: Transport, bucket: Layout) -> tuple[Codec, Transport]:
        """What carries this bucket."""
        return (PLAIN, "allreduce") if bucket.size < SMALLEST else (codec, transport)

    def sent(self, codec: Codec, transport: Transport) -> tuple[WireBytes, ...]:
        """Bytes of one worker for each bucket.

        Raises:
            CapacityExceeded: The codec cannot add so many workers.
        """
        ways = ((self.taken(codec, transport, bucket), bucket) for bucket in self.all)
        return tuple(used.wire_bytes(bucket, workers=self.workers, transport=way) for (used, way), bucket in ways)

    def computed(self, codec: Codec, transport: Transport, speeds: Speeds) -> tuple[RoundSeconds, ...]:
        """Seconds that one worker computes for each bucket; a dedicated aggregator accumulates for all.

        Raises:
            InvalidInput: `speeds` lack the codec.
        """
        found = []
        for bucket in self.all:
            used, way = self.taken(codec, transport, bucket)
            seconds = speeds.seconds(used, REDUCTIONS[way], size=bucket.size, workers=self.workers)
            found.append(seconds._replace(accumulate=0.0) if way == "aggregator" else seconds)
        return tuple(found)

    def speeds(self, ways: Iterable[tuple[Codec, Transport]]) -> Speeds:
        """How fast these codecs are here, on a bucket as large as the largest."""
        largest = max(self.all, key=lambda bucket: bucket.size)
        found: dict[tuple[Codec, Reduction], Speed] = {}
        for codec, transport in [(PLAIN, "allreduce"), *ways]:
            key = codec, REDUCTIONS[transport]
            if key not in found:
                found[key] = speed_of(*key, largest, workers=self.workers)
        return Speeds(found)
