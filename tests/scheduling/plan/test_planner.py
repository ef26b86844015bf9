import json
import math
import re
from fractions import Fraction

import numpy as np
import pytest

from beforehand.core import Outcome, Price, Trace
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling import (
    FCFS,
    LAS,
    SPJF,
    SPRPT,
    TRAIL,
    DelayPredict,
    Log,
    PredictionQueue,
    QueuePlan,
    SkipPredict,
    audit,
    expect,
    plan_queue,
)
from beforehand.scheduling.plan.planner import curves

SIX = Log([1, 2, 0.5, 4, 1, 1.5], expensive=[1, 1, 1, 3, 2, 0], cheap=[1, 2, 0.5, 3, 3, 0.5])


def skewed(rows, seed=0, *, arrivals=False):
    random = np.random.default_rng(seed)
    size = random.exponential(size=rows) ** 2
    noise = {
        name: size * np.exp(sigma * random.standard_normal(rows)) for name, sigma in (("cheap", 1), ("expensive", 0.3))
    }
    arrival = np.cumsum(random.exponential(size.mean() / 0.8, rows)) if arrivals else None
    return Log(size, **noise, arrival=arrival)


def planned(log=SIX, **options):
    return plan_queue(log, **{"load": 0.8, "preemptive": True, "bootstrap": 0} | options)


def test_the_golden_log_gets_the_policy_with_the_smallest_exact_cost():
    plan = planned(cheap_cost=1 / 20, expensive_cost=1 / 10)
    assert plan.policy == SkipPredict(2.0, long_order="size")
    assert plan.expected.value == pytest.approx(float(Fraction(50599, 11115)), rel=1e-12)
    runner_up = next(each for each in plan.candidates[1:])
    assert runner_up.policy == SkipPredict(2.0)
    assert runner_up.cost == pytest.approx(float(Fraction(101323, 22230)), rel=1e-12)
    assert plan.baseline.value == pytest.approx(float(Fraction(197, 30)), rel=1e-12)
    assert plan.clairvoyant.value == pytest.approx(float(Fraction(1056733, 254592)), rel=1e-12)


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


def test_a_skewed_log_is_worth_predicting_and_the_holdout_agrees():
    plan = plan_queue(skewed(3000), load=0.9, cheap_cost=0.1, expensive_cost=0.5, preemptive=True, bootstrap=50)
    assert plan.verdict == "worth it"
    assert plan.saving.low > plan.min_gain
    report = audit(plan, skewed(3000, seed=1), bootstrap=50)
    assert report.verdict == "worth it"
    assert report.clairvoyant.value < report.measured.value < report.baseline.value
    assert report.price == plan.price


def test_the_audit_replays_real_arrivals_at_the_planned_load():
    plan = planned(skewed(500), load=0.6)
    assert "real arrival times, stretched to load 0.60" in audit(plan, skewed(500, 1, arrivals=True), bootstrap=0).why
    assert "arrival" not in audit(plan, skewed(500, 1), bootstrap=0).why


def test_a_missing_column_takes_its_families_with_it():
    no_cheap = planned(Log(SIX.size, expensive=SIX.expensive))
    assert not {"1-bit", "SkipPredict", "SPRPT cheap"} & {each.family for each in no_cheap.candidates}
    blind = planned(Log(SIX.size))
    assert {each.family for each in blind.candidates} == {"FCFS", "LAS", "PS"}
    assert blind.verdict == "don't bother"


def test_shorts_that_were_never_asked_limit_the_threshold():
    log = Log(SIX.size, cheap=SIX.cheap, expensive=[math.nan, 1, math.nan, 3, 2, math.nan])
    plan = planned(log, expensive_cost=0.01)
    thresholds = {each.policy.threshold for each in plan.candidates if isinstance(each.policy, SkipPredict)}
    assert thresholds
    assert min(thresholds) > 1


