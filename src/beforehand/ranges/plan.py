"""Which range filter keys and queries call for, and whether one is worth its price."""

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.core.plan import check_plan, made_with
from beforehand.core.report import Report
from beforehand.ranges.candidates import BASELINE, Candidate, Setting, Trial
from beforehand.ranges.design import budget_of, check_worst_case
from beforehand.ranges.filters import FILTERS
from beforehand.ranges.keys import Keys, encode_keys
from beforehand.ranges.native_filter import check_seed
from beforehand.ranges.prefix_model import PrefixModel
from beforehand.ranges.queries import Queries
from beforehand.ranges.range_plan import RangePlan
from beforehand.ranges.sample import Sample
from beforehand.ranges.strings import Strings
from beforehand.ranges.verdicts import BETTER, judged

from_json = RangePlan.from_json  # for `core.load_plan`, where a file does not name its kind
MOST_GAPS: Final = 100_000
MAX_PROBES: Final = 64


def plan(
    keys: Keys,
    queries: Queries,
    *,
    bits_per_key: float = 12.0,
    read_cost: float = 100e-6,
    queries_per_build: int = 1_000_000,
    filters: Sequence[str] = ("proteus", "prefix-bloom"),
    worst_case: tuple[int, float] | None = None,
    seed: int = 0,
) -> RangePlan:
    """Choose a range filter for keys and queries like these, and say whether it would pay.

    A useless read is a look into a piece of the data that holds nothing of the range. A filter saves most of them, and
    costs its own time, at each query and when it is built. Ranges beyond the smallest and the largest key are no gain
    of a filter: whoever reads data in pieces knows these two of each.

    Args:
        keys: Of one piece of the data, such as a file: as in `Proteus.build`.
        queries: A sample of closed ranges that are asked of that piece, empty ones and others, in their true
            proportions: as in `Proteus.build`. At least 50 empty ones, or the verdict is *unclear*; 20,000 are kept.
        bits_per_key: Of every filter, from 1 to 1024.
        read_cost: Seconds for a look into the piece: about 100e-6 on an SSD, 30e-3 on object storage.
        queries_per_build: How many queries a filter serves until its piece is written anew.
        filters: Names in `FILTERS` to choose among; `prefix-bloom` and no filter are always considered.
        worst_case: As in `Proteus.build`; for `proteus` alone.
        seed: Of hashes and draws.

    Guarantee:
        *worth it*: the filter saves at least 5 % of a read for each query, in all of the interval more than nothing,
        and at least 2 % of a read more than `prefix-bloom`. *don't bother*: it saves less than 2 % of a read, or less
        than 2 % more than `prefix-bloom`; then that, or none, is the design. Intervals hold 95 % of draws of the
        sample.

    Cost:
        The model, and builds over at most 200,000 keys, whose time is taken; other filters than these two are built
        over all keys.

    Raises:
        InvalidInput: an argument breaks its rule; keys or queries are refused as in `Proteus.build`; there are none.

    Example:
        >>> draw = np.random.default_rng(0)
        >>> keys = np.unique(draw.integers(0, 2**64, 50_000, dtype=np.uint64))
        >>> lo = draw.choice(keys, 4000) + draw.integers(1, 1024, 4000, dtype=np.uint64)
        >>> chosen = plan(keys, (lo, lo + np.uint64(15)), bits_per_key=6)
        >>> chosen.design, chosen.verdict
        ('proteus', 'worth it')
        >>> chosen.build(keys).may_contain(keys[:3])
        array([ True,  True,  True])
    """
    setting = Setting(
        bits_per_key=bits_per_key,
        read_cost=_positive("read_cost", read_cost),
        queries_per_build=_whole("queries_per_build", queries_per_build),
        max_probes=MAX_PROBES,
        worst_case=check_worst_case(worst_case),
        seed=check_seed(seed),
    )
    budget_of(1, bits_per_key)
    names = _names(filters)
    codes = encode_keys(keys)
    if not len(codes):
        raise InvalidInput("there are no keys, but a plan is for some; pass those of one piece of the data")
    sample = Sample.of(codes, queries, setting.seed)
    if not len(sample):
        raise InvalidInput("there are no queries, but a plan rests on a sample of them; record some")
    trial = Trial(keys, sample.queries, setting)
    tried = [trial.without(), trial.judged(BASELINE)] + [trial.judged(name) for name in names]
    none, baseline = tried[:2]
    best = max(tried[2:], key=lambda each: each.saving.value, default=baseline)
    saving = best.saving
    verdict, why = judged(
        saved=(saving.value, saving.low, saving.high),
        over_baseline=saving.value - baseline.saving.value if best is not baseline else math.inf,
        read_cost=setting.read_cost,
        empty=trial.model.empty,
        name=best.design,
    )
    gap, length = _medians(trial.model)
    return RangePlan(
        design=_cheapest(verdict, best, baseline, none, setting.read_cost).design,
        candidates=tuple(tried),
        verdict=verdict,
        why=why,
        bits_per_key=float(bits_per_key),
        read_cost=setting.read_cost,
        queries_per_build=setting.queries_per_build,
        max_probes=setting.max_probes,
        worst_case=setting.worst_case,
        keys=len(codes),
        asked=trial.model.asked,
        empty=trial.model.empty,
        median_gap=gap,
        median_range=length,
        sample=sample,
        seed=setting.seed,
        versions=made_with(),
    )


def audit(plan: RangePlan, keys: Keys, holdout: Queries) -> Report:
    """Ask the plan's filter what it never saw: `plan.audit(holdout, keys=keys)`.

    Raises:
        InvalidInput: `plan` is not a `RangePlan`; and what `RangePlan.audit` raises.
    """
    check_plan(plan, RangePlan)
    return plan.audit(holdout, keys=keys)


def _cheapest(verdict: str, best: Candidate, baseline: Candidate, none: Candidate, read_cost: float) -> Candidate:
    if verdict != "don't bother":
        return best if best.saving.value > 0 else none
    return baseline if baseline.saving.value >= BETTER * read_cost else none


def _names(filters: Sequence[str]) -> tuple[str, ...]:
    if isinstance(filters, str) or not isinstance(filters, Sequence):
        raise InvalidInput(f"filters is {filters!r}, but must be a sequence of names; pass [{filters!r}]")
    for name in filters:
        if name not in FILTERS:
            raise InvalidInput(f"filters holds {name!r}, but knows only {', '.join(FILTERS)}")
    return tuple(dict.fromkeys(name for name in filters if name != BASELINE))


def _medians(model: PrefixModel) -> tuple[float | None, float | None]:
    """Of the gaps between neighboring keys, and of the queries' lengths, in steps of the code."""
    codes = model.codes.codes
    if isinstance(codes, Strings) or len(codes) < 2:
        return None, None
    at = np.unique(np.linspace(0, len(codes) - 2, MOST_GAPS).astype(np.int64))
    lo, hi = model.ranges
    return float(np.median(codes[at + 1] - codes[at])), float(np.median(hi - lo)) + 1


def _positive(name: str, value: Any) -> float:
    real = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not real or not 0 < value < math.inf:
        raise InvalidInput(f"{name} is {value!r}, but must be positive and finite")
    return float(value)


def _whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise InvalidInput(f"{name} is {value!r}, but must be a whole number from 1")
    return int(value)
