"""The false-positive rate of every Proteus filter, before one is built."""

from typing import Any, Final, Literal, final, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.ranges.design import (
    APPROX,
    EXACT,
    Approx,
    Design,
    Exact,
    budget_of,
    check_max_probes,
    check_worst_case,
)
from beforehand.ranges.keys import KeyCodes, Keys, encode_keys
from beforehand.ranges.queries import Queries, encode_queries
from beforehand.ranges.strings import Strings

Space = Literal["extended", "paper"]
SPACES: Final = get_args(Space)
FEW_EMPTY: Final = 50  # with fewer empty queries no design is chosen by them
DRAWS: Final = 1000
GRID_BITS: Final = 512  # of a code, for which a grid of all designs is made


@final
class PrefixModel:
    """What each Proteus filter of some keys would err on queries like a sample, and which errs least.

    The contextual prefix FPR model: an empty query is told yes if its neighbors among the keys share as many bits with
    it as the filter's prefixes have, or by chance, which grows with the number of prefixes that the filter is asked.

    Args:
        keys: As in `Proteus.build`.
        queries: A sample of closed ranges like those to come: (lo, hi), a trace of kind `ranges`, or a QueryRecorder;
            None for no sample. About 20,000 are enough for rates from 1e-4.
        max_probes: As in `Proteus.build`.

    Guarantee:
        Rates of 1e-4 and more, from 20,000 queries, lay within 15 % of those measured, or in the interval. Below one
        in the number of empty queries they err upwards.

    Cost:
        A pass over the keys, a search for each query, and some milliseconds for `best`: 10 to 30 ms for 10 million
        keys and 20,000 queries, on one core.

    Raises:
        InvalidInput: keys or queries are refused as in `Proteus.build`; `max_probes` is no power of two.

    Example:
        >>> keys = np.arange(1, 100_001, dtype=np.uint64) << np.uint64(40)
        >>> lo = keys[:20_000] + np.random.default_rng(0).integers(1, 1000, 20_000, dtype=np.uint64)
        >>> model = PrefixModel(keys, (lo, lo + np.uint64(15)))
        >>> model.empty_fraction
        1.0
        >>> design = model.best(bits_per_key=12)
        >>> print(design)
        fuse filter of 62-bit prefixes
        >>> f"{model.expected(design, bits_per_key=12):.1e}"
        '6.6e-03'

    Reference:
        Knorr, Lemaire, Lim, Luo, Zhang, Idreos, Mitzenmacher: Proteus: A Self-Designing Range Filter. SIGMOD 2022,
        arXiv 2207.01503.
    """

    __slots__ = ("_codes", "_max_probes", "_native", "_ranges")

    def __init__(self, keys: Keys | KeyCodes, queries: Queries | None, *, max_probes: int | None = 64) -> None:
        check_max_probes(max_probes)
        codes = keys if isinstance(keys, KeyCodes) else encode_keys(keys)
        lo, hi = encode_queries(codes, queries)
        probes = None if max_probes is None else int(max_probes)
        self._codes, self._ranges, self._max_probes = codes, (lo, hi), probes
        if isinstance(codes.codes, Strings):
            ends = (lo.offsets, lo.data, hi.offsets, hi.data)
            strings = codes.codes
            self._native = _native.PrefixModel(strings.offsets, strings.data, codes.width // 8, *ends, probes)
        else:
            self._native = _native.PrefixModel(codes.codes, lo, hi, probes)

    @property
    def codes(self) -> KeyCodes:
        """The codes of the keys."""
        return self._codes

    @property
    def ranges(self) -> tuple[Any, Any]:
        """The first and the last codes of the sample's queries."""
        return self._ranges

    @property
    def max_probes(self) -> int | None:
        """What every design of this model says from so many probes on."""
        return self._max_probes

    @property
    def count(self) -> int:
        """Distinct keys."""
        return len(self._codes)

    @property
    def asked(self) -> int:
        """Queries of the sample."""
        return self._native.asked

    @property
    def empty(self) -> int:
        """Queries of the sample in which no key lies."""
        return self._native.empty

    @property
    def empty_fraction(self) -> float:
        """The share of the sample's queries in which no key lies; 0.0 of no queries."""
        return self.empty / max(1, self.asked)

    @property
    def prefix_counts(self) -> NDArray[np.uint64]:
        """How many distinct prefixes of 0, 1, ... bits the keys have."""
        return self._native.prefix_counts

    def best(
        self,
        *,
        bits_per_key: float,
        space: Space = "extended",
        worst_case: tuple[int, float] | None = None,
    ) -> Design:
        """The design that errs least on queries like the sample.

        Args:
            bits_per_key: From 1 to 1024, everything included.
            space: `"extended"`: Elias-Fano sets, fuse filters and locality-preserving hashes; `"paper"`: tries and
                Bloom filters, chosen as the released code of the paper does.
            worst_case: (length, rate): only designs that err at most so often on every empty range of so many steps of
                the code, whatever the keys; only in the extended space.

        Guarantee:
            With fewer than 50 empty queries it is the design that needs none: an exact set of all keys where it fits,
            else locality-preserving hashes, which err at most length * keys / range on every empty range.

        Raises:
            InvalidInput: an argument is out of range; no design keeps to the worst case, with the bits that would.
        """
        return self.ranked(bits_per_key=bits_per_key, space=space, worst_case=worst_case)[0][0]

    def ranked(
        self,
        *,
        bits_per_key: float,
        space: Space = "extended",
        worst_case: tuple[int, float] | None = None,
    ) -> list[tuple[Design, float]]:
        """Designs with the rate that each was expected to err at while it was sought, the least first.

        The first is that of `best`. Behind it come, in the extended space, the best of every other kind of parts that
        was tried; a search tries no more of a kind than it needs to know that it is worse.

        Returns:
            Designs and rates; NaN for one that was chosen without the sample, or in the space of the paper.

        Raises:
            InvalidInput: as `best`.
        """
        if space not in SPACES:
            raise InvalidInput(f"space is {space!r}, but must be one of {', '.join(SPACES)}")
        worst_case = check_worst_case(worst_case)
        if worst_case is not None and space == "paper":
            raise InvalidInput("worst_case is given, but no design of the paper bounds it; leave space at 'extended'")
        budget = budget_of(self.count, bits_per_key)
        found = self._native.ranked(budget, space == "paper", worst_case)
        return [(Design.from_native(design), rate) for design, rate in found]

    def expected(self, design: Design, *, bits_per_key: float) -> float:
        """The share of empty queries like the sample's that a filter would answer with yes.

        Raises:
            InvalidInput: `bits_per_key` is out of range; the design does not fit; the sample has no empty query.
        """
        classes = self._classes(design, bits_per_key)
        return float((classes[:, 0] * classes[:, 1]).sum() / self.empty)

    def interval(
        self, design: Design, *, bits_per_key: float, level: float = 0.9, seed: int = 0
    ) -> tuple[float, float]:
        """Where the rate lies, as far as a sample of this size can tell.

        A Bayesian bootstrap: 1,000 draws of the shares of queries that are resolved, sure to err, or likely to, by the
        number of prefixes asked. It holds what the draw of the sample leaves open, not the error of the model.

        Args:
            design: The design.
            bits_per_key: From 1 to 1024.
            level: The share of draws in the interval, above 0 and below 1.
            seed: Of the draws.

        Raises:
            InvalidInput: as `expected`; `level` or `seed` is out of range.
        """
        if not isinstance(level, float) or not 0 < level < 1:
            raise InvalidInput(f"level is {level!r}, but must be a number above 0 and below 1, such as 0.9")
        draws = self.draws(design, bits_per_key=bits_per_key, seed=seed)
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
        value = self.expected(design, bits_per_key=bits_per_key)
        return min(float(low), value), max(float(high), value)

    def draws(self, design: Design, *, bits_per_key: float, seed: int = 0) -> NDArray[np.float64]:
        """1,000 rates that the sample leaves possible: those of which `interval` takes quantiles.

        Raises:
            InvalidInput: as `interval`.
        """
        classes = self._classes(design, bits_per_key)
        if design.approx_bits != self._codes.width and design.exact_bits != self._codes.width:
            classes[1, 0] += 0.5  # what errs for sure, and was not in the sample
        some = classes[classes[:, 0] > 0]
        rates: NDArray[np.float64] = np.random.default_rng(seed).dirichlet(some[:, 0], DRAWS) @ some[:, 1]
        return np.minimum(rates, 1.0)  # shares add up to 1 but for rounding

    def fits(self, design: Design, *, bits_per_key: float) -> bool:
        """Whether a filter of this design can be built over these keys.

        Raises:
            InvalidInput: `bits_per_key` is out of range; the design is none of codes of this width.
        """
        budget = budget_of(self.count, bits_per_key)
        return self._native.fits(self._known(design), budget)

    def bound(self, design: Design, *, bits_per_key: float, length: int) -> float:
        """The rate that no empty range of `length` steps of the code exceeds, over the choice of the seed.

        Raises:
            InvalidInput: an argument is out of range.
        """
        length, _ = check_worst_case((length, 1.0)) or (0, 0)
        budget = budget_of(self.count, bits_per_key)
        return self._native.bound(self._known(design), budget, length)

    def grid(self, *, bits_per_key: float, exact: Exact, approx: Approx) -> NDArray[np.float64]:
        """The expected rate of every design of two kinds of parts.

        Returns:
            Rates by exact length, then by approximate length, each from 0 (no such part) to the width of the code; NaN
            where a design does not fit, or where the approximate prefixes are no longer than the exact ones.

        Raises:
            InvalidInput: an argument is out of range; codes have more than 512 bits.
        """
        for name, value, known in (("exact", exact, EXACT), ("approx", approx, APPROX)):
            if value not in known:
                raise InvalidInput(f"{name} is {value!r}, but must be one of {', '.join(known)}")
        if self._codes.width > GRID_BITS:
            raise InvalidInput(
                f"codes of these keys have {self._codes.width} bits, but a grid holds 512; ask expected() for designs"
            )
        return self._native.grid(budget_of(self.count, bits_per_key), EXACT.index(exact), APPROX.index(approx))

    def _classes(self, design: Design, bits_per_key: float) -> NDArray[np.float64]:
        if self.empty == 0:
            raise InvalidInput(f"none of the {self.asked:,} queries is empty, so that no rate is known; sample more")
        classes = self._native.classes(self._known(design), budget_of(self.count, bits_per_key))
        if len(classes) == 0:
            raise InvalidInput(f"{bits_per_key:g} bits per key do not suffice for {design}; raise bits_per_key")
        return classes

    def _known(self, design: Design) -> Any:
        if not isinstance(design, Design):
            raise InvalidInput(f"design is {design!r}, but must be a Design")
        if design.max_probes != self._max_probes:
            raise InvalidInput(
                f"max_probes of the design is {design.max_probes}, but that of the model {self._max_probes}; make both "
                "alike"
            )
        return design.native
