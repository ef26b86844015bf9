"""How long a training step takes with a codec: its own work, the exchange, and the step around both."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, final

import numpy as np

from beforehand.gradients import theory
from beforehand.gradients.buckets import SMALLEST, ready_buckets
from beforehand.gradients.cast import Cast
from beforehand.gradients.codec import Codec, Reduction, Transport
from beforehand.gradients.codecs import REDUCTIONS
from beforehand.gradients.exchange import Combine, Gather
from beforehand.gradients.layout import Layout
from beforehand.gradients.link import Link
from beforehand.gradients.local import exchange_all
from beforehand.gradients.speeds import Speed, Speeds, speed_of
from beforehand.gradients.wire import WireBytes


class Factors(NamedTuple):
    """By how much latency, rate and the codec's seconds may differ from what was measured."""

    latency: float = 1.0
    rate: float = 1.0
    codec: float = 1.0


PLAIN: Final = Cast("float32")  # what small buckets take
MEASURED: Final = Factors()
PROBE: Final = Layout([("matrix", (256, 256))])


class StepTime(NamedTuple):
    """Seconds of one training step, and what of it one worker spends on its parts."""

    encode: float
    accumulate: float
    exchange: float
    decode: float
    step: float


@final
@dataclass(frozen=True, kw_only=True)
class Setting:
    """What a plan is for.

    Args:
        layout: Of the whole model.
        workers: How many there are.
        link: Between workers.
        aggregator_link: Of an aggregator; None where there is none.
        compute_seconds: Of forward, backward and optimizer.
        overlap: Share of them during which buckets can be exchanged.
    """

    layout: Layout
    workers: int
    link: Link
    aggregator_link: Link | None
    compute_seconds: float
    overlap: float

    @functools.cached_property
    def buckets(self) -> tuple[Layout, ...]:
        """In the order in which they become ready."""
        return ready_buckets(self.layout)

    def sent(self, codec: Codec, transport: Transport) -> WireBytes:
        """Bytes of one worker in a step.

        Raises:
            CapacityExceeded: The codec cannot add so many workers.
        """
        return functools.reduce(WireBytes.plus, (self._sent(codec, transport, each) for each in self.buckets))

    def step_time(self, codec: Codec, transport: Transport, speeds: Speeds, factors: Factors = MEASURED) -> StepTime:
        """The seconds of a step.

        With no overlap training and codec share the cores, so that the codec's work counts double.

        Raises:
            InvalidInput: `speeds` lack the codec.
        """
        parts = [self._bucket(codec, transport, speeds, factors, each) for each in self.buckets]
        encode, accumulate, exchange, decode = zip(*parts, strict=True)
        step = theory.step_seconds(
            self.compute_seconds,
            encode,
            exchange,
            [sum(pair) for pair in zip(accumulate, decode, strict=True)],
            shares=[bucket.size / self.layout.size for bucket in self.buckets],
            overlap=self.overlap,
            contention=0.0 if self.overlap else 1.0,
        )
        return StepTime(
            encode=sum(encode), accumulate=sum(accumulate), exchange=sum(exchange), decode=sum(decode), step=step
        )

    def _bucket(
        self, codec: Codec, transport: Transport, speeds: Speeds, factors: Factors, bucket: Layout
    ) -> tuple[float, float, float, float]:
        """Seconds to encode, accumulate, exchange and decode."""
        latency, rate, slower = factors
        if bucket.size < SMALLEST:
            codec, transport = PLAIN, "allreduce"
        reduction = REDUCTIONS[transport]
        encode, accumulate, decode = speeds.seconds(codec, reduction, size=bucket.size, workers=self.workers)
        link = Link(self.link.latency * latency, self.link.bytes_per_second * rate)
        server = self.aggregator_link
        if server is not None:
            server = Link(server.latency * latency, server.bytes_per_second * rate)
        dedicated = transport == "aggregator"
        *before, last = patterns(codec, reduction)
        exchange = 0.0
        for pattern in before:
            way: Transport = "aggregator" if dedicated else pattern
            exchange += link.seconds(way, WireBytes(0, 0), self.workers, aggregator=server)
        way = "aggregator" if dedicated else last
        exchange += link.seconds(way, self._sent(codec, transport, bucket), self.workers, aggregator=server)
        return encode * slower, 0.0 if dedicated else accumulate * slower, exchange, decode * slower

    def _sent(self, codec: Codec, transport: Transport, bucket: Layout) -> WireBytes:
        if bucket.size < SMALLEST:
            codec, transport = PLAIN, "allreduce"
        return codec.wire_bytes(bucket, workers=self.workers, transport=transport)


@functools.lru_cache(maxsize=1024)
def patterns(codec: Codec, reduction: Reduction) -> tuple[Transport, ...]:
    """The exchanges of a round, in their order, as two workers without an aggregator carry them."""
    encoder = codec.open(PROBE, rank=0, workers=2, reduction=reduction, step=getattr(codec, "start_step", 0))
    running: Any = encoder.reduce(np.random.default_rng(0).standard_normal(PROBE.size, np.float32))
    found: list[Transport] = []
    answer: Any = None
    while True:
        try:
            exchange = running.send(answer)
        except StopIteration:
            return tuple(found)
        kind = type(exchange)
        found.append("two_shot" if kind is Combine else "gather" if kind is Gather else "allreduce")
        answer = exchange_all([exchange, exchange])[0][0]


def speeds_for(ways: Iterable[tuple[Codec, Transport]], setting: Setting) -> Speeds:
    """How fast these codecs are here, on a bucket as large as the largest of the model."""
    largest = max(setting.buckets, key=lambda bucket: bucket.size)
    found: dict[tuple[Codec, Reduction], Speed] = {}
    for codec, transport in [(PLAIN, "allreduce"), *ways]:
        key = codec, REDUCTIONS[transport]
        if key not in found:
            found[key] = speed_of(*key, largest, workers=setting.workers)
    return Speeds(found)
