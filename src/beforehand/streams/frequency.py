"""Predictors made of others, of a function, and of nothing; and all of them from their bytes."""

import struct
from collections.abc import Callable
from dataclasses import astuple
from typing import Any, Final, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand import _native
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.predictor import Price
from beforehand.streams.char_ngrams import CharNgrams
from beforehand.streams.key_bits import KeyBits
from beforehand.streams.lookup_table import LookupTable
from beforehand.streams.predictor import (
    Floats,
    KeyPredictor,
    Model,
    Sample,
    TrainedPredictor,
    Weight,
    as_number,
    check,
    whole,
)

DEEPEST: Final = 8
OPTIONS: Final = "<fIQ"


@final
class FirstOf(TrainedPredictor):
    """Ask a table first, and a model about the keys that the table does not know.

    Args:
        a: A `LookupTable`, or a `FirstOf` that begins with one.
        b: Any other predictor. `fit` teaches it with the keys that `a` does not know, about which it will be asked.
        shift: Added to what `b` says. For a `b` that was fitted by itself, and so with heavy keys too, -1.44 (a factor
            of e) suits: keys that the table does not know are lighter than others that look alike.

    Guarantee:
        The horizon is that of `a`; predictions of `b` are brought to it where `b` has one of its own.

    Cost:
        That of `a` for every key, that of `b` for the keys that `a` does not know.

    Raises:
        InvalidInput: `a` cannot tell what it knows; `b` is no predictor; more than 8 levels.

    Example:
        >>> words = ["the"] * 64 + ["getter"] * 16 + ["setter"] * 16 + ["tmp"]
        >>> both = FirstOf(LookupTable(entries=1), CharNgrams(buckets=64)).fit(words)
        >>> both.knows(["the", "setter"])
        array([ True, False])
        >>> both.predict("the")
        np.float32(6.0)
    """

    __slots__ = ("_a", "_b", "_shift_b")

    KIND = 19

    def __init__(self, a: "LookupTable | FirstOf", b: KeyPredictor, *, shift: float = 0.0) -> None:
        super().__init__()
        if not isinstance(a, LookupTable | FirstOf):
            raise InvalidInput(f"a is {a!r}, but must know which keys it knows: a LookupTable or a FirstOf")
        if not isinstance(b, KeyPredictor):
            raise InvalidInput(f"b is {b!r}, but must be a predictor of this area; put a function into FromCallable")
        self._a, self._b, self._shift_b = a, b, as_number("shift", shift)
        if self.depth > DEEPEST:
            raise InvalidInput(f"predictors are nested {self.depth} levels deep, but {DEEPEST} is the most")

    @property
    def parts(self) -> tuple[KeyPredictor, KeyPredictor]:
        """Both."""
        return self._a, self._b

    @property
    def depth(self) -> int:
        """How many levels of `FirstOf` it has."""
        return 1 + max(part.depth if isinstance(part, FirstOf) else 0 for part in self.parts)

    def learn(self, sample: Sample, weight: Weight) -> None:
        """Let `a` learn from all keys, and `b`, if it can, from those that `a` does not know then."""
        self._a.learn(sample, weight)
        if isinstance(self._b, TrainedPredictor):
            others = np.flatnonzero(~self._a.find(sample.keys)[1])
            self._b.learn(sample.part(others) if others.size else sample, weight)

    def knows(self, keys: object) -> NDArray[np.bool_]:
        """Whether the table, or one of the tables, holds each key; False for nulls.

        Raises:
            InvalidInput: it was not fitted, or with keys of another kind.
        """
        known = self._a.knows(keys)
        return known | self._b.knows(keys) if isinstance(self._b, LookupTable | FirstOf) else known

    def answers(self, keys: _native.AskedKeys) -> Floats:
        """One value for each key that is not null, at the horizon of `a`."""
        return self.find(keys)[0]

    def find(self, keys: _native.AskedKeys) -> tuple[Floats, NDArray[np.bool_]]:
        """The value of each key that is not null, and whether a table knows it."""
        values, known = self._a.find(keys)
        others = np.flatnonzero(~known)
        if others.size:
            rest = keys.select(others.astype(np.uint64))
            if isinstance(self._b, LookupTable | FirstOf):
                found, known[others] = self._b.find(rest)
            else:
                found = self._b.answers(rest)
            values[others] = found + np.float32(self._shift_b + self._b.shift(self.horizon))
        return values, known

    def check_keys(self, keys: _native.AskedKeys) -> None:
        """Refuse keys that one of them cannot know.

        Raises:
            InvalidInput: one was not fitted, or with keys of another kind.
        """
        self._a.check_keys(keys)
        self._b.check_keys(keys)

    @property
    def fitted(self) -> bool:
        """Whether both can predict."""
        return self._a.fitted and self._b.fitted

    @property
    def horizon(self) -> int | None:
        """That of `a`."""
        return self._a.horizon

    @property
    def storable(self) -> bool:
        """Whether both have bytes."""
        return self._b.storable and self._a.storable

    @property
    def key_kind(self) -> int:
        """That of `a`."""
        return self._a.key_kind

    @property
    def seconds(self) -> float:
        """Those of both together, as if `b` were asked about every key."""
        return self._a.seconds + self._b.seconds

    @property
    def price(self) -> Price:
        """What both cost, as if `b` were asked about every key."""
        size = len(self.to_bytes()) if self.storable else self._a.price.bytes + self._b.price.bytes
        return Price(seconds=self.seconds, bytes=size, per="key")

    def _content(self) -> bytes:
        a, b = self._a.to_bytes(), self._b.to_bytes()
        return struct.pack(OPTIONS, self._shift_b, 0, len(a)) + a + b

    @classmethod
    def of(cls, model: Model, depth: int) -> Self:
        """What `to_bytes` wrote, of at most `depth` levels."""
        check(depth > 0, f"it is nested more than {DEEPEST} levels deep")
        shift, zero, size = model.unpack(OPTIONS)
        blobs = model.content[struct.calcsize(OPTIONS) :]
        check(zero == 0 and size <= len(blobs), f"its first part has {size} bytes")
        a, b = _read(blobs[:size], depth - 1), _read(blobs[size:], depth - 1)
        check(abs(shift) < 3e38, f"its shift is {shift}")
        if not isinstance(a, LookupTable | FirstOf):
            raise CorruptData(
                "these bytes are no FirstOf, as its first part is no table; pass what to_bytes() returned"
            )
        both = cls(a, b, shift=shift)
        check(both.to_bytes() == _native.write_model(*astuple(model)), "it says otherwise than its parts")
        return both

    def __repr__(self) -> str:
        """Its parts."""
        return f"FirstOf({self._a!r}, {self._b!r}, shift={self._shift_b})"


