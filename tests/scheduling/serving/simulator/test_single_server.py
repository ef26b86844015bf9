"""An engine that takes one request at a time is a single server, whose means are known from theory."""

import math

import numpy as np
import pytest

from beforehand.core import Trace
from beforehand.scheduling import Log, replay
from beforehand.scheduling.serving import (
    FCFS,
    PROFILES,
    PSPJF,
    SPJF,
    SPRPT,
    TRAIL,
    EngineProfile,
    simulate,
)
from beforehand.workloads.requests import alpaca_like

LLAMA = PROFILES["llama3-8b-a100-80g"]
TAU = 0.01
CONSTANT = EngineProfile("constant", tokens=[1], seconds=[TAU], saturation=1, kv_bytes_per_token=1, kv_tokens=10**9)


def trace_of(arrival, prompt, output, **columns):
    return Trace("requests", {"arrival": arrival, "prompt_tokens": prompt, "output_tokens": output, **columns})


def single_server(rows=1500, load=0.8, seed=0, mean=20):
    """One token of prompt, one request at a time: a single server whose sizes are output tokens times TAU."""
    random = np.random.default_rng(seed)
    length = np.ceil(random.exponential(mean, rows)).astype(int)
    return trace_of(np.cumsum(random.exponential((mean + 0.5) * TAU / load, rows)), np.ones(rows, int), length)


ONE = {
    "profile": CONSTANT, "max_num_seqs": 1, "max_batched_tokens": 2**20, "margin": 0.0, "max_preemptions": math.inf,
    "lengths": "exact",
}  # fmt: skip


@pytest.mark.parametrize("policy", [FCFS(), SPJF()], ids=str)
def test_one_request_at_a_time_is_a_single_server(policy):
    trace = single_server()
    log = Log(trace["output_tokens"] * TAU, expensive=trace["output_tokens"] * TAU, arrival=trace["arrival"])
    result = simulate(trace, policy=policy, **ONE)
    assert result.finish == pytest.approx(replay(policy, log).completion)


@pytest.mark.parametrize("policy", [PSPJF(), SPRPT(), TRAIL(0.5)], ids=str)
def test_one_request_at_a_time_is_a_preemptive_single_server_up_to_the_length_of_an_iteration(policy):
    trace = single_server()
    log = Log(trace["output_tokens"] * TAU, expensive=trace["output_tokens"] * TAU, arrival=trace["arrival"])
    served = replay(policy, log)
    result = simulate(trace, policy=policy, refine_every=1, **ONE)
    mean = (served.completion - trace["arrival"]).mean()
    assert result.latency.mean() == pytest.approx(mean, rel=0.02)
    assert result.preemptions.sum() == pytest.approx(served.interruptions, rel=0.1)


def test_first_come_first_served_meets_pollaczek_and_khinchine():
    trace = single_server(rows=20_000, load=0.5, mean=3)
    size = trace["output_tokens"] * TAU
    rate = len(size) / trace["arrival"][-1]
    expected = size.mean() + rate * (size**2).mean() / (2 * (1 - rate * size.mean()))
    assert simulate(trace, policy=FCFS(), **ONE).latency.mean() == pytest.approx(expected, rel=0.03)


def test_trail_without_preemption_is_shortest_first():
    trace = alpaca_like(500, rate=14.0, seed=3)
    options = {"profile": LLAMA, "lengths": "exact", "max_num_seqs": 48}
    first, second = (simulate(trace, policy=policy, **options) for policy in (TRAIL(0.0), SPJF()))
    assert (first.finish == second.finish).all()
    assert not first.preemptions.any()


def test_trail_that_never_pins_is_shortest_remaining_first():
    trace = alpaca_like(500, rate=14.0, seed=3)
    options = {
        "profile": LLAMA,
        "lengths": "exact",
        "max_num_seqs": 48,
        "margin": 0.0,
        "max_preemptions": math.inf,
    }
    first, second = (simulate(trace, policy=policy, **options) for policy in (TRAIL(1.0), SPRPT()))
    assert (first.finish == second.finish).all()
    assert first.preemptions.any()
