import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import (
    BinnedError,
    Deterministic,
    ExactError,
    ExponentialError,
    IndependentError,
    LogNormalError,
    UniformError,
    Weibull,
)

SMOOTH = [
    ExponentialError(), UniformError(0.4), UniformError(1.0), LogNormalError(0.5), LogNormalError(0.1, bias=2.0),
    IndependentError(Weibull(0.7)),
]  # fmt: skip
ATOMS = [
    ExactError(), BinnedError((0.0, 1.0, 2.0, 4.0)), BinnedError((0.5, 1.0, 3.0), ExponentialError(), (2.0, 0.0)),
    BinnedError((0.0, 2.0, 4.0), LogNormalError(0.5)), IndependentError(Deterministic(1.5)),
]  # fmt: skip
SHARES = np.array([1e-3, 0.2, 0.5, 0.9])
COUNT = 1_000_000


@pytest.mark.parametrize("error", SMOOTH, ids=str)
@pytest.mark.parametrize("x", [0.3, 2.0])
def test_quantiles_undo_survival(error, x):
    assert error.survival(error.inverse_survival(SHARES, x), x) == pytest.approx(SHARES, rel=1e-12)


@pytest.mark.parametrize("error", [*SMOOTH, *ATOMS], ids=str)
@pytest.mark.parametrize("x", [0.3, 1.0, 2.0, 7.0])
def test_the_three_functions_are_means_over_draws_by_inversion(error, x):
    draws = error.inverse_survival((np.arange(COUNT) + 0.5) / COUNT, x)
    for t in (0.0, 0.2, 1.0, 2.1, 5.0):
        over = np.maximum(draws - t, 0.0)
        assert float(error.survival(t, x)) == pytest.approx(np.mean(over > 0), abs=2e-6)
        assert float(error.excess(t, x)) == pytest.approx(np.mean(over), rel=1e-4, abs=1e-6)
        assert float(error.half_square_excess(t, x)) == pytest.approx(np.mean(over**2) / 2, rel=1e-2, abs=1e-6)


@pytest.mark.parametrize("error", SMOOTH, ids=str)
def test_the_density_is_the_slope_of_survival(error):
    t, x = error.inverse_survival(SHARES, 2.0), np.full(4, 2.0)
    step = 1e-6 * t
    slope = (error.survival(t - step, x) - error.survival(t + step, x)) / (2 * step)
    assert error.density(t, x) == pytest.approx(slope, rel=1e-6)


@pytest.mark.parametrize("error", ATOMS, ids=str)
def test_atoms_have_no_density(error):
    assert not error.density(np.array([0.5, 1.0, 1.5]), np.array([1.0, 1.0, 1.0])).any()


@pytest.mark.parametrize("error", [*SMOOTH, *ATOMS], ids=str)
def test_nothing_is_negative_or_cancels_far_out(error):
    t, x = np.geomspace(1e-12, 1e6, 400)[:, None], np.geomspace(1e-9, 1e3, 300)[None]
    survival, excess, half_square = error.tail(t, x)
    assert (survival >= 0).all()
    assert (excess >= 0).all()
    assert (half_square >= -1e-12 * x * x).all()
    assert (np.diff(excess, axis=0) <= 1e-12 * (1 + x)).all()


def test_every_draw_of_a_binned_prediction_is_the_value_of_its_bin():
    error = BinnedError((1.0, 2.0, 3.0), values=(10.0, 5.0))
    assert error.inverse_survival(0.5, [0.1, 1.5, 2.0, 2.5, 9.0]).tolist() == [10.0, 10.0, 10.0, 5.0, 5.0]
    assert error.atoms == (5.0, 10.0)
    assert error.survival(7.0, [1.5, 2.5]).tolist() == [1.0, 0.0]


def test_bins_predict_their_middle_unless_told():
    assert BinnedError((0.0, 1.0, 4.0)).values == (0.5, 2.5)
    assert BinnedError([0, 1, 4]) == BinnedError((0.0, 1.0, 4.0))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: UniformError(0.0), "alpha is 0.0, but must be at least 0.0001 and at most 1"),
        (lambda: UniformError(1.5), "alpha is 1.5"),
        (lambda: LogNormalError(-1.0), "sigma is -1.0"),
        (lambda: LogNormalError(1.0, bias=0.0), "bias is 0.0"),
        (lambda: BinnedError((1.0,)), "edges are .* must be ascending, at least two"),
        (lambda: BinnedError((1.0, 1.0)), "must be ascending, at least two"),
        (
            lambda: BinnedError((0.0, 1.0, 2.0), values=(1.0,)),
            "values has 1 numbers, .* one for each of 2 bins",
        ),
        (lambda: BinnedError((0.0, 1.0), values=(-1.0,)), "values is -1.0"),
        (lambda: LogNormalError(5.0), "sigma is 5.0, but must be at least 0.0001 and at most 4"),
        (lambda: LogNormalError(1.0, bias=1e9), "bias is 1000000000.0, but must be at least 1e-06"),
        (lambda: BinnedError(3.0), "edges is 3.0, but must be a sequence"),
        (lambda: BinnedError((0, 1), Weibull(0.5)), "inner is .*, but must be a PredictionError"),
        (
            lambda: IndependentError(3.0),
            "distribution is 3.0, but must be a SizeDistribution; pass one such as Exponential",
        ),
    ],
)
def test_what_is_no_distribution_is_refused(make, words):
    with pytest.raises(InvalidInput, match=words):
        make()
