import math

import pytest

from beforehand.scheduling import UNKNOWN, View


def test_a_view_knows_nothing_but_the_arrival_at_first():
    view = View(arrival=2.0, sequence=7)
    assert (view.age, view.started) == (0.0, False)
    assert math.isnan(view.cheap)
    assert math.isnan(view.predicted)
    assert math.isnan(view.remaining)


def test_the_key_is_the_prediction_that_a_policy_goes_by():
    view = View(arrival=0.0, sequence=0, cheap=1.0, predicted=2.0)
    assert (view.key("cheap"), view.key("expensive")) == (1.0, 2.0)


@pytest.mark.parametrize(
    ("fields", "by", "work", "left"),
    [
        ({"predicted": 5.0, "age": 2.0}, "expensive", 0.0, 3.0),
        ({"predicted": 5.0, "age": 2.0}, "expensive", 0.5, 3.5),
        ({"predicted": 5.0, "age": 9.0}, "expensive", 0.0, -4.0),
        ({"cheap": 5.0, "predicted": 1.0, "age": 2.0}, "cheap", 0.0, 3.0),
        ({"predicted": 5.0, "age": 2.0, "remaining": 1.0}, "expensive", 0.0, 1.0),
        ({"cheap": 5.0, "age": 2.0, "remaining": 1.0}, "cheap", 0.0, 3.0),
        ({"age": 2.0}, "expensive", 0.0, UNKNOWN),
    ],
)
def test_what_is_left_follows_the_newest_estimate(fields, by, work, left):
    assert View(arrival=0.0, sequence=0, **fields).left(by, work) == left
