"""A plan of an engine, made once."""

from functools import cache

import numpy as np

from beforehand.core import Trace
from beforehand.scheduling import SPJF, Boosted
from beforehand.scheduling.serving import PROFILES, plan_serving

GUARDED = Boosted(SPJF(), boost=20.0, knee=100.0)


@cache
def plan():
    """One that orders by predicted lengths, whose predictor was fitted on the sample: answers as long as prompts."""
    rng = np.random.default_rng(0)
    output = (10 * 50 ** rng.random(240)).astype(np.int64)
    columns = {"arrival": np.sort(rng.uniform(0, 40, 240)), "prompt_tokens": output, "output_tokens": output}
    return plan_serving(
        Trace("requests", columns),
        profile=PROFILES["llama3-8b-a100-80g"],
        candidates=[GUARDED],
        seeds=2,
        min_gain=0.0,
        max_num_seqs=4,
        max_p99_ratio=9.0,
    )
