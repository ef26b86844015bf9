import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import correlation, vnmse


def test_vnmse_does_not_change_with_the_unit():
    random = np.random.default_rng(0)
    truth, estimate = random.standard_normal((2, 1000)).astype(np.float32)
    expected = ((estimate.astype(float) - truth) ** 2).sum() / (truth.astype(float) ** 2).sum()
    assert vnmse(estimate, truth) == pytest.approx(expected)
    assert vnmse(estimate * np.float32(2**70), truth * np.float32(2**70)) == pytest.approx(expected)


def test_vnmse_of_zeros():
    assert vnmse([0.0, 0.0], [0.0, 0.0]) == 0
    assert vnmse([0.0, 1.0], [0.0, 0.0]) == math.inf


def test_vnmse_refuses_other_shapes():
    with pytest.raises(InvalidInput, match="alike"):
        vnmse([1.0], [1.0, 2.0])


@pytest.mark.parametrize("n", [1, 2, 8])
def test_correlation_is_one_of_equal_and_one_nth_of_orthogonal_gradients(n):
    assert correlation(np.ones((n, 5))) == pytest.approx(1)
    assert correlation(np.eye(n)) == pytest.approx(1 / n)


def test_correlation_of_opposite_and_of_zero_gradients():
    assert correlation([[1.0, 2.0], [-1.0, -2.0]]) == 0
    assert correlation(np.zeros((3, 4))) == 1


@pytest.mark.parametrize("rows", [[1.0, 2.0], np.zeros((0, 3))])
def test_correlation_refuses_what_is_not_rows(rows):
    with pytest.raises(InvalidInput, match="one row for each worker"):
        correlation(rows)
