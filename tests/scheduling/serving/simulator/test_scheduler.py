"""The simulator decides as an engine does that looks at every token and every block."""

import math

import numpy as np
import pytest

from beforehand.core import Trace
from beforehand.scheduling.serving import (
    FCFS,
    PROFILES,
    PSPJF,
    SPJF,
    SPRPT,
    TRAIL,
    Boosted,
    ShortestWork,
    simulate,
)
from tests.scheduling.serving.simulator.naive_engine import serve

PROFILE = PROFILES["llama3-8b-a100-80g"]
POLICIES = [
    FCFS(),
    SPJF(),
    PSPJF(),
    SPRPT(),
    TRAIL(0.8),
    ShortestWork(),
    Boosted(PSPJF(), boost=1.0, knee=30.0),
    Boosted(ShortestWork(), boost=2.0, knee=math.inf),
]


def requests(seed, rows=60, *, shared=True):
    """Short requests, many at a time, two thirds of them with one of two shared prefixes."""
    random = np.random.default_rng(seed)
    prompt = random.integers(1, 120, rows)
    prefix = random.choice(["", "a", "b"] if shared else [""], rows)
    length = np.minimum(prompt - 1, np.where(prefix == "a", 40, 70)) * (prefix != "")
    return Trace(
        "requests",
        {
            "arrival": np.cumsum(random.exponential(0.02, rows)),
            "prompt_tokens": prompt,
            "output_tokens": np.minimum(random.geometric(1 / 30, rows), 80),
            "prefix_id": prefix,
            "prefix_tokens": length,
        },
    )


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("caching", [True, False], ids=["cache", "no cache"])
def test_every_iteration_is_that_of_an_engine_without_shortcuts(policy, caching):
    for seed in range(4):
        # Work that a cache saves is looked up for the heads of the queue only, so no prefix comes and goes here.
        trace = requests(seed, shared="ShortestWork" not in str(policy))
        predicted = np.random.default_rng(seed).integers(1, 90, len(trace)).astype(float)
        engine = {"kv_tokens": 16 * (14 + 8 * (seed % 3)), "caching": caching, "slots": 6 + 4 * (seed % 2)}
        rows = list(
            zip(
                trace["arrival"].tolist(),
                trace["prompt_tokens"].tolist(),
                trace["output_tokens"].tolist(),
                zip(trace["prefix_id"].tolist(), trace["prefix_tokens"].tolist(), strict=True),
                strict=True,
            )
        )
        preemptions = math.inf if seed % 2 else 2
        expected = serve(
            rows, profile=PROFILE, policy=policy, predicted=predicted, budget=64, margin=0.3,
            max_preemptions=preemptions, **engine,
        )  # fmt: skip
        journal = []
        result = simulate(
            trace, profile=PROFILE, policy=policy, lengths=predicted, refine="exact", max_batched_tokens=64, margin=0.3,
            max_preemptions=preemptions, kv_tokens=engine["kv_tokens"], prefix_caching=caching,
            max_num_seqs=engine["slots"], journal=journal,
        )  # fmt: skip
        for step, (end, admitted, preempted, tokens, used) in zip(journal, expected, strict=True):
            assert sorted(step.admitted) == sorted(admitted)
            assert list(step.preempted) == preempted
            assert step.tokens == tokens
            assert step.used_blocks == used
            assert step.end == pytest.approx(end)
        assert result.preemptions.sum() == sum(len(step[2]) for step in expected)
