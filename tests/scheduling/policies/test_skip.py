import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    SPJF,
    SPRPT,
    TRAIL,
    Boosted,
    DelayPredict,
    Log,
    OneBit,
    ShortestWork,
    Skip,
    SkipPredict,
    View,
    replay,
)
from beforehand.scheduling.policies import UNKNOWN


def log(jobs=300, seed=0):
    rng = np.random.default_rng(seed)
    size = rng.exponential(size=jobs)
    noisy = size * rng.lognormal(0, 1, jobs)
    return Log(size, expensive=size, cheap=noisy, arrival=np.cumsum(rng.exponential(1.1, jobs)))


@pytest.mark.parametrize("threshold", [0.0, 0.7, math.inf])
def test_the_expensive_prediction_is_made_for_long_jobs_only(threshold):
    jobs = log()
    found = replay(Skip(SPJF(), threshold=threshold), jobs)
    assert found.cheap_calls == len(jobs)
    assert found.expensive_calls == (jobs.cheap >= threshold).sum()


@pytest.mark.parametrize("inner", [SPJF(), SPRPT(), TRAIL(0.5)], ids=str)
def test_it_is_the_inner_order_on_the_predictions_that_were_made(inner):
    jobs = log()
    mixed = np.where(jobs.cheap >= 0.7, jobs.expensive, jobs.cheap)
    told = Log(jobs.size, expensive=mixed, arrival=jobs.arrivals_in_sizes())
    np.testing.assert_array_equal(replay(Skip(inner, threshold=0.7), jobs).completion, replay(inner, told).completion)


def test_a_job_is_ranked_by_what_is_known_of_it():
    policy = Skip(SPJF(), threshold=5.0)
    assert policy.rank(View(0.0, 0)) == UNKNOWN
    assert policy.rank(View(0.0, 0, cheap=8.0)) == 8.0  # until the expensive prediction comes
    assert policy.rank(View(0.0, 0, cheap=8.0, predicted=6.0)) == 6.0
    view = View(0.0, 0, cheap=8.0)
    policy.rank(view)
    assert math.isnan(view.predicted)


@pytest.mark.parametrize(
    "inner",
    [
        SPJF(by="cheap"), ShortestWork(decode=0), OneBit(1.0), SkipPredict(1.0), DelayPredict(1.0), Boosted(SPJF()),
        Skip(SPJF(), threshold=1.0),
    ],
    ids=str,
)  # fmt: skip
def test_an_order_that_asks_for_something_else_is_refused(inner):
    with pytest.raises(InvalidInput, match="must ask for the expensive prediction and nothing else; pass one such as"):
        Skip(inner, threshold=1.0)


@pytest.mark.parametrize("threshold", [-1.0, math.nan, "5"])
def test_a_threshold_out_of_range_is_refused(threshold):
    with pytest.raises(InvalidInput, match="threshold is "):
        Skip(SPJF(), threshold=threshold)
