import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.quantization.groups import grouping
from beforehand.quantization.inputs import as_values
from beforehand.quantization.tables import compact, enclosing, fitted

TABLES = np.array([[0.0, 1.0, 2.0, 3.0]])


@pytest.mark.parametrize(
    ("low", "high", "wanted"),
    [
        (-1, 9, [-1, 1, 2, 9]),
        (0, 3, [0, 1, 2, 3]),
        (1.5, 9, [1.5, 2, 9]),
        (1, 2, [1, 2]),
        (1.2, 1.8, [1.2, 1.8]),
        (5, 7, [5, 7]),
        (1.5, 1.5, [1.5]),
    ],
)
def test_ends_move_to_the_data_and_only_the_interior_between_them_stays(low, high, wanted):
    moved = compact(enclosing(TABLES, np.array([[low, high]], float)))[0]
    assert np.unique(moved).tolist() == wanted
    assert moved[: len(wanted)].tolist() == wanted


def test_compact_tables_repeat_only_their_last_level():
    tables = np.array([[1.0, 1.0, 2.0, 2.0, 3.0], [4.0, 4.0, 4.0, 4.0, 4.0], [0.0, 1.0, 2.0, 3.0, 4.0]])
    assert compact(tables).tolist() == [[1, 2, 3, 3, 3], [4, 4, 4, 4, 4], [0, 1, 2, 3, 4]]


def test_one_table_is_fitted_to_every_group():
    x = np.array([[0.5, 1.5], [-4.0, 8.0], [2.5, 2.5]])
    tables, counts = fitted(TABLES, as_values(x), grouping(x.shape, 0, None), "unbiased")
    assert [row[:n].tolist() for row, n in zip(tables, counts, strict=True)] == [[0.5, 1, 1.5], [-4, 1, 2, 8], [2.5]]


def test_tables_for_the_nearest_level_stay_but_for_rounding():
    x = np.zeros(3, np.float32)
    tables, counts = fitted(np.array([[-0.0, 0.1, 0.1 + 1e-9]]), as_values(x), grouping(x.shape, None, None), "mse")
    assert counts.tolist() == [2]
    assert tables[0, :2].tolist() == [0.0, float(np.float32(0.1))]
    assert not np.signbit(tables).any()


def test_data_that_are_not_finite_have_no_ends():
    x = np.array([1.0, np.nan])
    with pytest.raises(InvalidInput, match="1 NaN or infinite"):
        fitted(TABLES, as_values(x), grouping(x.shape, None, None), "unbiased")
