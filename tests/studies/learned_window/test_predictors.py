import numpy as np
import pytest

from beforehand.studies.learned_window.predictors import Contrary, NextGaps, RandomGaps

KEYS = np.random.default_rng(0).integers(0, 30, 4000).astype(np.uint64)


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
