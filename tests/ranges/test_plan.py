"""Plans of range filters: what they choose, why, and whether it comes true."""

from dataclasses import replace

import numpy as np
import pytest

from beforehand.core import Plan, Trace
from beforehand.core.errors import InvalidInput
from beforehand.core.report import Outcome
from beforehand.ranges import PrefixBloom, Proteus, RangePlan, audit, plan, ranges_trace
from beforehand.ranges.candidates import sorted_keys
from beforehand.workloads.ranges import name_queries, queries, stdlib_names, uniform_keys

KEYS = uniform_keys(20_000, seed=0)
NEAR = queries(KEYS, 8_000, kind="correlated", longest=256, hits=0.2, seed=1)
HOLDOUT = queries(KEYS, 8_000, kind="correlated", longest=256, hits=0.2, seed=2)


@pytest.fixture(scope="module")
def win() -> RangePlan:
    """Most ranges are empty and lie beside keys, and each read takes 30 ms."""
    return plan(KEYS, NEAR, bits_per_key=8, read_cost=30e-3)


def test_a_clear_win_is_worth_it(win: RangePlan) -> None:
    assert (win.design, win.verdict) == ("proteus", "worth it")
    assert win.expected.value < win.baseline.value / 1.3
    assert isinstance(win.build(KEYS), Proteus)


def test_a_plan_is_a_plan(win: RangePlan) -> None:
    assert isinstance(win, Plan)
    assert (win.area, win.price.per) == ("ranges", "query")
    assert [each.design for each in win.alternatives] == ["none", "prefix-bloom"]


def test_points_that_a_bloom_filter_answers_are_not_worth_more() -> None:
    points = queries(KEYS, 4_000, longest=1, hits=0.2, seed=3)
    chosen = plan(KEYS, points, bits_per_key=12, read_cost=30e-3)
    assert (chosen.design, chosen.verdict) == ("prefix-bloom", "don't bother")
    assert isinstance(chosen.build(KEYS), PrefixBloom)


def test_ranges_longer_than_the_gaps_need_no_filter() -> None:
    gap = int(2**64 / len(KEYS))
    lo = np.random.default_rng(4).integers(0, 2**64 - 40 * gap, 4_000, dtype=np.uint64)
    chosen = plan(KEYS, (lo, lo + np.uint64(20 * gap)))
    assert (chosen.design, chosen.verdict) == ("none", "don't bother")
    assert "most ranges meet a key" in chosen.explain()


def test_what_the_smallest_and_the_largest_key_tell_is_no_gain_of_a_filter() -> None:
    piece = KEYS[:200]  # one of a hundred, in data that are sorted
    asked = queries(KEYS, 8_000, seed=4)
    chosen = plan(piece, asked, read_cost=30e-3)
    assert (chosen.design, chosen.verdict) == ("none", "don't bother")
    assert 0.005 < chosen.expected.value < 0.02
    assert "% beyond the smallest or the largest key" in chosen.explain()
    report = audit(chosen, piece, queries(KEYS, 8_000, seed=5))
    assert report.came_true
    assert report.verdict == "don't bother"


def test_cheap_reads_are_not_worth_a_filter() -> None:
    chosen = plan(KEYS, NEAR, read_cost=1e-9)
    assert (chosen.design, chosen.verdict) == ("none", "don't bother")
    with pytest.raises(InvalidInput, match="no filter pays"):
        chosen.build(KEYS)
    with pytest.raises(InvalidInput, match="no filter pays"):
        chosen.policy()


def test_few_empty_queries_are_unclear() -> None:
    chosen = plan(KEYS, queries(KEYS, 40, seed=5))
    assert chosen.verdict == "unclear"
    assert "Only 40 queries" in chosen.explain()


def test_no_empty_query_is_unclear() -> None:
    chosen = plan(KEYS, (KEYS[:20], KEYS[:20]))
    assert (chosen.verdict, chosen.empty) == ("unclear", 0)
    assert chosen.expected.value == 0


def test_the_expectation_comes_true_on_a_holdout(win: RangePlan) -> None:
    report = audit(win, KEYS, HOLDOUT)
    assert report.came_true
    assert report.verdict == "worth it"
    assert report.clairvoyant.value <= report.measured.high
    assert report.measured.value < report.baseline.value


def test_an_audit_without_a_filter_counts_every_empty_range() -> None:
    report = plan(KEYS, NEAR, read_cost=1e-9).audit(HOLDOUT, keys=KEYS)
    assert report.measured.value == pytest.approx(0.8, abs=0.02)
    assert report.verdict == "don't bother"


def test_the_same_seed_makes_the_same_plan(win: RangePlan) -> None:
    again = plan(KEYS, NEAR, bits_per_key=8, read_cost=30e-3)
    assert (again.design, again.chosen.parts) == (win.design, win.chosen.parts)
    assert again.expected == win.expected
    assert again.sample.fields == win.sample.fields


def test_every_named_filter_is_considered() -> None:
    names = ("proteus", "surf", "rosetta", "two-prefix-bloom", "locality-hash")
    few = uniform_keys(2_000, seed=7)
    chosen = plan(few, queries(few, 400, hits=0.1, seed=8), filters=names)
    assert [each.design for each in chosen.candidates] == ["none", "prefix-bloom", *names]
    assert all(0 <= each.false_positive_rate.value <= 1 for each in chosen.candidates)


