"""How heavy a string will be, from the characters in it."""

import struct
from collections.abc import Sequence
from typing import Final, Self, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams.predictor import (
    TEXTUAL,
    Floats,
    Model,
    Sample,
    TrainedPredictor,
    Weight,
    check,
    whole,
)
from beforehand.streams.ridge import MOST_BUCKETS, MOST_ROWS, ridge, sample_weights
from beforehand.streams.sizes import is_whole

PENALTY: Final = 1.0
LONGEST: Final = 8
DENSE: Final = 5
OPTIONS: Final = "<IBBHf"


@final
class CharNgrams(TrainedPredictor):
    """Predict how heavy strings are from their spelling, also of strings that were never seen.

    The features of a key are its n-grams of bytes, hashed to `buckets` (with ASCII letters in lower case and a zero
    byte on each side), and five more: two of its length, whether all letters are upper case, whether it starts with an
    underscore, and how many it has.

    Args:
        buckets: Weights to learn, 1 to 65,536, of 2 bytes each. More than 1,024 bought nothing in our measurements.
        n: The shortest and the longest n-gram, 1 to 8 bytes.

    Cost:
        About 110 ns for a key of 16 bytes. Fitting takes up to 30 passes over at most 2**17 distinct keys, drawn by
        their hashes. Both hold the GIL while they read the strings.

    Raises:
        InvalidInput: an argument breaks its rule; keys are integers; `predict` before `fit`.

    Example:
        >>> words = [f"{stem}{end}" for stem in ("get", "set", "tmp") for end in ("a", "b", "c", "d")]
        >>> counts = [2 if word.startswith("tmp") else 512 for word in words]
        >>> spelling = CharNgrams(buckets=256).fit(words, counts)
        >>> often, seldom = spelling.predict(["getz", "tmpz"])  # two that it never saw
        >>> bool(often > seldom + 1)
        True
    """

    __slots__ = ("_bias", "_buckets", "_dense", "_n", "_weights")

    KIND = 17

    def __init__(self, *, buckets: int = 1024, n: Sequence[int] = (1, 4)) -> None:
        super().__init__()
        buckets = whole("buckets", buckets, 1, MOST_BUCKETS)
        if not isinstance(n, Sequence) or len(n) != 2 or not all(map(is_whole, n)) or not 1 <= n[0] <= n[1] <= LONGEST:
            raise InvalidInput(f"n is {n!r}, but must be the shortest and the longest n-gram, from 1 to {LONGEST}")
        self._buckets, self._n = buckets, (int(n[0]), int(n[1]))
        self._bias, self._dense = 0.0, np.zeros(DENSE, np.float32)
        self._weights = np.zeros(buckets, np.float16)

    def learn(self, sample: Sample, weight: Weight) -> None:
        """Find the weights by ridge regression on log2 of the counts."""
        if sample.keys.kind not in TEXTUAL:
            raise InvalidInput("keys are integers, but CharNgrams reads strings; take KeyBits")
        seen = sample.few(MOST_ROWS)
        rows = _native.char_ngrams_rows(seen.keys, *self._n, self._buckets)
        bias, weights = ridge(rows, seen.log2_counts, sample_weights(seen, weight), PENALTY)
        self._bias, self._dense = float(np.float32(bias)), weights[self._buckets :].astype(np.float32)
        self._weights = weights[: self._buckets].astype(np.float16)
        self._learned(sample)

    def answers(self, keys: _native.AskedKeys) -> Floats:
        """One value for each key that is not null, at the predictor's own horizon."""
        weights = self._weights.astype(np.float32)
        return _native.predict_char_ngrams(keys, *self._n, weights, self._dense, self._bias)

    def _content(self) -> bytes:
        options = struct.pack(OPTIONS, self._buckets, *self._n, 0, self._bias)
        return options + self._dense.tobytes() + self._weights.tobytes()

    @classmethod
    def of(cls, model: Model) -> Self:
        """What `to_bytes` wrote."""
        buckets, shortest, longest, zero, bias = model.unpack(OPTIONS)
        check(1 <= buckets <= MOST_BUCKETS, f"it has {buckets} buckets")
        check(1 <= shortest <= longest <= LONGEST and zero == 0, f"its n-grams are {shortest} to {longest} bytes long")
        check(model.key_kind in TEXTUAL, "it reads strings, but was not fitted with any")
        at = struct.calcsize(OPTIONS)
        dense: NDArray[np.float32] = model.array("<f4", DENSE, at, last=False)
        weights: NDArray[np.float16] = model.array("<f2", buckets, at + dense.nbytes)
        finite = np.isfinite(bias) and np.isfinite(dense).all() and np.isfinite(weights).all()
        check(bool(finite), "its weights are not finite")
        ngrams = cls(buckets=buckets, n=(shortest, longest))
        ngrams._bias, ngrams._dense, ngrams._weights = bias, dense, weights
        ngrams._read(model)
        return ngrams

    def __repr__(self) -> str:
        """Its options."""
        return f"CharNgrams(buckets={self._buckets}, n={self._n})"
