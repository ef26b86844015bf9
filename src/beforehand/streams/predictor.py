"""What all predictors of streams share: keys in, the logarithm of the count to expect out, a horizon and a price."""

import math
import struct
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand import _native
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.predictor import Price
from beforehand.streams.sizes import is_whole

Floats = NDArray[np.float32]
Weight = Literal["sqrt", "none"]
TIMED_KEYS: Final = 10_000
TIMED_RUNS: Final = 3
INTEGER: Final = (1, 2)  # the kinds of keys, as the byte format numbers them
TEXTUAL: Final = (3, 4)


@final
@dataclass(frozen=True)
class Model:
    """What the bytes of a predictor hold; `content` is that of its class."""

    kind: int
    key_kind: int
    horizon: int
    seconds: float
    content: bytes

    def unpack(self, layout: str) -> tuple[Any, ...]:
        """The fields at the start of `content`.

        Raises:
            CorruptData: it is too short.
        """
        if len(self.content) < struct.calcsize(layout):
            raise CorruptData("these bytes end inside the options of a predictor; pass all that to_bytes() returned")
        return struct.unpack_from(layout, self.content)

    def array(self, dtype: str, count: int, at: int, *, last: bool = True) -> NDArray[Any]:
        """`count` values from byte `at` on; with `last` nothing may follow them.

        Raises:
            CorruptData: there are fewer values, or more.
        """
        end = at + np.dtype(dtype).itemsize * count
        if end > len(self.content) or (last and end != len(self.content)):
            raise CorruptData(
                f"these bytes hold {len(self.content)} bytes of a predictor where {end} must be; "
                "pass all that to_bytes() returned"
            )
        return np.frombuffer(self.content, dtype, count, at)


def check(holds: bool, rule: str) -> None:
    """Refuse bytes that break a rule.

    Raises:
        CorruptData: it does not hold.
    """
    if not holds:
        raise CorruptData(f"these bytes are no predictor: {rule}; pass what to_bytes() returned")


@final
@dataclass(frozen=True)
class Sample:
    """Distinct keys and how often each came, within `horizon` arrivals of these and perhaps of others."""

    keys: _native.AskedKeys
    counts: NDArray[np.int64]
    horizon: int

    @classmethod
    def of(cls, keys: object, counts: ArrayLike | None) -> Self:
        """Count a raw stream, or add up the counts of the same key; nulls are left out.

        Raises:
            InvalidInput: there is no key; `counts` are not integers of at least 1, or not one for each key.
        """
        asked = _native.AskedKeys(keys)
        if len(asked) == 0:
            raise InvalidInput("keys are empty, but a predictor learns from at least one; pass what came so far")
        _, first, inverse = np.unique(asked.ids, return_index=True, return_inverse=True)
        weights = None if counts is None else _as_counts(counts, asked.size)[asked.rows.astype(np.int64)]
        total = np.zeros(first.size, np.int64)
        np.add.at(total, inverse, 1 if weights is None else weights)
        return cls(asked.select(first.astype(np.uint64)), total, int(total.sum()))

    def few(self, most: int) -> "Sample":
        """At most that many of the keys, drawn by their hashes."""
        if len(self.keys) <= most:
            return self
        return self.part(np.sort(np.argsort(_native.fingerprints(self.keys.ids), kind="stable")[:most]))

    def part(self, places: NDArray[np.int64]) -> "Sample":
        """Some of the keys."""
        return Sample(self.keys.select(places.astype(np.uint64)), self.counts[places], self.horizon)

    @property
    def log2_counts(self) -> NDArray[np.float64]:
        """What predictors are to tell."""
        return np.log2(self.counts)