def test_the_worst_case_holds_for_what_is_built() -> None:
    chosen = plan(KEYS, NEAR, bits_per_key=16, read_cost=30e-3, worst_case=(16, 0.05))
    assert chosen.candidates[2].parts is not None
    assert chosen.build(KEYS).bound(16) <= 0.05 or chosen.design == "prefix-bloom"


def test_samples_are_cut_to_20000() -> None:
    chosen = plan(KEYS, queries(KEYS, 30_000, seed=10))
    assert len(chosen.sample) == 20_000


def test_names_of_unequal_depth_suit_a_trie_that_follows_each_key() -> None:
    names = stdlib_names()
    chosen = plan(names, name_queries(names, 4_000, seed=11), read_cost=30e-3, filters=("proteus", "surf"))
    rates = {each.design: each.false_positive_rate.value for each in chosen.candidates}
    assert chosen.design == "surf"
    assert rates["surf"] < rates["proteus"] / 2 < rates["prefix-bloom"] / 2
    assert "bits per key" in chosen.explain()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bits_per_key": 0}, "bits_per_key is 0"),
        ({"read_cost": 0}, "read_cost is 0"),
        ({"read_cost": float("nan")}, "read_cost is nan"),
        ({"queries_per_build": 0}, "queries_per_build is 0"),
        ({"filters": "proteus"}, r"pass \['proteus'\]"),
        ({"filters": ["bloomier"]}, "filters holds 'bloomier'"),
        ({"worst_case": (0, 1)}, "worst_case is"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_it_refuses_what_breaks_a_rule(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        plan(KEYS[:100], ([1], [2]), **arguments)  # type: ignore[arg-type]


def test_it_needs_keys_and_queries() -> None:
    with pytest.raises(InvalidInput, match="no keys"):
        plan([], ([1], [2]))
    with pytest.raises(InvalidInput, match="no queries"):
        plan([1, 2], ([], []))
    with pytest.raises(InvalidInput, match="kind 'jobs'"):
        plan([1, 2], Trace("jobs", {"size": [1.0]}))
    with pytest.raises(InvalidInput, match="no column hi"):
        plan([1, 2], Trace("ranges", {"lo": [1]}))
    with pytest.raises(InvalidInput, match="must be a pair"):
        plan([1, 2], 7)  # type: ignore[arg-type]


def test_shares_too_small_to_matter_are_told_without_digits(win: RangePlan) -> None:
    rare = replace(win.chosen, false_positive_rate=Outcome("proteus", 3e-4, 3.16e-105, 1e-3))
    text = replace(win, candidates=(*win.candidates[:2], rare)).explain()
    assert "of empty queries a share of 0.0003 (under 1e-9 to 0.001) is read for nothing" in text
    assert "e-105" not in text


@pytest.mark.parametrize(
    ("keys", "words"),
    [(KEYS, "integers"), (KEYS.astype(np.float64), "floats"), (KEYS.view("M8[s]"), "steps of 1 s")],
)
def test_medians_are_told_in_what_the_codes_of_the_keys_count(keys, words: str) -> None:
    keys = keys[:5_000]
    lo = keys[:-1]
    assert f" {words}, the median gap between keys " in plan(keys, (lo, lo), read_cost=1e-9).explain()


def test_an_audit_by_a_single_query_says_that_it_tells_nothing(win: RangePlan) -> None:
    lo = KEYS[:1] + np.uint64(1)
    report = win.audit((lo, lo), keys=KEYS)
    assert report.verdict == "unclear"
    assert "were read for nothing, too few to tell whether the expectation came true" in report.why
    assert "only 1 query is empty" in report.why


def test_a_sample_may_be_scalars_or_broadcast() -> None:
    names = ["ann", "bob", "eve"]
    assert list(plan(names, ("c", "d")).sample.lo) == [b"c"]
    assert list(plan(names, (["c", "b"], "d")).sample.hi) == [b"d", b"d"]
    report = plan(KEYS, NEAR, read_cost=30e-3).audit((KEYS[:60], KEYS[-1]), keys=KEYS)
    assert report.measured.value == 0
    assert plan(names, ("c", "d")).audit(("x", "y"), keys=names).verdict


def test_integers_in_a_list_are_planned_for_as_such_however_large() -> None:
    assert sorted_keys([2**63 + 1, 5, 5]).tolist() == [5, 2**63 + 1]  # numpy alone reads floats
    assert sorted_keys([b"b\0", b"a", b"a"]) == [b"a", b"b\0"]


def test_few_keys_can_be_planned_for() -> None:
    asked = np.arange(100, 200)
    chosen = plan([5, 2**63], (asked, asked), bits_per_key=1, read_cost=1.0)
    assert (chosen.keys, chosen.empty) == (2, 100)
    assert [each.design for each in chosen.candidates] == ["none", "prefix-bloom", "proteus"]


def test_bounds_of_a_trace_in_two_units_are_kept_in_the_finer_one() -> None:
    trace = ranges_trace(np.array(["2026-01-01"], "M8[D]"), np.array(["2026-01-01T05"], "M8[h]"))
    assert trace.meta == {"dtype": "datetime64[h]"}
    assert trace["hi"] - trace["lo"] == [5]


def test_times_of_queries_are_numbers() -> None:
    with pytest.raises(InvalidInput, match="column at has dtype"):
        ranges_trace([1], [2], at=["noon"])
