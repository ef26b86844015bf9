"""Hashes that keep neighbors together, whatever the workload: a bound for every range, and no sample."""

from typing import Any, Self, final

from beforehand import _native
from beforehand.ranges.design import Design, budget_of
from beforehand.ranges.keys import Keys, encode_keys
from beforehand.ranges.native_filter import NativeFilter, check_seed, native_keys, native_type, with_room


@final
class LocalityHash(NativeFilter):
    """Filter ranges without knowing any query: the false-positive rate of every range is bounded by its length.

    Keys keep their distances within blocks, blocks are moved to random places below some r, and what results is kept
    in an Elias-Fano set. A query takes the same few looks whatever its length. The idea of Goswami et al., made a
    filter by Grafite.

    Guarantee:
        Never False where a key lies in the range. An empty range of L codes that was chosen without knowing the seed
        is answered with True with a probability of at most `bound(L)`, L * keys / r, wherever keys and ranges lie.
        Whoever sees answers and repeats a wrong one meets it again: the seed is part of the bytes.

    Example:
        >>> import numpy as np
        >>> keys = np.arange(1, 1001, dtype=np.uint64) << np.uint64(40)
        >>> filter = LocalityHash.build(keys, bits_per_key=16)
        >>> filter.bound(8) < 0.001
        True
        >>> filter.may_intersect(keys, keys + np.uint64(8)).all()
        np.True_

    Reference:
        Goswami, Grønlund, Larsen, Pagh: Approximate Range Emptiness in Constant Time and Optimal Space. SODA 2015,
        arXiv 1407.2907. Costa, Ferragina, Vinciguerra: Grafite: Taming Adversarial Queries with Optimal Range Filters.
        SIGMOD 2024, arXiv 2311.15380.
    """

    __slots__ = ()

    @classmethod
    def _native_class(cls) -> Any:
        return _native.LocalityHash

    @classmethod
    def build(cls, keys: Keys, *, bits_per_key: float = 12.0, seed: int = 0) -> Self:
        """Build it over keys.

        Args:
            keys: As in `Proteus.build`.
            bits_per_key: From 1 to 1024, everything included but for a fixed part; at least 64 bytes in all.
            seed: Of the hashes.

        Raises:
            InvalidInput: An argument breaks its rule, or not even r = 1 fits: under about 1.2 bits per key.
            CapacityExceeded: There are more than 2**32 - 1 distinct keys.
        """
        codes = encode_keys(keys)
        budget = budget_of(len(codes), with_room(bits_per_key, len(codes)))
        design = Design(approx="locality", approx_bits=codes.width, max_probes=None)
        made = (design.native, budget, check_seed(seed), *native_type(codes.type))
        return cls._of(cls._native_class().build(*native_keys(codes), *made))
