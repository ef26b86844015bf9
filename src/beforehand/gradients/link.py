"""How long exchanges take: a latency and a rate, fitted to what was measured."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self, final

import numpy as np

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.plan import bounded_json
from beforehand.gradients.codec import Transport
from beforehand.gradients.wire import WireBytes, summed


@final
@dataclass(frozen=True)
class Link:
    """What connects the workers, or a worker and an aggregator: a message of m bytes takes `latency + m / rate`.

    Args:
        latency: Seconds before the first byte of a message arrives, with all that software adds.
        bytes_per_second: What one worker sends and, at the same time, receives.

    Raises:
        InvalidInput: `latency` is negative, `bytes_per_second` not above 0, or either not finite.

    Example:
        >>> from beforehand.gradients import Cast, Layout
        >>> link, layout = Link(latency=1e-4, bytes_per_second=6.25e6), Layout([("weight", (1000, 1000))])
        >>> round(link.seconds("allreduce", Cast("float16").wire_bytes(layout, workers=2), workers=2), 4)
        0.3202
    """

    latency: float
    bytes_per_second: float

    def __post_init__(self) -> None:
        """Validate the fields."""
        for name, least in (("latency", "at least"), ("bytes_per_second", "above")):
            given = getattr(self, name)
            number = isinstance(given, int | float) and not isinstance(given, bool) and math.isfinite(given)
            if not number or given < 0 or (least == "above" and given == 0):
                raise InvalidInput(f"{name} is {given!r}, but must be a finite number, {least} 0")

    def seconds(self, pattern: Transport, sent: WireBytes, workers: int, *, aggregator: "Link | None" = None) -> float:
        """How long an exchange takes: its messages one after the other, and the bytes of one worker.

        Args:
            pattern: `"allreduce"`, as a ring; `"two_shot"`; `"gather"`; or `"aggregator"`, pipelined by chunks.
            sent: Bytes of one worker, as `wire_bytes` of a codec counts them.
            workers: How many there are.
            aggregator: What connects the aggregator, which sends to all workers and receives from all.

        Raises:
            InvalidInput: There is no such pattern, or the aggregator has no link.
        """
        if pattern == "aggregator":
            if aggregator is None:
                raise InvalidInput("aggregator is None, but its link decides how long it takes; pass it")
            server = workers * max(sent) / aggregator.bytes_per_second
            return 2 * self.latency + max(max(sent) / self.bytes_per_second, server)
        return messages(pattern, workers) * self.latency + sent.total / self.bytes_per_second

    @classmethod
    def fit(cls, sizes: Sequence[float], seconds: Sequence[float], workers: int) -> Self:
        """The link on which all-reduces of buffers took these times.

        Args:
            sizes: Bytes of the buffers; at least two different ones.
            seconds: Of one all-reduce of each.
            workers: How many took part, at least 2.

        Guarantee:
            The rate is that of a line through all times by least squares, so that the longest buffers decide; the
            latency is what the shortest buffer took beyond it, or 0. So short buffers that pass a shaped link in its
            burst, as if there were no limit, spoil no rate, and noise of long ones no latency.

        Raises:
            InvalidInput: There are fewer sizes or workers, a number is not above 0, or times do not grow with sizes.

        Example:
            >>> link = Link.fit([4096, 2**20, 2**24], [0.00037, 0.0214, 0.336], workers=2)
            >>> round(link.bytes_per_second / 1e6)
            50
        """
        x, y = np.asarray(sizes, np.float64), np.asarray(seconds, np.float64)
        if workers < 2:
            raise InvalidInput(f"workers is {workers}, but an all-reduce needs at least 2")
        if x.shape != y.shape or x.ndim != 1 or len(np.unique(x)) < 2:
            raise InvalidInput(f"there are {x.size} sizes and {y.size} times, but both need at least two, and as many")
        if not (np.isfinite(x) & np.isfinite(y) & (x > 0) & (y > 0)).all():
            raise InvalidInput("sizes and seconds must be finite numbers above 0; leave out what was not measured")
        sent = np.array([summed(size, workers).total for size in x])
        cost = float(np.polyfit(sent, y, 1)[0])
        if cost <= 0:
            raise InvalidInput(f"seconds are {y.tolist()}, but must grow with sizes; measure longer buffers")
        shortest = int(x.argmin())
        latency = float(y[shortest] - cost * sent[shortest]) / messages("allreduce", workers)
        return cls(max(latency, 0.0), 1 / cost)

    def to_json(self) -> str:
        """Both numbers."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The link that `to_json` wrote.

        Raises:
            CorruptData: `text` is not of that form.
        """
        try:
            return cls(**bounded_json(text))
        except (TypeError, ValueError, RecursionError) as error:
            why = f" ({error})" if isinstance(error, InvalidInput) else ""
            form = cls(1e-4, 6.25e6).to_json()
            raise CorruptData(f"{text[:60]!r} is no link{why}; pass what to_json() returned, such as {form}") from error


def messages(pattern: Transport, workers: int) -> int:
    """How many messages an exchange sends one after the other.

    Raises:
        InvalidInput: There is no such pattern.
    """
    counts = {"allreduce": 2 * (workers - 1), "two_shot": 2 * (workers - 1), "gather": workers - 1, "aggregator": 2}
    if pattern not in counts:
        raise InvalidInput(f"pattern is {pattern!r}, but must be one of {', '.join(counts)}")
    return counts[pattern]
