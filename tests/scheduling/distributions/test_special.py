import math

import numpy as np
import pytest

from beforehand.scheduling.distributions.special import gamma_tail, normal_quantile, normal_tail


def test_normal_tails_and_quantiles_are_inverse():
    z = np.linspace(-37, 5, 500).reshape(20, 25)
    assert normal_quantile(normal_tail(-z)) == pytest.approx(z, abs=1e-10)
    assert normal_tail(0.0) == 0.5


def test_gamma_tails_of_whole_shapes_are_poisson_sums():
    x = np.array([0.0, 0.1, 2.0, 30.0, math.inf])
    assert gamma_tail(1.0, x) == pytest.approx(np.exp(-x), rel=1e-13)
    assert gamma_tail(2.0, x[:4]) == pytest.approx((1 + x[:4]) * np.exp(-x[:4]), rel=1e-13)


def test_the_argument_is_left_alone():
    z = np.ones(3)
    normal_tail(z)
    assert z.tolist() == [1.0, 1.0, 1.0]
