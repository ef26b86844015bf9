import numpy as np

from beforehand.gradients.bfloat16 import from_bfloat16, to_bfloat16


def test_every_bfloat16_comes_back():
    halves = np.arange(2**16, dtype=np.uint16)
    floats = from_bfloat16(halves)
    real = ~np.isnan(floats)
    assert np.array_equal(to_bfloat16(floats)[real], halves[real])
    assert np.isnan(from_bfloat16(to_bfloat16(floats[~real]))).all()


def test_rounding_is_to_the_nearest_and_ties_to_even():
    x = np.array([1.0, 1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -1 - 2**-8, 3.4e38], np.float32)
    assert np.array_equal(from_bfloat16(to_bfloat16(x)), np.float32([1, 1, 1 + 2**-6, 1 + 2**-7, -1, np.inf]))
