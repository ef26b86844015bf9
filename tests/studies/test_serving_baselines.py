import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Predictor
from beforehand.scheduling import FCFS, SPJF
from beforehand.scheduling.policies.policy import check_policy, depends_on, is_timed
from beforehand.scheduling.policies.view import BANDS, FIRST
from beforehand.scheduling.serving import (
    PROFILES,
    Boosted,
    EngineView,
    ShortestWork,
    ToolView,
    View,
    select_victims,
    simulate,
)
from beforehand.studies.mars_released import MarsReleased, memory_time, score
from beforehand.studies.serving_baselines import HRRN, MLFQ, PLAS, Aged, RankCorrelated, kendall_tau
from beforehand.studies.uniboost import SECONDS_PER_TOKEN, AttainedWork, UniBoost, UniBoostPaper, boost
from beforehand.workloads.requests import azure_conv_like

EVERY = [HRRN(), MLFQ(), PLAS(), Aged(SPJF(), 20.0), MarsReleased(), UniBoost(10.0), UniBoostPaper(0.1)]
ENGINE = EngineView(profile=PROFILES["gptj-6b-a100-40g"], free_host_tokens=10**6, step_seconds=0.02)
ENGINE.update(now=0.0, decoding=128, context_tokens=20_000)


def view(**fields):
    given = {"arrival": 1.0, "sequence": 1, "enqueued": 1.0, "now": 11.0, "predicted": 41.0, "context": 1000}
    return View(**given | {"engine": ENGINE} | fields)


@pytest.mark.parametrize("policy", EVERY, ids=lambda policy: type(policy).__name__)
def test_they_are_policies_that_never_rank_nan(policy):
    check_policy(policy)
    for fields in (
        {},
        {"predicted": math.nan},
        {"tool": ToolView()},
        {"age": 20.0, "state": "running", "started": True},
    ):
        rank = policy.rank(view(**fields))
        assert rank == rank
    assert policy.review_age(view()) == math.inf
    assert policy.stages() is None


@pytest.mark.parametrize("policy", [HRRN(), PLAS(), MarsReleased()], ids=str)
def test_a_running_request_keeps_its_slot(policy):
    assert policy.rank(view(state="running", started=True)) == FIRST


@pytest.mark.parametrize(
    ("policy", "reads"), [(HRRN(), "clock"), (MLFQ(), "clock"), (MarsReleased(), "clock"), (PLAS(), "request")]
)
def test_what_a_rank_reads_is_said(policy, reads):
    assert is_timed(policy) == (reads == "clock")
    assert depends_on(policy) == reads


def test_a_response_ratio_grows_with_waiting_and_falls_with_length():
    assert HRRN().rank(view(now=12.0)) < HRRN().rank(view())
    assert HRRN().rank(view(predicted=400.0)) > HRRN().rank(view())
    assert HRRN().rank(view()) == -(10.0 + 41 * ENGINE.tau_d) / (41 * ENGINE.tau_d)


@pytest.mark.parametrize(
    ("age", "level"), [(0, 0), (15, 0), (16, 1), (31, 1), (32, 2), (1023, 6), (1024, 7), (9999, 7)]
)
def test_a_request_sinks_a_level_with_each_quantum(age, level):
    assert MLFQ().rank(view(age=age, context=1, started=True)) == 4**level


def test_a_long_prompt_skips_the_first_levels_and_a_starved_one_comes_back():
    assert MLFQ().rank(view(context=20_000)) == 4**3  # 79 iterations of 35 ms: 16 * 2**3 of 23 ms cover them
    assert MLFQ().rank(view(context=20_000, now=40.0)) == 1.0


def test_the_next_level_of_a_queue_preempts_and_the_same_does_not():
    running = [view(age=16.0, started=True, state="running", context=1)]
    assert select_victims(MLFQ(), view(context=1), running, free_slots=0) == running
    assert select_victims(MLFQ(), view(age=16.0, context=1), running, free_slots=0) == []


def test_linear_ageing_orders_as_rank_less_alpha_times_waiting():
    policy = Aged(SPJF(), 20.0)
    assert policy.rank(view(predicted=100.0, arrival=3.0)) == 160.0
    assert policy.rank(view(started=True)) == FIRST
    assert policy.asks(view(predicted=math.nan)) == "expensive"
    with pytest.raises(InvalidInput, match="alpha"):
        Aged(SPJF(), 0.0)


@pytest.mark.parametrize(("kendall", "ratio"), [(0.3, 1.963), (0.5, 1.0), (0.7, 0.510), (0.9, 0.158)])
def test_a_predictor_orders_lengths_with_the_correlation_wanted(kendall, ratio):
    predictor = RankCorrelated(kendall, seed=0)
    assert isinstance(predictor, Predictor)
    assert predictor.ratio() == pytest.approx(ratio, abs=5e-4)
    lengths = np.random.default_rng(1).lognormal(4.0, 1.0, 2000)
    assert kendall_tau(predictor.predict(lengths), lengths) == pytest.approx(kendall, abs=0.03)


