"""How long a training step takes with a codec: its own work, the exchange, and the step around both."""

import functools
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, final

import numpy as np

from beforehand.gradients import theory
from beforehand.gradients.buckets import Buckets
from beforehand.gradients.codec import Codec, Reduction, Transport
from beforehand.gradients.codecs import REDUCTIONS
from beforehand.gradients.exchange import Combine, Gather
from beforehand.gradients.layout import Layout
from beforehand.gradients.link import Link
from beforehand.gradients.local import exchange_all
from beforehand.gradients.speeds import Speeds
from beforehand.gradients.wire import WireBytes


class Factors(NamedTuple):
    """By how much latency, rate and the codec's seconds may differ from what was measured."""

    latency: float = 1.0
    rate: float = 1.0
    codec: float = 1.0


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
        buckets: Of the model, among its workers.
        link: Between workers.
        aggregator_link: Of an aggregator; None where there is none.
        compute_seconds: Of forward, backward and optimizer.
        overlap: Share of them during which buckets can be exchanged.
    """

    buckets: Buckets
    link: Link
    aggregator_link: Link | None
    compute_seconds: float
    overlap: float

    def step_time(self, codec: Codec, transport: Transport, speeds: Speeds, factors: Factors = MEASURED) -> StepTime:
        """The seconds of a step.

        With no overlap training and codec share the cores, so that the codec's work counts double.

        Raises:
            InvalidInput: `speeds` lack the codec.
        """
        exchange = self._exchanges(codec, transport, factors)
        computed = self.buckets.computed(codec, transport, speeds)
        encode = [factors.codec * each.encode for each in computed]
        accumulate = [factors.codec * each.accumulate for each in computed]
        decode = [factors.codec * each.decode for each in computed]
        step = theory.step_seconds(
            self.compute_seconds,
            encode,
            exchange,
            [sum(pair) for pair in zip(accumulate, decode, strict=True)],
            shares=[bucket.size / self.buckets.layout.size for bucket in self.buckets.all],
            overlap=self.overlap,
            contention=0.0 if self.overlap else 1.0,
        )
        return StepTime(
            encode=sum(encode), accumulate=sum(accumulate), exchange=sum(exchange), decode=sum(decode), step=step
        )

    def _exchanges(self, codec: Codec, transport: Transport, factors: Factors) -> list[float]:
        """Seconds that the bytes of each bucket travel."""
        link, server = (
            each and Link(each.latency * factors.latency, each.bytes_per_second * factors.rate)
            for each in (self.link, self.aggregator_link)
        )
        assert link is not None
        workers = self.buckets.workers
        seconds = []
        for bucket, sent in zip(self.buckets.all, self.buckets.sent(codec, transport), strict=True):
            used, way = self.buckets.taken(codec, transport, bucket)
            found: list[Transport] = list(patterns(used, REDUCTIONS[way]))
            if way == "aggregator":
                found = [way] * len(found)
            bytes_of = [WireBytes(0, 0)] * (len(found) - 1) + [sent]
            seconds.append(
                sum(
                    link.seconds(pattern, each, workers, aggregator=server)
                    for pattern, each in zip(found, bytes_of, strict=True)
                )
            )
        return seconds


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