@final
class Constant(KeyPredictor):
    """Say the same of every key: what a predictor is to beat.

    Args:
        value: log2 of a count.

    Raises:
        InvalidInput: `value` is not finite.

    Example:
        >>> Constant(3).predict(["any", "key"])
        array([3., 3.], dtype=float32)
    """

    __slots__ = ("_value",)

    KIND = 20

    def __init__(self, value: float) -> None:
        super().__init__()
        self._value, self._seconds = as_number("value", value), 0.0

    def answers(self, keys: _native.AskedKeys) -> Floats:
        """The value, for each key that is not null."""
        return np.full(len(keys), self._value, np.float32)

    @property
    def price(self) -> Price:
        """Nothing."""
        return Price(per="key")

    def _content(self) -> bytes:
        return struct.pack("<d", self._value)

    @classmethod
    def of(cls, model: Model) -> Self:
        """What `to_bytes` wrote."""
        (value,) = model.unpack("<d")
        check(len(model.content) == 8 and abs(value) < 3e38, f"it says {value} of all keys")
        check(value == float(np.float32(value)), f"it says {value} of all keys, which float32 does not hold")
        check(model.horizon == model.seconds == model.key_kind == 0, "it has learned nothing")
        return cls(value)

    def __repr__(self) -> str:
        """Its value."""
        return f"Constant({self._value})"


