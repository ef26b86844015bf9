"""The simulated engine: what goes in comes out, and everybody is served as the options say."""

import json
import math

import numpy as np
import pytest

from beforehand.core import Price, Trace
from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.scheduling.serving import (
    FCFS,
    LAMPS,
    PROFILES,
    PSPJF,
    SPJF,
    SPRPT,
    Always,
    Boosted,
    EngineProfile,
    InferCept,
    MinWaste,
    ShortestWork,
    Skip,
    SkipPredict,
    TimeToLive,
    ToolCalls,
    ToolDurations,
    simulate,
)
from beforehand.workloads.requests import alpaca_like, tool_mix

LLAMA = PROFILES["llama3-8b-a100-80g"]
GPTJ = PROFILES["gptj-6b-a100-40g"]
TAU = 0.01
CONSTANT = EngineProfile("constant", tokens=[1], seconds=[TAU], saturation=1, kv_bytes_per_token=1, kv_tokens=10**9)


def trace_of(arrival, prompt, output, **columns):
    return Trace("requests", {"arrival": arrival, "prompt_tokens": prompt, "output_tokens": output, **columns})


class Predictor:
    """Predictions that are made as told, and counted."""

    def __init__(self, predict, seconds=0.0):
        self.price, self.predict = Price(seconds, per="request"), predict


def test_nobody_is_preempted_more_often_than_allowed():
    trace = alpaca_like(500, rate=16.0, seed=4)
    result = simulate(trace, profile=LLAMA, policy=SPRPT(), lengths="exact", max_num_seqs=16, margin=0.0)
    assert result.preemptions.max() == 2


@pytest.mark.parametrize("handling", [Always("discard"), Always("preserve"), Always("swap"), MinWaste(), InferCept()])
@pytest.mark.parametrize("resume", ["original", "return"])
def test_everything_adds_up_when_memory_is_short(handling, resume):
    trace = tool_mix(60, rate=4.0, seed=1)
    for policy in FCFS(), SPRPT(), Boosted(LAMPS(), boost=30.0, knee=1000.0):
        result = simulate(
            trace, profile=GPTJ, policy=policy, handling=handling, lengths="exact", kv_tokens=4000, host_tokens=6000,
            max_batched_tokens=512, resume=resume, watermark=0.01,
        )  # fmt: skip
        assert (result.finish > result.arrival).all()  # and simulate has checked the books
        assert result.counts["lost_tokens"] > 0 or handling == Always("preserve")


@pytest.mark.parametrize(("policy", "seed"), [(FCFS(), 2), (PSPJF(), 41), (SPRPT(), 3)], ids=str)
def test_times_between_tokens_are_those_of_every_token(policy, seed):
    random = np.random.default_rng(seed)  # in which somebody loses its memory again before its next token
    prompt, output = random.integers(1, 150, 60), random.integers(1, 80, 60)
    journal = []
    result = simulate(
        trace_of(np.sort(random.random(60) / 2), prompt, output), profile=LLAMA, policy=policy, lengths="exact",
        prefix_caching=False, kv_tokens=320, max_num_seqs=32, max_batched_tokens=64, margin=0.0,
        max_preemptions=math.inf, journal=journal,
    )  # fmt: skip
    computed, context, told = np.zeros(60, int), prompt.copy(), [[] for _ in prompt]
    for step in journal:
        computed[list(step.preempted)] = 0
        for row, tokens in step.tokens.items():
            computed[row] += tokens
            if computed[row] == context[row]:
                context[row] += 1
                told[row].append(step.end)
    gaps = np.sort(np.concatenate([np.diff(each) for each in told]))
    summary = result.summary()
    assert [len(each) for each in told] == output.tolist()
    assert summary["itl"] == pytest.approx(gaps.mean())
    assert summary["p99_itl"] == pytest.approx(gaps[math.ceil(0.99 * len(gaps)) - 1])


def test_what_a_call_costs_by_handling():
    child = ([0, 1], {"output_tokens": [10], "seconds": [1.0], "return_tokens": [20], "tool": ["search"]})
    columns = {"arrival": [0.0], "prompt_tokens": [200], "output_tokens": [5]}
    trace = Trace("requests", columns, children={"calls": child})
    computed = {}
    for action in ("preserve", "discard", "swap"):
        result = simulate(
            trace, profile=GPTJ, policy=FCFS(), handling=Always(action), prefix_caching=False, host_tokens=1000
        )
        computed[action] = int(result.new_tokens.sum()) - (200 + 9 + 4)  # the second segment's prefill
    # 210 tokens of context, the last of which is not in memory when the call begins; 208 of them are whole blocks.
    assert computed == {"preserve": 21, "discard": 230, "swap": 230 - 208}