def test_jobs_that_ended_before_they_were_asked_limit_the_delay():
    log = Log(SIX.size, expensive=[math.nan, 1, math.nan, 3, math.nan, 0])
    limits = {each.policy.limit for each in planned(log).candidates if isinstance(each.policy, DelayPredict)}
    assert limits
    assert min(limits) >= 1


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


def test_predictions_on_the_server_are_work_of_the_policy_and_not_of_the_queue_that_is_built():
    plan = planned(skewed(500), charge="server", cheap_cost=0.02, expensive_cost=0.05, load=0.8)
    assert plan.chosen.cost == plan.chosen.response_time
    assert plan.chosen.utilisation > 0.8 or plan.chosen.family == "LAS"
    assert not any(each.family.startswith("PSPJF") for each in plan.candidates)
    assert plan.break_even_cheap is None
    queue = plan.build(cheap=lambda features: 1.0, expensive=lambda features: 1.0)
    assert isinstance(queue, PredictionQueue)


def test_break_even_prices_are_where_the_choice_turns():
    log = skewed(400)
    base = planned(log, load=0.9, cheap_cost=0.1, expensive_cost=0.2)
    price = base.break_even_expensive
    below, above = (planned(log, load=0.9, cheap_cost=0.1, expensive_cost=price * f) for f in (0.97, 1.03))
    assert below.chosen.expensive_calls > 0
    assert above.chosen.expensive_calls == 0


def test_several_servers_are_simulated_on_the_same_jobs(monkeypatch):
    monkeypatch.setattr("beforehand.scheduling.plan.planner.FINAL_JOBS", 50_000)
    monkeypatch.setattr("beforehand.scheduling.plan.resampling.SIMULATED_JOBS", 50_000)
    plan = planned(skewed(500), load=0.8, servers=2, expensive_cost=0.1, cheap_cost=0.05, bootstrap=3)
    assert "2 servers, simulated" in plan.model
    assert plan.largest is None
    assert plan.winners == ()
    assert plan.verdict == "worth it"
    again = planned(skewed(500), load=0.8, servers=2, expensive_cost=0.1, cheap_cost=0.05, bootstrap=3)
    assert again == plan


def test_candidates_of_the_caller_are_tried_beside_the_blind_ones():
    plan = planned(candidates=[SPJF(), SPRPT()])
    assert {each.design for each in plan.candidates} >= {"SPJF", "SPRPT", "FCFS"}
    assert plan.design == "SPRPT"


@pytest.mark.parametrize("policy", [SPRPT(), TRAIL(0.5), SkipPredict(1.5), LAS(quantum=1.0)], ids=str)
def test_a_candidate_that_sets_jobs_aside_needs_a_server_that_can(policy):
    with pytest.raises(InvalidInput, match="which sets jobs aside, but preemptive is False"):
        planned(candidates=[policy], preemptive=False)
    gentle = [SPJF(), TRAIL(0.0), SkipPredict(1.5, preemptive=False)]
    plan = planned(candidates=gentle, preemptive=False)
    assert plan.clairvoyant.value <= plan.expected.value < planned(candidates=[], preemptive=False).expected.value


def test_the_load_is_measured_from_the_arrivals_of_a_trace():
    log = skewed(2000, arrivals=True)
    trace = Trace("jobs", {"size": log.size, "expensive": log.expensive, "arrival": log.arrival})
    assert plan_queue(trace, bootstrap=0).setting.load == pytest.approx(0.8, rel=0.1)


def test_a_price_is_taken_by_its_seconds():
    assert planned(expensive_cost=Price(seconds=0.5)).setting.expensive_cost == 0.5


def test_long_logs_are_searched_on_a_sample_and_judged_on_all_rows():
    log = skewed(25_000)
    plan = planned(log, load=0.9, cheap_cost=0.1, expensive_cost=0.5)
    policy = plan.policy
    exact = expect(policy, log, load=0.9, cheap_cost=0.1, expensive_cost=0.5)
    assert plan.expected.value == pytest.approx(exact.cost, rel=1e-12)


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


