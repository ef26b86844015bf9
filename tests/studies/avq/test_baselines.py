import numpy as np
import pytest

from beforehand.quantization import levels
from beforehand.quantization.theory import expected_squared_error
from beforehand.studies.avq.baselines import (
    best_middle_by_scan,
    best_middle_in_closed_form,
    nuqsgd,
    qsgd,
    zipml,
)


@pytest.mark.parametrize("s", [2, 3, 4, 9])
@pytest.mark.parametrize("size", [40, 300])
def test_the_plain_program_finds_the_optimum(s, size):
    x = np.sort(np.random.default_rng(s).lognormal(size=size))
    table, error = zipml(x, s)
    assert table.shape == (s,)
    assert error == pytest.approx(expected_squared_error(x, table), rel=1e-9)
    assert error == pytest.approx(levels(x, s).squared_error, rel=1e-9)


def test_qsgd_spans_the_length_of_the_vector_evenly():
    assert qsgd(np.array([3.0, -4.0]), 5).tolist() == [-5, -2.5, 0, 2.5, 5]


def test_nuqsgd_halves_the_length_of_the_vector():
    assert nuqsgd(np.array([3.0, -4.0]), 7).tolist() == [-5, -2.5, -1.25, 0, 1.25, 2.5, 5]


@pytest.mark.parametrize("seed", range(20))
def test_the_formula_finds_the_same_middle_as_trying_every_place(seed):
    random = np.random.default_rng(seed)
    x = np.sort(random.standard_normal(int(random.integers(4, 400))) ** 3)
    scan, formula = (x[[0, find(x), -1]] for find in (best_middle_by_scan, best_middle_in_closed_form))
    assert expected_squared_error(x, formula) == pytest.approx(expected_squared_error(x, scan), rel=1e-12)
