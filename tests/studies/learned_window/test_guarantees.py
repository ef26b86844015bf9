import pytest

from beforehand.streams.window import Windowed
from beforehand.studies.learned_window import guarantees


def test_a_bound_that_is_too_low_is_found(monkeypatch):
    assert guarantees.at_most_two(3000).holds
    bounds = Windowed.bounds
    monkeypatch.setattr(Windowed, "bounds", lambda self, keys: (bounds(self, keys)[0], bounds(self, keys)[1] * 0))
    found = guarantees.at_most_two(3000)
    assert not found.holds
    assert not found.figure.startswith("0 ")


def test_an_estimate_that_is_three_too_low_is_found(monkeypatch):
    estimate = Windowed.estimate
    monkeypatch.setattr(
        Windowed, "estimate", lambda self, keys, estimator: estimate(self, keys, estimator=estimator) * 0
    )
    assert not guarantees.at_most_two(20_000).holds
    assert not guarantees.error_of_wcss(512).holds


def test_samples_are_coarser_the_smaller_they_are():
    found = guarantees.sampling(2**12)
    assert [each.sample for each in found] == list(guarantees.SAMPLES)
    assert found[0].held == 1
    assert found[0].rmse < found[1].rmse < found[-1].rmse
    assert [row[0] for row in guarantees.sheet(found).rows] == ["1/1", "1/4", "1/16", "1/64"]
    told = guarantees.sampling_is_faster(found, 2**12)
    assert "W 2^12" in told.scale
    assert told.figure.count("at q = 1/") == 3
    assert pytest.approx(found[-1].rmse, rel=0.01) == float(told.figure.split()[-1])
