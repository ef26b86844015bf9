from collections import deque

import numpy as np
import pytest

from beforehand.streams import LearnedSlidingWindow, SlidingWindow
from beforehand.studies.learned_window import filters
from beforehand.studies.learned_window.predictors import Contrary, NextGaps, RandomGaps
from beforehand.studies.learned_window.runs import counts_in_window, errors

KEYS = np.random.default_rng(0).integers(0, 30, 4000).astype(np.uint64)


@pytest.mark.parametrize("window", [1, 7, 1000, 5000])
def test_true_counts_are_those_of_a_deque(window):
    last, expected = deque(maxlen=window), []
    for key in KEYS.tolist():
        last.append(key)
        expected.append(last.count(key))
    assert counts_in_window(KEYS, window).tolist() == expected


def test_an_exact_window_has_no_error_and_a_coarse_one_has():
    true = counts_in_window(KEYS, 200)
    assert errors(SlidingWindow(200, blocks=200, counters=40), KEYS, true)["balanced"] == 0
    coarse = errors(SlidingWindow(200, blocks=5, counters=5), KEYS, true)
    assert 0 < coarse["balanced"] < coarse["upper"]


def test_gaps_are_those_of_the_arrivals_that_are_asked_about():
    exact, contrary = NextGaps(KEYS), Contrary(KEYS)
    for at in (0, 8, 80):
        exact.at = contrary.at = at
        asked = np.unique(KEYS[at : at + 8])
        for key, gap, reverse in zip(asked, exact.predict_gaps(asked), contrary.predict_gaps(asked), strict=True):
            first, second = np.flatnonzero(KEYS[at:] == key)[:2]
            assert gap == second - first
            assert reverse == 1e9 / (1 + gap) ** 2


def test_errors_of_gaps_have_the_size_that_is_asked_for():
    off = np.log(NextGaps(KEYS, error=0.5).gaps / NextGaps(KEYS).gaps)
    assert np.std(off) == pytest.approx(0.5, rel=0.05)


def test_random_gaps_differ_each_time():
    gaps = RandomGaps(100)
    first, second = gaps.predict_gaps(KEYS), gaps.predict_gaps(KEYS)
    assert first.min() >= 0
    assert first.max() <= 100
    assert (first != second).any()


def test_every_contender_has_the_same_memory_and_window():
    for name, make in filters.CONTENDERS.items():
        window = make(KEYS, 500, 8192)
        assert window.window == 500
        assert isinstance(window, LearnedSlidingWindow) == (name not in ("none", "doorkeeper"))
        window.update(KEYS)
        assert window.nbytes <= 8192


def test_keys_are_renamed_as_often_as_said():
    rows = [len(np.unique(filters.drifting(5000, share))) for share in filters.RENAMED]
    assert rows == sorted(rows)
    assert rows[0] < 0.9 * rows[2]
