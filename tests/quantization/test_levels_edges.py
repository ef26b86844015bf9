import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.quantization import levels

EDGES = {
    "one value": [3.0],
    "constant": [2.5] * 7,
    "zeros": [0.0] * 5,
    "both zeros": [-0.0, 0.0, 1.0],
    "subnormal": [5e-324, 1e-323, 0.0, -5e-324],
    "largest": [-1.7e308, 1.7e308, 0.0, 1.0],
    "tiny beside huge": [-1e-300, 1e-300, 1e300, 2e300],
    "decades": list(10.0 ** np.arange(-15, 16)),
    "powers of two": list(2.0 ** np.arange(-50, 51)),
}


@pytest.mark.parametrize("name", EDGES)
@pytest.mark.parametrize("method", ["exact", "histogram", "uniform"])
@pytest.mark.parametrize("objective", ["unbiased", "mse"])
@pytest.mark.parametrize("s", [2, 3, 4, 8, 65536])
def test_edges_give_ascending_finite_levels(name, method, objective, s):
    x = np.array(EDGES[name])
    found = levels(x, s, method=method, objective=objective)
    assert np.isfinite(found.values).all()
    assert (found.values[1:] > found.values[:-1]).all()
    assert found.squared_error >= 0
    assert 0 <= found.vnmse < np.inf
    assert not np.signbit(found.values[found.values == 0]).any()
    if objective == "unbiased":
        assert found.values[0] == x.min()
        assert found.values[-1] == x.max()
    if method == "exact" and s >= len(np.unique(x)):
        assert found.values.tolist() == np.unique(x + 0.0).tolist()
        assert found.squared_error == 0


@pytest.mark.parametrize("objective", ["unbiased", "mse"])
def test_float32_extremes_do_not_overflow(objective):
    x = np.array([-3.4e38, 3.4e38, 1e-45, 0, 1, 1e38], np.float32)
    found = levels(x, 3, objective=objective)
    assert np.isfinite(found.squared_error)
    assert (found.values[1:] > found.values[:-1]).all()


def test_squares_that_overflow_are_reported_as_infinite():
    assert levels([-1.7e308, 0.0, 1.7e308], 2).squared_error == np.inf


@pytest.mark.parametrize(
    ("x", "options", "message"),
    [
        ([], {}, r"x has shape \(0,\), but no values"),
        ([1.0, np.nan, np.inf], {}, r"2 NaN or infinite value\(s\); the first is nan at flat index 1"),
        ([1.0, -np.inf], {"method": "histogram"}, r"1 NaN or infinite value\(s\); the first is -inf at flat index 1"),
        (np.array([1, np.inf], np.float16), {}, r"first is inf at flat index 1"),
        ([1.0], {"n_levels": 1}, "n_levels is 1, but must be from 2 to 65536"),
        ([1.0], {"n_levels": 65537}, "n_levels is 65537"),
        ([1.0], {"n_levels": 0, "objective": "mse"}, "n_levels is 0, but must be from 1"),
        ([1.0], {"method": "best"}, "method is 'best', but must be one of auto, exact"),
        ([1.0], {"objective": "l1"}, "objective is 'l1'"),
        ([1.0], {"threads": 0}, "threads is 0"),
        ([1.0], {"axis": 1}, "axis is 1, but x has 1 dimensions"),
        ([1.0], {"axis": 0, "block": 2}, "axis is 0 and block is 2"),
        ([1.0], {"block": 0}, "block is 0"),
        ([1.0], {"n_levels": 2.5}, "n_levels is 2.5, but must be a whole number"),
        ([1.0], {"certify": True, "method": "uniform"}, "certify is given with method='uniform'"),
        ([1.0], {"certify": True, "objective": "mse"}, "objective='mse'"),
        ([1.0], {"threads": 1.5}, "threads is 1.5, but must be a whole number"),
        ([1.0], {"bins": 100.5}, "bins is 100.5, but must be a whole number"),
        ([1.0], {"weights": ["a"]}, "weights are not an array of numbers"),
        ([1.0], {"bins": 63}, "bins is 63"),
        ([1.0], {"bins": 64, "method": "exact"}, "bins is 64, but method='exact' has no histogram"),
        ([1.0], {"weights": [-1.0]}, r"weights contain -1.0"),
        ([1.0], {"weights": [np.nan]}, r"weights contain nan"),
        ([1.0], {"weights": [1.0, 2.0]}, r"weights have shape \(2,\), but must be broadcastable to \(1,\)"),
        ([1.0, 2.0], {"weights": 0}, r"weights of group 0 are all 0"),
        ([1.0], {"grid": [0.0, 2.0], "objective": "mse"}, "grid is given with"),
        ([1.0], {"grid": [2.0, 0.0]}, "grid must be finite and strictly ascending"),
        ([1.0], {"grid": []}, r"grid has shape \(0,\)"),
        ([3.0], {"grid": [0.0, 2.0]}, r"grid covers \[0, 2\], but x has values in \[3, 3\]"),
        (["a"], {}, "x has dtype str"),
        ([[1.0, 2.0], [3.0]], {}, "x is not an array .* make its rows equally long"),
        ([1.0], {"axis": 0.5}, "axis is 0.5, but must be a whole number"),
        ([1.0], {"block": 2.5}, "block is 2.5, but must be a whole number"),
        ([1.0], {"block": 64.0, "method": "rotation"}, "block is 64.0, but must be a whole number"),
        ([1.0], {"grid": ["a", "b"]}, "grid is not an array of numbers"),
        ([1.0], {"grid": [[1.0, 2.0], [3.0]]}, "grid is not an array of numbers"),
        ([1j], {}, "x has dtype complex128"),
        ([2**53 + 1], {}, r"x contains an integer beyond 2\*\*53"),
    ],
)
def test_bad_input_is_refused_with_value_rule_and_remedy(x, options, message):
    with pytest.raises(InvalidInput, match=message):
        levels(x, **options)


def test_the_first_bad_value_is_named_whatever_the_groups():
    x = np.zeros((8, 8))
    x[2, 5] = x[6, 1] = np.nan
    with pytest.raises(InvalidInput, match=r"2 NaN .* at flat index 21"):
        levels(x, axis=1, threads=4)
