"""How heavy an integer will be, from its leading bits: networks, shards, ranges of ids."""

import struct
from collections.abc import Iterable
from typing import Final, Self, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams.predictor import (
    INTEGER,
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

PENALTY: Final = 3.0
OPTIONS: Final = "<IfQ"


@final
class KeyBits(TrainedPredictor):
    """Predict how heavy integer keys are from their prefixes, also of keys that were never seen.

    Each prefix is hashed to one of the `buckets`, each bucket has a weight, and the prediction is a bias plus the
    weights of all prefixes of the key: what it learns of a network holds for its addresses.

    Args:
        buckets: Weights to learn, 1 to 65,536, of 2 bytes each. More than 1,024 bought nothing in our measurements.
        prefixes: Lengths in bits, 1 to 64, of the prefixes of the 64-bit key; left out, 8, 12, 16, 20, 24, 28 and 32
            bits of either half, which suits pairs of IPv4 addresses.

    Cost:
        About 10 ns a key in arrays. Fitting takes up to 30 passes over at most 2**17 distinct keys, drawn by their
        hashes.

    Raises:
        InvalidInput: an argument breaks its rule; keys are strings; `predict` before `fit`.

    Example:
        >>> source = np.arange(64) % 4  # of which 3 sends much more
        >>> keys, counts = source * 2**32 + np.arange(64), np.where(source == 3, 256, 2)
        >>> bits = KeyBits(buckets=256).fit(keys, counts)
        >>> near = bits.predict([3 * 2**32 + 1000, 2 * 2**32 + 1000])  # two keys that it never saw
        >>> bool(near[0] > near[1] + 1)
        True
    """

    __slots__ = ("_bias", "_buckets", "_lengths", "_weights")

    KIND = 18

    def __init__(self, *, buckets: int = 512, prefixes: Iterable[int] | None = None) -> None:
        super().__init__()
        buckets = whole("buckets", buckets, 1, MOST_BUCKETS)
        self._buckets, self._lengths = buckets, 0 if prefixes is None else _mask(prefixes)
        self._bias, self._weights = 0.0, np.zeros(buckets, np.float16)

    def learn(self, sample: Sample, weight: Weight) -> None:
        """Find the weights by ridge regression on log2 of the counts."""
        if sample.keys.kind in TEXTUAL:
            raise InvalidInput("keys are strings, but KeyBits reads the bits of integers; take CharNgrams")
        seen = sample.few(MOST_ROWS)
        rows = _native.key_bits_rows(seen.keys.ids, self._lengths, self._buckets)
        bias, weights = ridge(rows, seen.log2_counts, sample_weights(seen, weight), PENALTY)
        self._bias, self._weights = float(np.float32(bias)), weights.astype(np.float16)
        self._learned(sample)

    def answers(self, keys: _native.AskedKeys) -> Floats:
        """One value for each key that is not null, at the predictor's own horizon."""
        return _native.predict_key_bits(keys.ids, self._lengths, self._weights.astype(np.float32), self._bias)

    def _content(self) -> bytes:
        return struct.pack(OPTIONS, self._buckets, self._bias, self._lengths) + self._weights.tobytes()

    @classmethod
    def of(cls, model: Model) -> Self:
        """What `to_bytes` wrote."""
        buckets, bias, lengths = model.unpack(OPTIONS)
        check(1 <= buckets <= MOST_BUCKETS, f"it has {buckets} buckets")
        check(model.key_kind in INTEGER, "it reads integers, but was fitted with strings")
        weights: NDArray[np.float16] = model.array("<f2", buckets, struct.calcsize(OPTIONS))
        check(bool(np.isfinite(bias) and np.isfinite(weights).all()), "its weights are not finite")
        bits = cls(buckets=buckets)
        bits._lengths, bits._bias, bits._weights = lengths, bias, weights
        bits._read(model)
        return bits

    def __repr__(self) -> str:
        """Its options."""
        lengths = [length for length in range(1, 65) if self._lengths >> (length - 1) & 1] or None
        return f"KeyBits(buckets={self._buckets}, prefixes={lengths})"


def _mask(prefixes: Iterable[int]) -> int:
    if not isinstance(prefixes, Iterable):
        raise InvalidInput(f"prefixes is {prefixes!r}, but must be lengths, each from 1 to 64")
    lengths = [whole("a length in prefixes", length, 1, 64) for length in prefixes]
    if not lengths:
        raise InvalidInput("prefixes are empty, but at least one length is needed; leave them out for the default")
    return sum(1 << (length - 1) for length in set(lengths))
