import numpy as np
import pytest

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams.predictor import Sample
from beforehand.streams.ridge import ridge, sample_weights
from tests.streams.predictors import key_bits_row, ridge_by_definition


class Dense:
    """A matrix with the products that the solver asks for, which it counts."""

    def __init__(self, matrix):
        self.matrix, self.asked = matrix, 0

    def normal(self, weights, v):
        self.asked += 1
        return self.matrix.T @ (weights * (self.matrix @ v))

    def transposed(self, y):
        return self.matrix.T @ y


@pytest.mark.parametrize("penalty", [0.5, 1, 30])
def test_conjugate_gradients_find_the_solution_of_the_normal_equations(penalty):
    random = np.random.default_rng(0)
    rows, target, weights = random.normal(size=(500, 20)), random.normal(3, 1, 500), random.uniform(1, 30, 500)
    bias, found = ridge(Dense(rows), target, weights, penalty)
    true_bias, true = ridge_by_definition(rows, target, weights, penalty)
    assert bias == pytest.approx(true_bias)
    assert found == pytest.approx(true, abs=1e-4)


def test_it_stops_after_30_iterations_or_at_the_solution():
    random = np.random.default_rng(1)
    hard = Dense(random.normal(size=(300, 200)) * np.logspace(-3, 3, 200))
    ridge(hard, random.normal(size=300), np.ones(300), 1e-6)
    assert hard.asked == 30
    easy = Dense(np.eye(5))
    bias, found = ridge(easy, np.full(5, 2.0), np.ones(5), 1)
    assert (easy.asked, bias, found.tolist()) == (0, 2.0, [0.0] * 5)


def test_samples_weigh_by_the_root_of_their_counts_within_limits():
    sample = Sample.of([1, 2, 3, 4], [1, 16, 900, 10**6])
    assert sample_weights(sample, "sqrt").tolist() == [1, 4, 30, 30]
    assert sample_weights(sample, "none").tolist() == [1, 1, 1, 1]


def test_native_rows_are_the_matrix():
    keys = np.arange(50, dtype=np.uint64) * np.uint64(2**57 + 12345)
    rows = _native.key_bits_rows(keys, 0, 32)
    matrix = np.array([key_bits_row(int(key), 32) for key in keys])
    random = np.random.default_rng(2)
    weights, v, y = random.uniform(size=50), random.normal(size=32), random.normal(size=50)
    assert rows.normal(weights, v) == pytest.approx(matrix.T @ (weights * (matrix @ v)))
    assert rows.transposed(y) == pytest.approx(matrix.T @ y)
    for act in (lambda: rows.normal(weights, y), lambda: rows.normal(v, v), lambda: rows.transposed(v)):
        with pytest.raises(InvalidInput, match="does not fit the rows"):
            act()
