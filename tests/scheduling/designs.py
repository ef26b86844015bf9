"""Designs and logs for the tests of plans."""

import numpy as np

from beforehand.scheduling import Log, plan_queue
from beforehand.scheduling.plan.candidates import Candidate

SIX = Log([1, 2, 0.5, 4, 1, 1.5], expensive=[1, 1, 1, 3, 2, 0], cheap=[1, 2, 0.5, 3, 3, 0.5])


def design(policy, cost=1.0, cheap=0.0, expensive=0.0):
    """A design that costs as much as is said."""
    return Candidate(
        family="any", policy=policy, response_time=cost, cost=cost, cheap_calls=cheap, expensive_calls=expensive,
        utilization=0.5,
    )  # fmt: skip


def skewed(rows, seed=0, *, arrivals=False, unit=None):
    """A few large jobs among many small ones, a cheap and an expensive prediction of each."""
    random = np.random.default_rng(seed)
    size = random.exponential(size=rows) ** 2
    noise = {
        name: size * np.exp(sigma * random.standard_normal(rows)) for name, sigma in (("cheap", 1), ("expensive", 0.3))
    }
    arrival = np.cumsum(random.exponential(size.mean() / 0.8, rows)) if arrivals else None
    return Log(size, **noise, arrival=arrival, unit=unit)


def planned(log=SIX, **options):
    """A plan for a server that can preempt, without resampling."""
    return plan_queue(log, **{"load": 0.8, "preemptive": True, "bootstrap": 0} | options)


def few_jobs(monkeypatch, jobs):
    """Let plans simulate so many jobs only."""
    for name in ("search.FINAL_JOBS", "planner.FINAL_JOBS", "queue_plan.FINAL_JOBS", "resampling.SIMULATED_JOBS",
                 "search.SEARCHED_JOBS", "planner.PERCENTILE_JOBS"):  # fmt: skip
        monkeypatch.setattr(f"beforehand.scheduling.plan.{name}", jobs)
