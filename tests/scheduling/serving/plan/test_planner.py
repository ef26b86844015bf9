import numpy as np
import pytest

from beforehand.core import Price, Trace
from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.classic import FCFS, SPJF, SPRPT
from beforehand.scheduling.policies.shortest_work import ShortestWork
from beforehand.scheduling.serving.plan import ServingPlan, audit, plan_serving
from beforehand.scheduling.serving.plan.search import orders
from beforehand.scheduling.serving.plan.traffic import Traffic
from beforehand.scheduling.serving.simulator.prompts import Recorded
from beforehand.scheduling.serving.simulator.simulate import simulate
from tests.scheduling.serving.plan.small import ENGINE, PROFILE, traffic


def plan(trace, **options):
    return plan_serving(trace, **{"profile": PROFILE, "seeds": 2, "lengths": "exact", **ENGINE, **options})


BUSY = traffic()


@pytest.fixture(scope="module")
def busy():
    return plan(BUSY)


def test_where_many_wait_and_lengths_are_known_an_order_by_length_is_worth_it(busy):
    assert busy.verdict == "worth it"
    assert busy.chosen.reads
    assert busy.expected.value < 0.9 * busy.baseline.value
    assert busy.gain.low > 0.02
    assert busy.gain.value == pytest.approx(1 - busy.expected.value / busy.baseline.value)
    assert isinstance(busy.policy, Boosted)
    assert not busy.policy.is_auto
    assert 0 < busy.bound


def test_what_the_plan_expects_is_what_its_design_does_on_the_sample(busy):
    run = simulate(BUSY, **busy.build()).summary()
    assert run["mean_net_latency"] == busy.expected.value == busy.chosen.cost
    assert {name: run[name] for name in busy.figures} == {name: each.value for name, each in busy.figures.items()}
    first_come = simulate(BUSY, profile=PROFILE, policy=FCFS(), **ENGINE).summary()
    assert first_come["mean_net_latency"] == busy.baseline.value


def test_the_choice_is_within_two_percent_of_the_best_that_was_simulated(busy):
    within = [each.cost for each in busy.candidates if (each.p99_most or each.p99_ratio) <= 1.3]
    assert busy.expected.value <= 1.02 * min(within)


def test_the_p99_stays_within_the_limit_on_all_draws(busy):
    assert busy.chosen.p99_most <= 1.3
    careful = plan(BUSY, max_p99_ratio=1.0, candidates=[SPJF()])
    assert careful.p99_ratio.high <= 1.0


def test_the_short_gain_and_the_table_says_who_loses(busy):
    tokens, before, after = np.array(busy.by_length).T
    assert (np.diff(tokens) >= 0).all()
    assert after[0] < before[0]
    assert after[-1] - before[-1] > after[0] - before[0]
    assert before.mean() == pytest.approx(busy.baseline.value, rel=0.01)


def test_where_hardly_anybody_waits_nothing_else_is_tried_and_the_plan_says_from_when_it_would_matter():
    calm = {"every": 9.0, "longest": 100}
    idle = plan(traffic(**calm))
    assert (idle.verdict, idle.design) == ("don't bother", "FCFS")
    assert len(idle.candidates) == 1
    assert idle.load.waiting < 0.05
    assert idle.load.pays_from > idle.load.rate
    factor = idle.load.pays_from / idle.load.rate
    arrival = traffic(**calm)["arrival"] / factor
    faster = simulate(traffic(**calm, arrival=arrival), profile=PROFILE, policy=FCFS(), **ENGINE).summary()
    assert faster["ttft"] / faster["mean_net_latency"] >= 0.05
    assert "It would matter from" in idle.explain()


def test_a_prediction_that_says_nothing_is_not_bought():
    same = plan(traffic(longest=7, every=0.06), lengths=np.full(260, 5.0), candidates=[SPJF(), ShortestWork()])
    assert not same.chosen.reads


