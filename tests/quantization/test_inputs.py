import numpy as np
import pytest

from beforehand.quantization.inputs import as_values


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "i2", "u2", "i4", "i8"])
def test_the_order_of_bytes_does_not_matter(dtype):
    numbers = np.array([[1, 2, 300], [5, 0, 7]])
    little, big = (as_values(numbers.astype(order + dtype)) for order in "<>")
    assert (little.data == big.data).all()
    assert little.dtype == big.dtype
    assert (little.floats == numbers).all()
