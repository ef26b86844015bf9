"""Which policy a plan chooses, and what it refuses."""

import math
from fractions import Fraction

import numpy as np
import pytest

from beforehand.core import Outcome, Price, Trace
from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    FCFS,
    LAS,
    SPJF,
    SPRPT,
    TRAIL,
    Log,
    SkipPredict,
    audit,
    expect,
    plan_queue,
)
from tests.scheduling.designs import SIX, few_jobs, planned, skewed


def test_the_golden_log_gets_the_policy_with_the_smallest_exact_cost():
    plan = planned(cheap_cost=1 / 20, expensive_cost=1 / 10)
    assert plan.policy == SkipPredict(2.0, long_order="size")
    assert plan.expected.value == pytest.approx(float(Fraction(50599, 11115)), rel=1e-12)
    runner_up = next(each for each in plan.candidates[1:])
    assert runner_up.policy == SkipPredict(2.0)
    assert runner_up.cost == pytest.approx(float(Fraction(101323, 22230)), rel=1e-12)
    assert plan.baseline.value == pytest.approx(float(Fraction(197, 30)), rel=1e-12)
    assert plan.clairvoyant.value == pytest.approx(float(Fraction(1056733, 254592)), rel=1e-12)


def test_a_plan_says_what_the_sizes_of_its_log_are_like():
    plan = planned(Log([1.0, 3.0, 8.0], weight=[1, 1, 2]))
    assert (plan.jobs, plan.mean, plan.scv) == (3, 5.0, pytest.approx(9.5 / 25))


def test_a_saving_is_resampled_200_times_if_nothing_else_is_asked_for():
    log, usual = skewed(60), {"load": 0.8, "preemptive": True}
    plan = plan_queue(log, **usual)
    assert plan == plan_queue(log, **usual, bootstrap=200, seed=0, min_gain=0.05)
    assert plan.audit(log) == plan.audit(log, bootstrap=200, seed=0) == audit(plan, log)


def test_dearer_predictions_move_the_threshold():
    plan = planned(cheap_cost=0.5, expensive_cost=1)
    assert plan.policy == SkipPredict(3.0, long_order="size")
    assert plan.expected.value == pytest.approx(float(Fraction(1243, 234)), rel=1e-12)


def test_no_candidate_is_below_srpt_where_predictions_are_exact_and_free():
    log = Log(SIX.size, expensive=SIX.size, cheap=SIX.size)
    plan = planned(log)
    assert plan.expected.value == pytest.approx(expect(SPRPT(), log, load=0.8).response_time)
    assert all(each.cost >= plan.expected.value for each in plan.candidates)


def test_jobs_of_one_size_are_served_as_they_come():
    plan = plan_queue(Log(np.ones(100), cheap=np.ones(100)), load=0.8, cheap_cost=0.3, bootstrap=50)
    assert plan.policy == FCFS()
    assert plan.verdict == "don't bother"


@pytest.mark.parametrize("preemptive", [False, True])
@pytest.mark.parametrize("load", [0.05, 0.3])
def test_where_hardly_anybody_waits_it_says_dont_bother(load, preemptive):
    plan = plan_queue(skewed(2000), load=load, cheap_cost=0.5, expensive_cost=2, preemptive=preemptive, bootstrap=50)
    assert plan.verdict == "don't bother"


def test_a_missing_column_takes_its_families_with_it():
    no_cheap = planned(Log(SIX.size, expensive=SIX.expensive))
    assert not {"1-bit", "SkipPredict", "SPRPT cheap"} & {each.family for each in no_cheap.candidates}
    blind = planned(Log(SIX.size))
    assert {each.family for each in blind.candidates} == {"FCFS", "LAS", "PS"}


@pytest.mark.parametrize("preemptive", [False, True])
def test_where_there_are_no_predictions_it_says_so_and_what_to_do(preemptive):
    size = skewed(500).size
    for columns in ({}, {"cheap": np.full(500, math.nan)}):
        plan = planned(Log(size, **columns), preemptive=preemptive, cheap_cost=0.1, bootstrap=20)
        assert plan.verdict == "no predictions"
        assert (plan.break_even_cheap, plan.break_even_expensive) == (None, None)
        assert "no policy that uses predictions was tried; with perfect ones the cost of a job would be" in plan.advice
        assert "(--assume-cheap 1)" in plan.advice
        report = plan.audit(Log(skewed(500, 1).size), bootstrap=0)
        assert report.verdict == "no predictions"
        assert "name a column of predictions" in report.why


