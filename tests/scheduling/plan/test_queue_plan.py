"""A plan on paper: its words, its JSON, its prices, the queue that it builds, and its audit."""

import json
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from beforehand.core import Price, Trace, load_plan
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling import (
    FCFS,
    LAS,
    SPRPT,
    Log,
    PredictionQueue,
    QueuePlan,
    audit,
    expect,
    plan_queue,
    replay,
    simulate,
)
from beforehand.scheduling.plan.drawn_jobs import DrawnJobs
from tests.scheduling.designs import few_jobs, planned, skewed


def test_a_skewed_log_is_worth_predicting_and_the_holdout_agrees():
    plan = plan_queue(skewed(3000), load=0.9, cheap_cost=0.1, expensive_cost=0.5, preemptive=True, bootstrap=50)
    assert plan.verdict == "worth it"
    assert plan.saving.low > plan.min_gain
    report = audit(plan, skewed(3000, seed=1), bootstrap=50)
    assert report.verdict == "worth it"
    assert report.clairvoyant.value < report.measured.value < report.baseline.value
    assert report.price == plan.price


def replayed(why):
    """The mean responses that an audit has found on real arrival times: the plan's, and first come, first served."""
    found = re.search(r"stretched to load 0.60, the mean response is (\S+) against (\S+) first come, first served", why)
    return [float(number) for number in found.groups()]


@pytest.mark.parametrize("faster", [1.0, 3.0])
def test_the_audit_replays_real_arrivals_at_the_planned_load(faster):
    plan, holdout = planned(skewed(500), load=0.6), skewed(500, 1, arrivals=True)
    arrival = holdout.arrival - holdout.arrival[0]
    stretched = holdout.arriving(arrival * (holdout.rate * holdout.mean / 0.6))
    assert stretched.rate * stretched.mean == pytest.approx(0.6)
    wanted = [np.mean(replay(policy, stretched).completion - stretched.arrival) for policy in (plan.policy, FCFS())]
    report = audit(plan, holdout.arriving(arrival / faster), bootstrap=0)
    assert replayed(report.why) == pytest.approx(wanted, rel=1e-3)
    assert "arrival" not in audit(plan, skewed(500, 1), bootstrap=0).why


def test_the_audit_is_the_method_and_the_function():
    plan, holdout = planned(skewed(300), expensive_cost=0.1), skewed(300, 1)
    assert plan.audit(holdout, bootstrap=10, seed=2) == audit(plan, holdout, bootstrap=10, seed=2)
    assert plan.audit(holdout, bootstrap=10, seed=2) != plan.audit(holdout, bootstrap=10, seed=3)


def test_an_audit_measures_the_cost_of_the_planned_policy_on_the_holdout():
    plan, holdout = planned(skewed(300), load=0.9, cheap_cost=0.1, expensive_cost=0.5), skewed(300, 1)
    report = plan.audit(holdout, bootstrap=0)
    options = {"load": 0.9, "cheap_cost": 0.1, "expensive_cost": 0.5}
    assert report.measured.value == pytest.approx(expect(plan.policy, holdout, **options).cost)
    assert report.baseline.value == pytest.approx(expect(LAS(quantum=0), holdout, load=0.9).cost)
    exact = Log(holdout.size, expensive=holdout.size)
    assert report.clairvoyant.value == pytest.approx(expect(SPRPT(), exact, load=0.9).response_time)
    saved = 100 * (1 - report.measured.value / report.baseline.value)
    assert report.why.startswith(f"it saves {saved:.1f} % ")


def test_a_plan_for_several_servers_is_audited_by_simulation(monkeypatch):
    few_jobs(monkeypatch, 20_000)
    plan = planned(skewed(300), servers=2, expensive_cost=0.1)
    report = plan.audit(skewed(300, 1), bootstrap=0, seed=5)
    same = simulate(plan.policy, skewed(300, 1), load=0.8, servers=2, jobs=20_000, seed=5)
    paid = 0.1 * same.expensive_calls
    assert report.measured.value == pytest.approx(same.response_time + paid)
    assert report.clairvoyant.value < report.measured.value < report.baseline.value
    real = skewed(300, 1, arrivals=True)
    stretched = real.arriving((real.arrival - real.arrival[0]) * real.rate * real.mean / (0.8 * 2))
    mean = np.mean(replay(plan.policy, stretched, servers=2).completion - stretched.arrival)
    assert f"the mean response is {mean:.4g} against" in plan.audit(real, bootstrap=0).why


