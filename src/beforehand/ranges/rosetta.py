"""Rosetta: a Bloom filter for each of the longest prefix lengths."""

from typing import Any, Self, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.ranges.codes import Codes
from beforehand.ranges.design import budget_of, check_max_probes, check_worst_case
from beforehand.ranges.keys import Keys, encode_keys
from beforehand.ranges.native_filter import NativeFilter, check_seed, native_type
from beforehand.ranges.queries import Queries, encode_queries

USUAL_RANGE = 64


@final
class Rosetta(NativeFilter):
    """A range filter that takes a range apart into nodes of a binary tree, and doubts each node down to its keys.

    Good for short ranges beside keys; long ones cost many probes. Of three ways to divide its memory among the levels
    it takes the one with the lowest rate on the sample, so that it is never weaker than as published.

    Guarantee:
        Never False where a key lies. `bound()`: the rate of its last level for each code of the range.

    Cost:
        A pass over the keys for each level. A query probes up to twice the codes of its range, and those that hold a
        key probe most.

    Example:
        >>> keys = np.arange(10_000, dtype=np.int64) * 1_000_000
        >>> filter = Rosetta.build(keys, (keys + 1, keys + 16), bits_per_key=14)
        >>> filter.may_intersect(0, 5), filter.max_range
        (True, 16)
        >>> bool(abs(filter.may_intersect(keys + 1, keys + 16).mean() - filter.expected_false_positive_rate) < 0.01)
        True

    Reference:
        Luo, Chatterjee, Ketsetsidis, Dayan, Qin, Idreos: Rosetta: A Robust Space-Time Optimized Range Filter for
        Key-Value Stores. SIGMOD 2020.
    """

    __slots__ = ()

    @classmethod
    def build(
        cls,
        keys: Keys,
        queries: Queries | None = None,
        *,
        bits_per_key: float = 12.0,
        max_range: int | None = None,
        max_probes: int | None = 4096,
        seed: int = 0,
    ) -> Self:
        """Build a filter of keys.

        Args:
            keys: A 1-D array of integers, floats, datetime64 or timedelta64, or a list of such; in any order.
            queries: A sample of closed ranges like those to come: (lo, hi), a trace of kind `ranges`, or a
                QueryRecorder. Without one, the level of whole keys gets all the memory.
            bits_per_key: From 1 to 1024, everything included.
            max_range: Codes of the longest range that the levels are made for; by default that of the sample, or 64
                without one. For floats a code is one step to the next float.
            max_probes: A query that needs more is told True: a power of two up to 2**20, or None for 2**24.
            seed: Of the hashes, from 0 to 2**64 - 1.

        Raises:
            InvalidInput: An argument is out of range; keys are bytes or str, mixed, NaN or NaT; the queries are of
                another type.
            CapacityExceeded: More than 2**32 - 1 keys are distinct.
        """
        check_max_probes(max_probes)
        codes = encode_keys(keys)
        if codes.type.textual:
            raise InvalidInput(f"keys are {codes.type}, but Rosetta takes numbers and times only; take SuRF or Proteus")
        budget = budget_of(len(codes), bits_per_key)
        lo, hi = encode_queries(codes, queries)
        longest = _check_range(max_range, lo, hi)
        numbers: Codes = codes.codes  # type: ignore[assignment]
        empty = np.searchsorted(numbers, lo) == np.searchsorted(numbers, hi, "right")
        options = (budget, longest, max_probes, check_seed(seed), *native_type(codes.type))
        return cls._of(_native.Rosetta.build(numbers, lo[empty], hi[empty], *options))

    @classmethod
    def _native_class(cls) -> Any:
        return _native.Rosetta

    @property
    def max_range(self) -> int:
        """Codes of the longest range that the levels are made for, a power of two."""
        return 1 << (len(self._native.level_bits) - 1)

    @property
    def level_bits(self) -> NDArray[np.uint64]:
        """Bits of each level's filter, that of whole codes first; a level of none lets all pass."""
        return self._native.level_bits  # type: ignore[no-any-return]

    @property
    def max_probes(self) -> int | None:
        """After so many probes the answer is True."""
        return self._native.design[5]  # type: ignore[no-any-return]

    def bound(self, length: int) -> float:
        """What the false-positive rate of no empty range of at most `length` codes exceeds, or 1.0.

        Raises:
            InvalidInput: `length` is no integer from 1 to 2**64 - 1.
        """
        check_worst_case((length, 1.0))
        if self.max_probes is not None and 2 * length >= self.max_probes:
            return 1.0
        return min(1.0, length * float(self._native.code_rate))


def _check_range(max_range: Any, lo: Codes, hi: Codes) -> int:
    if max_range is None:
        return min(int((hi - lo).max()) + 1, 2**64 - 1) if len(lo) else USUAL_RANGE
    whole = isinstance(max_range, int | np.integer) and not isinstance(max_range, bool)
    if not whole or not 1 <= max_range < 2**64:
        raise InvalidInput(f"max_range is {max_range!r}, but must be a whole number from 1 to 2**64 - 1, or None")
    return int(max_range)