def test_an_expensive_prediction_is_not_bought_and_a_cheap_one_is():
    lengths = BUSY["output_tokens"].astype(float)
    orders = {"candidates": [SPJF()]}
    assert plan(BUSY, lengths=Recorded(lengths, Price(seconds=1e-6, per="request")), **orders).chosen.reads
    dear = plan(BUSY, lengths=Recorded(lengths, Price(seconds=2.0, per="request")), **orders)
    assert not dear.chosen.reads
    assert dear.worth.price < 2.0


def test_the_break_even_price_is_where_the_design_does_no_better(busy):
    lengths = BUSY["output_tokens"].astype(float)

    def at(seconds):
        paid = Recorded(lengths, Price(seconds=seconds, per="request"))
        options = busy.build() | {"lengths": paid}
        return simulate(BUSY, **options).summary()["mean_net_latency"]

    assert at(0.8 * busy.worth.price) < busy.baseline.value < at(1.25 * busy.worth.price)


class Refreshed:
    """Says exactly what is left, for next to nothing."""

    price = Price(seconds=1e-6, per="refresh")

    def draw(self, left, progress, rng):
        return left


def test_the_break_even_price_of_a_refresh_is_where_the_design_does_no_better(busy):
    given = {"lengths": 10.0 + np.arange(260.0) % 20, "refine": Refreshed(), "refine_every": 4}
    found = plan(BUSY, candidates=[SPRPT()], seeds=1, **given)
    assert "refreshing a prediction takes less than" in found.explain()
    assert busy.worth.refresh_price is None

    def at(seconds):
        dear = Refreshed()
        dear.price = Price(seconds=seconds, per="refresh")
        options = found.build() | {"lengths": given["lengths"], "refine": dear}
        return simulate(BUSY, **options).summary()["mean_net_latency"]

    assert at(0.8 * found.worth.refresh_price) < found.baseline.value < at(1.25 * found.worth.refresh_price)


def test_what_is_exact_has_no_error_to_multiply(busy):
    assert busy.worth.error is None
    errors = np.random.default_rng(1).lognormal(0, 0.5, len(BUSY))
    noisy = plan(BUSY, lengths=BUSY["output_tokens"] * errors, candidates=[SPJF()], seeds=1)
    assert noisy.worth.error > 1


def test_the_same_arguments_give_the_same_plan():
    options = {"candidates": [SPJF()], "seeds": 1}
    again = plan(BUSY, **options).to_json()
    assert again == plan(BUSY, **options).to_json()
    assert again != plan(BUSY, seed=5, **options).to_json()


def test_calls_bring_handlings_and_lamps_and_swapping_only_with_a_host_tier():
    trace = traffic(200, every=0.5, longest=12, calls=1)
    without = plan(trace, seeds=1, candidates=orders(Traffic(trace, predicted=np.ones(400)))[-1:])
    assert without.calls == 200
    assert {each.family for each in without.candidates} == {"FCFS", "LAMPS", "ShortestWork(0)"}
    assert all(each.handling is not None for each in without.candidates)
    assert not any('swap": true' in each.handling or '"swap"}' in each.handling for each in without.candidates)
    assert simulate(trace, **without.build()).summary()["mean_net_latency"] == without.expected.value
    host = plan(trace, seeds=1, host_tokens=100_000, candidates=[(ShortestWork(decode=0.0), "swap")])
    assert "Always(swap)" in {each.design.rpartition(" + ")[2] for each in host.candidates}


def test_durations_may_be_given_call_by_call():
    trace = traffic(220, every=0.6, calls=1, seed=3)
    seconds = trace.children["calls"]["seconds"]
    options = {"candidates": [(SPJF(), '{"handling": "min_waste"}')], "seeds": 1}
    given, exact = (plan(trace, durations=each, **options) for each in (seconds, "exact"))
    assert given.known.durations == "given"
    assert [each.cost for each in given.candidates] == [each.cost for each in exact.candidates]
    with pytest.raises(InvalidInput, match=r"durations has shape \(2,\)"):
        plan(trace, durations=[1.0, 2.0], **options)