@pytest.mark.parametrize("goal", [{"goal": "p99"}, {"goal": "p95"}, {"slo": 5.0}], ids=str)
def test_an_audit_has_the_goal_of_the_plan(monkeypatch, goal):
    few_jobs(monkeypatch, 20_000)
    plan, holdout = planned(skewed(300), expensive_cost=0.1, **goal), skewed(300, 1, arrivals=True)
    report = plan.audit(holdout, bootstrap=0, seed=5)
    assert report.metric == plan.setting.metric
    drawn = DrawnJobs.like(holdout, plan.setting, 20_000, 5)
    run = drawn.run(plan.policy)
    assert report.measured.value == plan.setting.goal_of(run.response, 0.1 * run.expensive_calls)
    assert report.measured.value < report.baseline.value
    stretched = holdout.at_load(0.8)
    real = plan.setting.goal_of(replay(plan.policy, stretched).completion - stretched.arrival)
    shown = f"{real:.4g}" if "goal" in goal else f"{100 * real:.3g} %"
    assert f"stretched to load 0.80, the {plan.setting.figure} is {shown} against" in report.why
    assert QueuePlan.from_json(plan.to_json()) == plan
    assert f"Expected {plan.setting.metric}: " in plan.explain()


@pytest.mark.parametrize(("planned_in", "audited_in"), [("tokens", "tokens"), (None, "tokens"), ("tokens", None)])
def test_a_holdout_is_in_the_unit_of_the_plan_as_far_as_they_are_known(planned_in, audited_in):
    plan = planned(skewed(100, unit=planned_in))
    assert plan.audit(skewed(100, 1, unit=audited_in), bootstrap=0).price == plan.price
    with pytest.raises(InvalidInput, match="the holdout's sizes are in seconds, but the plan's in tokens; convert"):
        planned(skewed(100, unit="tokens")).audit(skewed(100, 1, unit="seconds"))


@pytest.mark.parametrize(
    ("unit", "price", "words"),
    [
        ("tokens", "30 tokens per job", "Times and costs are in tokens."),
        ("seconds", "30 s per job", "Times and costs are in seconds."),
        ("pages", "30 pages per job", "Times and costs are in pages."),
        (None, "30 size units per job", "Times and costs are in the unit of the sizes."),
    ],
)
def test_prices_are_in_the_unit_of_the_log(unit, price, words):
    sizes = [100.0, 200.0, 50.0, 4000.0]
    plan = plan_queue(Log(sizes, expensive=sizes, unit=unit), load=0.8, expensive_cost=30.0, bootstrap=0)
    assert str(plan.price) == price
    assert words in plan.explain()
    assert QueuePlan.from_json(plan.to_json()) == plan


def test_a_trace_says_its_unit():
    sizes = [100.0, 200.0, 50.0, 4000.0]
    trace = Trace("jobs", {"size": sizes, "expensive": sizes}, meta={"unit": "tokens"})
    assert plan_queue(trace, load=0.8, expensive_cost=30.0, bootstrap=0).price == Price(tokens=30, per="job")


def test_the_baseline_stands_among_the_alternatives_with_its_interval():
    plan = planned(skewed(500), load=0.9, cheap_cost=0.1, expensive_cost=0.5, bootstrap=20)
    assert plan.baseline in plan.alternatives
    assert plan.baseline.low < plan.baseline.high
    assert len(plan.alternatives) == len(plan.candidates) - 1
    assert all(each.low == each.value == each.high for each in plan.alternatives if each != plan.baseline)


def test_without_preemption_no_plan_assumes_it():
    words = planned(preemptive=False).explain()
    assert " at load 0.80, from 6 jobs" in words
    assert "Assumed: Poisson arrivals, one server, no preemption;" in words
    assert "should_yield" not in words


def test_json_from_before_plans_had_kinds_and_units_is_read(tmp_path):
    plan = planned(skewed(200), expensive_cost=0.1)
    fields = json.loads(plan.to_json())
    assert (fields["area"], fields.pop("kind")) == ("scheduling", "QueuePlan")
    assert fields.pop("unit") is None
    for name in ("missing", "jobs_at_once", "read_with", "advice", "warnings"):
        fields.pop(name)
    for name in ("goal", "slo"):
        fields["setting"].pop(name)
    for each in fields["candidates"]:
        assert (each.pop("p95") is None) == (each.pop("p99") is None)
    fields["price"] = {"seconds": plan.price.amount, "bytes": 0, "tokens": 0.0, "per": "job"}
    (tmp_path / "plan.json").write_text(json.dumps(fields))
    candidates = tuple(replace(each, p95=None, p99=None) for each in plan.candidates)
    assert load_plan(tmp_path / "plan.json") == replace(plan, candidates=candidates)


