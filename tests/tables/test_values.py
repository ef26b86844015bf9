import numpy as np
import pytest

from beforehand.tables.values import COLUMN_DTYPES, array


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([], "float64"),
        ([True, False], "bool"),
        ([1, -2], "int64"),
        ([1, 2**64 - 1], "uint64"),
        (["a", "bcd"], "<U3"),
        ([1, 2.5], "float64"),
        ([1, None], "float64"),
    ],
)
def test_values_get_the_narrowest_kind_that_holds_them(values, dtype):
    made = array("a", values)
    assert made.dtype == dtype
    assert [None if value != value else value for value in made.tolist()] == values


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ([True, 1], "column a mixes bool, int"),
        (["a", None], "column a mixes NoneType, str"),
        ([[1]], "column a mixes list"),
        ([1.5, 2**53 + 1], "integers beyond"),
    ],
)
def test_values_that_no_array_holds_exactly_are_refused(values, words):
    with pytest.raises(ValueError, match=words):
        array("a", values)


@pytest.mark.parametrize(
    ("values", "dtype"), [([1.5], "int64"), ([1], "str"), ([True], "float32"), ([1], "O"), ([1], "U999")]
)
def test_a_file_may_not_lie_about_the_dtype(values, dtype):
    with pytest.raises(ValueError, match=f"must be {dtype}"):
        array("a", values, dtype)


@pytest.mark.parametrize("dtype", COLUMN_DTYPES)
def test_every_dtype_that_a_trace_holds_can_be_asked_for(dtype):
    assert array("a", [], dtype).dtype == np.array([], dtype=dtype).dtype