@pytest.mark.parametrize("load", [0.03, 0.8])
def test_where_even_perfect_predictions_would_save_nothing_it_says_dont_bother_without_any(load):
    size = skewed(500).size if load < 0.5 else np.ones(500)
    plan = planned(Log(size), load=load)
    assert plan.verdict == "don't bother"
    assert plan.advice.startswith("even perfect predictions, free of charge, would only lower the cost of a job from")
    assert plan.break_even_cheap is None


def test_dont_bother_says_what_was_tried_and_what_was_not():
    log = skewed(500)
    plan = planned(Log(log.size, cheap=log.cheap), cheap_cost=50.0)
    assert plan.verdict == "don't bother"
    tried = "tried with cheap predictions, at today's price; there were no expensive ones to try; perfect ones would "
    assert plan.advice.startswith(f"{tried}lower the cost of a job from ")
    assert plan.break_even_cheap > 0
    assert plan.break_even_expensive is None
    both = planned(log, cheap_cost=50.0, expensive_cost=50.0)
    assert both.advice.startswith("tried with cheap and expensive predictions, at today's prices; perfect ones would ")
    idle = planned(Log(log.size, cheap=log.cheap), load=1e-9, cheap_cost=1.0)
    assert idle.advice.endswith("; not even perfect ones would change a thing")
    assert planned(log).advice == ""


@pytest.mark.parametrize("preemptive", [False, True])
def test_one_missing_prediction_among_thousands_leaves_the_plan_as_it_is(preemptive):
    log = skewed(6000)
    gap = np.where(np.arange(6000) == 4321, math.nan, 1.0)
    lacking = Log(log.size, cheap=log.cheap, expensive=log.expensive * gap)
    options = {"expensive_cost": 0.1, "cheap_cost": 0.1, "preemptive": preemptive}
    whole, plan = planned(log, **options), planned(lacking, **options)
    assert type(plan.policy) is type(whole.policy)
    assert plan.verdict == whole.verdict == "worth it"
    assert plan.saving.value == pytest.approx(whole.saving.value, abs=0.01)
    assert (plan.missing, whole.missing) == ({"expensive": 1}, {})
    assert "1 of 6,000 jobs has no expensive prediction and counts as longer than all others." in plan.explain()
    report = plan.audit(lacking, bootstrap=0)
    assert "1 of 6,000 jobs has no expensive prediction" in report.why
    assert report.measured.value == pytest.approx(plan.expected.value)


def test_jobs_without_a_prediction_wait_behind_all_others():
    log = Log([1.0, 2.0, 4.0, 3.0], expensive=[1.0, math.nan, 4.0, math.nan])
    plan = planned(log, candidates=[SPJF()], preemptive=False)
    as_last = Log(log.size, expensive=[1.0, 90.0, 4.0, 90.0])
    found = next(each for each in plan.candidates if each.policy == SPJF())
    assert found.response_time == pytest.approx(expect(SPJF(), as_last, load=0.8).response_time)


def test_shorts_that_were_never_asked_make_lower_thresholds_cost_more():
    sizes = skewed(400).size
    asked = np.where(sizes >= 1.0, sizes, math.nan)  # as a queue under SkipPredict(1) records them
    plan = planned(Log(sizes, cheap=sizes, expensive=asked), expensive_cost=0.01, preemptive=False)
    skip = next(each for each in plan.candidates if isinstance(each.policy, SkipPredict))
    assert skip.policy.threshold >= 1.0


def test_without_preemption_only_orders_that_let_jobs_end_are_tried():
    plan = planned(preemptive=False)
    assert {each.family for each in plan.candidates} <= {"FCFS", "SPJF expensive", "SPJF cheap", "1-bit", "SkipPredict"}
    assert all(each.interruptions == 0 for each in plan.candidates)


def test_weighed_memory_brings_limited_preemption_in():
    log = skewed(1000)
    free, dear = planned(log, load=0.9), planned(log, load=0.9, memory_weight=3.0)
    assert not any(isinstance(each.policy, TRAIL) for each in free.candidates)
    assert any(isinstance(each.policy, TRAIL) for each in dear.candidates)
    assert dear.chosen.memory < free.chosen.memory
    assert dear.expected.value == pytest.approx(dear.chosen.response_time + 3 * dear.chosen.memory)


def test_break_even_prices_are_where_the_choice_turns():
    log = skewed(400)
    base = planned(log, load=0.9, cheap_cost=0.1, expensive_cost=0.2)
    price = base.break_even_expensive
    below, above = (planned(log, load=0.9, cheap_cost=0.1, expensive_cost=price * f) for f in (0.97, 1.03))
    assert below.chosen.expensive_calls > 0
    assert above.chosen.expensive_calls == 0


