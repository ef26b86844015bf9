import itertools

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.quantization import decode, encode, levels
from tests.quantization.brute_force import _shortest

RANDOM = np.random.default_rng(0)
FAMILIES = {
    "normal": lambda n: RANDOM.standard_normal(n),
    "heavy": lambda n: RANDOM.standard_t(2, n),
    "positive": lambda n: RANDOM.exponential(size=n) + 0.1,
    "negative": lambda n: -RANDOM.exponential(size=n) - 0.1,
    "pruned": lambda n: np.where(RANDOM.random(n) < 0.5, 0, RANDOM.standard_normal(n)),
    "integers": lambda n: RANDOM.integers(-9, 9, n).astype(float),
    "far": lambda n: 1e6 + RANDOM.standard_normal(n),
    "wide": lambda n: np.exp(8 * RANDOM.standard_normal(n)) * RANDOM.choice([-1, 1], n),
}


def least_unbiased(x, s, w):
    """The least error of `s` levels among the values and 0 that enclose all values, with 0 one of them."""
    nodes = np.unique(np.append(x, 0)).astype(np.longdouble)
    zero = int(np.flatnonzero(nodes == 0)[0])
    low, high = int(np.searchsorted(nodes, min(x.min(), 0))), int(np.searchsorted(nodes, max(x.max(), 0)))
    a, b = nodes[:, None, None], nodes[None, :, None]
    costs = (w * np.maximum(b - x, 0) * np.maximum(x - a, 0)).sum(axis=2)
    return min(
        path(costs, low, zero, below) + path(costs, zero, high, links)
        for below in range(s)
        for links in range(s - below)
    )


def path(costs, first, last, links):
    """The least cost of a way with exactly so many links, infinite where there is none."""
    if first == last:
        return 0 if links == 0 else np.inf
    return _shortest(costs[first : last + 1, first : last + 1], links, last + 1 - first)


def least_mse(x, s, w):
    """The least error of `s` clusters, one of them around 0 and the others around their means."""
    order = np.argsort(x)
    x, w, n = x[order].astype(np.longdouble), w[order], len(x)
    costs, at_zero = np.full((2, n + 1, n + 1), np.inf, np.longdouble)
    for k, j in itertools.combinations(range(n + 1), 2):
        costs[k, j] = (w[k:j] * (x[k:j] - np.average(x[k:j], weights=w[k:j])) ** 2).sum()
        at_zero[k, j] = (w[k:j] * x[k:j] ** 2).sum()
    np.fill_diagonal(at_zero, 0)
    without = np.where(np.arange(n + 1) == 0, 0, np.inf)
    one = (without[:, None] + at_zero).min(axis=0)
    least = one[-1]
    for _ in range(s - 1):
        passed = (without[:, None] + costs).min(axis=0)
        one = np.minimum((one[:, None] + costs).min(axis=0), (passed[:, None] + at_zero).min(axis=0))
        without, least = passed, min(least, one[-1])
    return float(least)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize("objective", ["mse", "unbiased"])
def test_a_table_with_zero_is_the_optimum_of_those(objective, name, weighted):
    brute = least_mse if objective == "mse" else least_unbiased
    for s in (2, 3, 4, 7):
        x = FAMILIES[name](24)
        w = RANDOM.exponential(size=24) if weighted else np.ones(24)
        if objective == "unbiased" and s == 2 and x.min() < 0 < x.max():
            continue  # minimum, maximum and 0 are three
        table = levels(x, s, objective=objective, zero=True, weights=w if weighted else None)
        assert (table.values == 0).sum() == 1
        assert len(table.values) <= s
        assert table.exact
        least = brute(x, s, w)
        assert table.squared_error == pytest.approx(least, rel=1e-9, abs=1e-20 * (w * x**2).sum())
        assert table.squared_error == pytest.approx(cost(x, w, table), rel=1e-9, abs=1e-300)


def cost(x, w, table):
    q = table.values.astype(np.longdouble)
    if table.objective == "mse":
        return float((w * abs(x[:, None] - q).min(axis=1) ** 2).sum())
    above = np.clip(np.searchsorted(q, x), 1, len(q) - 1)
    return float((w * (q[above] - x) * (x - q[above - 1])).sum())


@pytest.mark.parametrize("objective", ["mse", "unbiased"])
@pytest.mark.parametrize("kwargs", [{}, {"axis": 0}, {"axis": 1}, {"block": 9}, {"block": 100}])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8])
def test_exact_zeros_come_back_as_zeros(dtype, kwargs, objective):
    x = (RANDOM.standard_t(4, (30, 40)) * 20).astype(dtype)
    x[abs(x) < 8] = 0
    table = levels(x, 5, objective=objective, zero=True, **kwargs)
    assert (table.values == 0).any(axis=-1).all()
    back = decode(encode(x, table, seed=1))
    assert (back[x == 0] == 0).all()
    plain = levels(x, 5, objective=objective, method="exact", **kwargs)
    assert table.squared_error >= plain.squared_error * (1 - 1e-6)


def test_groups_are_solved_as_if_alone():
    x = RANDOM.standard_normal((6, 50))
    each = [levels(row, 6, objective="mse", zero=True).values for row in x]
    assert (levels(x, 6, objective="mse", zero=True, axis=0).values == each).all()
    assert (levels(x.T, 6, objective="mse", zero=True, axis=1).values == each).all()
    assert (levels(x, 6, objective="mse", zero=True, block=50).values == each).all()


def test_few_values_and_one_level():
    assert (levels([1.0, 2.0], 8, zero=True).values == [0, 1, 2]).all()
    assert (levels([0.0, 0.0], 8, zero=True).values == [0]).all()
    assert (levels([3.0, 4.0], 1, objective="mse", zero=True).values == [0]).all()
    assert levels([3.0, 4.0], 1, objective="mse", zero=True).squared_error == 25


@pytest.mark.parametrize(
    ("kwargs", "message"),
    [
        ({"method": "histogram"}, "zero is given"),
        ({"method": "uniform"}, "zero is given"),
        ({"method": "rotation"}, "zero is given"),
        ({"grid": [0.0, 9.0]}, "zero is given"),
        ({"bins": 4096}, "zero is given"),
        ({"weights": [0.0, 0.0]}, "weights"),
    ],
)
def test_what_zero_does_not_go_with_is_refused(kwargs, message):
    with pytest.raises(InvalidInput, match=message):
        levels([1.0, 2.0], 4, zero=True, **kwargs)
    with pytest.raises(InvalidInput, match="flat index 1"):
        levels([1.0, np.nan], 4, zero=True)


def test_too_few_levels_for_zero_between_the_ends_are_refused():
    with pytest.raises(InvalidInput, match="n_levels is 2"):
        levels([-1.0, 0.5, 2.0], 2, zero=True)
