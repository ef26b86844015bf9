import numpy as np
import pytest

from beforehand.scheduling import (
    PSPJF,
    SPJF,
    SPRPT,
    TRAIL,
    BinnedError,
    BoundedPareto,
    DelayPredict,
    Deterministic,
    ExactError,
    Exponential,
    ExponentialError,
    Hyperexponential,
    IndependentError,
    JobDistribution,
    Log,
    LogNormal,
    LogNormalError,
    SkipPredict,
    UniformError,
    Weibull,
    expect,
)
from beforehand.scheduling.distributions.quadrature import SizeGrid
from beforehand.scheduling.formulas import distribution_formula
from tests.scheduling.every_policy import USUAL
from tests.scheduling.golden_queues import EXACT, EXPONENTIAL, mean


def close(value, relative=1e-8):
    return pytest.approx(value, rel=relative)


@pytest.mark.parametrize(
    "distribution",
    [
        JobDistribution(Exponential(), LogNormalError(0.02), LogNormalError(0.02)),
        JobDistribution(Exponential(), UniformError(1e-3), UniformError(1e-3)),
    ],
    ids=str,
)
def test_small_errors_come_close_to_none(distribution):
    for policy in USUAL:
        assert mean(policy, distribution, 0.8) == close(mean(policy, EXACT, 0.8), 3e-3)


def test_bins_come_close_to_what_they_bin_as_they_get_narrow():
    # Sums over atoms and integrals over densities are computed in different ways.
    policies = (SPJF(), SPRPT(), PSPJF(), TRAIL(0.5), SkipPredict(1.0), DelayPredict(0.5))

    def gaps(bins):
        binned = BinnedError(tuple(np.linspace(0, 20, bins + 1)), ExponentialError())
        pairs = [
            [
                expect(policy, JobDistribution(Exponential(), error, ExponentialError()), load=0.7)
                for error in (binned, binned.inner)
            ]
            for policy in policies
        ]
        return np.array(
            [[found.response_time / true.response_time - 1, found.memory / true.memory - 1] for found, true in pairs]
        )

    coarse, fine = abs(gaps(20)), abs(gaps(40))
    assert (fine[:, 0] < 0.02).all()
    assert (fine <= 0.6 * coarse + 1e-9).all()


@pytest.mark.parametrize(
    "size",
    [
        Weibull(0.3),
        Weibull(2.0),
        LogNormal(scv=30.0),
        Hyperexponential((1.0, 100.0), (0.99, 0.01)),
        BoundedPareto(1.1, 1.0, 1e4),
    ],
    ids=str,
)
def test_accuracy_stays_below_1e_8_for_sizes_of_any_shape(size):
    for error in (ExactError(), UniformError(0.3), LogNormalError(0.3)):
        distribution = JobDistribution(size, error, error)
        for policy in (PSPJF(), TRAIL(0.4)):
            assert 0.0 <= expect(policy, distribution, load=0.9).accuracy < 1e-8, (policy, error)


def test_accuracy_tells_what_a_coarse_quadrature_loses(monkeypatch):
    monkeypatch.setattr(distribution_formula, "POINTS", 6)
    monkeypatch.setattr(distribution_formula, "CHECK", 5)
    for policy, distribution, true in ((SPRPT(), EXACT, 3.552125099627), (PSPJF(), EXPONENTIAL, 5.223784257499)):
        found = expect(policy, distribution, load=0.9)
        assert 1e-10 < abs(found.response_time / true - 1) < 10 * found.accuracy


def test_one_size_with_random_keys_is_the_limit_of_narrow_distributions():
    for error in (UniformError(0.5), ExponentialError(), IndependentError(Exponential())):
        one, narrow = (JobDistribution(size, error, error) for size in (Deterministic(), LogNormal(scv=1e-8)))
        for policy in USUAL:
            assert mean(policy, one, 0.7) == close(mean(policy, narrow, 0.7), 1e-4)


@pytest.mark.parametrize("inner", [ExponentialError(), LogNormalError(0.1), ExactError()], ids=str)
def test_two_hundred_bins_are_nearly_what_they_bin(inner):
    binned = BinnedError(tuple(np.linspace(0, 20, 201)), inner)
    for policy in (TRAIL(0.5), SPRPT()):
        found, true = (expect(policy, JobDistribution(Exponential(), error), load=0.8) for error in (binned, inner))
        assert found.accuracy < 1e-9
        assert found.response_time == close(true.response_time, 2e-3)
        assert found.memory == close(true.memory, 4e-3)


def test_values_need_not_rise_with_their_bins():
    edges, values = (0.0, 0.7, 1.0, 2.5, 4.0), (0.3, 2.0, 1.0, 5.0)
    rising = BinnedError(edges, ExponentialError(), tuple(sorted(values)))
    found = {
        each: expect(TRAIL(0.5), JobDistribution(Exponential(), BinnedError(edges, ExponentialError(), each)), load=0.8)
        for each in (values, rising.values)
    }
    assert found[values].response_time > found[rising.values].response_time
    # Equal values are one atom, whatever bins they come from.
    whole = BinnedError((0.0, 2.5, 4.0), ExponentialError(), (1.0, 3.0))
    split = BinnedError((0.0, 1.0, 2.5, 4.0), ExponentialError(), (1.0, 1.0, 3.0))
    times = [
        expect(TRAIL(0.5), JobDistribution(Exponential(), each), load=0.8).response_time for each in (whole, split)
    ]
    assert times[0] == close(times[1], 1e-12)


@pytest.mark.parametrize(
    "policy", [SPJF(by="cheap"), PSPJF(), SPRPT(), TRAIL(0.5), SkipPredict(1.0), DelayPredict(0.5)], ids=str
)
def test_binned_keys_agree_with_a_log_of_their_atoms(policy):
    binned = BinnedError((0.0, 0.7, 1.0, 2.5, 4.0), ExponentialError())
    atoms = np.array(binned.atoms)
    kinks = [limit + each for limit in (0.0, 0.5) for each in (*np.subtract.outer(atoms, atoms).ravel(), *atoms / 2, 0)]
    grid = SizeGrid(Exponential(), [*atoms, *kinks], 16)  # whose nodes are good for a log, too
    size = grid.x
    weight = -np.diff(binned.survival(np.array([-1.0, *atoms])[:, None], size), axis=0) * grid.weights
    rows = {"weight": weight.ravel(), "expensive": np.repeat(atoms, size.size), "cheap": np.repeat(atoms, size.size)}
    found = expect(policy, JobDistribution(Exponential(), binned, binned), load=0.8)
    if isinstance(policy, SkipPredict):  # keys and bits are independent given the size, as two draws are
        bits = binned.survival(np.nextafter(1.0, 0.0), size)
        rows = {
            "weight": np.concatenate([(weight * (1 - bits)).ravel(), (weight * bits).ravel()]),
            "expensive": np.tile(rows["expensive"], 2),
            "cheap": np.repeat([0.0, 2.0], weight.size),
        }
        size = np.tile(size, 2)
    same = expect(policy, Log(np.tile(size, atoms.size), **rows), load=0.8)
    for name in ("response_time", "memory", "interruptions", "cheap_calls", "expensive_calls"):
        assert getattr(found, name) == close(getattr(same, name), 1e-10), name
