"""Requests with what is predicted of them: the same again at another rate, or drawn anew minute by minute."""

import math
from dataclasses import dataclass, replace
from typing import Any, Final, Self, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.predictor import Price
from beforehand.core.trace import Trace
from beforehand.scheduling.serving.simulator.prompts import FREE, Recorded
from beforehand.scheduling.serving.simulator.request import Requests

Floats = NDArray[np.float64]
BLOCK: Final = 60.0  # seconds that are drawn together, so that bursts stay bursts
LEAST_BLOCKS: Final = 10


@final
@dataclass(frozen=True, eq=False)
class Traffic:
    """Conversations in order of arrival, and predictions of the output tokens of their segments.

    A segment is one answer: up to a tool call, or the last of its conversation.

    Args:
        trace: Of kind `requests`.
        predicted: A prediction for each segment, conversation by conversation; None where nothing is predicted.
        cheap: That of a second, cheaper predictor.
        price: What a prediction costs.
        cheap_price: What one of the second predictor costs.
        durations: Predicted seconds of each call, in order; None where they are not given one by one.
    """

    trace: Trace
    predicted: Floats | None = None
    cheap: Floats | None = None
    price: Price = FREE
    cheap_price: Price = FREE
    durations: Floats | None = None

    def __len__(self) -> int:
        """How many conversations."""
        return len(self.trace)

    @property
    def span(self) -> float:
        """Seconds from the first arrival to the last."""
        arrival = self.trace["arrival"]
        return float(arrival[-1] - arrival[0])

    @property
    def predictors(self) -> dict[str, Any]:
        """The arguments `lengths` and `expensive` of `simulate`."""
        if self.predicted is None:
            return {}
        if self.cheap is None:
            return {"lengths": Recorded(self.predicted, self.price)}
        return {"lengths": Recorded(self.cheap, self.cheap_price), "expensive": Recorded(self.predicted, self.price)}

    def faster(self, factor: float) -> Self:
        """The same conversations at `factor` times the rate."""
        arrival = (self.trace["arrival"] - self.trace["arrival"][0]) / factor
        return replace(self, trace=taken(self.trace, np.arange(len(self)), arrival))

    def at_once(self) -> Self:
        """The same conversations, all there at the beginning, and tool calls that take no time."""
        trace = taken(self.trace, np.arange(len(self)), np.zeros(len(self)))
        children = {
            name: (child.offsets, {**child.columns, "seconds": np.zeros(len(child))})
            for name, child in trace.children.items()
        }
        return replace(self, trace=Trace(trace.kind, trace.columns, children=children, meta=trace.meta))

    def window(self, begin: int, end: int) -> Self:
        """The conversations from `begin` to before `end`."""
        return self._take(np.arange(begin, end), self.trace["arrival"][begin:end])

    def fitting(self, kv_tokens: int, block_size: int, *, reject: bool) -> Self:
        """Those conversations that fit into the KV cache.

        Raises:
            CapacityExceeded: one does not, and `reject` is False.
        """
        fits = Requests.of(self.trace).fitting(kv_tokens, block_size, reject=reject)
        return self if fits.all() else self._take(np.flatnonzero(fits), self.trace["arrival"][fits])

    def drawn(self, seed: int) -> Self:
        """As much traffic again, made of minutes of this one drawn with replacement.

        Where it lasts less than ten minutes, a tenth of it is drawn at a time; where it is sparse, more than a minute;
        where all arrive at once, conversations are drawn one by one.

        Guarantee:
            The same seed gives the same conversations on every machine. At least one is drawn.
        """
        random, arrival = np.random.default_rng(seed), self.trace["arrival"]
        if self.span == 0:
            return self._take(np.sort(random.integers(len(self), size=len(self))), arrival)
        block = block_of(self.span, len(self))
        count = math.floor(self.span / block) + 1
        since = arrival - arrival[0]
        edges = np.searchsorted(since, block * np.arange(count + 1))
        edges[-1] = len(self)
        chosen = random.integers(count, size=count)
        while not (edges[chosen + 1] > edges[chosen]).any():
            chosen = random.integers(count, size=count)
        rows = np.concatenate([np.arange(edges[each], edges[each + 1]) for each in chosen])
        place = np.repeat(np.arange(count), edges[chosen + 1] - edges[chosen])
        moved = arrival[0] + block * place + (since[rows] - block * chosen[place])
        return self._take(rows, np.maximum.accumulate(moved))  # rounding may turn two neighbors around

    def _take(self, rows: NDArray[np.int64], arrival: Floats) -> Self:
        segments = segments_of(self.trace, rows)
        return replace(
            self,
            trace=taken(self.trace, rows, arrival),
            predicted=None if self.predicted is None else self.predicted[segments],
            cheap=None if self.cheap is None else self.cheap[segments],
            durations=None if self.durations is None else self.durations[calls_of(self.trace, rows)],
        )


def block_of(span: float, rows: int) -> float:
    """How many seconds of so many, with so many conversations, are drawn together."""
    return max(min(BLOCK, span / LEAST_BLOCKS), span / (LEAST_BLOCKS * rows))


def taken(trace: Trace, rows: NDArray[np.int64], arrival: Floats) -> Trace:
    """These rows of a trace with their child rows, in this order, arriving at these times."""
    columns = {name: column[rows] for name, column in trace.columns.items()} | {"arrival": arrival}
    children = {}
    for name, child in trace.children.items():
        offsets, members = _members(child.offsets, rows)
        children[name] = (offsets, {key: column[members] for key, column in child.columns.items()})
    return Trace(trace.kind, columns, children=children, meta=trace.meta)


def calls_of(trace: Trace, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places of these conversations' calls among all calls of the trace."""
    return _members(trace.children["calls"].offsets, rows)[1]


def _members(offsets: NDArray[np.int64], rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The new offsets of the child rows of these rows, and their places."""
    counts = np.diff(offsets)[rows]
    found = np.concatenate(([0], np.cumsum(counts)))
    return found, np.repeat(offsets[rows] - found[:-1], counts) + np.arange(found[-1])


def segments_of(trace: Trace, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places of these conversations' segments among all segments of the trace."""
    calls = np.diff(trace.children["calls"].offsets) if "calls" in trace.children else np.zeros(len(trace), np.int64)
    first = np.cumsum(calls + 1) - (calls + 1)
    wanted = calls[rows] + 1
    return np.repeat(first[rows] - (np.cumsum(wanted) - wanted), wanted) + np.arange(wanted.sum())