def test_predictions_on_the_server_are_work_of_the_policy_and_not_of_the_queue_that_is_built():
    plan = planned(skewed(500), charge="server", cheap_cost=0.02, expensive_cost=0.05, load=0.8)
    assert plan.chosen.cost == plan.chosen.response_time
    assert plan.chosen.utilization > 0.8 or plan.chosen.family == "LAS"
    assert not any(each.family.startswith("PSPJF") for each in plan.candidates)
    assert plan.break_even_cheap is plan.break_even_expensive is None
    queue = plan.build(cheap=lambda features: 1.0, expensive=lambda features: 1.0)
    assert isinstance(queue, PredictionQueue)


def test_the_words_hold_the_numbers():
    plan = planned(skewed(1000), load=0.9, cheap_cost=0.1, expensive_cost=0.5)
    words = plan.explain()
    for needed in (
        "load 0.90",
        "1,000 jobs",
        "SCV",
        "worth up to",
        "95 % of jobs are done within",
        "largest 1 %",
        "should_yield",
        "Assumed: Poisson",
        "stability margin 0.100",
        f"predictions for {plan.price.amount:.4g}.",
        "Times and costs are in the unit of the sizes.",
    ):
        assert needed in words


def test_json_with_infinite_costs_is_read_again():
    plan = planned(skewed(200), charge="server", cheap_cost=0.2, expensive_cost=0.9, load=0.9)
    assert any(math.isinf(each.cost) for each in plan.candidates)
    assert QueuePlan.from_json(plan.to_json()) == plan


def test_json_holds_what_a_job_pays_and_how_far_saturation_is():
    plan = planned(skewed(500), charge="server", cheap_cost=0.02, expensive_cost=0.05)
    told, chosen = json.loads(plan.to_json()), plan.chosen
    paid = 0.02 * chosen.cheap_calls + 0.05 * chosen.expensive_calls
    assert told["price"]["amount"] == pytest.approx(paid)
    assert told["price"]["unit"] == "size units"
    assert told["model"] == "Poisson arrivals, one server, free preemption"
    assert told["stability_margin"] == pytest.approx(1 - 0.8 * (1 + paid / plan.mean))


@pytest.mark.parametrize("change", [{"area": "ranges"}, {"policy": {"policy": "fcfs"}}, {"setting": 3},
                                    {"verdict": "perhaps"}, {"largest": "none"}], ids=str)  # fmt: skip
def test_damaged_json_is_corrupt(change):
    told = json.loads(planned().to_json()) | change
    with pytest.raises(CorruptData, match="not a valid QueuePlan"):
        QueuePlan.from_json(json.dumps(told))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mean": 0.0}, "mean is 0.0"),
        ({"mean": math.inf}, "mean is inf"),
        ({"min_gain": math.nan}, "min_gain is nan"),
        ({"jobs": 0}, "jobs is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"policy": FCFS()}, r"policy is FCFS\(.*\), but must be that of the first candidate"),
        ({"verdict": "maybe"}, "verdict is 'maybe', but must be one of worth it, don't bother, unclear"),
        ({"missing": {"cheap": 7}}, "missing cheap is 7, but must be a whole number from 1 to 6"),
        ({"jobs_at_once": math.nan}, "jobs_at_once is nan"),
    ],
    ids=str,
)
def test_a_plan_that_breaks_a_rule_is_refused(change, words):
    with pytest.raises(InvalidInput, match=f"^{words}"):
        replace(planned(), **change)


def test_a_plan_keeps_how_its_log_was_read():
    reading = {"columns": {"size": "Elapsed"}, "where": ["State=COMPLETED"], "assume": {"cheap": 1.0}}
    plan = replace(planned(), read_with=reading)
    assert QueuePlan.from_json(plan.to_json()) == plan
    assert plan.read_with == reading
    assert planned().read_with == {}
    for wrong in ({"seed": math.nan}, {"path": {1}}, 3):
        with pytest.raises(InvalidInput, match="read_with cannot be written as JSON"):
            replace(planned(), read_with=wrong)


def test_numbers_from_numpy_are_written_too():
    options = {"seed": np.int64(1), "servers": np.int32(1), "min_gain": np.float32(0.25), "preemptive": np.bool_(False)}
    plan = planned(load=np.float32(0.5), **options)
    assert QueuePlan.from_json(plan.to_json()) == plan


@pytest.mark.parametrize("value", ["NaN", "Infinity", "[]", "null", "1" + "0" * 400])
@pytest.mark.parametrize("name", ["cheap_calls", "utilization"])
def test_figures_edited_into_nonsense_are_corrupt(name, value):
    text = planned().to_json()
    edited = re.sub(rf'"{name}": [^,\n]*', f'"{name}": {value}', text, count=1)
    with pytest.raises(CorruptData, match="not a valid QueuePlan"):
        QueuePlan.from_json(edited)


def test_an_audit_wants_a_plan():
    with pytest.raises(InvalidInput, match="plan is 3, but must be a QueuePlan; pass what plan_queue returned"):
        audit(3, skewed(10))
