"""Means from a log: the golden table, the errors, and what the sweep promises of rows, weights and ties."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    FCFS,
    LAS,
    PSPJF,
    SPJF,
    SPRPT,
    TRAIL,
    DelayPredict,
    Log,
    LogFormula,
    OneBit,
    SkipPredict,
)  # fmt: skip
from tests.scheduling.every_policy import EXTERNAL, WITH_FORMULA
from tests.scheduling.logs import LOADS, ROWS, as_log, as_queue

pytestmark = pytest.mark.native  # by way of LogRows
SIZE = [1, 2, 0.5, 4, 1, 1.5]
EXPENSIVE = [1, 1, 1, 3, 2, 0]
CHEAP = [1, 2, 0.5, 3, 3, 0.5]
RATE = 12 / 25
LOG = Log(SIZE, expensive=EXPENSIVE, cheap=CHEAP)
EXACT = Log(SIZE, expensive=SIZE, cheap=CHEAP)
WORKS = {"cheap_work": 0.05, "expensive_work": 0.1}
GOLDEN = [
    (LOG, FCFS(), "197/30", "49/50", "0"),
    (LOG, LAS(quantum=0), "12850109287/1188822096", None, None),
    (EXACT, SPRPT(), "1056733/254592", None, None),
    (LOG, SPRPT(), "10375/2288", "99797/85800", "11/50"),
    (EXACT, PSPJF(), "122827/28288", None, None),
    (LOG, PSPJF(), "93199/20592", "139517/85800", "11/30"),
    (EXACT, SPJF(), "584903/127296", "49/50", "0"),
    (LOG, SPJF(), "25093/5148", "49/50", "0"),
    (LOG, TRAIL(1 / 5), "1524/325", "267646/268125", "26/375"),
    (LOG, TRAIL(1 / 2), "94103/20592", "30917/28600", "1/6"),
    (LOG, TRAIL(4 / 5), "258959/57200", "2448593/2145000", "31/150"),
    (LOG, OneBit(1.5), "305/57", "1183/950", "7/25"),
    (LOG, OneBit(1.5, preemptive=False), "631/114", "49/50", "0"),
    (LOG, SkipPredict(1.5), "9910/2223", "49117/37050", "1/3"),
    (LOG, SkipPredict(1.5, long_order="size"), "19795/4446", "61057/37050", "2/5"),
    (LOG, SkipPredict(1.5, preemptive=False), "21179/4446", "49/50", "0"),
    (LOG, DelayPredict(1), "262309/48048", "611311/200200", "9/25"),
    (LOG, DelayPredict(1, long_order="size"), "87903/16016", "57101/18200", "9/25"),
    (LOG, OneBit(1.5, cheap_work=0.05), "3005507/485760", None, None),
    (LOG, SPRPT(work=0.1), "136646995525/22974509376", None, None),
    (LOG, SkipPredict(1.5, **WORKS), "38686978967/6608698560", None, None),
    (LOG, SkipPredict(1.5, long_order="size", **WORKS), "38628078967/6608698560", None, None),
    (LOG, DelayPredict(1, expensive_work=0.1), "179805913/28513056", None, None),
    (LOG, DelayPredict(1, long_order="size", expensive_work=0.1), "180727163/28513056", None, None),
]


@pytest.mark.parametrize(("log", "policy", "time", "memory", "interruptions"), GOLDEN)
def test_six_rows_give_the_fractions_found_by_hand(log, policy, time, memory, interruptions):
    found = LogFormula(log).expect(policy, RATE, per_job=True)
    assert found.response_time == pytest.approx(float(Fraction(time)), rel=1e-12)
    assert found.per_job.mean() == pytest.approx(found.response_time, rel=1e-12)
    assert found.waiting == pytest.approx(found.response_time - 5 / 3, rel=1e-12)
    if memory:
        assert found.memory == pytest.approx(float(Fraction(memory)), rel=1e-12)
        assert found.interruptions == pytest.approx(float(Fraction(interruptions)), rel=1e-12)


def test_processor_sharing_slows_all_down_alike():
    found = LogFormula(LOG).processor_sharing(RATE)
    assert found.response_time == pytest.approx(25 / 3, rel=1e-12)
    assert found.memory == pytest.approx(49 / 10, rel=1e-12)
    assert math.isnan(found.interruptions)
    assert LogFormula(LOG).processor_sharing(1.0).response_time == math.inf


def test_classes_are_means_over_their_rows_and_calls_count_predictions():
    found = LogFormula(LOG).expect(SkipPredict(1.5, **WORKS), RATE, per_job=True)
    long = np.array(CHEAP) >= 1.5
    assert found.short == pytest.approx(found.per_job[~long].mean(), rel=1e-12)
    assert found.long == pytest.approx(found.per_job[long].mean(), rel=1e-12)
    assert (found.cheap_calls, found.expensive_calls) == (1.0, 0.5)
    assert found.utilization == pytest.approx(RATE * (5 / 3 + 0.05 + 0.05), rel=1e-12)
    assert math.isnan(found.memory)
    assert math.isnan(found.interruptions)
    delayed = LogFormula(LOG).expect(DelayPredict(1), RATE)
    assert (delayed.cheap_calls, delayed.expensive_calls) == (0.0, 0.5)
    by_cheap = LogFormula(LOG).expect(SPRPT(by="cheap"), RATE)
    assert (by_cheap.cheap_calls, by_cheap.expensive_calls) == (1.0, 0.0)
    assert math.isnan(by_cheap.short)
    assert math.isnan(by_cheap.long)


def test_an_empty_class_has_no_mean():
    formula = LogFormula(LOG)
    assert math.isnan(formula.expect(SkipPredict(math.inf), RATE).long)
    assert math.isnan(formula.expect(OneBit(0), RATE).short)
    assert math.isnan(formula.expect(DelayPredict(math.inf), RATE).long)


@pytest.mark.parametrize("policy", [SPRPT(work=0.5), SkipPredict(1.5, cheap_work=0.5), OneBit(1.5, cheap_work=0.5)])
def test_a_server_that_predicts_itself_into_overload_is_a_result(policy):
    found = LogFormula(LOG).expect(policy, RATE, per_job=True)
    assert found.response_time == found.waiting == found.cost == math.inf
    assert not found.stable
    assert found.utilization > 1
    assert np.all(found.per_job == math.inf)


@pytest.mark.parametrize(
    ("log", "policy", "words"),
    [
        (Log(SIZE), SPRPT(), "no column 'expensive'"),
        (Log(SIZE), OneBit(1), "no column 'cheap'"),
        (Log(SIZE), DelayPredict(1), "no column 'expensive'"),
        (Log([1, 2], expensive=[1, math.nan]), PSPJF(), "expensive is nan in row 1"),
        (Log([1, 2, 3], expensive=[1, 1, math.nan], cheap=[0, 1, 1]), SkipPredict(1), "expensive is nan in row 2"),
        (Log([1, 2, 3], expensive=[1, 1, 1], cheap=[0, math.nan, 1]), SkipPredict(1), "cheap is nan in row 1"),
        (Log([1, 2, 3], expensive=[1, math.nan, 1]), DelayPredict(1), "expensive is nan in row 1"),
        (LOG, LAS(quantum=1), "use simulate"),
        (LOG, object(), "must be an object such as SPJF"),
    ],
)
def test_a_policy_that_lacks_a_prediction_or_a_formula_is_refused(log, policy, words):
    with pytest.raises(InvalidInput, match=words):
        LogFormula(log).expect(policy, 0.1)


def test_predictions_that_nobody_asks_for_may_be_missing():
    gaps = Log(SIZE, expensive=[math.nan, 1, math.nan, 3, 2, math.nan], cheap=CHEAP)
    for policy in (SkipPredict(1.5), SkipPredict(1.5, long_order="size"), SkipPredict(1.5, preemptive=False)):
        assert LogFormula(gaps).expect(policy, RATE) == LogFormula(LOG).expect(policy, RATE)
    gaps = Log(SIZE, expensive=[math.nan, 1, math.nan, 3, math.nan, 0])
    assert LogFormula(gaps).expect(DelayPredict(1), RATE) == LogFormula(LOG).expect(DelayPredict(1), RATE)
    assert LogFormula(Log(SIZE)).expect(DelayPredict(4), RATE).response_time == pytest.approx(197 / 30)
    assert LogFormula(Log(SIZE, cheap=CHEAP)).expect(SkipPredict(4), RATE).response_time == pytest.approx(197 / 30)


def test_weights_count_rows():
    weight = np.array([3, 1, 0, 2, 1, 5])
    repeated = [np.repeat(column, weight) for column in (SIZE, EXPENSIVE, CHEAP)]
    rows = LogFormula(Log(repeated[0], expensive=repeated[1], cheap=repeated[2]))
    formula = LogFormula(LOG)
    given = LogFormula(Log(SIZE, expensive=EXPENSIVE, cheap=CHEAP, weight=weight))
    formula.expect(SPRPT(), RATE)  # sorts
    reweighted = formula.reweighted(weight)
    assert reweighted.mean == pytest.approx(rows.mean, rel=1e-14)
    for _, policy, *_ in GOLDEN:
        expected = rows.expect(policy, 0.4)
        for found in (given.expect(policy, 0.4), reweighted.expect(policy, 0.4)):
            for name in ("response_time", "short", "long", "memory", "interruptions", "expensive_calls"):
                assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-12, nan_ok=True)
    assert formula.expect(SPRPT(), RATE).response_time == pytest.approx(10375 / 2288, rel=1e-12)


@pytest.mark.parametrize("policy", [SPRPT(), PSPJF(), SPJF(), SkipPredict(1.5), DelayPredict(1)])
def test_a_prediction_far_beyond_all_sizes_only_ranks_its_row_last(policy):
    far, farther = (
        Log(SIZE, expensive=[*EXPENSIVE[:3], prediction, *EXPENSIVE[4:]], cheap=CHEAP) for prediction in (64, 1e100)
    )
    expected = LogFormula(far).expect(policy, RATE, per_job=True)
    found = LogFormula(farther).expect(policy, RATE, per_job=True)
    assert found.per_job == pytest.approx(expected.per_job, rel=1e-12)
    assert found.memory == pytest.approx(expected.memory, rel=1e-12)
    assert found.interruptions == pytest.approx(expected.interruptions, rel=1e-12)


@pytest.mark.slow
def test_a_thousand_small_logs_agree_with_the_theorem_over_all_pairs():
    """The same sums in floats, which are nearly exact on quarters; every policy meets 60 logs or more."""
    rng = np.random.default_rng(0)
    policies = [*WITH_FORMULA, LAS(quantum=0)]
    for trial in range(1000):
        size, expensive, cheap = rng.integers((1, 0, 0), (17, 17, 17), (rng.integers(1, 10), 3)).T / 4
        weight = rng.integers(1, 4, len(size)) if trial % 2 else np.ones(len(size))
        formula = LogFormula(Log(size, expensive=expensive, cheap=cheap, weight=weight))
        rows = list(zip(weight.tolist(), size.tolist(), expensive.tolist(), cheap.tolist(), strict=True))
        for policy in (policies[trial % len(policies)], policies[(7 * trial + 3) % len(policies)]):
            queue = as_queue(policy, rows, rng.choice([0.3, 0.7, 0.85]))
            found = formula.expect(policy, queue.rate)
            expected = queue.response_time if queue.load < 1 else math.inf
            assert found.response_time == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("fraction", [1.0, 0.5, 0.0])
def test_sizes_over_four_decades_agree_with_sums_over_all_pairs(fraction):
    rng = np.random.default_rng(1)
    size, key = 10 ** rng.uniform(0, 4, 2000), 10 ** rng.uniform(0, 4, 2000)
    key[::10] = size[::10]  # some are exact, and ties among keys
    key[1::10] = key[::10]
    rate = 0.9 / size.mean()
    found = LogFormula(Log(size, expensive=key)).expect(TRAIL(fraction), rate, per_job=True)

    def mean(values):
        return np.mean(values, axis=-1, dtype=np.longdouble)

    x, y = size.astype(np.longdouble), key.astype(np.longdouble)
    older = np.where(y <= y[:, None], x, np.maximum(x - np.minimum(y - y[:, None], fraction * y), 0))
    old = 1 - rate * mean(x * (y <= y[:, None]))
    new = 1 - rate * mean(x * (y < y[:, None]))
    marks = np.unique(y)  # a new job's load below a level only changes there
    above = 1 / (1 - rate * mean(x * (y <= marks[:, None])))
    climbed = np.concatenate([[marks[0]], marks[0] + np.cumsum(np.diff(marks) * above[:-1])])
    top = np.minimum(x, fraction * y)
    bottom = y - top
    at = np.maximum(np.searchsorted(marks, bottom, side="right") - 1, 0)
    start = np.where(bottom < marks[0], bottom, climbed[at] + (bottom - marks[at]) * above[at])
    times = rate * mean(older**2) / (2 * old * new) + climbed[np.searchsorted(marks, y)] - start + x - top
    assert found.per_job == pytest.approx(times.astype(float), rel=1e-10)
    assert found.response_time == pytest.approx(float(mean(times)), rel=1e-12)


@pytest.mark.parametrize("load", [0.5, 0.9, 0.999, 0.99999])
def test_near_saturation_no_more_digits_are_lost_than_the_rate_has(load):
    rng = np.random.default_rng(3)
    ticks = np.minimum(rng.lognormal(7, 1.5, 100_000).astype(np.int64) + 1, 2**20)  # sums of these are exact
    key = np.sort((ticks * rng.lognormal(0, 0.5, ticks.size)).astype(np.int64) + 1)  # with ties
    ticks = ticks[np.argsort(rng.normal(np.log(ticks), 0.5))]
    tick = 1e-3  # sums of so many thousandths are not
    size, jobs = ticks * tick, ticks.size
    rate = load * jobs / math.fsum(size)
    idle = float(1 - Fraction(rate) * Fraction(math.fsum(size)) / jobs)

    def left(below):  # 1 - rate E[S; key below], from above, so that nothing cancels
        return idle + rate * tick * ((ticks.sum() - below) / jobs)

    def half(squares):
        return rate * tick**2 * (squares / jobs) / 2

    first, last = (np.searchsorted(key, key, side=side) for side in ("left", "right"))
    upto, squares = np.concatenate([[0], np.cumsum(ticks)]), np.concatenate([[0], np.cumsum(ticks**2)])
    both, ahead = left(upto[last]) * left(upto[first]), left(upto[first])
    ordered, larger = np.sort(ticks), np.arange(jobs - 1, -1, -1)
    attained = left(np.cumsum(ordered) + ordered * larger)
    true = {
        FCFS(): half(squares[-1]) / idle + math.fsum(size) / jobs,
        SPJF(): math.fsum(half(squares[-1]) / both) / jobs + math.fsum(size) / jobs,
        PSPJF(): math.fsum(half(squares[last]) / both + size / ahead) / jobs,
        LAS(quantum=0): math.fsum(
            half(np.cumsum(ordered**2) + ordered**2 * larger) / attained**2 + ordered * tick / attained
        )
        / jobs,
    }
    formula = LogFormula(Log(size, expensive=key))
    for policy, time in true.items():
        assert abs(formula.expect(policy, rate).response_time / time - 1) < 3e-16 / (1 - load) + 1e-14, policy


@pytest.mark.parametrize(
    ("policy", "time"), [(SPJF(), 4.196912589664), (PSPJF(), 4.051773203339), (SPRPT(), 3.552125099627), (FCFS(), 10.0)]
)
def test_a_million_quantiles_of_a_distribution_are_nearly_the_distribution(policy, time):
    size = -np.log((np.arange(10**6) + 0.5) / 10**6)
    log = Log(size, expensive=size)
    assert LogFormula(log).expect(policy, 0.9 / log.mean).response_time == pytest.approx(time, rel=1e-5)


def same(found, expected):
    assert found.response_time == pytest.approx(expected.response_time, rel=1e-12)
    assert found.memory == pytest.approx(expected.memory, rel=1e-12, nan_ok=True)
    assert found.interruptions == pytest.approx(expected.interruptions, rel=1e-12, nan_ok=True)
    assert found.per_job == pytest.approx(expected.per_job, rel=1e-12)


@given(ROWS, LOADS)
def test_at_their_limits_policies_are_each_other(rows, load):
    log = as_log(rows)
    formula, rate = LogFormula(log), float(load) / log.mean

    def expect(policy):
        return formula.expect(policy, rate, per_job=True)

    same(expect(TRAIL(1.0)), expect(SPRPT()))
    same(expect(TRAIL(0.0)), expect(SPJF()))
    for order, whole in (("remaining", SPRPT()), ("size", PSPJF())):
        same(expect(SkipPredict(0, long_order=order)), expect(whole))
        same(expect(SkipPredict(math.inf, long_order=order)), expect(FCFS()))
        same(expect(DelayPredict(0, long_order=order)), expect(whole))
        same(expect(DelayPredict(math.inf, long_order=order)), expect(FCFS()))
    same(expect(SkipPredict(0, preemptive=False)), expect(SPJF()))
    for threshold in (0, math.inf):
        same(expect(OneBit(threshold)), expect(FCFS()))
        same(expect(OneBit(threshold, preemptive=False)), expect(FCFS()))


@given(ROWS)
def test_an_idle_server_takes_as_long_as_the_job_and_its_predictions(rows):
    log = as_log(rows)
    for policy in WITH_FORMULA:
        found = LogFormula(log).expect(policy, 1e-9)
        work = getattr(policy, "work", 0) + getattr(policy, "cheap_work", 0) * found.cheap_calls
        work += getattr(policy, "expensive_work", 0) * found.expensive_calls
        assert found.response_time == pytest.approx(log.mean + work, rel=1e-6)


def test_jobs_all_alike_need_no_order():
    log = Log([2.0] * 5, expensive=[2.0] * 5, cheap=[2.0] * 5)
    for policy in EXTERNAL:
        if not isinstance(policy, DelayPredict):
            assert LogFormula(log).expect(policy, 0.4).response_time == pytest.approx(6.0, rel=1e-12)
    assert LogFormula(log).expect(DelayPredict(2.0), 0.4).response_time == pytest.approx(6.0, rel=1e-12)
    assert LogFormula(log).expect(DelayPredict(1.0), 0.4).response_time > 7
    assert LogFormula(log).expect(LAS(quantum=0), 0.4).response_time == pytest.approx(30.0, rel=1e-12)


@given(ROWS, LOADS)
def test_nothing_beats_what_is_left_if_predictions_are_exact(rows, load):
    exact = as_log([(w, x, x, x) for w, x, *_ in rows])
    formula, rate = LogFormula(exact), float(load) / exact.mean
    best = formula.expect(SPRPT(), rate).response_time
    for policy in (*EXTERNAL, LAS(quantum=0)):
        assert best <= formula.expect(policy, rate).response_time * (1 + 1e-12)


@given(ROWS, LOADS, st.sampled_from([1e-60, 3.0, 1e60]))
def test_the_unit_of_size_does_not_matter(rows, load, unit):
    scaled = as_log([(w, *(float(value) * unit for value in columns)) for w, *columns in rows])
    log = as_log(rows)
    for policy in (*WITH_FORMULA, LAS(quantum=0)):
        lengths = [
            name for name in ("threshold", "limit", "work", "cheap_work", "expensive_work") if hasattr(policy, name)
        ]
        longer = replace(policy, **{name: getattr(policy, name) * unit for name in lengths})
        found = LogFormula(scaled).expect(longer, float(load) / scaled.mean)
        expected = LogFormula(log).expect(policy, float(load) / log.mean)
        assert found.response_time == pytest.approx(expected.response_time * unit, rel=1e-9)


@given(ROWS, LOADS)
def test_a_row_split_in_two_changes_nothing(rows, load):
    log = as_log(rows)
    split = as_log([*rows[1:], *[(rows[0][0] / 2, *rows[0][1:])] * 2])
    for policy in (*WITH_FORMULA, LAS(quantum=0)):
        found = LogFormula(split).expect(policy, float(load) / log.mean)
        assert found.response_time == pytest.approx(
            LogFormula(log).expect(policy, float(load) / log.mean).response_time, rel=1e-12
        )
