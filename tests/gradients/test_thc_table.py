import dataclasses

import numpy as np
import pytest

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.gradients import thc_table, theory
from beforehand.gradients.thc_table import identity_table, solved

SYMMETRIC = [
    (2, 34, (512, 1024), "0 13 21 34"),
    (3, 16, (16, 32, 64, 128, 256, 512), "0 3 5 7 9 11 13 16"),
    (3, 16, (1024,), "0 4 6 7 9 10 12 16"),
    (3, 34, (16, 32), "0 6 11 15 19 23 28 34"),
    (3, 34, (64, 128), "0 7 11 15 19 23 27 34"),
    (3, 42, (1024,), "0 10 15 19 23 27 32 42"),
    (4, 30, (16,), "0 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30"),
    (4, 30, (32, 64), "0 3 5 7 9 11 13 14 16 17 19 21 23 25 27 30"),
    (4, 30, (128, 256), "0 4 6 8 10 12 13 14 16 17 18 20 22 24 26 30"),
    (4, 30, (512,), "0 4 7 9 11 12 13 14 16 17 18 19 21 23 26 30"),
    (4, 34, (16, 32, 64, 128), "0 3 6 8 10 12 14 16 18 20 22 24 26 28 31 34"),
    (4, 34, (256, 512), "0 4 7 9 11 13 15 16 18 19 21 23 25 27 30 34"),
    (4, 34, (1024,), "0 5 8 10 12 14 15 16 18 19 20 22 24 26 29 34"),
    (4, 16, (32, 64), "0 1 2 3 4 5 6 7 9 10 11 12 13 14 15 16"),
]
FREE = [
    (4, 30, 32, "0 3 5 7 9 11 13 14 15 17 19 21 23 25 27 30", 0.013062543, 0.007267259),
    (4, 15, 32, "0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15", 0.013319336, 0.007267259),
    (4, 63, 304, "0 8 13 17 21 24 27 30 33 36 39 42 46 50 55 63", 0.018653212, 0.000510284),
    (4, 31, 609, "0 4 7 9 11 13 14 15 16 17 18 20 22 24 27 31", 0.022949736, 0.000230877),
    (3, 16, 64, "0 3 5 7 9 11 13 16", 0.068289794, 0.003150842),
    (2, 16, 16, "0 6 10 16", 0.239407428, 0.017156560),
]


def points(text):
    return tuple(map(int, text.split()))


@pytest.mark.parametrize(("bits", "granularity", "inverse", "text"), [
    (bits, granularity, each, text) for bits, granularity, inverses, text in SYMMETRIC for each in inverses
])  # fmt: skip
def test_the_published_tables_are_the_best_symmetric_ones(bits, granularity, inverse, text):
    assert thc_table(bits, granularity, 1 / inverse, symmetric=True).values == points(text)


@pytest.mark.parametrize(("bits", "granularity", "inverse", "text", "rounding", "truncation"), FREE)
def test_golden_free_tables(bits, granularity, inverse, text, rounding, truncation):
    table = thc_table(bits, granularity, 1 / inverse)
    assert table.values == points(text)
    assert table.rounding_cost == pytest.approx(rounding, abs=1e-9)
    assert table.truncation_cost == pytest.approx(truncation, abs=1e-9)


@pytest.mark.parametrize(
    ("bits", "granularity", "inverse", "cost"),
    [(4, 16, 32, 0.013044648), (3, 42, 1024, 0.099148523), (2, 34, 1024, 0.624308449)],
)
def test_golden_costs(bits, granularity, inverse, cost):
    assert thc_table(bits, granularity, 1 / inverse).rounding_cost == pytest.approx(cost, abs=1e-9)