def test_several_servers_are_simulated_on_the_same_jobs(monkeypatch):
    few_jobs(monkeypatch, 50_000)
    plan = planned(skewed(500), load=0.8, servers=2, expensive_cost=0.1, cheap_cost=0.05, bootstrap=3)
    assert "2 servers, simulated" in plan.model
    assert plan.largest[0] > plan.largest[1]  # several servers, too, favor short jobs at the expense of others
    assert plan.winners == ()
    assert plan.verdict == "worth it"
    again = planned(skewed(500), load=0.8, servers=2, expensive_cost=0.1, cheap_cost=0.05, bootstrap=3)
    assert again == plan


def test_candidates_of_the_caller_are_tried_beside_the_blind_ones():
    plan = planned(candidates=[SPJF(), SPRPT()])
    assert {each.design for each in plan.candidates} >= {"SPJF", "SPRPT", "FCFS"}
    assert plan.design == "SPRPT"


def test_the_load_is_measured_from_the_arrivals_of_a_trace():
    log = skewed(2000, arrivals=True)
    trace = Trace("jobs", {"size": log.size, "expensive": log.expensive, "arrival": log.arrival})
    assert plan_queue(trace, bootstrap=0).setting.load == pytest.approx(0.8, rel=0.1)


def test_long_logs_are_searched_on_a_sample_and_judged_on_all_rows():
    log = skewed(25_000)
    plan = planned(log, load=0.9, cheap_cost=0.1, expensive_cost=0.5)
    policy = plan.policy
    exact = expect(policy, log, load=0.9, cheap_cost=0.1, expensive_cost=0.5)
    assert plan.expected.value == pytest.approx(exact.cost, rel=1e-12)


def test_break_even_prices_of_several_servers_are_of_designs_that_are_not_the_best_at_todays():
    random = np.random.default_rng(0)
    size = random.exponential(size=400)
    log = Log(size, expensive=size * random.lognormal(sigma=0.5, size=400), cheap=(size > 1) * 1.0)
    price = plan_queue(log, load=0.8, servers=2, bootstrap=0).break_even_expensive
    below, above = (
        plan_queue(log, load=0.8, servers=2, bootstrap=0, expensive_cost=factor * price) for factor in (0.97, 1.1)
    )
    assert below.chosen.expensive_calls > 0
    assert not above.chosen.expensive_calls


@pytest.mark.parametrize("factor", [0.98, 1.02])
def test_break_even_prices_of_a_long_log_are_of_all_its_rows(factor):
    log = skewed(25_000)
    price = planned(log, load=0.9, cheap_cost=0.1, expensive_cost=0.5).break_even_expensive
    plan = planned(log, load=0.9, cheap_cost=0.1, expensive_cost=factor * price)
    assert (plan.chosen.expensive_calls > 0) == (plan.break_even_expensive > factor * price)
    exact = expect(plan.policy, log, load=0.9, cheap_cost=0.1, expensive_cost=0.5)
    without = min(each.cost for each in plan.candidates if not each.expensive_calls)
    if exact.expensive_calls:
        gain = (without - exact.response_time - 0.1 * exact.cheap_calls) / exact.expensive_calls
        assert plan.break_even_expensive >= gain * (1 - 1e-12)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"load": None}, "no arrivals to measure"),
        ({"load": 1.0}, "load is 1.0, but must be below 1"),
        ({"load": 0.5, "rate": 0.1}, "exactly one of them"),
        ({"load": None, "rate": 5.0}, "rate is 5.0, but must be below 0.6"),
        ({"cheap_cost": -1}, "cheap_cost is -1"),
        ({"expensive_cost": math.inf}, "expensive_cost is inf, but must be finite"),
        ({"charge": "later"}, "charge is 'later', but must be one of external, server"),
        ({"charge": "server", "preemptive": False}, "preemptive is False"),
        ({"charge": "server", "memory_weight": 1.0}, "memory_weight is 1.0"),
        ({"servers": 0}, "servers is 0"),
        ({"goal": "p50"}, "goal is 'p50', but must be one of mean, p95, p99"),
        ({"slo": -1}, "slo is -1, but must be above 0"),
        ({"servers": 2.5}, "servers is 2.5"),
        ({"bootstrap": -1}, "bootstrap is -1"),
        ({"bootstrap": "many"}, "bootstrap is 'many'"),
        ({"min_gain": -0.1}, "min_gain is -0.1"),
        ({"switch_cost": (0.1,)}, "switch_cost is"),
        ({"seed": -1}, "seed is -1, but must be a whole number from 0"),
        ({"seed": 0.5}, "seed is 0.5, but must be a whole number"),
        ({"bootstrap": 10**9}, "bootstrap is 1000000000, but must be a whole number from 0 to 100000"),
        ({"preemptive": "no"}, "preemptive is 'no', but must be True or False"),
        ({"candidates": 3}, "candidates is 3, but must be a sequence of policies"),
    ],
)
def test_a_wrong_option_is_refused_with_its_rule(options, message):
    with pytest.raises(InvalidInput, match=message):
        planned(**options)


