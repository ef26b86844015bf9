"""A table of the keys that were heaviest in training."""

import struct
from typing import Final, Self, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.streams.predictor import (
    INTEGER,
    TEXTUAL,
    Floats,
    Model,
    Sample,
    TrainedPredictor,
    Weight,
    as_number,
    check,
    whole,
)

MOST_ENTRIES: Final = 2**28
KEYS_PER_START: Final = 8
OPTIONS: Final = "<IfQ"


@final
class LookupTable(TrainedPredictor):
    """Remember how heavy the heaviest keys of the past were, in 5 to 6 bytes each.

    Args:
        entries: Keys to remember at most, 1 to 2**28.
        default: log2 of the count of all other keys.

    Guarantee:
        A key of the table is always found, with the logarithm of its count rounded to an eighth (up to 31.875). A key
        that is not in it is taken for one that is with a probability of 2**-32 for each entry it is compared with. Of
        two keys with equal fingerprints the heavier one stays; of equally heavy ones the smaller id.

    Cost:
        About 15 ns a key in arrays of integers, and 5.5 bytes an entry.

    Raises:
        InvalidInput: an argument breaks its rule; `predict` before `fit`.

    Example:
        >>> table = LookupTable(entries=2).fit(["the", "the", "the", "the", "of", "of", "a"])
        >>> table.predict(["the", "of", "a", "zebra"])
        array([ 2.,  1., -1., -1.], dtype=float32)
        >>> table.predict("the", horizon=14), table.horizon
        (np.float32(3.0), 7)
    """

    __slots__ = ("_default", "_eighths", "_entries", "_fingerprints", "_starts")

    KIND = 16

    def __init__(self, *, entries: int = 8192, default: float = -1.0) -> None:
        super().__init__()
        entries = whole("entries", entries, 1, MOST_ENTRIES)
        self._entries, self._default = entries, as_number("default", default)
        self._keep(np.zeros(0, np.uint32), np.zeros(0, np.uint8))

    def learn(self, sample: Sample, weight: Weight) -> None:
        """Remember the heaviest keys."""
        ids, size = sample.keys.ids, len(sample.keys)
        light = max(size - self._entries, 0)
        able = np.flatnonzero(sample.counts >= np.partition(sample.counts, light)[light])
        heaviest = able[np.lexsort((ids[able], -sample.counts[able]))[: self._entries]]
        fingerprints, first = np.unique(_native.fingerprints(ids[heaviest]), return_index=True)
        eighths = np.rint(8 * np.log2(sample.counts[heaviest[first]]))
        self._keep(fingerprints, np.minimum(eighths, 255).astype(np.uint8))
        self._learned(sample)

    def knows(self, keys: object) -> NDArray[np.bool_]:
        """Whether each key is in the table; False for nulls.

        Raises:
            InvalidInput: the table was not fitted, or with keys of another kind.
        """
        asked = _native.AskedKeys(keys)
        self.check_keys(asked)
        known = np.zeros(asked.size, bool)
        known[asked.rows.astype(np.int64)] = self.find(asked)[1]
        return known

    def answers(self, keys: _native.AskedKeys) -> Floats:
        """One value for each key that is not null, at the table's own horizon."""
        return self.find(keys)[0]

    def find(self, keys: _native.AskedKeys) -> tuple[Floats, NDArray[np.bool_]]:
        """The value of each key that is not null, and whether the table knows it."""
        values, known = _native.look_up(keys.ids, self._fingerprints, self._eighths, self._starts, self._default)
        return values, known.view(bool)

    def _keep(self, fingerprints: NDArray[np.uint32], eighths: NDArray[np.uint8]) -> None:
        self._fingerprints, self._eighths = fingerprints, eighths
        groups = max(1, fingerprints.size // KEYS_PER_START)
        group = (fingerprints.astype(np.uint64) * np.uint64(groups)) >> np.uint64(32)
        self._starts = np.searchsorted(group, np.arange(groups + 1)).astype(np.uint32)

    def _content(self) -> bytes:
        size = self._fingerprints.size
        options = struct.pack(OPTIONS, self._entries, self._default, size)
        return options + self._fingerprints.tobytes() + self._eighths.tobytes()

    @classmethod
    def of(cls, model: Model) -> Self:
        """What `to_bytes` wrote."""
        entries, default, size = model.unpack(OPTIONS)
        check(1 <= entries <= MOST_ENTRIES and 1 <= size <= entries, f"a table of {size} keys has {entries} entries")
        check(model.key_kind in INTEGER + TEXTUAL, "it does not say what its keys are")
        check(bool(np.isfinite(default)), f"the default is {default}")
        at = struct.calcsize(OPTIONS)
        fingerprints = model.array("<u4", size, at, last=False)
        eighths = model.array("u1", size, at + 4 * size)
        check(bool((fingerprints[1:] > fingerprints[:-1]).all()), "its fingerprints do not ascend")
        table = cls(entries=entries, default=default)
        table._keep(fingerprints, eighths)
        table._read(model)
        return table

    def __repr__(self) -> str:
        """Its options, and how much it holds."""
        return f"LookupTable(entries={self._entries}, default={self._default}): {self._fingerprints.size} keys"
