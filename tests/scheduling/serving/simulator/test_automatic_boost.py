"""The numbers for a guard's "auto"."""

import math

import numpy as np
import pytest

from beforehand.core import Trace
from beforehand.scheduling.serving import (
    FCFS,
    LAMPS,
    PROFILES,
    SPJF,
    Always,
    Boosted,
    MinWaste,
    Skip,
    ToolDurations,
    automatic_boost,
    simulate,
)
from beforehand.workloads.requests import alpaca_like, tool_mix

LLAMA = PROFILES["llama3-8b-a100-80g"]


def test_the_boost_is_nine_unloaded_latencies_and_the_knee_the_mean_rank():
    trace = alpaca_like(300, rate=14.0, seed=0)
    slow = Trace("requests", dict(trace.columns) | {"arrival": trace["arrival"] * 3})
    alone = simulate(slow, profile=LLAMA, policy=FCFS(), max_num_seqs=48).net_latency.mean()
    policy = automatic_boost(
        Boosted(SPJF()), trace, profile=LLAMA, handling=Always("discard"), lengths="exact", max_num_seqs=48
    )
    assert policy.boost == pytest.approx(9 * alone)
    assert policy.knee == pytest.approx(trace["output_tokens"].mean())
    assert simulate(trace, profile=LLAMA, policy=Boosted(SPJF()), lengths="exact", max_num_seqs=48).policy == policy


def test_numbers_that_are_set_stay():
    trace = alpaca_like(50, rate=14.0, seed=0)
    options = {"profile": LLAMA, "handling": Always("discard"), "lengths": "exact"}
    assert automatic_boost(Boosted(SPJF(), boost=7.0), trace, **options).boost == 7.0
    assert automatic_boost(Boosted(SPJF(), knee=math.inf), trace, **options).knee == math.inf
    assert automatic_boost(FCFS(), trace, **options) == FCFS()


def test_what_learns_learns_nothing_in_the_unloaded_run():
    trace, durations = tool_mix(40, rate=2.0, seed=0), ToolDurations()
    policy = automatic_boost(
        Boosted(LAMPS()), trace, profile=PROFILES["gptj-6b-a100-40g"], handling=MinWaste(), lengths="exact",
        durations=durations, max_batched_tokens=512,
    )  # fmt: skip
    assert durations.mean("math") == 1.0
    assert policy.knee > 0


def test_the_rank_of_a_skipping_policy_is_that_of_the_prediction_it_has():
    trace = alpaca_like(100, rate=14.0, seed=0)
    cheap = np.full(100, 50.0)
    policy = automatic_boost(
        Boosted(Skip(SPJF(), threshold=100)), trace, profile=LLAMA, handling=Always("discard"), lengths=cheap,
        expensive="exact",
    )  # fmt: skip
    assert policy.knee == 50.0
