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
from beforehand.scheduling.formulas.keyed_phase import JobClass, Phase
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


@pytest.mark.parametrize(
    "policy", [SPJF(by="cheap"), PSPJF(), SPRPT(), TRAIL(0.5), SkipPredict(1.0), DelayPredict(0.5)], ids=str
)
def test_binned_keys_agree_with_a_log_of_their_atoms(policy):
    binned = BinnedError((0.0, 0.7, 1.0, 2.5, 4.0), ExponentialError())
    edges = [e for at in (0.0, 0.5) for e in Phase(JobClass(Exponential(), limit=at), binned, fraction=0.5).edges()]
    grid = SizeGrid(Exponential(), [0.5, *edges], 16)  # whose nodes are good for a log, too
    size, atoms = grid.x, np.array(binned.atoms)
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
