import math

import numpy as np
import pytest

from beforehand.scheduling import Deterministic, Exponential, Hyperexponential, Weibull
from beforehand.scheduling.distributions.quadrature import RATIO, SizeGrid, merged, spaced


def test_panels_are_split_wherever_a_row_breaks():
    grid = SizeGrid(Exponential(), (), 16)
    levels = np.array([0.0, 1e-9, 0.3, 1.0, 7.0, 30.0, 100.0])
    (above,) = grid.table(levels[:, None], lambda rows, x: ((x > levels[rows]).astype(float),))
    assert above == pytest.approx(np.exp(-levels), rel=1e-12, abs=1e-16)


def test_several_breaks_in_one_panel_are_all_seen():
    grid = SizeGrid(Weibull(0.5), (2.0,), 16)
    breaks = np.array([[2.1, 2.0, 2.05, 2.2], [0.0, 5.0, 5.0, 1e9]])
    (inside,) = grid.table(breaks, lambda rows, x: (((x > breaks[rows, 0]) & (x < breaks[rows, 3])).astype(float),))
    assert inside == pytest.approx([math.exp(-math.sqrt(4.2)) - math.exp(-math.sqrt(4.4)), 1.0], rel=1e-12)


def test_mixtures_are_the_sum_of_their_parts():
    grid = SizeGrid(Hyperexponential((1.0, 1000.0), (0.9, 0.1)), (), 16)
    assert grid.mean(np.exp(-grid.x)) == pytest.approx(0.9 / 2 + 0.1 / 1001, rel=1e-13)
    assert np.sum(grid.weights) == pytest.approx(1.0, rel=1e-14)


@pytest.mark.parametrize("size", [Exponential(), Weibull(0.5), Hyperexponential((1.0, 1000.0), (0.9, 0.1))], ids=str)
def test_means_above_many_cuts_are_those_of_a_table(size):
    grid = SizeGrid(size, (2.0,), 16)
    rate = np.array([1.0, 0.01])
    cuts = np.array([[0.0, 0.1, 2.0, 2.0, 9.0], [1e-9, 3.0, 3.1, 500.0, 1e9]])

    def functions(rows, x):
        return np.exp(-rate[rows] * x), x + rows

    above = grid.above(cuts, functions)
    for column, cut in enumerate(cuts.T):

        def beyond(rows, x, cut=cut):
            return tuple((x > cut[rows]) * part for part in functions(rows, x))

        for found, expected in zip(above, grid.table(cut[:, None], beyond), strict=True):
            assert found[:, column] == pytest.approx(expected, rel=1e-12, abs=1e-25)


def test_one_size_is_one_node():
    grid = SizeGrid(Deterministic(3.0), (1.0,), 16)
    (square,) = grid.table(np.array([[1.0], [2.0]]), lambda rows, x: (x * x + rows,))
    assert square.tolist() == [9.0, 10.0]


def test_edges_are_as_close_as_the_steps_ask_for():
    points = np.geomspace(1.0, 1e6, 1001)
    edges = spaced(points, np.diff(np.log(points)))
    assert edges[:2].tolist() == [0.0, 1.0]
    assert edges[-1] == points[-1]
    assert (edges[2:] / edges[1:-1] < RATIO * 1.001).all()


def test_the_same_edge_is_taken_once():
    assert merged(np.array([0.0, 1.0, 2.0]), [1.0 + 1e-15, 0.5, 3.0, -1.0]).tolist() == [0.0, 0.5, 1.0, 2.0]
