import dataclasses
import json
import math

import numpy as np
import pytest

from beforehand.core import Outcome, Price, Report
from beforehand.core.errors import InvalidInput
from beforehand.core.report import judge

FIELDS = {
    "area": "quantization",
    "metric": "vNMSE",
    "expected": Outcome("histogram", 0.02, 0.01, 0.03),
    "measured": Outcome("histogram", 0.025, 0.025, 0.025),
    "baseline": Outcome("uniform", 1.8, 1.7, 1.9),
    "clairvoyant": Outcome("exact", 0.015, 0.015, 0.015),
    "price": Price(seconds=2e-9, per="value"),
    "verdict": "worth it",
    "why": "it saves 3.6 bits per value",
}


@pytest.mark.parametrize("name", FIELDS)
def test_there_is_no_report_without(name):
    with pytest.raises(TypeError, match=name):
        Report(**{key: value for key, value in FIELDS.items() if key != name})
    with pytest.raises(InvalidInput, match=f"{name} is"):
        Report(**{**FIELDS, name: None})


@pytest.mark.parametrize("verdict", ["worth it", "don't bother", "unclear", "no predictions"])
def test_the_verdict_is_one_of_four(verdict):
    assert Report(**{**FIELDS, "verdict": verdict}).verdict == verdict
    with pytest.raises(InvalidInput, match="verdict is 'maybe', but must be one of worth it, don't bother, unclear"):
        Report(**{**FIELDS, "verdict": "maybe"})


@pytest.mark.parametrize(("low", "high", "came_true"), [(0.025, 0.03, True), (0.03, 0.04, True), (0.031, 0.04, False)])
def test_an_expectation_came_true_if_the_intervals_meet(low, high, came_true):
    report = Report(**{**FIELDS, "measured": Outcome("histogram", low, low, high)})
    assert report.came_true is came_true


def test_json_holds_every_field_and_whether_it_came_true():
    found = json.loads(Report(**FIELDS).to_json())
    assert found.keys() == {*FIELDS, "came_true"}
    assert found["baseline"] == {"design": "uniform", "value": 1.8, "low": 1.7, "high": 1.9}
    assert found["price"] == dataclasses.asdict(FIELDS["price"])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("", 1, 1, 1), "design is empty"),
        (("a", math.nan, 1, 1), "value of a is nan"),
        (("a", 1, 1, math.inf), "high of a is inf"),
        (("a", 1, 2, 3), r"value of a is 1, outside its interval \[2, 3\]"),
    ],
)
def test_an_outcome_that_breaks_a_rule_is_refused(arguments, words):
    with pytest.raises(InvalidInput, match=words):
        Outcome(*arguments)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.11, 0.5, "worth it"),
        (0.1, 0.5, "unclear"),
        (-3, 0.5, "unclear"),
        (-3, 0.11, "unclear"),
        (-3, 0.1, "don't bother"),
        (-3, 0.09, "don't bother"),
    ],
)
def test_a_verdict_needs_the_whole_interval_on_one_side_of_the_least_gain(low, high, verdict):
    assert judge(Outcome("exact", high, low, high), 0.1) == verdict


def test_an_interval_runs_from_the_2_5th_to_the_97_5th_percentile_and_holds_the_value():
    draws = np.arange(101.0)
    assert Outcome.of("exact", 50.0, draws) == Outcome("exact", 50.0, 2.5, 97.5)
    assert Outcome.of("exact", 200.0, draws).high == 200.0
    assert Outcome.of("exact", -1.0, draws).low == -1.0


def test_of_fewer_than_8_draws_the_interval_holds_all():
    assert Outcome.of("exact", 3.0, np.empty(0)) == Outcome("exact", 3.0, 3.0, 3.0)
    assert Outcome.of("exact", 3.0, np.arange(7.0)) == Outcome("exact", 3.0, 0.0, 6.0)
    assert Outcome.of("exact", 3.0, np.arange(8.0)).high < 7.0


def test_draws_that_are_not_finite_do_not_count():
    assert Outcome.of("exact", 3.0, np.array([2.0, math.inf, math.nan])) == Outcome("exact", 3.0, 2.0, 3.0)
