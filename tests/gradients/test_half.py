import numpy as np
import pytest

from beforehand.gradients.half import itemsize, narrowed, widened


@pytest.mark.parametrize(("dtype", "bits"), [("float32", 24), ("float16", 11), ("bfloat16", 8)])
def test_a_value_comes_back_within_half_a_bit(dtype, bits):
    x = np.random.default_rng(0).lognormal(size=1000).astype(np.float32)
    values = narrowed(x, dtype)
    found = widened(values, dtype)
    assert values.itemsize == itemsize(dtype)
    assert found.dtype == np.float32
    assert not np.shares_memory(found, x)
    assert (abs(found - x) <= x * 2.0**-bits).all()


def test_what_is_too_large_becomes_infinite():
    assert widened(narrowed(np.array([1e6], np.float32), "float16"), "float16")[0] == np.inf