def _as_counts(counts: ArrayLike, size: int) -> NDArray[np.int64]:
    found = np.asarray(counts)
    if found.shape != (size,):
        raise InvalidInput(f"counts have shape {found.shape}, but must be one for each of the {size} keys")
    if found.dtype.kind not in "iu" or (size and not 1 <= found.min() <= found.max() < 2**63 // size):
        raise InvalidInput(
            "counts must be integers of at least 1 whose sum stays below 2**63; leave out what never came"
        )
    return found.astype(np.int64)


class KeyPredictor(ABC):
    """A predictor of log2 of how often a key will come within `horizon` arrivals."""

    __slots__ = ("_horizon", "_key_kind", "_seconds")

    KIND: int  # as the byte format numbers them

    def __init__(self) -> None:
        self._horizon: int | None = None
        self._key_kind = 0
        self._seconds: float | None = None

    @abstractmethod
    def answers(self, keys: _native.AskedKeys) -> Floats:
        """One value for each key that is not null, at the predictor's own horizon."""

    @abstractmethod
    def _content(self) -> bytes:
        """Options and weights, as bytes hold them."""

    def predict(self, keys: object, *, horizon: int | None = None) -> Any:
        """Log2 of the count to expect of each key.

        Args:
            keys: One key or a batch, in any form that summaries take.
            horizon: Within how many arrivals, 1 or more; the default is the predictor's own horizon.

        Returns:
            float32, one for each key; nan for nulls. A scalar for a scalar.

        Raises:
            InvalidInput: the predictor was not fitted; keys are none, or not of the kind it was fitted with.
        """
        asked = _native.AskedKeys(keys)
        self.check_keys(asked)
        shift = self.shift(horizon)
        values = self.answers(asked) + np.float32(shift)
        if len(asked) < asked.size:
            values, found = np.full(asked.size, np.nan, np.float32), values
            values[asked.rows.astype(np.int64)] = found
        return values[0] if asked.scalar else values

    def check_keys(self, keys: _native.AskedKeys) -> None:
        """Refuse keys that it cannot know.

        Raises:
            InvalidInput: it was not fitted, or with keys of another kind.
        """
        self._check_fitted()
        if len(keys) and self._key_kind and (keys.kind in TEXTUAL) != (self._key_kind in TEXTUAL):
            given, held = ("integers", "strings") if self._key_kind in TEXTUAL else ("strings", "integers")
            raise InvalidInput(f"keys are {given}, but this predictor was fitted with {held}; fit another one for them")

    def shift(self, horizon: int | None) -> float:
        """What to add to its own answers for those at another horizon; 0 where either is not known.

        Raises:
            InvalidInput: `horizon` is no whole number of arrivals.
        """
        if horizon is None:
            return 0.0
        if not is_whole(horizon) or horizon < 1:
            raise InvalidInput(f"horizon is {horizon!r}, but must be a whole number of arrivals, 1 or more")
        return 0.0 if self.horizon is None else math.log2(int(horizon) / self.horizon)

    def _check_fitted(self) -> None:
        if not self.fitted:
            raise InvalidInput(f"this {type(self).__name__} was not fitted; call fit(keys) first")

    @property
    def fitted(self) -> bool:
        """Whether it can predict."""
        return self._seconds is not None

    @property
    def horizon(self) -> int | None:
        """The number of arrivals that its counts are of; None if it does not know."""
        return self._horizon

    @property
    def key_kind(self) -> int:
        """The kind of keys that it was fitted with, as the byte format numbers them; 0 for any."""
        return self._key_kind

    @property
    def seconds(self) -> float:
        """Processor time a key, as measured when it was fitted."""
        return self._seconds or 0.0

    @property
    def storable(self) -> bool:
        """Whether it has bytes."""
        return True

    @property
    def price(self) -> Price:
        """Processor time a key, as measured when it was fitted, and the bytes that its model takes."""
        return Price(seconds=self.seconds, bytes=len(self.to_bytes()), per="key")

    def to_bytes(self) -> bytes:
        """Serialize options, weights, horizon and price.

        Raises:
            InvalidInput: it was not fitted, or a function is part of it.
        """
        self._check_fitted()
        return _native.write_model(self.KIND, self.key_kind, self.horizon or 0, self.seconds, self._content())

    def _learned(self, sample: Sample) -> None:
        """Note what the price and the horizon are, once weights are set."""
        self._horizon, self._key_kind, self._seconds = sample.horizon, sample.keys.kind, 0.0
        few = sample.keys.select(np.arange(min(TIMED_KEYS, len(sample.keys)), dtype=np.uint64))
        self._seconds = _timed(self.predict, few.take()) / len(few)

    def _read(self, model: Model) -> None:
        self._horizon, self._key_kind, self._seconds = model.horizon or None, model.key_kind, model.seconds


class TrainedPredictor(KeyPredictor):
    """A predictor that learns from a stream."""

    __slots__ = ()

    def fit(self, keys: object, counts: ArrayLike | None = None, *, weight: Weight = "sqrt") -> Self:
        """Learn from a stream, whose length becomes the horizon.

        Args:
            keys: Distinct keys with their `counts`, or a raw stream, which is counted here.
            counts: Integers of at least 1, one for each key; those of the same key are added up.
            weight: How much each distinct key counts in a regression: `"sqrt"` of its count, from 1 to 30, or `"none"`:
                all the same. A table learns each key by itself.

        Raises:
            InvalidInput: there is no key, or a kind of key that it does not read; `counts` break their rule.
        """
        if weight not in ("sqrt", "none"):
            raise InvalidInput(f"weight is {weight!r}, but must be 'sqrt' or 'none'")
        self.learn(Sample.of(keys, counts), weight)
        return self

    @abstractmethod
    def learn(self, sample: Sample, weight: Weight) -> None:
        """Learn from keys that were counted."""


def _timed(call: Callable[[Any], Any], argument: object) -> float:
    """Processor time of a call, the best of three."""
    best = math.inf
    for _ in range(TIMED_RUNS):
        begun = time.thread_time()
        call(argument)
        best = min(best, time.thread_time() - begun)
    return best


def whole(name: str, value: Any, low: int, high: int) -> int:
    """The whole number within [low, high].

    Raises:
        InvalidInput: it is none.
    """
    if not is_whole(value) or not low <= value <= high:
        raise InvalidInput(f"{name} is {value!r}, but must be a whole number from {low} to {high}")
    return int(value)


def as_number(name: str, value: object) -> float:
    """The number as predictions hold it, in single precision.

    Raises:
        InvalidInput: it is none, or beyond what float32 holds.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise InvalidInput(f"{name} is {value!r}, but must be a number")
    number = float(value)
    if not abs(number) < 3e38:
        raise InvalidInput(f"{name} is {value}, but must be finite and within float32")
    return float(np.float32(number))