def test_a_copy_that_the_host_has_no_room_for_is_dropped():
    trace = tool_mix(30, rate=2.0, seed=1)
    result = simulate(trace, profile=GPTJ, policy=FCFS(), handling=Always("swap"), max_batched_tokens=512)
    assert result.counts["swapped"] == 0
    assert result.counts["discarded"] > 0


def test_what_learns_from_calls_sees_each_of_them_once():
    trace = tool_mix(50, rate=2.0, seed=2)
    durations, calls = ToolDurations(), ToolCalls()
    policy = Boosted(LAMPS())
    result = simulate(
        trace, profile=GPTJ, policy=policy, handling=TimeToLive(durations), lengths="exact", durations=durations,
        tools=calls, max_batched_tokens=512, host_tokens=10_000,
    )  # fmt: skip
    seconds = trace.children["calls"]["seconds"]
    named = trace.children["calls"]["tool"] == trace.children["calls"]["tool"][0]
    assert named.sum() >= 8
    assert durations.mean(trace.children["calls"]["tool"][0]) == pytest.approx(seconds[named].mean())
    assert not result.policy.is_auto


def test_an_instant_with_very_many_arrivals_is_served():
    rows = 100_000  # at one instant
    trace = trace_of(np.zeros(rows), np.ones(rows, int), np.ones(rows, int))
    result = simulate(trace, profile=LLAMA, policy=SPJF(), lengths="exact", max_num_seqs=2048)
    assert len(result.end) == math.ceil(rows / 2048)


def test_years_may_pass_between_requests():
    result = simulate(trace_of([0.0, 3e8], [10, 10], [3, 3]), profile=LLAMA, policy=FCFS())
    assert result.latency[1] == pytest.approx(result.latency[0], abs=1e-6)
    assert result.summary()["utilisation"] < 1e-6


def test_a_clock_that_would_stand_still_is_refused():
    options = {"profile": LLAMA, "policy": FCFS()}
    simulate(trace_of([1.7e9, 1.7e9], [10, 10], [3, 3]), **options)  # seconds since 1970
    for scale in (1e12, 1e18):  # milliseconds and nanoseconds since then
        with pytest.raises(InvalidInput, match=r"arrival count seconds from the start"):
            simulate(trace_of([scale, scale], [10, 10], [3, 3]), **options)
    calls = {"output_tokens": [5], "seconds": [1e17], "return_tokens": [7], "tool": ["search"]}
    trace = Trace(
        "requests", {"arrival": [0.0], "prompt_tokens": [9], "output_tokens": [4]}, children={"calls": ([0, 1], calls)}
    )
    with pytest.raises(InvalidInput, match=r"come to 1e\+17 s"):
        simulate(trace, **options)


def test_one_block_is_enough_for_small_requests_one_after_the_other():
    trace = trace_of(np.zeros(3), [10, 10, 10], [6, 7, 3])
    result = simulate(trace, profile=LLAMA, policy=FCFS(), kv_tokens=32)
    assert (np.diff(result.finish) > 0).all()
    with pytest.raises(CapacityExceeded, match=r"request 0 has 18 tokens in all and needs 3 blocks"):
        simulate(trace_of([0.0], [10], [8]), profile=LLAMA, policy=FCFS(), kv_tokens=32)


def test_requests_that_never_fit_are_dropped_and_counted_on_demand():
    trace = trace_of([0.0, 0.0, 1.0], [10, 500, 10], [4, 4, 5])
    result = simulate(trace, profile=LLAMA, policy=SPJF(), lengths=[4.0, 4.0, 5.0], kv_tokens=64, reject_oversized=True)
    assert result.arrival.tolist() == [0.0, 1.0]
    assert result.counts["rejected"] == 1


def test_durations_of_calls_that_are_dropped_are_dropped_too():
    calls = {"output_tokens": [500, 5], "seconds": [1.0, 2.0], "return_tokens": [7, 7], "tool": ["a", "a"]}
    columns = {"arrival": [0.0, 0.0], "prompt_tokens": [10, 10], "output_tokens": [4, 4]}
    trace = Trace("requests", columns, children={"calls": ([0, 1, 2], calls)})
    options = {"profile": LLAMA, "policy": FCFS(), "handling": MinWaste(), "kv_tokens": 64, "reject_oversized": True}
    given, exact = (simulate(trace, durations=each, **options) for each in ([1.0, 2.0], "exact"))
    assert given.finish.tolist() == exact.finish.tolist()


