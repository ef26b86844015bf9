import numpy as np
import pytest

from beforehand import _native
from beforehand._native import Stream
from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    FCFS,
    SPRPT,
    BinnedError,
    DelayPredict,
    Deterministic,
    ExactError,
    Exponential,
    ExponentialError,
    Hyperexponential,
    JobDistribution,
    Log,
    LogNormal,
    LogNormalError,
    OneBit,
    SkipPredict,
    UniformError,
    Weibull,
)
from beforehand.scheduling.simulation.draws import draw, together, wanted_predictions

BOTH = {"expensive", "cheap"}


def wanted(policy, distribution):
    return wanted_predictions(policy, policy.stages(), distribution)


def test_uniform_numbers_are_53_bits_of_two_words_of_the_job():
    _native.uniforms(7, Stream.expensive, 5, out := np.empty(300))
    assert (out > 0).all()
    assert (out <= 1).all()
    assert (out * 2**53 == np.round(out * 2**53)).all()
    _native.uniforms(7, Stream.expensive, 299, part := np.empty(6))
    assert part.tolist() == out[294:].tolist()


def test_exponential_numbers_are_their_logarithms():
    _native.uniforms(1, Stream.gap, 0, u := np.empty(100_000))
    _native.exponentials(1, Stream.gap, 0, e := np.empty(100_000))
    np.testing.assert_allclose(e, -np.log(u), rtol=1e-15)


@pytest.mark.parametrize(
    "distribution",
    [
        JobDistribution(Exponential(2.0), ExponentialError(), ExactError()),
        JobDistribution(Weibull(0.5), UniformError(0.5), BinnedError((0.0, 1.0, 4.0))),
        JobDistribution(LogNormal(scv=2.0), LogNormalError(0.3), ExponentialError()),
        JobDistribution(Deterministic(3.0), ExponentialError(), ExactError()),
        JobDistribution(Hyperexponential((1.0, 9.0), (0.9, 0.1)), ExactError(), ExactError()),
        Log([1, 2, 4], expensive=[1, 2, 3], cheap=[0, 0, 1], weight=[1, 0, 3]),
    ],
)
def test_jobs_do_not_depend_on_the_blocks_and_have_the_mean_of_the_distribution(distribution):
    whole = together(draw(distribution, 0.3, 20_000, 1, BOTH, block=20_000))
    parts = together(draw(distribution, 0.3, 20_000, 1, BOTH, block=777))
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12)
    assert abs(whole.size.mean() - distribution.mean) <= 5 * whole.size.std() / 140
    assert whole.arrival[-1] == pytest.approx(20_000 / 0.3, rel=0.03)


def test_rows_of_a_log_stay_together_and_come_by_weight():
    log = Log([1, 2, 4], expensive=[10, 20, 40], weight=[1, 0, 3])
    jobs = together(draw(log, 1.0, 10_000, 3, {"expensive"}))
    assert np.array_equal(jobs.expensive, 10 * jobs.size)
    assert jobs.cheap is None
    assert not (jobs.size == 2).any()
    assert (jobs.size == 4).mean() == pytest.approx(0.75, abs=0.02)


def test_only_what_a_policy_goes_by_is_drawn():
    distribution = JobDistribution(Exponential(), ExactError(), ExactError())
    assert wanted(FCFS(), distribution) == set()
    assert wanted(SPRPT(by="cheap"), distribution) == {"cheap"}
    assert wanted(OneBit(1.0), distribution) == {"cheap"}
    assert wanted(SkipPredict(1.0), distribution) == BOTH
    assert wanted(DelayPredict(1.0), distribution) == {"expensive"}


def test_a_prediction_that_is_not_there_is_named():
    with pytest.raises(InvalidInput, match=r"SkipPredict asks for cheap .* are none; .*--assume-cheap"):
        wanted(SkipPredict(1.0), JobDistribution(Exponential(), ExactError()))
    with pytest.raises(InvalidInput, match="expensive is nan in row 1, but SPRPT asks for it"):
        wanted(SPRPT(), Log([1, 2], expensive=[1, np.nan]))


def test_rows_that_a_policy_never_asks_about_may_lack_the_prediction():
    log = Log([1, 3], cheap=[1, 3], expensive=[np.nan, 3])
    assert wanted(SkipPredict(2.0), log) == BOTH
    assert wanted(DelayPredict(1.0), log) == {"expensive"}
    with pytest.raises(InvalidInput, match="row 0"):
        wanted(SkipPredict(1.0), log)
    with pytest.raises(InvalidInput, match="row 0"):
        wanted(DelayPredict(0.5), log)
