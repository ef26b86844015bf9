"""The plan of a range filter, on paper: the filter chosen, what it should save, what it beat, and its audit."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self, final

import numpy as np

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.core.plan import plan_json, reading
from beforehand.core.predictor import Price
from beforehand.core.report import VERDICTS, Outcome, Report, Verdict
from beforehand.ranges.candidates import (
    BASELINE,
    NO_FILTER,
    Candidate,
    Setting,
    built,
    seconds_of,
    sorted_keys,
    within_bounds,
)
from beforehand.ranges.design import Design, budget_of, check_max_probes, check_worst_case
from beforehand.ranges.filter import RangeFilter
from beforehand.ranges.keys import KEY_KINDS, Keys, KeyType, encode_keys
from beforehand.ranges.prefix_model import FEW_EMPTY, PrefixModel
from beforehand.ranges.queries import Queries, asked_rows
from beforehand.ranges.sample import Sample
from beforehand.ranges.times import UNITS
from beforehand.ranges.verdicts import few_empty, judged

KIND_NUMBERS: Final = {
    "proteus": 1,
    "surf": 2,
    "rosetta": 3,
    "two-prefix-bloom": 4,
    "prefix-bloom": 5,
    "locality-hash": 6,
}


@final
@dataclass(frozen=True, kw_only=True)
class RangePlan:
    """The range filter chosen for keys and queries like these, what to expect of it, and what it beat.

    `build(keys)` makes the filter, of these keys or of others like them; `explain()` says why in words; `audit()`
    checks the expectation on other queries; `policy()` is for hosts without Python.

    Args:
        design: The name of the filter chosen, or `"none"`.
        candidates: All that were considered, with their figures; the first is no filter, the second the baseline.
        verdict: Whether the best filter is worth having, rather than a plain Bloom filter of prefixes, or none.
        why: The verdict's reason.
        bits_per_key: Of every filter.
        read_cost: Seconds for a look into one piece of the data.
        queries_per_build: Queries among which the time to build is shared.
        max_probes: As in `Proteus.build`.
        worst_case: As in `Proteus.build`.
        keys: Distinct keys of the plan.
        asked: Queries of its sample.
        empty: Those in which no key lies.
        median_gap: Between neighboring keys, in steps of the code; None for keys of bytes or str.
        median_range: Of the sample's queries, likewise.
        sample: The queries that designs for other keys are chosen by.
        seed: Of all draws and hashes.
        versions: What made the plan.

    Example:
        >>> import numpy as np
        >>> from beforehand.ranges import plan
        >>> keys = np.arange(0, 10**8, 10**4)
        >>> lo = keys[:5_000] + 17
        >>> found = plan(keys, (lo, lo + 20))
        >>> other_keys = found.build(keys + 3)  # checked anew against keys that are not the plan's
        >>> other_keys.count, found.empty
        (10000, 5000)
    """

    design: str
    candidates: tuple[Candidate, ...]
    verdict: Verdict
    why: str
    bits_per_key: float
    read_cost: float
    queries_per_build: int
    max_probes: int | None
    worst_case: tuple[int, float] | None
    keys: int
    asked: int
    empty: int
    median_gap: float | None
    median_range: float | None
    sample: Sample
    seed: int
    versions: dict[str, str]

    def __post_init__(self) -> None:
        """Validate the fields."""
        names = [candidate.design for candidate in self.candidates]
        if names[:2] != [NO_FILTER, BASELINE] or self.design not in names:
            raise InvalidInput(
                f"design is {self.design!r} of {', '.join(names)}, but must be one of {NO_FILTER}, {BASELINE} and "
                "further filters"
            )
        if self.verdict not in VERDICTS:
            raise InvalidInput(f"verdict is {self.verdict!r}, but must be one of {', '.join(VERDICTS)}")
        budget_of(1, self.bits_per_key)
        check_max_probes(self.max_probes)
        check_worst_case(self.worst_case)
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < 2**64:
            raise InvalidInput(f"seed is {self.seed!r}, but must be a whole number from 0 to 2**64 - 1")
        for name in ("keys", "asked", "empty", "queries_per_build"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < (name == "queries_per_build"):
                raise InvalidInput(f"{name} is {value!r}, but must be a whole number from 0, or 1 where it divides")

    @property
    def area(self) -> str:
        """`"ranges"`."""
        return "ranges"

    @property
    def chosen(self) -> Candidate:
        """The filter chosen, with its figures."""
        return next(candidate for candidate in self.candidates if candidate.design == self.design)

    @property
    def key_type(self) -> KeyType:
        """What the keys are."""
        return self.sample.type

    @property
    def expected(self) -> Outcome:
        """Reads for nothing, for each query."""
        return self.chosen.useless_reads

    @property
    def price(self) -> Price:
        """Time for each query, with its share of building the filter, and memory."""
        return self.chosen.price(self.queries_per_build)

    @property
    def baseline(self) -> Outcome:
        """Reads for nothing behind a Bloom filter of prefixes of one length."""
        return self.candidates[1].useless_reads

    @property
    def alternatives(self) -> tuple[Outcome, ...]:
        """Those behind every other filter, and without one."""
        return tuple(each.useless_reads for each in self.candidates if each.design != self.design)

    @property
    def setting(self) -> Setting:
        """What filters are built by."""
        return Setting(
            bits_per_key=self.bits_per_key,
            read_cost=self.read_cost,
            queries_per_build=self.queries_per_build,
            max_probes=self.max_probes,
            worst_case=self.worst_case,
            seed=self.seed,
        )

    def build(self, keys: Keys) -> RangeFilter:
        """The filter chosen, over these keys.

        A design of `proteus` that no longer fits, as other keys have other prefixes, is chosen anew by the plan's
        sample.

        Raises:
            InvalidInput: the plan chose no filter; keys are of another type, or refused as in `Proteus.build`.
        """
        if self.design == NO_FILTER:
            raise InvalidInput(
                f"the plan says that no filter pays ({self.why}); build one all the same by its class, such as "
                "PrefixBloom.build(keys)"
            )
        codes = encode_keys(keys)
        if len(codes) and codes.type != self.key_type:
            raise InvalidInput(f"keys are {codes.type}, but the plan is for {self.key_type}; plan for these keys")
        parts, queries = self.chosen.parts, self.sample.queries
        if parts is not None and not self._fits(PrefixModel(codes, queries, max_probes=self.max_probes), parts):
            parts = None
        filter: RangeFilter = built(self.design, parts, keys, queries, self.setting)
        return filter

    def _fits(self, model: PrefixModel, parts: Design) -> bool:
        if not model.fits(parts, bits_per_key=self.bits_per_key):
            return False
        if self.worst_case is None:
            return True
        length, rate = self.worst_case
        return model.bound(parts, bits_per_key=self.bits_per_key, length=length) <= rate

    def audit(self, holdout: Queries, *, keys: Keys | None = None) -> Report:
        """Ask the filter what the plan never saw, and set the outcome beside what was expected.

        Args:
            holdout: Closed ranges, as in `plan`.
            keys: Those that the filter is built over: the plan's own, or others like them.

        Guarantee:
            The chosen filter and the baseline are built over the same keys by the plan's sample, and the clairvoyant, a
            Proteus filter, by the holdout itself; all are asked the holdout. Intervals are Wilson's, of 95 %.

        Cost:
            Three builds.

        Raises:
            InvalidInput: keys are missing, or of another type; the holdout is empty, or no sample of ranges.
        """
        if keys is None:
            raise InvalidInput("keys are missing, but an audit builds the filter; pass keys=, and --keys in a shell")
        model = PrefixModel(keys, holdout, max_probes=self.max_probes)
        if model.codes.type != self.key_type:
            raise InvalidInput(f"keys are {model.codes.type}, but the plan is for {self.key_type}; plan for these keys")
        if not model.asked:
            raise InvalidInput("the holdout has no query; record some")
        asked = asked_rows(holdout, "holdout")
        busy = model.asked - model.empty
        without = within_bounds(sorted_keys(keys), asked) - busy  # reads for nothing

        def measured(name: str, filter: Any) -> tuple[Outcome, float]:
            if filter is None:
                return wilson(name, without, model.asked), 0.0
            wrong = int(np.sum(filter.may_intersect(*asked))) - busy
            return wilson(name, wrong, model.asked), seconds_of(filter, asked)

        mine, seconds = measured(self.design, None if self.design == NO_FILTER else self.build(keys))
        plain = built(BASELINE, None, keys, self.sample.queries, self.setting)
        baseline, baseline_seconds = measured(BASELINE, plain)
        best = built("proteus", None, keys, asked, self.setting)
        tuned, _ = measured("proteus", best)
        clairvoyant = replace(min(tuned, mine, baseline, key=lambda each: each.value), design="clairvoyant")
        chosen = self.chosen
        saved = (without / model.asked - mine.value) * self.read_cost - seconds
        saved -= chosen.build_seconds / self.queries_per_build
        saved_plain = (without / model.asked - baseline.value) * self.read_cost - baseline_seconds
        saved_plain -= self.candidates[1].build_seconds / self.queries_per_build
        plural = "range" if model.empty == 1 else "ranges"
        rates = f"of {model.empty:,} empty {plural} {mine.value * model.asked:,.0f} were read for nothing"
        if model.empty < FEW_EMPTY:
            rates += ", too few to tell whether the expectation came true"
        verdict, why = judged(
            saved=(saved, saved - _half(mine) * self.read_cost, saved + _half(mine) * self.read_cost),
            over_baseline=saved - saved_plain,
            read_cost=self.read_cost,
            empty=model.empty,
            name=self.design,
        )
        return Report(
            area=self.area,
            metric="wasted reads",
            expected=self.expected,
            measured=mine,
            baseline=baseline,
            clairvoyant=clairvoyant,
            price=Price(
                seconds=seconds + chosen.build_seconds / self.queries_per_build,
                bytes=chosen.bytes / self.queries_per_build,
                per="query",
            ),
            verdict=verdict,
            why=f"{rates}; {why}",
        )

    def policy(self) -> bytes:
        """What hosts without Python read: which filter to build, of how many bits, by which sample.

        Raises:
            InvalidInput: the plan chose no filter.
        """
        if self.design == NO_FILTER:
            raise InvalidInput(f"the plan says that no filter pays ({self.why}), so that no host needs a policy")
        length, rate = self.worst_case or (0, 0.0)
        unit = 0 if self.key_type.unit is None else 1 + list(UNITS).index(self.key_type.unit)
        return _native.range_policy(
            KIND_NUMBERS[self.design],
            KEY_KINDS.index(self.key_type.kind),
            unit,
            self.max_probes,
            self.seed,
            float(self.bits_per_key),
            length,
            rate,
            self.sample.lo,
            self.sample.hi,
        )

    def explain(self) -> str:
        """The choice in plain words, with its numbers."""
        chosen, read = self.chosen, self.read_cost
        share, wasted = self.empty / max(1, self.asked), self.candidates[0].useless_reads.value
        apart = f", {share - wasted:.1%} beyond the smallest or the largest key" if wasted < share else ""
        lines = [
            f"{self.verdict}: {self.why}.",
            f"{self.keys:,} key{'' if self.keys == 1 else 's'} of {self.key_type}; {share:.1%} of {self.asked:,} "
            f"sampled queries are empty{apart}. A read costs {duration(read)}, so that without a filter a query wastes "
            f"{duration(wasted * read)}.",
        ]
        if self.design == NO_FILTER:
            lines.append("Take no filter.")
        else:
            rate, saving = chosen.false_positive_rate, chosen.saving
            lines += [
                f"Take {self.design} with {self._bits(chosen)}" + (f": {chosen.parts}." if chosen.parts else "."),
                f"Expected: of empty queries a share of {_shares(rate)} is read for nothing; it saves "
                f"{duration(saving.value)} ({duration(saving.low)} to {duration(saving.high)}) a query.",
                f"Price: {duration(chosen.filter_seconds)} a query, {duration(chosen.build_seconds)} to build for "
                f"every {self.queries_per_build:,} queries, {chosen.bytes:,} bytes.",
            ]
        lines.append("Considered:")
        for each in self.candidates:
            size = f" in {self._bits(each)}" if each.bytes else ""
            wrong = f"{_shares(each.false_positive_rate)} of empty queries read for nothing, " if self.empty else ""
            lines.append(f"  {each.design}{size}: {wrong}saves {duration(each.saving.value)} a query")
        if self.median_gap is not None and self.median_range is not None:
            longer = self.median_range > self.median_gap
            lines.append(
                f"The median range holds {self.median_range:,.6g} {self.key_type.steps}, the median gap between keys "
                f"{self.median_gap:,.6g}"
                + (": most ranges meet a key, and no filter can help there." if longer else ".")
            )
        if self.empty < FEW_EMPTY:
            lines.append(
                f"{few_empty(self.empty).capitalize()}, and no design was chosen by so few; sample more, and pass the "
                "keys of one piece of the data, such as a file, rather than of all."
            )
        lines.append("Assumed: queries go on like the sample. Intervals hold 95 % of draws of the sample.")
        return "\n".join(lines)

    def _bits(self, candidate: Candidate) -> str:
        bits = 8 * candidate.bytes / max(1, self.keys)
        return f"{bits:,.0f} bits per key" if bits >= 1000 else f"{bits:.3g} bits per key"

    def to_json(self) -> str:
        """The plan as a JSON object, which names its area and kind."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__ if name != "sample"}
        fields["candidates"] = [asdict(candidate) for candidate in self.candidates]
        return plan_json(self, fields | {"sample": self.sample.fields})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The plan that `to_json` wrote.

        Raises:
            CorruptData: `text` is not of that form.
        """
        with reading(text, "ranges", cls.__name__) as fields:
            fields["candidates"] = tuple(_candidate(entry) for entry in fields["candidates"])
            fields["sample"] = Sample.from_fields(fields["sample"])
            fields["worst_case"] = check_worst_case(fields["worst_case"])
            plan = cls(**fields)
            plan.explain()  # touches every figure
        return plan


def wilson(name: str, hits: int, trials: int) -> Outcome:
    """A share with Wilson's interval of 95 %."""
    z = 1.959964
    share = hits / trials
    middle = (share + z * z / (2 * trials)) / (1 + z * z / trials)
    half = z / (1 + z * z / trials) * float(np.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)))
    return Outcome(name, share, min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)))


def duration(seconds: float) -> str:
    """Seconds in the unit that suits them, with three digits.

    Example:
        >>> duration(0.00012), duration(-3.2e-8)
        ('120 us', '-32 ns')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6)):
        if abs(seconds) >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"


def _shares(outcome: Outcome) -> str:
    """A share and its interval; what is too rare to matter without its digits."""
    value, low, high = (
        f"{share:.3g}" if share == 0 or share >= 1e-9 else "under 1e-9"
        for share in (outcome.value, outcome.low, outcome.high)
    )
    return f"{value} ({low} to {high})"


def _half(outcome: Outcome) -> float:
    return (outcome.high - outcome.low) / 2


def _candidate(fields: Mapping[str, Any]) -> Candidate:
    known = dict(fields)
    for name in ("false_positive_rate", "useless_reads", "saving"):
        known[name] = Outcome(**known[name])
    known["parts"] = None if known["parts"] is None else Design(**known["parts"])
    return Candidate(**known)