def test_a_duration_that_is_no_prediction_does_not_count_for_the_others():
    calls = {"output_tokens": [5] * 4, "seconds": [1.0] * 4, "return_tokens": [7] * 4, "tool": ["a"] * 4}
    columns = {"arrival": np.zeros(4), "prompt_tokens": [10] * 4, "output_tokens": [4] * 4}
    trace = Trace("requests", columns, children={"calls": ([0, 1, 2, 3, 4], calls)})
    asked = []

    class Asked:
        def decide(self, view):
            asked.append(view.tool.seconds)
            return "discard", math.inf

    simulate(trace, profile=LLAMA, policy=FCFS(), handling=Asked(), durations=[1.0, math.nan, -9.0, math.inf])
    assert asked == [1.0, 1.0, 1.0, math.inf]


def test_the_same_arguments_give_the_same_result():
    trace = tool_mix(60, rate=3.0, seed=5)
    policy = Boosted(LAMPS(), boost=20.0, knee=500.0)
    options = {"profile": GPTJ, "handling": MinWaste(), "lengths": "exact", "host_tokens": 50_000}
    first, second = (
        json.dumps(simulate(trace, policy=policy, max_batched_tokens=512, **options).summary()) for _ in range(2)
    )
    assert first == second


def test_a_policy_without_questions_asks_no_predictor():
    def refuse(_):
        raise AssertionError("asked")

    trace = alpaca_like(50, rate=14.0, seed=0)
    for policy in FCFS(), ShortestWork(decode=0):
        result = simulate(trace, profile=LLAMA, policy=policy, lengths=Predictor(refuse, 1.0))
        assert result.counts["lengths"] == result.counts["failed"] == result.counts["prediction_seconds"] == 0


def test_only_long_requests_pay_for_the_expensive_prediction():
    trace = alpaca_like(200, rate=10.0, seed=0)
    length = trace["output_tokens"]
    cheap, expensive = Predictor(lambda truth: truth * 1.0, 1e-5), Predictor(lambda truth: truth * 1.0, 2e-3)
    for policy in Skip(SPJF(), threshold=200), SkipPredict(200, preemptive=False):
        result = simulate(trace, profile=LLAMA, policy=policy, lengths=cheap, expensive=expensive, max_num_seqs=8)
        assert result.counts["lengths"] == 200
        assert result.counts["expensive"] == (length >= 200).sum()
        bill = 200 * 1e-5 + (length >= 200).sum() * 2e-3
        assert result.counts["prediction_seconds"] == pytest.approx(bill)
        half = simulate(
            trace, profile=LLAMA, policy=policy, lengths=cheap, expensive=expensive, max_num_seqs=8,
            predictor_overlap=0.5,
        )  # fmt: skip
        assert half.counts["prediction_seconds"] == pytest.approx(bill / 2)


@pytest.mark.parametrize(
    "predict",
    [
        lambda truth: 1 / 0,
        lambda truth: np.full(len(truth), np.nan),
        lambda truth: np.full(len(truth), 1e30),
        lambda truth: -truth,
        lambda truth: truth[:1],
    ],
    ids=["raises", "nan", "huge", "negative", "short"],
)
def test_a_broken_predictor_stops_nothing(predict):
    trace = alpaca_like(200, rate=14.0, seed=0)
    for policy in SPRPT(), Boosted(ShortestWork()):
        result = simulate(trace, profile=LLAMA, policy=policy, lengths=Predictor(predict), max_num_seqs=8)
        assert np.isfinite(result.finish).all()


def test_tools_that_hang_hold_up_only_their_own_conversations():
    trace = tool_mix(40, rate=2.0, seed=1, hung=0.2)
    result = simulate(trace, profile=GPTJ, policy=FCFS(), handling=Always("preserve"), max_batched_tokens=512)
    assert result.tool_seconds.max() >= 600
    assert result.net_latency.max() < 300


def test_goodput_by_hand():
    # One at a time, five tokens of TAU each: the first token after 0, 5, 10, 15, 20 iterations of waiting.
    trace = trace_of(np.zeros(5), np.ones(5, int), np.full(5, 5))
    figures = [
        simulate(trace, profile=CONSTANT, policy=FCFS(), max_num_seqs=1, slo=slo).summary()
        for slo in ({"ttft": 11.5 * TAU}, {"itl": math.inf}, {"itl": 0.9 * TAU}, {"ttft": 11.5 * TAU, "itl": 1.1 * TAU})
    ]
    assert [each["goodput"] for each in figures] == [0.6, 1.0, 0.0, 0.6]
    assert figures[0]["goodput_rate"] == pytest.approx(3 / (25 * TAU))
    assert figures[0]["itl"] == pytest.approx(TAU)


