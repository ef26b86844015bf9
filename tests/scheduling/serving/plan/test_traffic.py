import numpy as np
import pytest

from beforehand.core import Trace
from beforehand.scheduling.serving.plan.traffic import Traffic, segments_of
from beforehand.scheduling.serving.simulator.request import Requests


def conversations(arrival, calls=()):
    """Conversations whose prompts are numbered from 1, and so many tool calls each."""
    rows = len(arrival)
    children = {}
    if len(calls):
        offsets = np.concatenate(([0], np.cumsum(calls)))
        numbers = np.arange(offsets[-1]) + 100
        children["calls"] = (
            offsets,
            {
                "output_tokens": numbers,
                "seconds": numbers / 100,
                "return_tokens": numbers,
                "tool": ["a"] * len(numbers),
            },
        )
    columns = {"arrival": np.asarray(arrival, float), "prompt_tokens": np.arange(rows) + 1}
    return Trace("requests", columns | {"output_tokens": np.arange(rows) + 10}, children=children)


def test_segments_stand_conversation_by_conversation():
    trace = conversations([0, 1, 2, 3], calls=[2, 0, 1, 0])
    assert segments_of(trace, np.array([0, 2])).tolist() == [0, 1, 2, 4, 5]
    assert segments_of(trace, np.array([3, 3, 1])).tolist() == [6, 6, 3]


def test_predictions_and_calls_follow_their_conversations_when_traffic_is_drawn_anew():
    random = np.random.default_rng(0)
    trace = conversations(np.sort(random.uniform(0, 1_000, 300)), calls=random.integers(0, 4, 300))
    length = Requests.of(trace).output.astype(float)
    seconds = trace.children["calls"]["seconds"]
    drawn = Traffic(trace, predicted=length, cheap=2 * length, durations=3 * seconds).drawn(seed=3)
    again = Requests.of(drawn.trace).output
    assert (drawn.predicted == again).all()
    assert (drawn.cheap == 2 * again).all()
    assert (drawn.durations == 3 * drawn.trace.children["calls"]["seconds"]).all()
    assert len(np.unique(drawn.trace["prompt_tokens"])) < 0.8 * len(drawn)


def test_traffic_drawn_anew_lasts_as_long_keeps_its_minutes_and_its_order():
    trace = conversations(np.sort(np.random.default_rng(1).uniform(50, 3_650, 2_000)))
    drawn = Traffic(trace).drawn(seed=1)
    arrival = drawn.trace["arrival"]
    assert (np.diff(arrival) >= 0).all()
    assert 50 <= arrival[0]
    assert arrival[-1] <= 3_650 + 60
    rows = drawn.trace["prompt_tokens"] - 1
    inside = np.flatnonzero(np.diff(rows) == 1)
    assert len(inside) > 0.9 * len(drawn)  # neighbors stay neighbors, at the same distance
    assert np.allclose(np.diff(arrival)[inside], np.diff(trace["arrival"])[rows[inside]])


def test_the_same_seed_draws_the_same_traffic_and_another_seed_another():
    traffic = Traffic(conversations(np.arange(500.0)))
    assert traffic.drawn(1).trace.fingerprint == traffic.drawn(1).trace.fingerprint
    assert traffic.drawn(1).trace.fingerprint != traffic.drawn(2).trace.fingerprint


@pytest.mark.parametrize("arrival", [[5.0] * 40, [0.0] * 20 + [1e9], np.arange(3) * 1e-3, [2.0, 2.0]], ids=str)
def test_any_arrivals_can_be_drawn_anew(arrival):
    for seed in range(20):
        drawn = Traffic(conversations(arrival)).drawn(seed)
        assert len(drawn) >= 1
        assert (np.diff(drawn.trace["arrival"]) >= 0).all()


def test_faster_traffic_keeps_its_pattern():
    traffic = Traffic(conversations([10.0, 12.0, 16.0]))
    assert traffic.faster(2.0).trace["arrival"].tolist() == [0.0, 1.0, 3.0]


def test_traffic_that_is_all_there_at_once_waits_for_no_tool():
    at_once = Traffic(conversations([10.0, 12.0], calls=[1, 2])).at_once().trace
    assert at_once["arrival"].tolist() == [0.0, 0.0]
    assert at_once.children["calls"]["seconds"].tolist() == [0.0] * 3
    assert at_once.children["calls"]["output_tokens"].tolist() == [100, 101, 102]


def test_a_window_takes_its_predictions_along():
    trace = conversations([0, 1, 2, 3], calls=[2, 0, 1, 0])
    part = Traffic(trace, predicted=np.arange(7.0)).window(1, 3)
    assert part.trace["prompt_tokens"].tolist() == [2, 3]
    assert part.predicted.tolist() == [3.0, 4.0, 5.0]


def test_two_predictors_are_the_cheap_and_the_expensive_one():
    trace = conversations([0.0, 1.0])
    assert Traffic(trace).predictors == {}
    both = Traffic(trace, predicted=np.array([3.0, 4.0]), cheap=np.array([1.0, 2.0])).predictors
    assert both["lengths"].values.tolist() == [1.0, 2.0]
    assert both["expensive"].values.tolist() == [3.0, 4.0]
