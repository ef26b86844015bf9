"""Answers that have outlived their predictions."""

import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.serving.predictors.outlived import Outlived


def test_what_is_left_is_the_mean_excess_of_the_longer_answers():
    outlived, lengths = Outlived(), np.random.default_rng(0).integers(1, 500, 1000)
    for tokens in lengths:
        outlived.observe(float(tokens))
    assert outlived.remaining(200) == pytest.approx((lengths[lengths > 200] - 200).mean())


def test_a_tenant_speaks_for_itself_from_64_answers_on():
    outlived = Outlived()
    for _ in range(63):
        outlived.observe(10, tenant="short")
        outlived.observe(110, tenant="long")
    assert outlived.remaining(0, tenant="short") == 60
    outlived.observe(10, tenant="short")
    assert outlived.remaining(0, tenant="short") == 10


def test_an_answer_longer_than_all_others_is_expected_to_go_on():
    outlived = Outlived()
    for tokens in range(1, 101):
        outlived.observe(tokens)
    left = [outlived.remaining(age) for age in (120, 240, 480)]
    assert left == sorted(left)
    assert left[-1] > 50


def test_something_is_always_left():
    outlived = Outlived()
    assert outlived.remaining(10_000) == 256
    for _ in range(20):
        outlived.observe(1)
    assert outlived.remaining(2) >= 1


@pytest.mark.parametrize("wrong", [-1.0, math.nan, math.inf, "1"])
def test_what_is_no_length_is_refused(wrong):
    outlived = Outlived()
    with pytest.raises(InvalidInput, match="length"):
        outlived.observe(wrong)
    with pytest.raises(InvalidInput, match="age"):
        outlived.remaining(wrong)
