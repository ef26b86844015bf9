"""The engine with one place, one token of prompt and constant iterations: a single server, which has a formula."""

import math
from typing import Final

import numpy as np

from beforehand.core import Trace
from beforehand.scheduling import ExactError, Exponential, JobDistribution, expect
from beforehand.scheduling.serving import TRAIL, EngineProfile, simulate
from beforehand.studies.claims import Found
from beforehand.workloads.draws import exponentials

FRACTIONS: Final = (0.2, 0.8)
LOAD: Final = 0.7
SIZE, GAP = 1, 2  # purposes of random numbers


def agreement(quick: bool) -> Found:
    """By how many standard errors simulated means are off the formula."""
    rows, seeds, tokens = (1500, 6, 30) if quick else (4000, 12, 60)
    profile = EngineProfile(
        "constant", tokens=[1], seconds=[1 / tokens], saturation=1, kv_bytes_per_token=1, kv_tokens=10**9
    )
    worst, figures = 0.0, []
    for fraction in FRACTIONS:
        means = []
        for seed in range(seeds):
            # Rounded to whole tokens without a bias in the mean.
            output = np.maximum(np.round(tokens * exponentials(np.arange(rows), seed, SIZE)), 1).astype(np.int64)
            arrival = np.cumsum(exponentials(np.arange(rows), seed, GAP)) * output.mean() / tokens / LOAD
            trace = Trace(
                "requests", {"arrival": arrival, "prompt_tokens": np.ones(rows, np.int64), "output_tokens": output}
            )
            result = simulate(
                trace, profile=profile, policy=TRAIL(fraction), lengths="exact", max_num_seqs=1, margin=0.0,
                max_preemptions=math.inf, max_batched_tokens=2**17,
            )  # fmt: skip
            means.append(float(result.latency.mean()))
        known = expect(TRAIL(fraction), JobDistribution(Exponential(), expensive=ExactError()), load=LOAD).response_time
        error = np.std(means, ddof=1) / math.sqrt(seeds)
        z = (np.mean(means) - known) / error
        worst = max(worst, abs(float(z)))
        figures.append(f"C = {fraction:g}: {np.mean(means):.3f} ± {error:.3f}, formula {known:.3f}, z = {z:+.1f}")
    return Found(
        scale=f"exponential sizes of {tokens} tokens, load {LOAD:g}, {seeds} x {rows:,} requests",
        figure="; ".join(figures),
        holds=worst < 4,
    )
