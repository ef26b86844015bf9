import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.ranges.codes import distinct, first_of, float_codes, rounded_floats, signed_codes, whole_codes

GOLDEN_FLOATS = {
    -np.inf: 0x000FFFFFFFFFFFFF,
    -1.5: 0x4007FFFFFFFFFFFF,
    -5e-324: 0x7FFFFFFFFFFFFFFE,
    -0.0: 0x8000000000000000,
    5e-324: 0x8000000000000001,
    1.5: 0xBFF8000000000000,
    np.inf: 0xFFF0000000000000,
}
GOLDEN_INTEGERS = {-(2**63): 0, -1: 2**63 - 1, 0: 2**63, 2**63 - 1: 2**64 - 1}


def test_floats_have_the_codes_that_the_bytes_are_defined_by():
    assert float_codes(np.array(list(GOLDEN_FLOATS)), "x").tolist() == list(GOLDEN_FLOATS.values())


def test_integers_have_the_codes_that_the_bytes_are_defined_by():
    assert signed_codes(np.array(list(GOLDEN_INTEGERS))).tolist() == list(GOLDEN_INTEGERS.values())


@pytest.mark.parametrize("size", [0, 1, 2, 2**15, 2**15 + 1, 2**16 + 2, 100_000])
def test_values_that_ascend_are_not_copied_and_a_single_one_out_of_order_is_found(size):
    values = np.arange(size, dtype=np.uint64)
    assert distinct(values) is values
    for place in {1, size // 2, 2**15, 2**15 + 1, size - 1}:
        if 0 < place < size:
            repeated = values.copy()
            repeated[place] = repeated[place - 1]
            assert distinct(repeated).tolist() == sorted(set(repeated.tolist()))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_codes_of_floats_ascend_as_they_do(dtype):
    width = np.dtype(dtype).itemsize
    floats = np.random.default_rng(0).integers(0, 256, (4000, width), np.uint8).view(dtype).ravel()
    floats = np.sort(floats[~np.isnan(floats)])
    codes = float_codes(floats, "x")
    assert ((codes[1:] > codes[:-1]) == (floats[1:] > floats[:-1])).all()


def test_nan_has_no_code_and_the_message_says_which():
    with pytest.raises(InvalidInput, match=r"keys\[2\] is NaN"):
        float_codes(np.array([1.0, 2.0, np.nan]), "keys")


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("kind", [object, np.int64, np.uint64, np.int8])
def test_integers_outside_the_domain_are_moved_to_its_ends_and_said_to_be_outside(signed, kind):
    every = [-(2**70), -(2**63) - 1, -(2**63), -1, 0, 1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**70]
    held = [value for value in every if kind is object or np.iinfo(kind).min <= value <= np.iinfo(kind).max]
    lowest, highest = (-(2**63), 2**63 - 1) if signed else (0, 2**64 - 1)
    codes, side = whole_codes(np.array(held, kind), signed)
    assert codes.tolist() == [min(max(value, lowest), highest) - lowest for value in held]
    assert side.tolist() == [(value > highest) - (value < lowest) for value in held]


def test_integers_become_the_nearest_floats_on_the_side_that_is_asked_for():
    for value in (0, 1, 2**53, 2**53 + 1, 2**53 + 3, -(2**53) - 1, 2**64 - 1, 10**400, -(10**400)):
        down, up = (float(rounded_floats(np.array([value], object), way)[0]) for way in ("down", "up"))
        assert down <= value <= up
        assert up in (down, math.nextafter(down, math.inf))


def test_the_first_that_is_marked_is_named_as_code_would():
    assert first_of("x", np.array([False, True, True])) == "x[1]"
    assert first_of("x", np.array([[False, False], [True, False]])) == "x[1, 0]"
    assert first_of("x", np.array(True)) == "x"
