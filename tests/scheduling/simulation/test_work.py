import numpy as np
import pytest

from beforehand.scheduling import (
    SPRPT,
    DelayPredict,
    Deterministic,
    ExactError,
    Exponential,
    ExponentialError,
    JobDistribution,
    SkipPredict,
    Weibull,
)
from beforehand.scheduling.simulation.draws import draw, together
from beforehand.scheduling.simulation.work import prediction_spans, work_moments, works_of
from tests.scheduling.every_policy import EVERY
from tests.scheduling.queues import random_log


@pytest.mark.parametrize("policy", EVERY, ids=str)
def test_the_work_of_many_jobs_is_that_of_each(policy):
    log, table = random_log(np.random.default_rng(0)), policy.stages()
    alone = [
        sum(end - begin for begin, end in prediction_spans(table, *row))
        for row in zip(log.size, log.cheap, log.expensive, strict=True)
    ]
    assert works_of(table, log.size, log.cheap).tolist() == alone


def test_moments_without_prediction_work_are_those_of_the_sizes():
    assert work_moments(SPRPT().stages(), JobDistribution(Exponential(2.0), ExactError())) == (2.0, 8.0)
    assert work_moments(None, JobDistribution(Exponential(2.0))) == (2.0, 8.0)


@pytest.mark.parametrize(
    "policy",
    [SPRPT(work=0.3), SkipPredict(1.0, cheap_work=0.1, expensive_work=0.5), DelayPredict(1.5, expensive_work=2)],
)
@pytest.mark.parametrize("size", [Exponential(), Weibull(0.5), Deterministic(2.0)])
def test_moments_with_prediction_work_are_those_of_drawn_jobs(policy, size):
    distribution = JobDistribution(size, ExactError(), ExponentialError())
    jobs = together(draw(distribution, 1.0, 200_000, 0, {"cheap"}))
    work = jobs.size + works_of(policy.stages(), jobs.size, jobs.cheap)
    first, second = work_moments(policy.stages(), distribution)
    assert abs(work.mean() - first) <= 5 * work.std() / 447 + 1e-12
    assert abs((work**2).mean() - second) <= 5 * (work**2).std() / 447 + 1e-12


def test_moments_of_exponential_sizes_are_exact_where_a_limit_cuts():
    policy = DelayPredict(1.5, expensive_work=2.0)
    first, _ = work_moments(policy.stages(), JobDistribution(Exponential(), ExactError()))
    assert first == pytest.approx(1 + 2 * np.exp(-1.5), rel=1e-12)
