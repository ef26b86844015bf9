"""Exact is exact: judged without any rounding, on data of every kind that breaks sums."""

import numpy as np
import pytest

from beforehand.quantization import levels
from tests.quantization.exact_judge import KINDS, Judge, judge


@pytest.mark.parametrize("kind", range(KINDS))
def test_what_says_exact_is_optimal_in_fractions(kind):
    for case in range(kind, kind + 18 * KINDS, KINDS):
        assert judge(case) == [True, True]


def test_clusters_far_apart_are_each_solved_at_their_own_scale():
    found = levels([0, 1, 2, 3, 1e9, 1e9 + 1, 1e9 + 2, 1e9 + 3], 4, objective="mse")
    assert found.squared_error == 2
    assert found.exact
    half = np.linspace(0, 1, 1000)
    twice = levels(np.r_[half, 1e6 + half], 128)
    once = levels(half, 64)
    assert twice.exact
    assert twice.squared_error == pytest.approx(2 * once.squared_error, rel=1e-6)


@pytest.mark.parametrize("fill", [-2147483648.0, -9999.0, 1e20, 0.0])
@pytest.mark.parametrize("s", [16, 64])
@pytest.mark.parametrize("size", [20_000, 300_000])
@pytest.mark.parametrize("objective", ["unbiased", "mse"])
def test_a_fill_value_costs_one_level_and_no_more(fill, s, size, objective):
    random = np.random.default_rng(1)
    x = random.standard_normal(size).astype(np.float32)
    filled = np.where(random.random(size) < 0.6, np.float32(fill), x)
    found = levels(filled, s, method="exact", objective=objective)
    alone = levels(filled[filled != np.float32(fill)], s - 1, method="exact", objective=objective)
    assert found.exact
    assert found.squared_error <= 1.001 * alone.squared_error


@pytest.mark.parametrize("objective", ["unbiased", "mse"])
@pytest.mark.parametrize("shape", ["rows", "blocks", "weights", "float16"])
def test_a_fill_value_spoils_no_way_in(objective, shape):
    random = np.random.default_rng(2)
    x = random.standard_normal(4096).astype(np.float32)
    x[random.random(4096) < 0.6] = -9999
    options = {"method": "exact", "objective": objective}
    whole = levels(x, 16, **options)
    if shape == "float16":
        small = x.astype(np.float16)  # its levels are rounded to float16, too
        wide = levels(small.astype(np.float32), 16, **options)
        assert levels(small, 16, **options).squared_error == pytest.approx(wide.squared_error, rel=1e-4)
    elif shape == "weights":
        kept, counts = np.unique(x, return_counts=True)
        assert levels(kept, 16, weights=counts, **options).squared_error == pytest.approx(whole.squared_error, rel=1e-9)
    else:
        grouped = levels(np.tile(x, (3, 1)), 16, **options, **({"axis": 0} if shape == "rows" else {"block": 4096}))
        assert grouped.group_squared_error.tolist() == [whole.squared_error] * 3
    assert whole.squared_error < 0.02 * 4096


@pytest.mark.parametrize("s", [16, 64, 200, 1000])
def test_many_values_in_clusters_far_apart_are_optimal_too(s):
    random = np.random.default_rng(3)
    x = np.round(random.standard_normal(30_000), 3) + 1e9 * random.integers(0, 5, 30_000)
    found = levels(x, s, method="exact")
    assert found.exact
    judged = Judge(x).error(found.values, "unbiased")
    assert float(judged) == pytest.approx(found.squared_error, rel=1e-9)
