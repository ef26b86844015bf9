"""Two Bloom filters of prefixes, short ones and long ones."""

from typing import Any, Self, final

import numpy as np

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.ranges.design import budget_of, check_max_probes, check_worst_case
from beforehand.ranges.keys import KeyCodes, Keys, encode_keys
from beforehand.ranges.native_filter import NativeFilter, check_seed, native_keys, native_type
from beforehand.ranges.queries import Queries, encode_queries
from beforehand.ranges.strings import Strings


@final
class TwoPrefixBloom(NativeFilter):
    """A range filter that asks a Bloom filter of short prefixes, and where it says yes one of long prefixes.

    Both lengths and the division of the memory are those that err least on the sample. The paper's step between one
    Bloom filter of prefixes and Proteus, which holds the short prefixes exactly.

    Guarantee:
        Never False where a key lies. `bound()` is below 1.0 only if the long prefixes are whole keys.

    Cost:
        0.1 to 2 s to choose among 2,016 pairs of lengths; then some 50 ns a key.

    Example:
        >>> keys = np.arange(1, 50_001, dtype=np.uint64) << np.uint64(40)
        >>> lo = keys[:5000] + np.random.default_rng(0).integers(1, 1000, 5000, dtype=np.uint64)
        >>> filter = TwoPrefixBloom.build(keys, (lo, lo + np.uint64(15)))
        >>> short, long = filter.prefix_bits
        >>> 24 <= short < long <= 64, filter.expected_false_positive_rate < 0.02
        (True, True)

    Reference:
        Knorr, Lemaire, Lim, Luo, Zhang, Idreos, Mitzenmacher: Proteus: A Self-Designing Range Filter. SIGMOD 2022,
        arXiv 2207.01503.
    """

    __slots__ = ()

    @classmethod
    def build(
        cls,
        keys: Keys,
        queries: Queries | None,
        *,
        bits_per_key: float = 12.0,
        prefix_bits: tuple[int, int] | None = None,
        max_probes: int | None = 64,
        seed: int = 0,
    ) -> Self:
        """Build a filter of keys.

        Args:
            keys: A 1-D array of integers, floats, datetime64, timedelta64, bytes or str, or a list of such; in any
                order.
            queries: A sample of closed ranges like those to come: (lo, hi), a trace of kind `ranges`, or a
                QueryRecorder. None, or one without empty queries: half a code and a whole code.
            bits_per_key: From 1 to 1024, everything included.
            prefix_bits: The two lengths, the shorter one first, if they are not to be chosen.
            max_probes: A query that would have to probe either filter this often is told True: a power of two up to
                2**20, or None for 2**24.
            seed: Of the hashes, from 0 to 2**64 - 1.

        Raises:
            InvalidInput: An argument is out of range; the keys are of no such type, mixed, NaN or NaT; the queries are
                of another type.
            CapacityExceeded: More than 2**32 - 1 keys are distinct.
        """
        check_max_probes(max_probes)
        codes = encode_keys(keys)
        lengths = _check_lengths(prefix_bits, codes)
        budget = budget_of(len(codes), bits_per_key)
        lo, hi = encode_queries(codes, queries)
        sample = (lo.offsets, lo.data, hi.offsets, hi.data) if isinstance(lo, Strings) else (lo, hi)
        options = (budget, lengths, max_probes, check_seed(seed), *native_type(codes.type))
        return cls._of(_native.TwoPrefixBloom.build(*native_keys(codes), *sample, *options))  # type: ignore[call-overload]

    @classmethod
    def _native_class(cls) -> Any:
        return _native.TwoPrefixBloom

    @property
    def prefix_bits(self) -> tuple[int, int]:
        """The lengths of the short and of the long prefixes."""
        return self._native.prefix_bits  # type: ignore[no-any-return]

    @property
    def max_probes(self) -> int | None:
        """A query that would have to probe either filter this often is told True."""
        return self._native.design[5]  # type: ignore[no-any-return]

    def bound(self, length: int) -> float:
        """What the false-positive rate of no empty range of at most `length` codes exceeds, or 1.0.

        Raises:
            InvalidInput: `length` is no integer from 1 to 2**64 - 1.
        """
        check_worst_case((length, 1.0))
        capped = self.max_probes is not None and length >= self.max_probes
        if capped or self.prefix_bits[1] < 8 * self._native.width:
            return 1.0
        return min(1.0, length * float(self._native.second_rate))


def _check_lengths(prefix_bits: Any, codes: KeyCodes) -> tuple[int, int] | None:
    if prefix_bits is None:
        return None
    pair = tuple(prefix_bits) if isinstance(prefix_bits, tuple | list) else ()
    whole = all(isinstance(bits, int | np.integer) and not isinstance(bits, bool) for bits in pair)
    if len(pair) != 2 or not whole or not 0 < pair[0] < pair[1] <= codes.width:
        raise InvalidInput(
            f"prefix_bits is {prefix_bits!r}, but must be two lengths from 1 to {codes.width}, the shorter one first"
        )
    return int(pair[0]), int(pair[1])
