import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.scheduling.serving.calibration.non_negative import non_negative_least_squares


def best_of_every_support(matrix, target):
    """The smallest squared distance of any solution whose coefficients on a subset of columns are all positive."""
    best = float(target @ target)
    for size in range(1, matrix.shape[1] + 1):
        for columns in itertools.combinations(range(matrix.shape[1]), size):
            x = np.linalg.lstsq(matrix[:, columns], target, rcond=None)[0]
            if (x >= 0).all():
                best = min(best, float(((matrix[:, columns] @ x - target) ** 2).sum()))
    return best


@given(seed=st.integers(0, 10_000), rows=st.integers(1, 12), columns=st.integers(1, 5))
def test_it_is_the_best_of_all_subsets_of_columns(seed, rows, columns):
    random = np.random.default_rng(seed)
    matrix, target = random.normal(size=(rows, columns)), random.normal(size=rows)
    x = non_negative_least_squares(matrix, target)
    assert (x >= 0).all()
    distance = float(((matrix @ x - target) ** 2).sum())
    assert distance <= best_of_every_support(matrix, target) + 1e-9


def test_columns_of_very_different_sizes_are_all_found():
    random = np.random.default_rng(0)
    matrix = random.random((200, 3)) * [1.0, 1e9, 1e-6]
    wanted = np.array([2.0, 3e-9, 5e6])
    np.testing.assert_allclose(non_negative_least_squares(matrix, matrix @ wanted), wanted, rtol=1e-8)


@pytest.mark.parametrize("target", [np.zeros(4), -np.ones(4)])
def test_a_target_that_only_negative_coefficients_would_meet_gives_zeros(target):
    np.testing.assert_array_equal(non_negative_least_squares(np.ones((4, 2)), target), [0, 0])


def test_columns_of_zeros_and_equal_columns_do_no_harm():
    column = np.arange(1.0, 6.0)
    x = non_negative_least_squares(np.column_stack((column, 0 * column, column)), 2 * column)
    assert x[1] == 0
    np.testing.assert_allclose(x.sum(), 2)
