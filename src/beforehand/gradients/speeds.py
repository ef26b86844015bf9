"""How fast codecs are on this machine, in seconds for each coordinate."""

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from types import MappingProxyType
from typing import Any, NamedTuple, Self, final, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.plan import bounded_json
from beforehand.gradients.codec import Codec, Reduction
from beforehand.gradients.codecs import codec_from_json
from beforehand.gradients.exchange import Combine, Floats, Message, Shards
from beforehand.gradients.inputs import whole
from beforehand.gradients.layout import Layout
from beforehand.gradients.local import exchange_all
from beforehand.gradients.wire import shard_length

ENOUGH = 0.2  # seconds of measuring one codec
ROUNDS = 8  # at most, of which the fastest counts
MORE = 6  # workers more, to tell what an all-gather costs for each of them


@final
@dataclass(frozen=True, kw_only=True)
class Speed:
    """What one worker computes in a round.

    Args:
        encode: Before the last exchange; seconds for each coordinate of the bucket.
        accumulate: For each coordinate of each message that it adds: n messages of its shard, or in an all-gather of
            the whole bucket.
        finish: For each coordinate of the sums that it sends back.
        decode: After the last exchange; for each coordinate of the bucket.

    Raises:
        InvalidInput: A number is negative or not finite.
    """

    encode: float
    accumulate: float
    finish: float
    decode: float

    def __post_init__(self) -> None:
        """Validate the fields."""
        for field in fields(self):
            given = getattr(self, field.name)
            if not isinstance(given, int | float) or not 0 <= given < math.inf:
                raise InvalidInput(f"{field.name} is {given!r}, but must be seconds, finite and at least 0")


class RoundSeconds(NamedTuple):
    """What one worker computes in a round: before the exchange, for sums of others' messages, and after it."""

    encode: float
    accumulate: float
    decode: float


