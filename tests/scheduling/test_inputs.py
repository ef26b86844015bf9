import math
from fractions import Fraction

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import checked, finite, flag, kind_of, listed, one_of, switching, whole


@pytest.mark.parametrize("value", [np.float32(0.5), Fraction(1, 2), np.float64(0.5)])
def test_any_real_number_becomes_a_float(value):
    assert type(checked("x", value)) is float
    assert finite("x", value) == 0.5


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (lambda: checked("x", math.nan), "x is nan, but must be at least 0"),
        (lambda: checked("x", True), "x is True, but must be a number"),
        (lambda: checked("x", np.array(0.5)), "but must be a number"),
        (lambda: checked("x", 10**400), "x is larger than any float"),
        (lambda: finite("x", math.inf), "x is inf, but must be finite"),
        (lambda: finite("x", 1e101), r"x is 1e\+101, but must be at least 0 and at most 1e\+100"),
        (lambda: finite("x", 1e-300, above=True), "x is 1e-300, but must be at least 1e-100"),
        (lambda: whole("x", 1.0), "x is 1.0, but must be a whole number"),
        (lambda: whole("x", 10**5000, most=3), "x is too large, but must be a whole number from 0 to 3"),
        (lambda: flag("x", 1), "x is 1, but must be True or False"),
        (lambda: one_of("x", 3, ("a", "b")), "x is 3, but must be one of a, b"),
        (lambda: switching((1e200, 0)), r"switch_cost\[0\] is 1e\+200, but must be at least 0 and at most"),
        (lambda: listed("x", 0.5), "x is 0.5, but must be a sequence of numbers; put a single one into a tuple"),
        (lambda: listed("x", "ab", "policies"), "x is 'ab', but must be a sequence of policies"),
        (lambda: kind_of("x", 3, str, "a word"), "x is 3, but must be a str; pass a word"),
    ],
)
def test_what_is_out_of_range_is_told_with_value_and_rule(check, message):
    with pytest.raises(InvalidInput, match=message):
        check()


def test_numpy_says_yes_and_no_too():
    assert flag("x", np.bool_(True)) is True
