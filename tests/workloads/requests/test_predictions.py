import numpy as np
import pytest

from beforehand.core import Predictor, Price
from beforehand.core.errors import InvalidInput
from beforehand.workloads.requests import NormalErrors


def test_errors_have_the_mean_that_is_asked_for():
    lengths = np.full(200_000, 1000.0)
    predicted = NormalErrors(mae=46.1, most=5000, seed=0).predict(lengths)
    assert abs(np.abs(predicted - lengths).mean() / 46.1 - 1) < 0.01
    assert abs((predicted - lengths).std() / 57.8 - 1) < 0.01


def test_predictions_are_clipped_to_what_an_answer_can_be():
    predicted = NormalErrors(mae=1e6, seed=1).predict(np.arange(1, 1000))
    assert set(predicted) == {1.0, 512.0}


def test_it_is_a_predictor_of_the_core_whose_errors_depend_on_the_position():
    predictor = NormalErrors(seed=0, price=Price(seconds=0.01, per="request"))
    assert isinstance(predictor, Predictor)
    assert predictor.price.seconds == 0.01
    np.testing.assert_array_equal(predictor.predict([200] * 5), predictor.predict([200] * 9)[:5])
    assert predictor.predict([]).size == 0


@pytest.mark.parametrize("options", [{"mae": -1.0}, {"mae": float("nan")}, {"most": 0.5}, {"most": float("nan")}])
def test_what_is_out_of_range_is_refused(options):
    with pytest.raises(InvalidInput, match="mae is"):
        NormalErrors(**options, seed=0)
