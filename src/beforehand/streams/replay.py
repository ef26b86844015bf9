"""A recorded stream, and how far off a summary is that counts it again."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core import Trace
from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.streams.summary import as_weights

Metric = Literal["weighted_error", "rmse", "recall", "upper"]
Floats = NDArray[np.float64]
Positions = NDArray[np.int64]

BLOCKS: Final = 20  # contiguous parts of the stream, which the bootstrap draws from
RESAMPLES: Final = 200
TOP: Final = 100  # keys that `recall` asks for
MOST: Final = 2.0**63  # weight of all arrivals
ASKED: Final = 8000  # arrivals of a window at which it is asked
NAMES: Final = {
    "weighted_error": "weighted error",
    "rmse": "RMSE",
    "recall": "heavy keys missed",
    "upper": "upper RMSE",
}
MEANING: Final = {
    "weighted_error": "mean error of an estimate, over arrivals",
    "rmse": "root mean square error of an estimate, over keys",
    "recall": f"share of the {TOP} heaviest keys that are missed",
    "upper": "root mean square error of the upper bound, on arrival",
}


@final
@dataclass(frozen=True, eq=False)
class Stream:
    """Arrivals in order, and how often each distinct key came.

    Args:
        keys: All arrivals but nulls, as summaries take them.
        weights: Of each arrival; None: all 1.
        ids: Of the distinct keys, ascending.
        distinct: These keys.
        codes: Which of them each arrival is.
        counts: Their weights.
        arrivals: How many.
    """

    keys: Any
    weights: NDArray[np.uint64] | None
    ids: NDArray[np.uint64]
    distinct: Any
    codes: Positions
    counts: Positions

    @classmethod
    def read(cls, sample: object, name: str = "sample") -> Self:
        """Keys in any form that summaries take, or a trace of kind `stream` with its weights.

        Raises:
            InvalidInput: the trace is of another kind; there are no keys, or what is given are none.
        """
        if isinstance(sample, cls):
            return sample
        weights: Any = None
        if isinstance(sample, Trace):
            if sample.kind != "stream":
                raise InvalidInput(f"{name} is a trace of kind {sample.kind!r}, but must be of kind 'stream'")
            weights, sample = sample.columns.get("weight"), sample["key"]
        asked = _native.AskedKeys(sample)
        if len(asked) == 0:
            raise InvalidInput(f"{name} holds no keys; pass what arrived, in order")
        return cls.of(asked, None if weights is None else as_weights(weights)[asked.rows.astype(np.int64)])

    @classmethod
    def join(cls, parts: Sequence[tuple[Any, Any]]) -> Self:
        """Batches of keys, each with its weights or None, one after the other.

        Raises:
            InvalidInput: there are no keys, or they are of different kinds.
        """
        keys: list[Any] = []
        weights: list[NDArray[np.uint64]] = []
        for batch, weight in parts:
            asked = _native.AskedKeys(batch)
            if len(asked) == 0:
                continue
            keys.append(asked.take())
            if weight is not None:
                weights.append(as_weights(weight)[asked.rows.astype(np.int64)])
        if not keys:
            raise InvalidInput("the stream holds no keys; pass what arrived, in order")
        if all(isinstance(each, np.ndarray) and each.dtype == keys[0].dtype for each in keys):
            joined: Any = np.concatenate(keys)
        else:
            joined = [key for each in keys for key in each]
        return cls.of(_native.AskedKeys(joined), np.concatenate(weights) if weights else None)

    @classmethod
    def of(cls, asked: _native.AskedKeys, weights: NDArray[np.uint64] | None) -> Self:
        """Count keys that were read."""
        ids, first, codes = np.unique(asked.ids, return_index=True, return_inverse=True)
        counts = np.bincount(codes) if weights is None else np.zeros(ids.size, np.int64)
        if weights is not None:
            if weights.sum(dtype=np.float64) >= MOST:
                raise CapacityExceeded("the weights of the stream add up to 2**63 or more; scale them down")
            np.add.at(counts, codes, weights.astype(np.int64))
        return cls(asked.take(), weights, ids, asked.select(first.astype(np.uint64)).take(), codes, counts)

    def halves(self) -> tuple[Self, Self]:
        """The first and the second half of the arrivals."""
        middle = len(self) // 2
        return self.part(0, middle), self.part(middle, len(self))

    def part(self, first: int, last: int) -> Self:
        """The arrivals from one on to another, which need not exist."""
        if first == 0 and last >= len(self):
            return self
        asked = _native.AskedKeys(self.keys[first:last])
        return self.of(asked, None if self.weights is None else self.weights[first:last])

    def __len__(self) -> int:
        """How many arrivals."""
        return self.codes.size

    @property
    def total(self) -> int:
        """The weight of all arrivals."""
        return int(self.counts.sum())

    def distinct_after(self, arrivals: float) -> float:
        """How many distinct keys so many arrivals have, if new ones go on to come as in the second half."""
        first = np.zeros(self.ids.size, np.int64)
        first[self.codes[::-1]] = np.arange(len(self))[::-1]
        new = np.count_nonzero(first >= len(self) // 2) / (len(self) - len(self) // 2)
        return self.ids.size + new * max(0.0, arrivals - len(self))

    def log2_counts(self, keys: object) -> Floats:
        """What a clairvoyant says of these keys, each of which came."""
        places = np.searchsorted(self.ids, _native.AskedKeys(keys).ids)
        return np.log2(self.counts[places].astype(np.float64))


@final
@dataclass(frozen=True, eq=False)
class Replay:
    """How far off a summary was, block by block of the stream.

    Args:
        errors: Sums of errors, or of their squares.
        weights: What they are divided by, in all.
        root: Whether these are squares.
        scale: What the mean is multiplied by.
        seconds: Processor time of all updates.
        asked: Of it, what the predictor took.
    """

    errors: Floats
    weights: Floats
    root: bool
    scale: float
    seconds: float
    asked: float

    @property
    def value(self) -> float:
        """Over all blocks."""
        return float(self._mean(self.errors.sum(keepdims=True), self.weights.sum(keepdims=True))[0])

    def draws(self, seed: int) -> Floats:
        """Over 200 resamples of the blocks; equal seeds draw the same ones for every summary."""
        blocks = np.random.default_rng(seed).integers(BLOCKS, size=(RESAMPLES, BLOCKS))
        return self._mean(self.errors[blocks].sum(1), self.weights[blocks].sum(1))

    def _mean(self, errors: Floats, weights: Floats) -> Floats:
        mean: Floats = np.divide(errors, weights, out=np.full(errors.shape, np.nan), where=weights > 0)
        return self.scale * (np.sqrt(mean) if self.root else mean)


def replay(stream: Stream, summary: Any, metric: Metric, *, horizon: int | None = None) -> Replay:
    """Count a stream, then compare what the summary says of every key with the truth.

    Args:
        stream: The stream.
        summary: An empty summary.
        metric: `"weighted_error"`, `"rmse"` or `"recall"`.
        horizon: Errors are those of so many arrivals, if they grow with the stream; None: as shares of the stream.
    """
    begun = time.process_time()
    summary.update(stream.keys, stream.weights)
    spent = time.process_time() - begun, _asked(summary)
    scale = (horizon or 1) / stream.total
    counts = stream.counts.astype(np.float64)
    if metric == "recall":
        missed, asked = _missed(stream, summary)
        return Replay(_blocks(stream, missed / counts), _blocks(stream, asked / counts), False, 1.0, *spent)
    error = np.abs(summary.estimate(stream.distinct) - counts)
    if metric == "rmse":
        return Replay(_blocks(stream, error**2 / counts), _blocks(stream, 1 / counts), True, scale, *spent)
    return Replay(_blocks(stream, error), _blocks(stream, np.ones(counts.size)), False, scale, *spent)


def _asked(summary: Any) -> float:
    """Processor time that its predictor took up to now."""
    return float(summary.report()["seconds"]) if hasattr(summary, "report") else 0.0


def missed_share(stream: Stream, summary: Any) -> float:
    """The share of the 100 heaviest keys that a summary of the stream does not name."""
    missed, asked = _missed(stream, summary)
    return float(missed.sum() / asked.sum())


def _blocks(stream: Stream, per_weight: Floats) -> Floats:
    """What each block adds, if a key adds so much with each unit of its weight: all its blocks together, its sum."""
    values = per_weight[stream.codes]
    if stream.weights is not None:
        values *= stream.weights
    return _sums(np.arange(len(stream)) * BLOCKS // len(stream), values)


def _sums(block: Positions, values: Floats) -> Floats:
    """The values of each block, added up."""
    return np.bincount(block, values, BLOCKS).astype(np.float64)


def _missed(stream: Stream, summary: Any) -> tuple[Floats, Floats]:
    """Of each key whether it is one of the heaviest and was missed, and whether it is one of the heaviest.

    Among keys that are as heavy as the last of them, any will do.
    """
    counts, k = stream.counts, min(TOP, stream.ids.size)
    heaviest = np.lexsort((stream.ids, -counts))[:k]
    returned = np.isin(stream.ids, _native.AskedKeys(summary.top(k).keys).ids)
    asked = np.zeros(counts.size)
    asked[heaviest] = 1
    missed = asked * ~returned
    last = counts == counts[heaviest[-1]]
    spare = np.count_nonzero(last & returned & (asked == 0))
    missed[np.flatnonzero(last & (missed == 1))[:spare]] = 0
    return missed, asked


def replay_window(stream: Stream, summary: Any, metric: Metric, window: int) -> Replay:
    """Count a stream, and ask a window about keys just as they arrive, from two windows on.

    Args:
        stream: The stream, at least three windows long.
        summary: An empty summary of a sliding window.
        metric: `"weighted_error"`, `"rmse"` or `"upper"`.
        window: Its arrivals.
    """
    places = np.unique(np.linspace(2 * window, len(stream) - 1, min(ASKED, len(stream) - 2 * window)).astype(np.int64))
    true = _windowed_counts(stream.codes, places, window)
    say: Callable[[Any], float] = summary.estimate if metric != "upper" else lambda key: summary.bounds(key)[1]
    said, seconds, at = np.empty(places.size), 0.0, 0
    keys = stream.keys
    for i, place in enumerate(places.tolist()):
        begun = time.process_time()
        summary.update(keys[at : place + 1])
        seconds += time.process_time() - begun
        said[i] = say(keys[place])
        at = place + 1
    error = np.abs(said - true)
    block = np.arange(places.size) * BLOCKS // places.size
    root = metric != "weighted_error"
    errors = _sums(block, error**2 if root else error)
    weights = _sums(block, np.ones(places.size))
    return Replay(errors, weights, root, 1 / window, seconds, _asked(summary))


def _windowed_counts(codes: Positions, places: Positions, window: int) -> Positions:
    """How often the key at each place came in the window that ends with it."""
    order = np.argsort(codes, kind="stable")
    rank = np.empty(codes.size, np.int64)  # of an arrival, among those of all keys by key and time
    rank[order] = np.arange(codes.size)
    by_key_and_time = codes[order] * codes.size + order
    begins = codes[places] * codes.size + np.maximum(places - window + 1, 0)
    return rank[places] + 1 - np.searchsorted(by_key_and_time, begins)
