import dataclasses

import numpy as np
import pytest

from beforehand.streams import LookupTable
from beforehand.studies.lss import runs

STREAM = runs.zipf(50_000, 1.0)


def test_predictors_of_a_zipf_stream_know_as_much_as_they_should():
    keys, counts = np.unique(STREAM.keys, return_counts=True)
    said = {name: predictor.predict(keys) for name, predictor in STREAM.predictors.items()}
    assert said["clairvoyant"] == pytest.approx(np.log2(counts), rel=1e-6)
    assert np.corrcoef(said["inverted"], np.log2(counts))[0, 1] == pytest.approx(-1)
    noise = (said["noisy"] - np.log2(counts)) * np.log(2)
    assert (noise.mean(), noise.std()) == pytest.approx((0, 1), abs=0.02)
    assert abs(np.corrcoef(said["random"], np.log2(counts))[0, 1]) < 0.02


def test_runs_are_found_again_and_compared():
    small = dataclasses.replace(STREAM, predictors={"noisy": STREAM.predictors["noisy"]})
    found = runs.measure(small, (24,))
    assert [run.policy for run in found] == [*runs.PLAIN, *runs.LEARNED]
    gated, calibrated = runs.at(found, "Zipf 1", 24, "gated"), runs.at(found, "Zipf 1", 24, "calibrated", "noisy")
    assert runs.ratios(found, "calibrated", "noisy", "gated") == [calibrated.rmse / gated.rmse]
    assert runs.ratios(found, "calibrated", None, "gated") == []  # of streams that were learned from the past
    assert (gated.asked, gated.violations, calibrated.violations) == (0, 0, 0)
    assert calibrated.asked == 0  # an oracle
    assert runs.sheet(found).rows[0][:3] == ["Zipf 1", "24", "exact"]


def test_a_predictor_that_has_learned_is_charged_for_each_key_that_it_was_asked_about():
    past = LookupTable().fit(STREAM.keys[:5000])
    found = runs.measure(dataclasses.replace(STREAM, name="other", predictors={"table": past}), (24,))
    plus, lss = (runs.at(found, "other", 24, policy, "table") for policy in ("lss+", "lss"))
    assert 0 < plus.asked <= lss.asked <= np.unique(STREAM.keys).size
    assert runs.ratios(found, "lss+", None, "lss", "asked") == [plus.asked / lss.asked]


def test_the_scale_is_told_in_words():
    assert str(runs.scale(quick=False)) == "1e7 arrivals, Zipf 1 and 1.25 over 1e6 keys; 24, 96, 384 KiB"
