import json

import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling.serving import ProbeReport
from beforehand.scheduling.serving.predictors.probe_report import LayerErrors


def report(**changes):
    truth = np.arange(1, 401)
    fields = {
        "model": "tiny",
        "layer": 1,
        "layers": (LayerErrors(0, 15.0, 12.0, 0.5, 1.2), LayerErrors(1, 14.2, 10.8, 0.52, 1.1)),
        "requests": (80, 10, 10),
        "cut": 0.01,
        "errors": {"smoothed every token": (24.4, 10.7), "PromptLength counted down": (44.5, 20.0)},
        "deciles": {"raw every token": tuple(range(10))},
        "sampled": {"raw every token": 16.0},
        "calibration": 0.05,
        "truth": tuple(truth.tolist()),
        "progress": tuple((1 - truth / 400).tolist()),
        "predicted": tuple((1.5 * truth).tolist()),
    }
    return ProbeReport(**fields | changes)


def test_a_report_survives_json():
    assert ProbeReport.from_json(report().to_json()) == report()


def test_the_table_shows_every_layer_and_predictor():
    table = report().table()
    for part in ("layer 1", "1.0 % were cut", "10.8", "PromptLength counted down      44.5       20.0", "46.1 tokens"):
        assert part in table


def test_drawn_predictions_are_as_far_off_as_those_of_places_like_them():
    random = np.random.default_rng(0)
    drawn = report().draw(np.full(500, 200.0), np.full(500, 0.5), random)
    assert drawn.mean() == pytest.approx(300, rel=0.02)
    assert report().draw([10.0], [0.975], random)[0] == pytest.approx(15, abs=15)
    same = [report().draw([50.0, 3.0], [0.5, 0.9], np.random.default_rng(1)).tolist() for _ in range(2)]
    assert same[0] == same[1]


def test_drawn_predictions_are_at_least_one():
    low = report(predicted=tuple([0.0] * 400))
    assert low.draw([1.0, 400.0], [0.99, 0.0], np.random.default_rng(0)).min() >= 1


def test_a_report_without_places_draws_nothing():
    with pytest.raises(InvalidInput, match="holds no pairs of true and predicted tokens"):
        report(truth=(), progress=(), predicted=()).draw([1.0], [0.5], np.random.default_rng(0))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "7",
        "{}",
        json.dumps({"format": 2}),
        report().to_json().replace('"layer": 1,', '"layer": 1, "more": 2,', 1),
        report().to_json().replace('"predicted": [1.5, ', '"predicted": [', 1),
        report().to_json().replace('"layers": [', '"layers": [3, ', 1),
    ],
)
def test_what_is_no_report_is_refused(text):
    with pytest.raises(CorruptData, match=r"this is no report of a probe: .*; train the probe again"):
        ProbeReport.from_json(text)