@final
@dataclass(frozen=True, eq=False)
class Speeds:
    """Seconds for each coordinate, by codec and reduction.

    Args:
        entries: By (codec, reduction).

    Example:
        >>> from beforehand.gradients import Cast
        >>> speeds = Speeds({(Cast("float16"), "sum"): Speed(encode=1e-9, accumulate=0, finish=0, decode=5e-10)})
        >>> speeds.seconds(Cast("float16"), "sum", size=1_000_000, workers=4).encode
        0.001
    """

    entries: Mapping[tuple[Codec, Reduction], Speed]

    def __post_init__(self) -> None:
        """Keep a copy that nobody changes."""
        object.__setattr__(self, "entries", MappingProxyType(dict(self.entries)))

    def seconds(self, codec: Codec, reduction: Reduction, *, size: int, workers: int) -> RoundSeconds:
        """What one worker computes in a round of a bucket of this size.

        With a dedicated aggregator it accumulates nothing.

        Raises:
            InvalidInput: This codec was not measured with this reduction.
        """
        speed = self.entries.get((codec, reduction))
        if speed is None:
            raise InvalidInput(
                f"speeds have none of {codec.to_json()} by {reduction}; add it with measure_speeds, or pass no speeds"
            )
        added = workers * size if reduction == "gather" else size
        return RoundSeconds(
            speed.encode * size, speed.accumulate * added + speed.finish * size / workers, speed.decode * size
        )

    def to_json(self) -> str:
        """All of them."""
        rows = [
            {"codec": json.loads(codec.to_json()), "reduction": reduction} | asdict(speed)
            for (codec, reduction), speed in self.entries.items()
        ]
        return json.dumps({"speeds": rows}, indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` wrote.

        Raises:
            CorruptData: `text` is not of that form.
        """
        entries: dict[tuple[Codec, Reduction], Speed] = {}
        try:
            for row in bounded_json(text)["speeds"]:
                codec, reduction = codec_from_json(json.dumps(row.pop("codec"))), row.pop("reduction")
                if reduction not in get_args(Reduction):
                    raise InvalidInput(f"reduction is {reduction!r}")
                entries[codec, reduction] = Speed(**row)
        except (TypeError, ValueError, KeyError, AttributeError, RecursionError) as error:
            raise CorruptData(f"{text[:60]!r} holds no speeds ({error}); pass what to_json() returned") from error
        return cls(entries)


def measure_speeds(codecs: Sequence[Codec], *, size: int = 2**20, workers: int = 2) -> Speeds:
    """How fast codecs are here, on normal coordinates.

    Args:
        codecs: Any; each is measured with every reduction that it can use.
        size: Coordinates, as one matrix that is nearly square.
        workers: For whom the codec is opened; the table of `THC` depends on it.

    Guarantee:
        The fastest of up to 8 rounds, in processor time, so that other processes do not count; all threads that numpy's
        BLAS takes for the products of `LowRank` do.

    Cost:
        Some 0.2 s for each codec and reduction, and at least one round: of `Adaptive` 0.1 s.

    Raises:
        InvalidInput: There are fewer than 2 workers, or no coordinates.
        CapacityExceeded: A codec cannot add so many workers.

    Example:
        >>> from beforehand.gradients import THC
        >>> speeds = measure_speeds([THC()], size=2**16)
        >>> 0 < speeds.seconds(THC(), "combine", size=2**20, workers=2).encode < 1
        True
    """
    whole("size", size, 1)
    whole("workers", workers, 2)
    rows = 2 ** (size.bit_length() // 2)
    layout = Layout([("matrix", (rows, size // rows)), ("rest", (size % rows,))])
    return Speeds(
        {
            (codec, reduction): speed_of(codec, reduction, layout, workers=workers)
            for codec in codecs
            for reduction in codec.reductions
        }
    )


def speed_of(codec: Codec, reduction: Reduction, layout: Layout, *, workers: int) -> Speed:
    """What one of so many workers computes in a round of such a bucket."""
    spent = _fastest(codec, reduction, layout, workers)
    size = layout.size
    last, each = spent["last"], 0.0
    if reduction == "gather":  # part of what follows it is done for each message
        each = max(_fastest(codec, reduction, layout, workers + MORE)["last"] - last, 0.0) / MORE
        each = min(each, last / workers)
    accumulate = spent["accumulate"] + each
    return Speed(
        encode=(spent["before"] + spent["encode"]) / size,
        accumulate=accumulate / size,
        finish=spent["finish"] * workers / size,
        decode=(last - workers * each + spent["decode"]) / size,
    )


def _fastest(codec: Codec, reduction: Reduction, layout: Layout, workers: int) -> dict[str, float]:
    step = getattr(codec, "start_step", 0)  # of LowRank, which sums as it is before
    encoder = codec.open(layout, rank=0, workers=workers, reduction=reduction, step=step)
    gradient = np.random.default_rng(0).standard_normal(layout.size, np.float32)
    rounds: list[dict[str, float]] = []
    began = time.perf_counter()
    while len(rounds) < ROUNDS and (not rounds or time.perf_counter() - began < ENOUGH):
        rounds.append(_timed(encoder.reduce(gradient), workers))
    return {name: min(each[name] for each in rounds) for name in rounds[0]}


def _timed(running: Any, workers: int) -> dict[str, float]:
    """Seconds of the parts of one worker's round, in which all others send the same."""
    spent = dict.fromkeys(("before", "encode", "accumulate", "finish", "decode", "last"), 0.0)
    segments, answer = [], None
    while True:
        began = time.process_time()
        try:
            exchange = running.send(answer)
        except StopIteration:
            segments.append(time.process_time() - began)
            spent["before"], spent["last"] = sum(segments[:-1]), segments[-1]
            return spent
        segments.append(time.process_time() - began)
        if isinstance(exchange, Combine):
            answer = _combined(exchange.shards, workers, spent)
        else:
            answer = exchange_all([exchange] * workers)[0][0]


def _combined(shards: Shards, workers: int, spent: dict[str, float]) -> Floats:
    """What one worker does in a two-shot, and no more: it adds its own shard, the first, whose sums stand for all."""
    timed = _Timed(shards, spent)
    length = min(shard_length(shards.size, shards.unit, workers), shards.size)
    mean = np.empty(shards.size, np.float32)
    sums: dict[int, Message] = {}
    for first in range(0, shards.size, length):
        last = min(first + length, shards.size)
        message = timed.encode(first, last)
        if last - first not in sums:
            adding: Shards = shards if sums else timed  # the last shard may be shorter
            total = None
            for _ in range(workers):
                total = adding.accumulate(total, message)
            assert total is not None
            sums[last - first] = adding.finish(total, workers)
        mean[first:last] = timed.decode(sums[last - first], first, last, workers)
    return mean


@final
class _Timed:
    """Shards that take the time of each part."""

    def __init__(self, shards: Shards, spent: dict[str, float]) -> None:
        self.size, self.unit = shards.size, shards.unit
        self._shards, self._spent = shards, spent

    def encode(self, first: int, last: int) -> Message:
        with self._clock("encode"):
            return self._shards.encode(first, last)

    def accumulate(self, total: NDArray[Any] | None, message: Message) -> NDArray[Any]:
        with self._clock("accumulate"):
            return self._shards.accumulate(total, message)

    def finish(self, total: NDArray[Any], count: int) -> Message:
        with self._clock("finish"):
            return self._shards.finish(total, count)

    def result_bytes(self, coordinates: int, count: int) -> int:
        return self._shards.result_bytes(coordinates, count)

    def decode(self, message: Message, first: int, last: int, count: int) -> Floats:
        with self._clock("decode"):
            return self._shards.decode(message, first, last, count)

    @contextmanager
    def _clock(self, part: str) -> Iterator[None]:
        began = time.process_time()
        yield
        self._spent[part] += time.process_time() - began