def test_a_free_table_is_never_worse_than_a_symmetric_one():
    assert thc_table(4, 30, 1 / 32, symmetric=True).rounding_cost == pytest.approx(0.01307459, abs=1e-8)
    assert thc_table(4, 16, 1 / 32, symmetric=True).rounding_cost == pytest.approx(0.019445, abs=1e-6)
    for inverse in (4, 16, 64, 1024):
        free, mirrored = (thc_table(4, 30, 1 / inverse, symmetric=symmetric) for symmetric in (False, True))
        assert free.rounding_cost <= mirrored.rounding_cost + 1e-13


def oracle(levels, granularity, t):
    """The whole dynamic program, without the quadrangle inequality."""
    q = -t + 2 * t * np.arange(granularity + 1) / granularity
    below = np.array([0.5 * float(theory._erfc(-z / 2**0.5)) for z in q])
    density = np.exp(-0.5 * q * q) / np.sqrt(2 * np.pi)
    m0, m1, m2 = below, -density, below - q * density

    def differences(m):
        return m[None, :] - m[:, None]

    cells = -differences(m2) + (q[:, None] + q) * differences(m1) - np.outer(q, q) * differences(m0)
    cells[np.tril_indices(granularity + 1)] = np.inf
    cost = np.full(granularity + 1, np.inf)
    cost[0] = 0
    for _ in range(levels - 1):
        cost = (cost[:, None] + cells).min(axis=0)
    return cost[granularity]


@pytest.mark.parametrize(("bits", "granularity"), [(4, 63), (4, 127), (6, 100), (8, 300)])
@pytest.mark.parametrize("inverse", [4, 32, 2048])
def test_divide_and_conquer_finds_what_the_whole_program_finds(bits, granularity, inverse):
    table = thc_table(bits, granularity, 1 / inverse)
    assert table.rounding_cost == pytest.approx(oracle(2**bits, granularity, table.half_range), abs=1e-11)
    assert len(table.values) == 2**bits
    assert (table.values[0], table.values[-1]) == (0, granularity)
    assert all(a < b for a, b in zip(table.values, table.values[1:], strict=False))


def test_an_identity_table_holds_all_points_at_the_cost_of_a_solved_one():
    table = identity_table(63, 1 / 512)
    assert table.values == tuple(range(64))
    assert table.rounding_cost == pytest.approx(thc_table(6, 63, 1 / 512).rounding_cost, rel=1e-9)


def test_a_table_is_solved_once():
    assert solved(4, 30, 1 / 32) is solved(4, 30, 1 / 32)


def test_the_native_solver_takes_as_many_levels_as_points():
    values, _ = _native.thc_table(16, 15, 2.0, False)
    assert values == list(range(16))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 30, 0.1), "bits is 0"),
        ((4.0, 30, 0.1), "bits is 4.0, but must be a whole number"),
        ((4, True, 0.1), "granularity is True"),
        ((11, 5000, 0.1), "bits is 11"),
        ((4, 14, 0.1), "from 15 to 65535"),
        ((4, 1024, 0.1), "solved up to 1023"),
        ((4, 30, 0.0), "truncation is 0.0"),
        ((4, 30, 0.5), "truncation is 0.5"),
        ((4, 30, 5e-324), "truncation is 5e-324"),
        ((4, 30, float("nan")), "truncation is nan"),
    ],
)
def test_what_cannot_be_solved_is_refused(arguments, message):
    with pytest.raises(InvalidInput, match=message):
        thc_table(*arguments)


def test_the_digest_is_that_of_points_and_range():
    table = thc_table(4, 30, 1 / 32)
    assert table.digest == thc_table(4, 30, 1 / 32).digest
    assert table.digest == dataclasses.replace(table, rounding_cost=0.0, truncation_cost=0.0).digest
    others = [thc_table(4, 30, 1 / 33), thc_table(4, 31, 1 / 32), thc_table(3, 30, 1 / 32)]
    assert len({table.digest, *(other.digest for other in others)}) == 4
    assert table.digest == "c3521c28f5a5bbdb61fab0c3fd5a22078e8a485000e5fe6494b56eb45e30656c"