def test_a_tau_is_that_of_all_pairs():
    random = np.random.default_rng(0)
    first, second = random.integers(0, 9, 30), random.integers(0, 9, 30)
    signs = [np.sign(first[i] - first[j]) * np.sign(second[i] - second[j]) for i in range(30) for j in range(i)]
    assert kendall_tau(first, second) == pytest.approx(np.mean(signs))
    assert math.isnan(kendall_tau(first[:1], second[:1]))


@pytest.mark.parametrize("kendall", [0.0, 1.0, math.nan])
def test_a_correlation_that_no_noise_gives_is_refused(kendall):
    with pytest.raises(InvalidInput, match="kendall"):
        RankCorrelated(kendall, seed=0)


def test_the_released_scores_are_those_of_the_specification():
    scores = [score(each, before=17, after=1, seconds=0.7, in_flight=128) for each in ("preserve", "discard", "swap")]
    assert scores == pytest.approx([959.846, 371.712, 342.816], abs=5e-4)
    assert score(None, before=17, after=1, seconds=9.0, in_flight=128) == memory_time(18, 128)


def test_the_released_rank_goes_by_the_handling_of_least_waste():
    call = ToolView(seconds=0.7, return_tokens=23.0, after_tokens=31.0)
    assert MarsReleased().rank(view(tool=call)) == pytest.approx(959.846, abs=5e-4)
    call.seconds = 28.0
    assert MarsReleased().rank(view(tool=call)) == pytest.approx(342.816 + 0.1 * 27.3, abs=5e-4)


def test_the_released_guard_forgets_those_that_were_never_served():
    assert MarsReleased().rank(view(now=999.0)) > 0
    assert MarsReleased().rank(view(now=999.0, served=5)) == BANDS[0]
    assert MarsReleased(threshold=math.inf).rank(view(now=999.0, served=5)) > 0
    assert MarsReleased(threshold=1000).rank(view(now=11.0, served=5)) > 0


@pytest.mark.parametrize(("tokens", "seconds"), [(100, 0.278070), (1000, 0.074928), (20_000, 2.76e-7)])
def test_the_released_boosts_are_those_of_its_formula(tokens, seconds):
    assert boost(tokens, 10.0) == pytest.approx(seconds, rel=2e-3)


requests = st.builds(
    View,
    arrival=st.floats(0.0, 1000.0),
    sequence=st.integers(0, 1000),
    context=st.integers(1, 20_000),
    engine=st.just(ENGINE),
)


@given(requests, requests, st.floats(0.05, 10.0))
def test_uniboost_orders_as_the_boost_of_prompt_work_at_its_price_of_a_token(first, second, gamma):
    rates = ENGINE.rates
    scale = rates.prefill / SECONDS_PER_TOKEN  # so that a token of ours costs what the release takes
    guard = Boosted(ShortestWork(decode=0), boost=1 / gamma, knee=scale / gamma)
    theirs, ours = UniBoost(gamma).rank, guard.rank
    assert ours(first) == pytest.approx(theirs(first), abs=1e-6)
    if abs(theirs(first) - theirs(second)) > 1e-6:
        assert (ours(first) < ours(second)) == (theirs(first) < theirs(second))


def test_gamma_follows_the_tail_of_the_latencies():
    policy, fixed = UniBoost(10.0, ada=True), UniBoost(10.0)
    for number in range(1, 401):
        for each in (policy, fixed):
            each.finished(1.0, now=0.1 * number)
    assert policy.gamma == pytest.approx(200 - 190 * 0.7**5)  # five changes, towards 200 where the tail is no tail
    assert fixed.gamma == 10.0
    for number in range(2000):
        policy.finished(100.0 if number % 60 == 0 else 1.0, now=100 + 0.1 * number)
    assert 1.0 <= policy.gamma < 10.0


def test_a_simulated_engine_tells_a_policy_that_learns_what_latencies_were():
    requests = azure_conv_like(600, rate=5.0, seed=0)
    learning, fixed = UniBoost(10.0, ada=True), UniBoost(10.0)
    results = [simulate(requests, profile=PROFILES["llama3-8b-a100-80g"], policy=each) for each in (learning, fixed)]
    latencies = results[0].finish - requests["arrival"]
    assert list(learning._latencies) == pytest.approx(latencies[np.argsort(results[0].finish, kind="stable")])
    assert learning.gamma != fixed.gamma == 10.0
    assert (results[0].finish != results[1].finish).any()


def test_mem_guard_gives_up_a_slot_only_at_a_threshold():
    policy = UniBoostPaper(0.1)
    free = [age for age in range(200) if policy.rank(view(age=age, state="running", started=True)) > FIRST]
    assert free == [0, 16, 32, 64, 128]
    assert AttainedWork().rank(view(age=63.0, context=163)) == SECONDS_PER_TOKEN * (100 + 2 * 32)


def test_orders_that_need_the_engine_refuse_to_do_without():
    for policy in (HRRN(), MLFQ(), MarsReleased()):
        with pytest.raises(InvalidInput, match=r"view\.engine is None"):
            policy.rank(view(engine=None))
    assert FCFS().rank(view(engine=None)) == 0
