"""One round of a codec, whatever carries it: what workers exchange, and who drives whom.

A round is a generator. It yields what must be exchanged and receives the answer; so schemes of one, two or three phases
look alike, and what carries the bytes never knows the codec.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float32]
Message: TypeAlias = NDArray[np.uint8]


class Shards(Protocol):
    """A bucket in the codec's own domain, which the carrier cuts into shards, one for each of those who add.

    Cuts lie at multiples of `unit`. A carrier that needs messages of equal length pads them with zero bytes.
    """

    size: int  # coordinates, a multiple of unit
    unit: int

    def encode(self, first: int, last: int) -> Message:
        """This worker's message for the coordinates [first, last)."""

    def accumulate(self, total: NDArray[Any] | None, message: Message) -> NDArray[Any]:
        """Add one worker's message, in the order of ranks; None is no message yet. May write to `total`."""

    def finish(self, total: NDArray[Any], count: int) -> Message:
        """The message that carries the sum of `count` workers back."""

    def result_bytes(self, coordinates: int, count: int) -> int:
        """Bytes of the message that `finish` makes of that many coordinates, a multiple of `unit`."""

    def decode(self, message: Message, first: int, last: int, count: int) -> Floats:
        """The mean of `count` workers at the coordinates [first, last), in the codec's domain."""


@dataclass(frozen=True, eq=False)
class Gather:
    """Every worker's bytes for every worker: uint8[k], k the same everywhere, is answered by uint8[n, k] by rank.

    `meanwhile` does work that needs no answer. A driver that waits for others may call it before it waits; nobody must.
    """

    payload: Message
    meanwhile: Callable[[], None] | None = None


@dataclass(frozen=True, eq=False)
class Sum:
    """The sum over workers, element by element, in the type of `values`, which is large enough for it.

    The type is uint8, int32, int64, float16, float32, or uint16 for the bits of bfloat16.
    """

    values: NDArray[Any]


@dataclass(frozen=True, eq=False)
class Combine:
    """The mean of what all workers' shards encode: float32[shards.size], in the codec's own domain."""

    shards: Shards


Exchange: TypeAlias = Gather | Sum | Combine
Round: TypeAlias = Generator[Exchange, NDArray[Any], Floats]


@dataclass(frozen=True, kw_only=True)
class RoundStats:
    """What an encoder knows of its last round.

    Args:
        at_limit: Share of coordinates beyond the range, cut off to it.
        rho: Agreement of the workers as estimated so far; None where the codec does not estimate it.
        truncation: Expected share cut off of the table in force.
        fallback: Why the round was exact: `"nonfinite"`.
        squared_error: Of this worker's own message, where the codec knows it beforehand.
    """

    at_limit: float = 0.0
    rho: float | None = None
    truncation: float | None = None
    fallback: str | None = None
    squared_error: float | None = None


class Encoder(Protocol):
    """One worker's end of one bucket, with all that is kept from round to round."""

    workers: int
    step: int  # of the next round; all workers' agree
    last: RoundStats

    def reduce(self, gradient: Floats, *, loss_scale: float = 1.0) -> Round:
        """One round: returns the mean over workers, in memory of its own.

        `gradient` is only read; answers belong to the encoder, which may write to them.
        """

    def state(self) -> dict[str, NDArray[Any]]:
        """What to keep for a resumed run, by kind and parameter, as `"feedback/layer.weight"`: never by bucket."""

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take from `state` what belongs to the tensors of this bucket."""


class Driver(Protocol):
    """What carries one worker's exchanges."""

    def answer(self, exchange: Exchange) -> NDArray[Any]:
        """Take part in the exchange with the other workers."""


def drive(encoder: Encoder, gradient: Floats, driver: Driver, *, loss_scale: float = 1.0) -> Floats:
    """Run one round of one worker.

    Args:
        encoder: Of this worker and bucket.
        gradient: float32, 1-D, the length of the bucket.
        driver: Carries the exchanges.
        loss_scale: By which gradients are multiplied (AMP).

    Returns:
        The mean over workers; for one worker alone the gradient itself, and nothing is touched.
    """
    if encoder.workers == 1:
        return gradient
    running = encoder.reduce(gradient, loss_scale=loss_scale)
    try:
        exchange = next(running)
        while True:
            exchange = running.send(driver.answer(exchange))
    except StopIteration as done:
        mean: Floats = done.value
        return mean