def test_the_largest_jobs_and_the_loads_around_are_shown():
    plan = planned(skewed(1000), load=0.9)
    assert plan.largest[0] > plan.largest[1]
    assert [load for load, _ in plan.winners] == pytest.approx([0.72, 0.81, 0.9, 0.99])


def test_the_words_hold_the_numbers():
    plan = planned(skewed(1000), load=0.9, cheap_cost=0.1, expensive_cost=0.5)
    words = plan.explain()
    for needed in (
        "load 0.90",
        "1,000 jobs",
        "SCV",
        "worth up to",
        "largest 1 %",
        "should_yield",
        "Assumed: Poisson",
        "stability margin 0.100",
        f"predictions for {plan.price.seconds:.4g}.",
    ):
        assert needed in words


def test_curves_rise_with_the_load_and_the_clairvoyant_lies_lowest():
    log = skewed(300)
    drawn = curves(planned(log), log, [0.2, 0.5, 0.8])
    best = drawn.pop("clairvoyant")
    for line in drawn.values():
        assert (np.diff(line) > 0).all()
        assert (line >= best - 1e-9).all()


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


def test_a_log_that_arrives_faster_than_it_can_be_served_needs_a_load():
    with pytest.raises(InvalidInput, match="less than 1; pass load"):
        plan_queue(Log([2, 2, 2], arrival=[0, 1, 2]))


def test_json_with_infinite_costs_is_read_again():
    plan = planned(skewed(200), charge="server", cheap_cost=0.2, expensive_cost=0.9, load=0.9)
    assert any(math.isinf(each.cost) for each in plan.candidates)
    assert QueuePlan.from_json(plan.to_json()) == plan


def test_json_holds_what_a_job_pays_and_how_far_saturation_is():
    plan = planned(skewed(500), charge="server", cheap_cost=0.02, expensive_cost=0.05)
    told, chosen = json.loads(plan.to_json()), plan.chosen
    paid = 0.02 * chosen.cheap_calls + 0.05 * chosen.expensive_calls
    assert told["price"]["seconds"] == pytest.approx(paid)
    assert told["stability_margin"] == pytest.approx(1 - 0.8 * (1 + paid / plan.mean))


@pytest.mark.parametrize("change", [{"area": "ranges"}, {"policy": {"policy": "fcfs"}}, {"setting": 3},
                                    {"verdict": "perhaps"}, {"largest": "none"}], ids=str)  # fmt: skip
def test_damaged_json_is_corrupt(change):
    told = json.loads(planned().to_json()) | change
    with pytest.raises(CorruptData, match="no plan for scheduling"):
        QueuePlan.from_json(json.dumps(told))


def test_numbers_from_numpy_are_written_too():
    options = {"seed": np.int64(1), "servers": np.int32(1), "min_gain": np.float32(0.25), "preemptive": np.bool_(False)}
    plan = planned(load=np.float32(0.5), **options)
    assert QueuePlan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize("value", ["NaN", "Infinity", "[]", "null", "1" + "0" * 400])
@pytest.mark.parametrize("name", ["cheap_calls", "utilisation"])
def test_figures_edited_into_nonsense_are_corrupt(name, value):
    text = planned().to_json()
    edited = re.sub(rf'"{name}": [^,\n]*', f'"{name}": {value}', text, count=1)
    with pytest.raises(CorruptData, match="no plan for scheduling"):
        QueuePlan.from_json(edited)


def test_an_audit_wants_a_plan():
    with pytest.raises(InvalidInput, match="plan is 3, but must be a QueuePlan; pass what plan_queue returned"):
        audit(3, skewed(10))


def test_what_was_promised_has_an_interval_around_it():
    plan = planned(skewed(500), bootstrap=30)
    assert isinstance(plan.expected, Outcome)
    assert plan.expected.low < plan.expected.value < plan.expected.high
