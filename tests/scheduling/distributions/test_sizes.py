import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    FCFS,
    BoundedPareto,
    Deterministic,
    ExactError,
    Exponential,
    Hyperexponential,
    JobDistribution,
    LogNormal,
    Weibull,
    simulate,
)
from beforehand.scheduling.distributions.quadrature import SizeGrid

SMOOTH = [
    Exponential(3.0), Weibull(0.5), Weibull(2.0, mean=0.1), LogNormal(mean=2.0, scv=5.0), LogNormal(scv=0.05),
    Hyperexponential((0.5, 20.0), (19.0, 1.0)), BoundedPareto(1.0, 1.0, 100.0), BoundedPareto(1.5, 0.1, 50.0),
    BoundedPareto(2.0, 1.0, 1000.0),
]  # fmt: skip
CORNERS = [
    make(unit)
    for unit in (1e-100, 1.0, 1e100)
    for make in (
        Exponential,
        Deterministic,
        *(lambda unit, shape=shape: Weibull(shape, mean=unit) for shape in (0.1, 100.0)),
        *(lambda unit, scv=scv: LogNormal(mean=unit, scv=scv) for scv in (1e-8, 1e6)),
        lambda unit: Hyperexponential((min(unit, 1e88), min(unit, 1e88) * 1e12), (0.5, 0.5)),
    )
]
SHARES = np.array([1e-12, 1e-3, 0.1, 0.5, 0.9, 1 - 1e-6])


@pytest.mark.parametrize("distribution", SMOOTH, ids=str)
def test_quantiles_undo_survival(distribution):
    assert distribution.survival(distribution.inverse_survival(SHARES)) == pytest.approx(SHARES, rel=1e-11)
    hazards = np.array([1e-6, 0.3, 5.0, 20.0])
    assert distribution.cumulative_hazard(distribution.inverse_cumulative_hazard(hazards)) == pytest.approx(
        hazards, rel=1e-6
    )


@pytest.mark.parametrize("distribution", SMOOTH, ids=str)
def test_moments_are_means_of_powers(distribution):
    grid = SizeGrid(distribution, distribution.edges, 16)
    assert distribution.moment(1) == distribution.mean
    for k in (1, 2):
        assert distribution.moment(k) == pytest.approx(grid.mean(grid.x**k), rel=1e-11)


@pytest.mark.parametrize("distribution", SMOOTH, ids=str)
def test_excesses_are_means_of_what_lies_above(distribution):
    levels = distribution.inverse_survival(SHARES[:5])
    grid = SizeGrid(distribution, [*distribution.edges, *levels], 16)
    for t in (0.0, *levels):
        over = np.maximum(grid.x - t, 0.0)
        assert float(distribution.excess(t)) == pytest.approx(grid.mean(over), rel=1e-9, abs=1e-14 * distribution.mean)
        half = grid.mean(over * over / 2)
        assert float(distribution.half_square_excess(t)) == pytest.approx(
            half, rel=1e-9, abs=1e-14 * distribution.moment(2)
        )


@pytest.mark.parametrize("distribution", SMOOTH, ids=str)
def test_the_density_is_the_slope_of_survival(distribution):
    x = distribution.inverse_survival(SHARES[1:5])
    step = 1e-5 * x
    slope = (distribution.survival(x - step) - distribution.survival(x + step)) / (2 * step)
    assert distribution.density(x) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("distribution", SMOOTH, ids=str)
def test_draws_by_inversion_have_the_mean(distribution):
    draws = distribution.inverse_survival((np.arange(200_000) + 0.5) / 200_000)
    assert float(np.mean(draws)) == pytest.approx(distribution.mean, rel=0.01)


@pytest.mark.parametrize("distribution", CORNERS, ids=str)
def test_figures_stay_in_range_at_the_ends_of_all_that_is_accepted(distribution):
    mean, square = distribution.mean, distribution.moment(2)
    assert 0 < mean < math.inf
    assert 0 < square < math.inf
    levels = distribution.inverse_survival(SHARES)
    for function in (distribution.excess, distribution.half_square_excess, distribution.density):
        assert np.isfinite(function(levels)).all()
        assert (function(levels) >= 0).all()
    assert float(distribution.excess(0.0)) == pytest.approx(mean, rel=1e-12)
    assert float(distribution.half_square_excess(0.0)) == pytest.approx(square / 2, rel=1e-12)
    first_come = square / mean / 2 + mean  # Pollaczek and Khinchine, at load 1/2
    found = simulate(FCFS(), JobDistribution(distribution), load=0.5, jobs=2_000)
    assert found.response_time == pytest.approx(first_come, rel=1e-6)