def test_who_has_waited_too_long_goes_first():
    arrival = np.concatenate(([0.0], np.arange(200) * 0.02))
    trace = trace_of(arrival, np.ones(201, int), np.concatenate(([50], np.full(200, 5))))
    options = {"profile": CONSTANT, "policy": SPJF(), "lengths": "exact", "max_num_seqs": 1}
    assert simulate(trace, **options).latency[0] > 4.0
    assert simulate(trace, max_wait=1.0, **options).latency[0] < 1.0 + 0.06 + 0.5


def test_no_request_is_overtaken_by_what_comes_later_than_the_bound():
    policy = Boosted(SPJF(), boost=1.0, knee=50.0)
    bound = policy.bound(1.0)
    arrival = np.concatenate(([0.0, 0.0], np.arange(4000) * 0.012))  # nothing but tiny requests, at load 0.83
    trace = trace_of(arrival, np.ones(4002, int), np.concatenate(([400, 300], np.ones(4000, int))))
    result = simulate(
        trace, profile=CONSTANT, policy=policy, lengths="exact", max_num_seqs=1, max_preemptions=0
    )  # fmt: skip
    start = result.first_token - TAU
    for long in (0, 1):
        overtaking = (start < start[long]) & (result.arrival > result.arrival[long])
        assert (result.arrival[overtaking] - result.arrival[long]).max(initial=0.0) < bound


def test_nobody_is_preempted_only_to_be_admitted_again():
    trace = trace_of([0.0, 30.0], [1000, 10], [20_000, 1])
    policy = Boosted(SPRPT(), boost=4.0, knee=265.0)  # with a bound of 22 s
    result = simulate(trace, profile=LLAMA, policy=policy, lengths="exact", max_num_seqs=1)
    assert result.preemptions.tolist() == [0, 0]
    assert result.finish[0] < result.finish[1]


def test_a_conversation_keeps_its_place_or_takes_a_new_one():
    child = ([0, 1, 1], {"output_tokens": [2], "seconds": [0.5], "return_tokens": [1], "tool": ["search"]})
    third = trace_of([0.0, 0.1, 0.2], [5, 5, 5], [3, 100, 100])
    trace = Trace("requests", third.columns, children={"calls": ([0, 1, 1, 1], child[1])})
    kept = simulate(trace, profile=CONSTANT, policy=FCFS(), max_num_seqs=1)
    renewed = simulate(trace, profile=CONSTANT, policy=FCFS(), max_num_seqs=1, resume="return")
    assert kept.finish[0] < kept.finish[2]
    assert renewed.finish[0] > renewed.finish[2]


def test_paused_conversations_may_hold_their_places():
    child = ([0, 1, 1], {"output_tokens": [2], "seconds": [5.0], "return_tokens": [1], "tool": ["search"]})
    trace = Trace(
        "requests", {"arrival": [0.0, 0.1], "prompt_tokens": [5, 5], "output_tokens": [3, 4]}, children={"calls": child}
    )
    options = {"profile": CONSTANT, "policy": FCFS(), "handling": Always("preserve"), "max_num_seqs": 1}
    assert simulate(trace, **options).latency[1] < 1.0
    assert simulate(trace, paused_holds_slot=True, **options).latency[1] > 4.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"policy": SPJF()}, "asks for predicted lengths"),
        ({"policy": SPJF(), "lengths": [1.0]}, "one number for each segment"),
        ({"policy": SPJF(), "lengths": "guess"}, "must be one of exact"),
        ({"max_batched_tokens": 100}, "at least max_num_seqs"),
        ({"resume": "new"}, "must be one of original, return"),
        ({"slo": {"tpot": 1.0}}, "must be one of ttft, itl"),
        ({"slo": {"ttft": 0.0}}, "above 0"),
        ({"handling": "swap"}, "handling is 'swap'"),
        ({"tools": "some"}, "must be one of exact, none"),
        ({"durations": "long"}, "must be one of mean, exact"),
        ({"refine": "often"}, "must be one of exact"),
        ({"profile": "llama"}, "EngineProfile"),
        ({"policy": FCFS}, "must be an object"),
        ({"margin": math.nan}, "margin is nan"),
        ({"kv_tokens": 16}, "kv_tokens is 16"),
        ({"seed": 2**64}, "seed is 18446744073709551616"),
    ],
)
def test_what_is_out_of_range_is_named(options, message):
    trace = alpaca_like(5, rate=1.0, seed=0)
    with pytest.raises(InvalidInput, match=message):
        simulate(trace, **{"profile": LLAMA, "policy": FCFS()} | options)
