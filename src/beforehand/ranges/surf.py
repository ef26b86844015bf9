"""SuRF: whole keys in a succinct trie, cut where they become unique."""

from typing import Any, Final, Literal, Self, final, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.ranges.bounds import Bounds
from beforehand.ranges.design import budget_of, check_worst_case
from beforehand.ranges.keys import Keys, encode_keys
from beforehand.ranges.native_filter import NativeFilter, check_seed, native_keys, native_type
from beforehand.ranges.strings import Strings

Suffix = Literal["none", "hash", "real"]
SUFFIXES: Final = get_args(Suffix)
MOST_BITS: Final = 32
USUAL_BITS: Final = 4


@final
class SuRF(NativeFilter):
    """A range filter that follows each key down to the byte where it becomes unique.

    It takes no sample: how well it filters depends on where keys part, and it cannot tell a query beside a key from a
    query for it. Good for long ranges and for strings; `Proteus` is for ranges near keys.

    Guarantee:
        Never False where a key lies. There is no worst case: `bound()` is 1.0.

    Cost:
        10 to 11 bits a key for numbers that are spread evenly or normally, and those of the suffix. 20 to 60 ns a key
        to build; a query takes 100 to 800 ns with 1 to 10 million keys.

    Example:
        >>> filter = SuRF.build(["apple", "melon", "orange"], suffix_bits=8)
        >>> filter.may_intersect("b", "c"), filter.may_intersect("m", "n"), filter.may_contain("orange")
        (False, True, True)

    See also:
        Proteus, which is designed for a sample of queries.

    Reference:
        Zhang, Lim, Leis, Andersen, Kaminsky, Keeton, Pavlo: SuRF: Practical Range Query Filtering with Fast Succinct
        Tries. SIGMOD 2018.
    """

    __slots__ = ()

    @classmethod
    def build(
        cls,
        keys: Keys,
        *,
        suffix: Suffix = "real",
        suffix_bits: int | None = None,
        bits_per_key: float | None = None,
        seed: int = 0,
    ) -> Self:
        """Build a filter of keys.

        Args:
            keys: A 1-D array of integers, floats, datetime64, timedelta64, bytes or str, or a list of such; in any
                order, repeated or not.
            suffix: What is kept of each key behind the byte where it becomes unique: `"real"`, its next bits; `"hash"`,
                bits of its hash, which help `may_contain` only; `"none"`.
            suffix_bits: How many, 0 to 32; 4 if neither this nor `bits_per_key` is given.
            bits_per_key: As many as this leaves room for, 1 to 1024, everything included. A trie that is larger is
                built all the same.
            seed: Of the hash, from 0 to 2**64 - 1.

        Raises:
            InvalidInput: An argument is out of range; both `suffix_bits` and `bits_per_key` are given; the keys are of
                no such type, mixed, NaN or NaT.
            CapacityExceeded: More than 2**32 - 1 of them are distinct.
        """
        if suffix not in SUFFIXES:
            raise InvalidInput(f"suffix is {suffix!r}, but must be one of {', '.join(SUFFIXES)}")
        bits = _check_bits(suffix_bits, bits_per_key)
        codes = encode_keys(keys)
        budget = 0 if bits_per_key is None else budget_of(len(codes), bits_per_key)
        options = (SUFFIXES.index(suffix), bits, budget, check_seed(seed), *native_type(codes.type))
        return cls._of(_native.Surf.build(*native_keys(codes), *options))  # type: ignore[call-overload]

    @classmethod
    def _native_class(cls) -> Any:
        return _native.Surf

    @property
    def suffix(self) -> Suffix:
        """What is kept of each key behind the byte where it becomes unique."""
        return SUFFIXES[self._native.suffix]  # type: ignore[no-any-return]

    @property
    def suffix_bits(self) -> int:
        """How many bits of it."""
        return self._native.suffix_bits  # type: ignore[no-any-return]

    def bound(self, length: int) -> float:
        """1.0: a query may lie beside a key in all the bits that are kept."""
        check_worst_case((length, 1.0))
        return 1.0

    def _contains(self, code: int) -> bool:
        return bool(self._native.may_contain(np.array([code], np.uint64))[0])

    def _points(self, bounds: Bounds) -> NDArray[np.bool_]:
        if isinstance(bounds.lo, Strings):
            return self._native.may_contain(bounds.lo.offsets, bounds.lo.data)  # type: ignore[no-any-return]
        return self._native.may_contain(bounds.lo)  # type: ignore[no-any-return]


def _check_bits(suffix_bits: Any, bits_per_key: Any) -> int | None:
    if bits_per_key is not None:
        if suffix_bits is not None:
            raise InvalidInput(
                f"both suffix_bits, {suffix_bits!r}, and bits_per_key, {bits_per_key!r}, are given; pass one of them"
            )
        return None
    bits = USUAL_BITS if suffix_bits is None else suffix_bits
    whole = isinstance(bits, int | np.integer) and not isinstance(bits, bool)
    if not whole or not 0 <= bits <= MOST_BITS:
        raise InvalidInput(f"suffix_bits is {bits!r}, but must be a whole number from 0 to {MOST_BITS}")
    return int(bits)