def test_deterministic_sizes_are_one_atom():
    distribution = Deterministic(2.0)
    assert (distribution.mean, distribution.moment(3), distribution.atoms) == (2.0, 8.0, (2.0,))
    assert distribution.survival([1.0, 2.0, 3.0]).tolist() == [1.0, 0.0, 0.0]
    assert distribution.inverse_survival([0.1, 0.9]).tolist() == [2.0, 2.0]
    assert distribution.half_square_excess([0.5, 3.0]).tolist() == [1.125, 0.0]
    assert distribution.density(2.0) == 0.0


def test_lognormal_sizes_have_the_variation_asked_for():
    distribution = LogNormal(mean=3.0, scv=2.0)
    assert distribution.moment(2) / distribution.mean**2 - 1 == pytest.approx(2.0, rel=1e-14)
    assert float(distribution.cumulative_hazard(0.0)) == 0.0


def test_outside_a_bounded_distribution_there_is_nothing():
    distribution = BoundedPareto(1.5, 1.0, 10.0)
    assert distribution.density([0.5, 11.0]).tolist() == [0.0, 0.0]
    assert distribution.survival([0.5, 1.0, 10.0, 11.0]) == pytest.approx([1.0, 1.0, 0.0, 0.0])
    assert float(distribution.excess(0.25)) == pytest.approx(distribution.mean - 0.25)


def test_weights_of_a_mixture_are_normalised():
    assert Hyperexponential((1.0, 3.0), (3.0, 1.0)).mean == 1.5


def test_distributions_are_values():
    distribution = JobDistribution(Weibull(0.5), ExactError())
    assert distribution == JobDistribution(Weibull(0.5), ExactError())
    assert hash(distribution) == hash(JobDistribution(Weibull(0.5), ExactError()))
    assert (distribution.mean, distribution.moment(2)) == (1.0, 6.0)
    assert hash(Hyperexponential([1.0, 2.0], [0.5, 0.5])) == hash(Hyperexponential((1.0, 2.0), (0.5, 0.5)))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Exponential(0.0), "mean is 0.0, but must be above 0"),
        (lambda: Weibull(math.nan), "shape is nan"),
        (lambda: LogNormal(scv=0.0), "scv is 0.0"),
        (lambda: Deterministic(math.inf), "value is inf, but must be finite"),
        (lambda: BoundedPareto(1.0, 2.0, 2.0), "high is 2.0, but must be above low, which is 2.0"),
        (lambda: Hyperexponential((1.0,), (0.5, 0.5)), "means has 1 parts and weights 2"),
        (lambda: Hyperexponential((), ()), "means has 0 parts"),
        (lambda: Hyperexponential((1.0, -1.0), (0.5, 0.5)), "means is -1.0"),
        (lambda: Hyperexponential(1.0, 1.0), "means is 1.0, but must be a sequence of numbers"),
        (lambda: JobDistribution(3.0), "size is 3.0, but must be a SizeDistribution"),
        (lambda: JobDistribution(Exponential(), Exponential()), "expensive is .*, but must be a PredictionError"),
    ],
)
def test_what_is_no_distribution_is_refused(make, words):
    with pytest.raises(InvalidInput, match=words):
        make()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Exponential(1e-200), "mean is 1e-200, but must be at least 1e-100"),
        (lambda: Weibull(0.01), "shape is 0.01, but must be at least 0.1 and at most 100"),
        (lambda: LogNormal(scv=1e9), r"scv is 1000000000.0, but must be at least 1e-08 and at most 1e\+06"),
        (lambda: BoundedPareto(1e-9, 1, 2), "alpha is 1e-09, but must be at least 1e-06"),
        (lambda: BoundedPareto(1, 1, 1e50), r"sizes spread from 1.0 to 1e\+50, but must be within a factor of 1e\+12"),
        (lambda: Hyperexponential((1, 1e100), (0.5, 0.5)), "sizes spread from 1.0 to"),
    ],
)
def test_distributions_beyond_what_floats_can_tell_are_refused(make, words):
    with pytest.raises(InvalidInput, match=words):
        make()


def test_options_from_numpy_are_numbers_like_any_other():
    assert Hyperexponential([1, np.int64(10)], [9, 1]) == Hyperexponential((1.0, 10.0), (0.9, 0.1))
    assert type(Exponential(np.float32(0.5)).mean) is float
