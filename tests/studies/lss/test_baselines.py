import numpy as np
import pytest

from beforehand.streams import SpaceSaving
from beforehand.studies.lss import baselines


def test_arrivals_are_numbered_by_key():
    places = np.array([2, 0, 2, 2, 1, 0], np.uint64)
    assert baselines._occurrence(places, np.array([2, 1, 3])).tolist() == [1, 1, 2, 3, 1, 2]


def test_a_floor_is_the_most_that_an_unknown_key_may_have_come():
    places = np.random.default_rng(0).integers(0, 500, 20_000).astype(np.uint64)
    summary = SpaceSaving(capacity=50, policy="exact")
    summary.update(places)
    assert baselines._replayed(places, 50) == summary.bounds(10**6)[1] > 0


def test_flags_have_the_precision_and_recall_that_were_asked_for(monkeypatch):
    kept = []
    monkeypatch.setattr(baselines, "_replayed", lambda places, k: kept.append((np.unique(places), k)) or 1)
    stream = np.repeat(np.arange(5000), np.arange(5000, 0, -1) // 50 + 1)
    baselines._floor("", stream, 500, "pin", 0.5, 0.4)
    (all_keys, _), (rest, counters) = kept
    flagged = np.setdiff1d(all_keys, rest)
    right = (flagged < 500).sum()
    assert right / 500 == pytest.approx(0.4, abs=0.06)
    assert right / flagged.size == pytest.approx(0.5, abs=0.06)
    assert counters == 500 - flagged.size