def test_a_second_predictor_brings_the_policies_that_ask_twice():
    lengths = BUSY["output_tokens"].astype(float)
    cheap = lengths * np.random.default_rng(1).lognormal(0, 1.0, len(BUSY))
    prices = Price(seconds=1e-5, per="request"), Price(seconds=1e-2, per="request")
    found = plan(BUSY, lengths=Recorded(cheap, prices[0]), expensive=Recorded(lengths, prices[1]), seeds=1)
    assert {"SkipPredict", "Skip"} <= {each.family for each in found.candidates}
    asked = {each.family: each.predictions for each in found.candidates}
    assert asked["Skip"]["expensive"] < asked["ShortestWork"]["expensive"] == 1.0
    assert asked["ShortestWork(0)"] == {}
    assert found.known.cheap.error > found.known.accuracy.error == 0.0


def test_goodput_is_made_large():
    found = plan(BUSY, objective="goodput", slo={"ttft": 2.0}, candidates=[SPJF()])
    good = simulate(BUSY, **found.build()).summary()["goodput"]
    assert good == pytest.approx(1 - found.expected.value)
    assert found.expected.value < found.baseline.value


def test_candidates_may_be_named_with_their_handling_and_their_guard():
    mine = Boosted(SPJF(), boost=5.0, knee=20.0)
    found = plan(BUSY, candidates=[mine, FCFS()], seeds=1)
    assert {each.policy for each in found.candidates if each.family == "SPJF"} == {mine}
    assert {each.family for each in found.candidates} == {"FCFS", "SPJF", "ShortestWork(0)"}


def test_conversations_that_never_fit_are_refused_or_left_out():
    output = np.where(np.arange(260) == 7, 21_000, BUSY["output_tokens"])
    trace = traffic(output_tokens=output)
    with pytest.raises(CapacityExceeded, match="request 7"):
        plan(trace)
    options = {"reject_oversized": True, "candidates": [SPJF()], "seeds": 1}
    assert plan(trace, **options).conversations == 259
    assert plan(trace, lengths=output.astype(float), **options).conversations == 259


def test_progress_is_told_in_words():
    told = []
    plan(traffic(every=9.0, longest=100), progress=told.append)
    assert told[0] == "reading predictions"
    assert "measuring the load" in told


def test_the_audit_takes_a_plan(busy):
    assert audit(busy, traffic(seed=4)).area == "scheduling.serving"
    with pytest.raises(InvalidInput, match="must be a ServingPlan"):
        audit("plan", BUSY)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"objective": "speed"}, "objective is 'speed', but must be one of mean_net_latency"),
        ({"objective": "goodput"}, "objective is 'goodput', but slo is None"),
        ({"max_p99_ratio": 0.9}, "max_p99_ratio is 0.9"),
        ({"min_gain": -0.1}, "min_gain is -0.1"),
        ({"min_gain": float("nan")}, "min_gain is nan"),
        ({"seeds": 0}, "seeds is 0"),
        ({"lengths": "guessed"}, "lengths is 'guessed'"),
        ({"lengths": np.ones(3)}, r"lengths has shape \(3,\)"),
        ({"lengths": np.full(260, np.nan)}, "lengths is nan at segment 0"),
        ({"max_num_seqs": 0}, "max_num_seqs is 0"),
        ({"slots": 3}, "engine is 'slots'"),
        ({"watermark": 2.0}, "watermark is 2"),
        ({"resume": "later"}, "resume is 'later'"),
        ({"profile": "llama"}, "profile is 'llama'"),
        ({"slo": {"tpot": 1.0}}, "slo is 'tpot'"),
        ({"candidates": ["fcfs"]}, "policy is 'fcfs'"),
        ({"candidates": SPJF()}, "must be a sequence of orders"),
        ({"candidates": [(SPJF(), "keep")]}, "handling"),
    ],
)
def test_what_is_out_of_range_is_named(options, words):
    with pytest.raises(InvalidInput, match=words):
        plan(BUSY, **options)


def test_too_few_conversations_and_other_kinds_are_refused():
    with pytest.raises(InvalidInput, match="the trace has 100 conversations, but a plan needs at least 200"):
        plan(traffic(100))
    with pytest.raises(InvalidInput, match="the trace holds 'jobs'"):
        plan(Trace("jobs", {"size": np.ones(300)}))
    assert isinstance(plan(traffic(200, every=9.0, longest=100)), ServingPlan)
