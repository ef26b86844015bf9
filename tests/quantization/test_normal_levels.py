import math

import numpy as np
import pytest

from beforehand.quantization.normal_levels import POSITIVE_LEVELS


def density(x):
    return np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)


def test_there_is_a_table_for_each_number_of_levels_that_rotation_takes():
    assert list(POSITIVE_LEVELS) == [2, 4, 8, 16, 32, 64, 128, 256]
    assert all(len(half) == n_levels // 2 for n_levels, half in POSITIVE_LEVELS.items())


@pytest.mark.parametrize("n_levels", POSITIVE_LEVELS)
def test_levels_are_positive_and_ascend(n_levels):
    half = np.array(POSITIVE_LEVELS[n_levels])
    assert half[0] > 0
    assert (half[1:] > half[:-1]).all()


@pytest.mark.parametrize("n_levels", POSITIVE_LEVELS)
def test_each_level_is_the_mean_of_its_cell(n_levels):
    half = np.array(POSITIVE_LEVELS[n_levels])
    edges = np.concatenate([[0.0], (half[1:] + half[:-1]) / 2, [np.inf]])
    above = np.array([math.erfc(edge / math.sqrt(2)) / 2 for edge in edges])
    mean = np.diff(density(edges)) / np.diff(above)
    assert half == pytest.approx(mean, rel=1e-10)


def test_the_known_ones_are_met():
    assert POSITIVE_LEVELS[2] == (math.sqrt(2 / math.pi),)
    assert POSITIVE_LEVELS[4] == pytest.approx((0.4528, 1.510), abs=5e-4)  # Max, 1960, table I
    assert POSITIVE_LEVELS[8] == pytest.approx((0.2451, 0.7560, 1.344, 2.152), abs=5e-4)
