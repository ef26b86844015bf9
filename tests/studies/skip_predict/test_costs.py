import math

import pytest

from beforehand.studies.skip_predict import costs


def test_the_least_of_a_function_of_one_threshold_is_found():
    at, least = costs.minimum(lambda t: (math.log(t) - 1) ** 2 + 3)
    assert at == pytest.approx(math.e, rel=1e-3)
    assert least == pytest.approx(3, abs=1e-6)


@pytest.mark.parametrize("edge", [0.25, 16.0])
def test_a_function_that_is_least_at_an_end_is_least_there(edge):
    assert costs.minimum(lambda t: abs(t - edge))[0] == pytest.approx(edge, rel=1e-3)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_crossing_is_found_whichever_way_the_difference_goes(sign):
    assert costs.crossing(lambda load: sign * (load - 0.61)) == pytest.approx(0.61, abs=1e-6)


def test_predictions_cost_their_price():
    free = costs.cost(costs.RIVALS["SPRPT"], 0.9, prices=(0.0, 0.0))
    assert costs.cost(costs.RIVALS["SPRPT"], 0.9) == pytest.approx(free + costs.FAR[1])


def test_the_least_cost_of_a_row_bears_the_star():
    assert costs._marked({"a": 2.0, "b": 1.5, "c": math.inf}) == ["2.000", "1.500*", "overloaded"]
