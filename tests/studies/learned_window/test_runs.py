from collections import deque

import numpy as np
import pytest

from beforehand.streams import SlidingWindow
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
