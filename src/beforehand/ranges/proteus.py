"""The self-designing range filter: it picks its own structure from a sample of the queries."""

from typing import Any, Final, Self, final

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.ranges.design import Design, budget_of, check_worst_case
from beforehand.ranges.explain import Story, told
from beforehand.ranges.keys import Keys
from beforehand.ranges.native_filter import NativeFilter, check_seed, native_keys, native_type, with_room
from beforehand.ranges.prefix_model import PrefixModel, Space
from beforehand.ranges.queries import Queries

ESTIMATED: Final = 0.95  # of the bits that were searched with, where what was found does not fit


@final
class Proteus(NativeFilter):
    """Filter ranges with the design that suits a sample of queries: a small exact set, and an approximate one below it.

    From the keys and the sample a model computes the false-positive rate of every design that fits the memory, before
    one is built. The best is built, and its rate is stated.

    Guarantee:
        Never False where a key lies in the range, whatever the queries. On queries like the sample,
        `expected_false_positive_rate` is what to expect of those that hold no key; `expected_interval` holds it in 90
        of 100 samples. The same keys, sample and options give the same bytes on every machine.

    Cost:
        About 50 to 100 ns a key to build. A query takes less than 1 microsecond whatever its range; pass arrays, as one
        call for each costs more than the query. The GIL is released above 10,000 queries. Keys in one pass are faster
        if they are sorted.

    Example:
        >>> import numpy as np
        >>> keys = np.arange(1, 10_001, dtype=np.uint64) << np.uint64(40)
        >>> lo = keys[:5000] + np.uint64(1000)
        >>> filter = Proteus.build(keys, (lo, lo + np.uint64(15)), bits_per_key=12)
        >>> filter.may_intersect(5 << 40, (5 << 40) + 10)
        True
        >>> filter.may_intersect(lo, lo + np.uint64(15)).mean() < 0.01
        np.True_

    See also:
        LocalityHash, when no query is known and every range must be bounded. `plan`, which says whether a filter pays.

    Reference:
        Knorr, Lemaire, Lim, Luo, Zhang, Idreos, Mitzenmacher: Proteus: A Self-Designing Range Filter. SIGMOD 2022,
        arXiv 2207.01503.
    """

    __slots__ = ("_story",)
    _story: Story | None

    @classmethod
    def _native_class(cls) -> Any:
        return _native.Proteus

    @classmethod
    def _of(cls, native: Any) -> Self:
        made = super()._of(native)
        made._story = None
        return made

    @classmethod
    def build(
        cls,
        keys: Keys,
        queries: Queries | None = None,
        *,
        bits_per_key: float = 12.0,
        space: Space = "extended",
        design: Design | None = None,
        max_probes: int | None = 64,
        worst_case: tuple[int, float] | None = None,
        seed: int = 0,
    ) -> Self:
        """Choose a design and build it over keys.

        Args:
            keys: A 1-D array of integers, floats, datetime64, timedelta64, bytes or str, or a list of such; in any
                order, repeated or not, none at all.
            queries: A sample of closed ranges like those to come: (lo, hi), a trace of kind `ranges`, or a
                QueryRecorder. About 20,000 are enough for rates from 1e-4. Without one, or with fewer than 50 that
                hold no key, it is the design that needs none, of `LocalityHash`.
            bits_per_key: From 1 to 1024, everything included; the filter takes no more, but for a fixed part of at
                most 512 bytes (for bytes and str also two codes) that is free where there are few keys.
            space: "extended", or "paper": tries and Bloom filters alone, chosen as the released code of the paper does.
            design: Build this one, without a search.
            max_probes: A query that would probe the approximate part this often is told True at once: a power of two
                up to 2**20, or None for 2**24.
            worst_case: (length, rate): for every empty range of at most `length` codes, whatever keys and queries are,
                the rate must not exceed this one, over the choice of the seed. Codes of floats are one ulp apart,
                those of datetimes one tick.
            seed: Of the hashes, from 0 to 2**64 - 1.

        Raises:
            InvalidInput: An argument breaks its rule; the design does not fit; no design keeps to the worst case, with
                the bits per key that would.
            CapacityExceeded: There are more than 2**32 - 1 distinct keys.
        """
        seed, worst_case = check_seed(seed), check_worst_case(worst_case)
        if design is not None:
            if not isinstance(design, Design):
                raise InvalidInput(
                    f"design is {design!r}, but must be a Design or None; pass one, such as model.best() returns"
                )
            max_probes = design.max_probes
        model = PrefixModel(keys, queries, max_probes=max_probes)
        if space == "paper" and design is None:  # whose Bloom filters have 64 bits at least
            bits_per_key = with_room(bits_per_key, model.count)
        ranked = []
        if searched := design is None:
            ranked = model.ranked(bits_per_key=bits_per_key, space=space, worst_case=worst_case)
            design = ranked[0][0]
        codes = model.codes
        budget = budget_of(model.count, bits_per_key)
        native, of_type, searched_with = native_keys(codes), native_type(codes.type), bits_per_key
        while True:
            try:
                built = cls._native_class().build(*native, design.native, budget, seed, *of_type)
                break
            except InvalidInput:  # a trie may take more than the paper's estimate: then it is chosen for less
                searched_with *= ESTIMATED
                if not searched or space != "paper" or searched_with < 1:
                    raise
                ranked = model.ranked(bits_per_key=searched_with, space=space, worst_case=worst_case)
                design = ranked[0][0]
        made = cls._of(built)
        if worst_case is not None and made.bound(worst_case[0]) > worst_case[1]:
            raise InvalidInput(
                f"worst_case is {worst_case}, but {design} errs up to {made.bound(worst_case[0]):.2g} on such ranges; "
                "raise bits_per_key, or leave design out"
            )
        if model.empty and model.count:
            rate = model.expected(made.design, bits_per_key=bits_per_key)
            interval = model.interval(made.design, bits_per_key=bits_per_key, seed=seed)
            built.expect(rate, (*interval, model.empty, model.asked))
        made._story = Story.of(model, bits_per_key, space if searched else None, ranked, built.fell_back)
        return made

    @property
    def design(self) -> Design:
        """The parts that were built."""
        return Design.from_native(self._native.design)

    @property
    def expected_interval(self) -> tuple[float, float] | None:
        """Where the expected rate lies in 90 of 100 samples of that size."""
        return None if self._native.interval is None else self._native.interval[:2]

    def explain(self) -> str:
        """The design in words, where the bits went, the expected rate, what it beat, and what to watch out for.

        What was beaten is known only to the filter that was built, and not to one that was read from bytes.
        """
        return told(self, self._native, self._story)
