import re

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.quantization.outputs import as_target, decoded_dtype, select


@pytest.mark.parametrize(
    ("dtype", "found"), [("float16", "f2"), ("float32", "f4"), ("float64", "f8"), ("bfloat16", "f4"), ("int8", "f4")]
)
def test_floats_come_back_as_they_were_and_the_rest_in_the_dtype_of_levels(dtype, found):
    assert decoded_dtype(dtype, np.dtype(np.float32)) == np.dtype(found)


@pytest.mark.parametrize(
    "rows",
    [
        slice(1, 3),
        slice(3, 9),
        slice(4, 2),
        slice(None, None, 2),
        slice(None, None, -1),
        2,
        -1,
        [0, 4, 4],
        [],
        [[1], [2]],
    ],
    ids=str,
)
def test_rows_are_those_that_numpy_takes(rows):
    x = np.arange(10).reshape(5, 2)
    first, index, shape = select(x.shape, rows)
    found = x[first : first + shape[0]] if index is None else x[index].reshape(shape)
    np.testing.assert_array_equal(found, x[np.asarray(rows, int) if isinstance(rows, list) else rows])


def test_a_slice_without_steps_needs_no_list_of_rows():
    assert select((5, 2), slice(1, 4)) == (1, None, (3, 2))
    assert select((5, 2), None) == (0, None, (5, 2))


@pytest.mark.parametrize(
    ("shape", "rows", "words"),
    [
        ((), 0, "codes of a 0-d array have none; leave it out"),
        ((5,), [1.0], "rows have dtype float64, but must be"),
        ((5,), 5, "rows hold 5, but axis 0 has 5 rows"),
        ((5,), [-6], "rows hold -6, but axis 0 has 5 rows"),
    ],
)
def test_rows_that_are_not_there_are_refused(shape, rows, words):
    with pytest.raises(InvalidInput, match=words):
        select(shape, rows)


def test_an_array_that_fits_is_the_target_itself():
    out = np.empty((2, 3), np.float32)
    target, bfloat16 = as_target(out, (2, 3), np.dtype(np.float32), "float32")
    assert target is out
    assert not bfloat16


def locked():
    out = np.empty(4)
    out.flags.writeable = False
    return out


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ([0.0] * 4, "out is a list, but must be an array or a tensor"),
        (np.empty(8)[::2], "out must be contiguous, aligned and writable"),
        (locked(), "out must be contiguous, aligned and writable"),
        (np.empty((2, 2)), "out has shape (2, 2) and dtype float64, but must have (4,) and float64"),
        (np.empty(4, np.float32), "out has shape (4,) and dtype float32, but must have (4,) and float64"),
    ],
    ids=["list", "strided", "read-only", "shape", "dtype"],
)
def test_a_target_that_does_not_fit_is_refused(out, words):
    with pytest.raises(InvalidInput, match=re.escape(words)):
        as_target(out, (4,), np.dtype(np.float64), "float64")
