import re

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.quantization import encode, levels
from beforehand.quantization.dtypes import DTYPES
from beforehand.quantization.inputs import as_target, as_values


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i2", "u2", "i4", "i8"])
def test_the_order_of_bytes_does_not_matter(dtype):
    numbers = np.array([[1, 2, 300], [5, 0, 7]])
    little, big = (as_values(numbers.astype(order + dtype)) for order in "<>")
    assert (little.data == big.data).all()
    assert little.dtype == big.dtype
    assert (little.floats == numbers).all()


def test_what_was_read_is_not_read_again():
    x = np.arange(12.0).reshape(3, 4).astype(np.int64)
    values = as_values(x)
    assert as_values(values) is values
    table = levels(values, 4, axis=0)
    assert (table.values == levels(x, 4, axis=0).values).all()
    assert encode(values, table, seed=1) == encode(x, table, seed=1)


def test_an_array_that_fits_is_the_target_itself():
    out = np.empty((2, 3), np.float32)
    target, bfloat16 = as_target(out, (2, 3), DTYPES["float32"])
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
        as_target(out, (4,), DTYPES["float64"])