@final
class FromCallable(KeyPredictor):
    """Let any function predict, such as a model of another library.

    Args:
        fn: Gets keys as an array of uint64 or int64, or as a list of str or bytes, and returns log2 of the expected
            count of each.
        price: What one prediction costs: nothing here can measure what a model elsewhere does.
        horizon: The number of arrivals that its counts are of.

    Guarantee:
        Nulls never reach `fn`. Whatever it returns, summaries stay correct.

    Raises:
        InvalidInput: `fn` cannot be called, or returns something other than one number for each key; an argument breaks
            its rule; `to_bytes`, as functions have none.

    Example:
        >>> length = FromCallable(lambda keys: [8 - len(key) for key in keys], price=Price(per="key"))
        >>> length.predict(["a", None, "longer"])
        array([ 7., nan,  2.], dtype=float32)
    """

    __slots__ = ("_fn", "_price")

    KIND = 0

    def __init__(self, fn: Callable[[Any], ArrayLike], *, price: Price, horizon: int | None = None) -> None:
        super().__init__()
        if not callable(fn):
            raise InvalidInput(f"fn is {fn!r}, but must be a function of keys")
        if not isinstance(price, Price):
            raise InvalidInput(f"price is {price!r}, but must be a Price; pass Price(per='key') if it is free")
        if horizon is not None:
            horizon = whole("horizon", horizon, 1, 2**63 - 1)
        self._fn, self._price, self._horizon, self._seconds = fn, price, horizon, price.seconds

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Itself, as the function may hold a large model, and nothing here changes."""
        return self

    def answers(self, keys: _native.AskedKeys) -> Floats:
        """What the function says of each key that is not null."""
        values = np.asarray(self._fn(keys.take()))
        if values.shape != (len(keys),) or values.dtype.kind not in "biuf":
            raise InvalidInput(
                f"fn returned {values.dtype} of shape {values.shape} for {len(keys)} keys; return one number for each"
            )
        with np.errstate(over="ignore"):  # inf, then
            return values.astype(np.float32)

    @property
    def price(self) -> Price:
        """What was said when it was made."""
        return self._price

    @property
    def storable(self) -> bool:
        """Never: a function has no bytes."""
        return False

    def _content(self) -> bytes:
        raise InvalidInput("a function has no bytes; keep its code, and pass it again: from_bytes(data, predictor=...)")

    def __repr__(self) -> str:
        """The function."""
        return f"FromCallable({self._fn!r}, price={self._price!r}, horizon={self._horizon})"


def predictor_from_bytes(data: bytes) -> KeyPredictor:
    """Read what `to_bytes` of any of the predictors wrote.

    Raises:
        CorruptData: these bytes are no predictor, or were damaged.
    """
    return _read(data, DEEPEST)


def _read(data: bytes, depth: int) -> KeyPredictor:
    model = Model(*_native.read_model(data))
    reader = PREDICTORS[model.kind]
    return FirstOf.of(model, depth) if reader is FirstOf else reader.of(model)


PREDICTORS: Final[dict[int, Any]] = {
    each.KIND: each for each in (LookupTable, CharNgrams, KeyBits, FirstOf, Constant)
}  # by kind


def next_gaps(keys: object) -> NDArray[np.uint32]:
    """How many arrivals later each key comes again: what a predictor of gaps is to learn.

    Args:
        keys: A stream, in any form that summaries take. Nulls are no arrivals.

    Returns:
        uint32, one for each row; 2**32 - 1 where the key never comes again, and for nulls.

    Cost:
        About 25 ns and 16 to 32 bytes for each arrival.

    Raises:
        InvalidInput: `keys` are none.

    Example:
        >>> next_gaps(["a", "b", "a", "a"])
        array([         2, 4294967295,          1, 4294967295], dtype=uint32)
    """
    return _native.next_gaps(_native.AskedKeys(keys))
