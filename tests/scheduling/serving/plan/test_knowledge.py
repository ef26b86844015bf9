import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.serving.plan.knowledge import Accuracy, with_errors

TRUE = np.random.default_rng(0).lognormal(4, 1, 400).round() + 1


def test_exact_predictions_have_no_error_and_a_perfect_order():
    assert Accuracy.of(TRUE, TRUE) == Accuracy(error=0.0, kendall_tau=1.0)


def test_inverted_predictions_have_the_order_turned_around():
    assert Accuracy.of(-TRUE, TRUE).kendall_tau == -1.0


def test_a_constant_orders_nothing():
    assert Accuracy.of(np.full(400, 5.0), TRUE).kendall_tau == 0.0


def test_the_order_is_that_of_all_pairs():
    predicted = TRUE * np.random.default_rng(1).lognormal(0, 0.5, 400)
    right = wrong = 0
    for i in range(400):
        for j in range(i):
            sign = np.sign(predicted[i] - predicted[j]) * np.sign(TRUE[i] - TRUE[j])
            right, wrong = right + (sign > 0), wrong + (sign < 0)
    assert Accuracy.of(predicted, TRUE).kendall_tau == pytest.approx((right - wrong) / (right + wrong))


def test_a_long_trace_is_judged_by_a_part_of_it():
    many = np.random.default_rng(2).exponential(size=100_000)
    assert 0.9 < Accuracy.of(many + 0.01, many).kendall_tau <= 1.0


def test_errors_grow_and_vanish_with_their_multiple():
    predicted = TRUE * np.random.default_rng(1).lognormal(0, 0.5, 400)
    assert np.allclose(with_errors(predicted, TRUE, 0.0), TRUE)
    assert np.allclose(with_errors(predicted, TRUE, 1.0), np.maximum(predicted, 1.0))
    ratio = np.log(with_errors(predicted, TRUE, 3.0) / TRUE)
    uncut = with_errors(predicted, TRUE, 3.0) > 1
    assert np.allclose(ratio[uncut], 3 * np.log(np.maximum(predicted, 1.0) / TRUE)[uncut])


def test_no_multiple_gives_what_is_no_number_or_below_a_token():
    wild = with_errors(np.array([1e-300, 1e300]), np.array([1.0, 1.0]), 20.0)
    assert np.isfinite(wild).all()
    assert (wild >= 1).all()


def test_an_order_beyond_perfect_is_refused():
    with pytest.raises(InvalidInput, match="kendall_tau is 2"):
        Accuracy(error=1.0, kendall_tau=2.0)