@pytest.mark.parametrize(
    ("size", "servers", "load", "enough"), [(2.0, 1, "2", 3), (1.0, 1, "1", 2), (6.5, 4, "1.62", 7)]
)
def test_a_log_that_arrives_as_fast_as_it_can_be_served_or_faster_needs_a_load_or_more_servers(
    size, servers, load, enough
):
    log = Log([size] * 3, arrival=[0, 1, 2])
    with pytest.raises(
        InvalidInput, match=rf"make a load of {load} for each server, but .*--servers {enough}\), or name the load"
    ):
        plan_queue(log, servers=servers)
    assert plan_queue(log, servers=enough, bootstrap=0).setting.load < 1


def test_what_was_promised_has_an_interval_around_it():
    plan = planned(skewed(500), bootstrap=30)
    assert isinstance(plan.expected, Outcome)
    assert plan.expected.low < plan.expected.value < plan.expected.high


def test_candidates_that_let_jobs_finish_do_without_preemption():
    gentle = [SPJF(), TRAIL(0.0), SkipPredict(1.5, preemptive=False)]
    plan = planned(candidates=gentle, preemptive=False)
    assert plan.clairvoyant.value <= plan.expected.value < planned(candidates=[], preemptive=False).expected.value


class Probe:
    """A predictor with a price."""

    def __init__(self, price):
        self.price = price

    def predict(self, features):
        return features[:, 0]


def test_a_price_or_a_predictor_is_taken_in_the_unit_of_the_sizes():
    for cost in (Price(seconds=0.5), Price(seconds=0.5, bytes=8), Probe(Price(seconds=0.5))):
        plan = planned(expensive_cost=cost)
        assert plan.setting.expensive_cost == 0.5
        assert plan.unit == "seconds"
    assert planned(expensive_cost=Price(bytes=8)).setting.expensive_cost == 0
    assert planned(skewed(50, unit="pages"), cheap_cost=Price(amount=2, unit="pages")).setting.cheap_cost == 2


@pytest.mark.parametrize(
    ("unit", "options", "message"),
    [
        ("tokens", {"cheap_cost": Price(seconds=2)}, "cheap_cost is 2 s per call, but sizes are in tokens; convert"),
        (None, {"cheap_cost": Price(seconds=2), "expensive_cost": Price(tokens=3)},
         "expensive_cost is 3 tokens per call, but sizes are in seconds; convert"),
        (None, {"cheap_cost": Price(seconds=2, tokens=3)}, "but sizes are in one unit; convert"),
    ],
)  # fmt: skip
def test_a_price_in_another_unit_is_refused(unit, options, message):
    with pytest.raises(InvalidInput, match=message):
        planned(skewed(50, unit=unit), **options)


def test_a_long_log_is_searched_on_a_sample_and_its_figures_are_of_all_rows(monkeypatch):
    monkeypatch.setattr("beforehand.scheduling.plan.search.SAMPLED_ROWS", 40)
    log = skewed(200, seed=3)
    plan = planned(log, load=0.9, cheap_cost=0.1, expensive_cost=0.5)
    assert plan.expected.value == pytest.approx(
        expect(plan.policy, log, load=0.9, cheap_cost=0.1, expensive_cost=0.5).cost, rel=1e-12
    )


def test_a_candidate_that_differs_from_a_stock_policy_in_the_sixth_digit_is_tried():
    log = skewed(500)
    stock = next(each.policy for each in planned(log).candidates if isinstance(each.policy, LAS))
    near = LAS(quantum=stock.quantum * 1.00001)
    assert near in [each.policy for each in planned(log, candidates=[near]).candidates]


@pytest.mark.parametrize(("servers", "warned"), [(1, True), (2, True), (3, False)])
def test_many_jobs_at_once_are_warned_of(monkeypatch, servers, warned):
    few_jobs(monkeypatch, 2_000)
    log = Log(np.ones(401), arrival=np.arange(401) * 0.4)  # 2.5 at a time
    plan = planned(log, load=0.5, servers=servers)
    assert plan.jobs_at_once == pytest.approx(2.5)
    assert bool(plan.warnings) == warned
    if warned:
        assert f"2.5 of these jobs ran at once on average, more than {servers} server" in plan.warnings[0]
    tokens = Log(log.size, arrival=log.arrival, unit="tokens", time_unit="seconds")
    assert planned(tokens, load=0.5, servers=servers).jobs_at_once is None
    assert planned(load=0.5, servers=servers).jobs_at_once is None
