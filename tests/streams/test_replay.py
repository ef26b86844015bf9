from collections import Counter, deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.streams import SpaceSaving
from beforehand.streams.replay import BLOCKS, Stream, replay, replay_window

LETTERS = list("abracadabra")


def test_a_stream_is_its_arrivals_and_the_counts_of_its_keys():
    for keys in (LETTERS, np.array(LETTERS), Trace("stream", {"key": LETTERS}), [*LETTERS[:4], None, *LETTERS[4:]]):
        stream = Stream.read(keys)
        assert stream.keys == LETTERS
        assert len(stream) == stream.total == 11
        assert dict(zip(stream.distinct, stream.counts.tolist(), strict=True)) == Counter(LETTERS)
        assert [stream.distinct[code] for code in stream.codes] == LETTERS
        first, second = stream.halves()
        assert (first.keys, second.keys) == (LETTERS[:5], LETTERS[5:])
        assert dict(zip(second.distinct, second.counts.tolist(), strict=True)) == Counter(LETTERS[5:])


def test_a_trace_may_have_weights():
    stream = Stream.read(Trace("stream", {"key": [5, 7, 5], "weight": [1, 10, 100]}))
    assert (stream.total, len(stream)) == (111, 3)
    assert dict(zip(stream.distinct.tolist(), stream.counts.tolist(), strict=True)) == {5: 101, 7: 10}
    assert stream.halves()[1].total == 110
    assert stream.log2_counts([7, 5]).tolist() == np.log2([10, 101]).tolist()


def test_new_keys_go_on_to_come_as_in_the_second_half():
    stream = Stream.read([1, 2, 3, 4, 1, 5, 2, 3])  # one new key in the last four
    assert [stream.distinct_after(n) for n in (1, 8, 12, 108)] == [5, 5, 6, 30]


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (Trace("jobs", {"size": [1.0]}), "sample is a trace of kind 'jobs', but must be of kind 'stream'"),
        ([], "sample holds no keys"),
        ([None], "sample holds no keys"),
        ([1.5], "keys"),
    ],
)
def test_what_is_no_stream_is_refused(sample, message):
    with pytest.raises(InvalidInput, match=message):
        Stream.read(sample)


def hard_stream(weighted):
    random = np.random.default_rng(0)
    keys = random.zipf(1.3, 5000) % 1000
    return Stream.read(Trace("stream", {"key": keys} | ({"weight": random.integers(1, 9, 5000)} if weighted else {})))


@pytest.mark.parametrize("weighted", [False, True])
def test_errors_are_those_of_the_definitions(weighted):
    stream, summary = hard_stream(weighted), SpaceSaving(capacity=50)
    errors = {metric: replay(stream, SpaceSaving(capacity=50), metric).value for metric in ("weighted_error", "rmse")}
    summary.update(stream.keys, stream.weights)
    off = np.abs(summary.estimate(stream.distinct) - stream.counts)
    assert errors["weighted_error"] == pytest.approx((stream.counts * off).sum() / stream.total**2)
    assert errors["rmse"] == pytest.approx(np.sqrt((off**2).mean()) / stream.total)
    missed = replay(stream, SpaceSaving(capacity=50), "recall").value
    returned = set(summary.top(100).keys.tolist())
    least = np.sort(stream.counts)[-100]
    truly = set(stream.distinct[stream.counts >= least].tolist())
    assert missed == pytest.approx(1 - min(100, len(returned & truly)) / 100)
    assert 0 < missed < 1


@given(st.lists(st.integers(0, 150), min_size=1, max_size=400), st.integers(1, 150))
def test_as_heavy_keys_are_as_good(keys, capacity):
    stream, summary = Stream.read(keys), SpaceSaving(capacity=capacity)
    missed = replay(stream, SpaceSaving(capacity=capacity), "recall").value
    summary.update(keys)
    k = min(100, stream.ids.size)
    least = np.sort(stream.counts)[-k]
    hits = sum(Counter(keys)[key] >= least for key in summary.top(100).keys.tolist())
    assert missed == pytest.approx(1 - min(hits, k) / k)


def test_errors_grow_with_the_horizon():
    stream = hard_stream(False)
    share, scaled = (
        replay(stream, SpaceSaving(capacity=50), "rmse", horizon=horizon).value for horizon in (None, 10**9)
    )
    assert scaled == pytest.approx(share * 10**9)


def test_blocks_add_up_and_resamples_are_the_same_for_all():
    stream = hard_stream(True)
    one, two = (replay(stream, SpaceSaving(capacity=capacity), "rmse") for capacity in (50, 20))
    assert one.weights.size == one.errors.size == BLOCKS
    assert one.weights.sum() == pytest.approx(stream.ids.size)
    assert one.weights.tolist() == two.weights.tolist()
    assert one.draws(1).tolist() == one.draws(1).tolist() != one.draws(2).tolist()
    draws = one.draws(0)
    assert draws.min() < one.value < draws.max()
    assert draws.std() == pytest.approx(one.value / 5, rel=0.9)
    assert (two.draws(0) > draws).mean() > 0.95


class ExactWindow:
    """Counts the last arrivals exactly, and says `off` too much."""

    def __init__(self, window, off=0):
        self.last, self.off = deque(maxlen=window), off

    def update(self, keys):
        self.last.extend(keys)

    def estimate(self, key):
        return self.last.count(key) + self.off

    def bounds(self, key):
        return 0, self.estimate(key) + 1


@pytest.mark.parametrize("window", [1, 7, 100, 333])
def test_windows_are_asked_just_when_keys_arrive(window):
    stream = Stream.read(np.random.default_rng(1).zipf(1.5, 1000) % 50)
    assert replay_window(stream, ExactWindow(window), "weighted_error", window).value == 0
    assert replay_window(stream, ExactWindow(window), "rmse", window).value == 0
    assert replay_window(stream, ExactWindow(window, 3), "weighted_error", window).value == pytest.approx(3 / window)
    assert replay_window(stream, ExactWindow(window, -3), "rmse", window).value == pytest.approx(3 / window)
    assert replay_window(stream, ExactWindow(window, 3), "upper", window).value == pytest.approx(4 / window)
