"""Small traffic and an engine to serve it quickly: a plan takes a second."""

import numpy as np

from beforehand.core import Trace
from beforehand.scheduling.engine_profile import EngineProfile

PROFILE = EngineProfile(
    "toy", tokens=[1, 65], seconds=[0.05, 0.1], saturation=32, kv_bytes_per_token=1000, kv_tokens=20_000, block_size=16
)
ENGINE = {"max_num_seqs": 4, "max_batched_tokens": 64}


def traffic(rows=260, *, every=0.27, longest=60, seed=0, calls=0, **columns):
    """Short and long answers, prompts that say nothing about them, an arrival every so many seconds on average."""
    random = np.random.default_rng(seed)
    output = np.where(random.random(rows) < 0.7, random.integers(1, 8, rows), longest)
    table = {
        "arrival": np.cumsum(random.exponential(every, rows)),
        "prompt_tokens": random.integers(10, 40, rows),
        "output_tokens": output,
    }
    children = {}
    if calls:
        many = rows * calls
        children["calls"] = (
            calls * np.arange(rows + 1),
            {
                "output_tokens": random.integers(1, 20, many),
                "seconds": np.where(random.random(many) < 0.5, 0.05, 4.0),
                "return_tokens": random.integers(1, 30, many),
                "tool": random.choice(["search", "shell"], many),
            },
        )
    return Trace("requests", table | columns, children=children)
