import numpy as np
import pytest

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.gradients.half import itemsize, narrowed, widened


@pytest.mark.parametrize(("dtype", "bits"), [("float32", 24), ("float16", 11), ("bfloat16", 8)])
def test_a_value_comes_back_within_half_a_bit(dtype, bits):
    x = np.random.default_rng(0).lognormal(size=1000).astype(np.float32)
    values = narrowed(x, dtype)
    found = widened(values, dtype)
    assert values.itemsize == itemsize(dtype)
    assert found.dtype == np.float32
    assert not np.shares_memory(found, x)
    assert not np.shares_memory(values, x)
    assert (abs(found - x) <= x * 2.0**-bits).all()


def test_float16_is_that_of_numpy():
    x = np.random.default_rng(0).integers(0, 2**32, 200_000, np.uint32).view(np.float32)
    x = x[~np.isnan(x)]
    with np.errstate(over="ignore"):
        assert np.array_equal(narrowed(x, "float16").view(np.uint16), x.astype(np.float16).view(np.uint16))
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    assert np.array_equal(widened(halves, "float16"), halves.astype(np.float32), equal_nan=True)


def test_every_bfloat16_comes_back():
    halves = np.arange(2**16, dtype=np.uint16)
    floats = widened(halves, "bfloat16")
    real = ~np.isnan(floats)
    assert np.array_equal(floats[real].view(np.uint32), halves[real].astype(np.uint32) << 16)
    assert np.array_equal(narrowed(floats, "bfloat16")[real], halves[real])
    assert np.isnan(widened(narrowed(floats[~real], "bfloat16"), "bfloat16")).all()


def test_bfloat16_rounds_to_the_nearest_and_ties_to_even():
    x = np.array([1.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -1 - 2**-8, 3.4e38], np.float32)
    found = widened(narrowed(x, "bfloat16"), "bfloat16")
    assert np.array_equal(found, np.float32([1, 1, 1 + 2**-6, 1 + 2**-7, -1, np.inf]))


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_divisor_and_factor_round_as_operators_do(dtype):
    x = np.random.default_rng(0).normal(size=(30, 33)).astype(np.float32)
    for workers in (2, 3, 7):
        values = narrowed(x[:, ::2], dtype, workers)
        assert np.array_equal(values, narrowed(x[:, ::2] / np.float32(workers), dtype))
        assert np.array_equal(widened(values, dtype, workers), widened(values, dtype) * np.float32(workers))


def test_what_is_too_large_becomes_infinite():
    assert widened(narrowed(np.array([1e6], np.float32), "float16"), "float16")[0] == np.inf


def test_the_kernels_refuse_arrays_that_do_not_fit():
    x, halves = np.zeros(8, np.float32), np.zeros(7, np.uint16)
    with pytest.raises(InvalidInput, match="do not fit"):
        _native.narrow(x, _native.Half.float16, 1.0, halves)
    with pytest.raises(InvalidInput, match="do not fit"):
        _native.widen(halves, _native.Half.bfloat16, 1.0, x)
