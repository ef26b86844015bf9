"""A Bloom filter of key prefixes of one length: what one adds to a Bloom filter to ask it for ranges."""

from typing import Any, Self, final

import numpy as np

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.ranges.design import Design, budget_of
from beforehand.ranges.keys import Keys
from beforehand.ranges.native_filter import NativeFilter, check_seed, native_keys, native_type, with_room
from beforehand.ranges.prefix_model import PrefixModel
from beforehand.ranges.queries import Queries

SOME_LENGTHS = 64  # of prefixes that are tried where codes are longer


@final
class PrefixBloom(NativeFilter):
    """Filter ranges with one Bloom filter of key prefixes, of the length that suits a sample of queries.

    The strongest filter that is one library call away: every query asks for each prefix that its range touches. Called
    1PBF in the paper of Proteus, whose model chooses the length.

    Guarantee:
        Never False where a key lies in the range.

    Example:
        >>> keys = np.arange(1, 1001, dtype=np.uint64) << np.uint64(40)
        >>> lo = keys[:500] + np.uint64(7)
        >>> filter = PrefixBloom.build(keys, (lo, lo + np.uint64(3)), bits_per_key=16)
        >>> filter.may_contain(keys).all()
        np.True_
        >>> filter.may_intersect(lo, lo + np.uint64(3)).mean() < 0.1
        np.True_

    Reference:
        Bloom: Space/Time Trade-offs in Hash Coding with Allowable Errors. CACM 1970.
    """

    __slots__ = ()

    @classmethod
    def _native_class(cls) -> Any:
        return _native.PrefixBloom

    @classmethod
    def build(
        cls,
        keys: Keys,
        queries: Queries | None = None,
        *,
        bits_per_key: float = 12.0,
        prefix_bits: int | None = None,
        max_probes: int | None = 64,
        seed: int = 0,
    ) -> Self:
        """Build it over keys.

        Args:
            keys: As in `Proteus.build`.
            queries: A sample, as in `Proteus.build`. Without it the whole key is the prefix, which suits points and
                ranges of up to `max_probes` codes.
            bits_per_key: From 1 to 1024, everything included but for a fixed part; at least 64 bytes in all.
            prefix_bits: The length of the prefixes, 1 to the bits of a code; left out, the one that errs least on the
                sample.
            max_probes: A query that touches this many prefixes is told True at once: a power of two up to 2**20, or
                None for 2**24.
            seed: Of the hashes.

        Raises:
            InvalidInput: An argument breaks its rule.
            CapacityExceeded: There are more than 2**32 - 1 distinct keys.
        """
        seed = check_seed(seed)
        model = PrefixModel(keys, queries, max_probes=max_probes)
        codes = model.codes
        bits_per_key = with_room(bits_per_key, len(codes))
        budget = budget_of(len(codes), bits_per_key)
        if prefix_bits is None:
            prefix_bits = best_length(model, bits_per_key)
        elif (
            isinstance(prefix_bits, bool)
            or not isinstance(prefix_bits, int | np.integer)
            or not 1 <= prefix_bits <= codes.width
        ):
            raise InvalidInput(f"prefix_bits is {prefix_bits!r}, but must be from 1 to {codes.width}, those of a code")
        design = Design(approx="bloom", approx_bits=int(prefix_bits), max_probes=max_probes)
        built = cls._native_class().build(*native_keys(codes), design.native, budget, seed, *native_type(codes.type))
        if model.empty and len(codes):
            rate = model.expected(design, bits_per_key=bits_per_key)
            built.expect(
                rate, (*model.interval(design, bits_per_key=bits_per_key, seed=seed), model.empty, model.asked)
            )
        return cls._of(built)

    @property
    def prefix_bits(self) -> int:
        """The length of the prefixes."""
        return Design.from_native(self._native.design).approx_bits


def best_length(model: PrefixModel, bits_per_key: float) -> int:
    """The length of the prefixes that errs least on the model's sample; that of a code without an empty query."""
    width = model.codes.width
    if not model.empty or not model.count:
        return width

    def rate(bits: int) -> float:
        design = Design(approx="bloom", approx_bits=bits, max_probes=model.max_probes)
        return model.expected(design, bits_per_key=bits_per_key)

    step = max(1, width // SOME_LENGTHS)
    best = min(range(width, 0, -step), key=rate)
    near = range(min(width, best + step - 1), max(0, best - step), -1)
    return best if step == 1 else min(near, key=rate)
