import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients.inputs import as_gradient, check_loss_scale, check_seed, one_of, real


def test_a_gradient_is_taken_as_it_is():
    x = np.ones(5, np.float32)
    assert as_gradient(x, 5) is x
    assert np.array_equal(as_gradient(np.arange(10, dtype=np.float32)[::2], 5), [0, 2, 4, 6, 8])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (np.ones(5), r"float64\[5\]"),
        (np.ones((1, 5), np.float32), r"float32\[1, 5\]"),
        (np.ones(4, np.float32), r"must be an array of float32\[5\]"),
        ([1.0] * 5, "a list"),
        (np.ma.masked_less(np.ones(5, np.float32), 2), "is masked"),
    ],
)
def test_what_is_no_gradient_of_this_bucket_is_refused(given, message):
    with pytest.raises(InvalidInput, match=message):
        as_gradient(given, 5)


@pytest.mark.parametrize("scale", [0, 0.0, -2.0, math.nan, math.inf, 1e-50, 1e39, "2", None, True])
def test_a_loss_scale_can_be_divided_by(scale):
    check_loss_scale(np.float32(65536))
    with pytest.raises(InvalidInput, match="loss_scale is"):
        check_loss_scale(scale)


@pytest.mark.parametrize("seed", [-1, 2**64, 1.0, True])
def test_seeds_have_64_bits(seed):
    with pytest.raises(InvalidInput, match="seed is"):
        check_seed(seed)


def test_one_of_tells_types_apart():
    one_of("bits", 4, (2, 3, 4, "lane"))
    for given in (4.0, True, "LANE", 5):
        with pytest.raises(InvalidInput, match="bits is"):
            one_of("bits", given, (1, 2, 3, 4, "lane"))


@pytest.mark.parametrize("given", ["2", None, True, 1j])
def test_a_number_is_not_a_word(given):
    real("density", 2)
    real("density", 0.5)
    with pytest.raises(InvalidInput, match=r"density is .*, but must be a number"):
        real("density", given)
