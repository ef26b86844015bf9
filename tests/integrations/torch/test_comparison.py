"""What follows from trainings, on trainings made by hand."""

import json
import math

import pytest

from beforehand.gradients import THC, Cast, LowRank
from beforehand.integrations.torch.comparison import Comparison, Run
from beforehand.integrations.torch.errors_of import Errors
from beforehand.integrations.torch.orders import Point, Trained, label_of
from beforehand.integrations.torch.training import Target


def run(method, repeat, seconds, *, step=0.1, met=True, loss=2.0):
    """A training of so many seconds in equal steps, evaluated in the middle and at the end."""
    steps = round(seconds / step)
    end = Point(steps, sum((step,) * steps), {"loss": loss})
    curve = (Point(0, 0.0, {"loss": 5.0}), Point(steps // 2, seconds / 2, {"loss": 3.0}), end)
    trained = Trained((step,) * steps, curve, end if met else None, None, 100.0)
    return Run.of(method, repeat, trained, None, 5)


def comparison(*runs, until=None):
    methods = tuple(dict.fromkeys(each.method for each in runs))
    return Comparison(
        job="mine",
        about={},
        workers=2,
        link="loopback",
        until={"loss": 2.0, "seconds": 60.0} if until is None else until,
        methods=methods,
        runs=runs,
        errors={"THC": Errors(0.01, 0.002)},
    )


def test_the_soonest_method_comes_first_and_is_worth_it_if_it_gains_in_every_repeat():
    found = comparison(run("fp32", 0, 40), run("fp16", 0, 20), run("THC", 0, 10), run("fp32", 1, 40),
                       run("fp16", 1, 22), run("THC", 1, 10))  # fmt: skip
    assert [row.method for row in found.rows] == ["THC", "fp16", "fp32"]
    assert found.gain.design == "THC"
    assert (found.gain.value, found.gain.low, found.gain.high) == pytest.approx((1.1, 1.0, 1.2))
    assert str(found).endswith("worth it: the better of fp32 and fp16 takes 110% (100% to 120%) more than THC")
    assert found.rows[0].seconds == pytest.approx((10, 10))
    assert found.rows[0].errors == Errors(0.01, 0.002)


def test_what_gains_in_one_repeat_only_is_unclear():
    found = comparison(run("fp32", 0, 40), run("fp16", 0, 10), run("THC", 0, 10), run("fp32", 1, 40),
                       run("fp16", 1, 20), run("THC", 1, 10))  # fmt: skip
    assert found.verdict == "unclear"


def test_plain_sums_that_are_soonest_are_not_worth_bothering():
    found = comparison(run("fp32", 0, 10), run("fp16", 0, 20), run("THC", 0, 15))
    assert found.rows[0].method == "fp32"
    assert found.gain.value == 0
    assert str(found).endswith("don't bother: nothing is sooner than fp32")


def test_a_missed_target_is_shown_and_comes_last():
    found = comparison(run("fp32", 0, 60, met=False), run("fp16", 0, 60, met=False), run("THC", 0, 10, met=False),
                       run("Other", 0, 30))  # fmt: skip
    assert [row.method for row in found.rows] == ["Other", "fp32", "fp16", "THC"]
    assert found.rows[1].seconds == (math.inf,)
    assert "not in 60 s" in str(found)
    assert found.gain.value == pytest.approx(1.0)  # at least: the baselines were stopped at 60 s
    assert found.verdict == "worth it"
    nobody = comparison(run("fp32", 0, 60, met=False), run("fp16", 0, 60, met=False))
    assert str(nobody).endswith("unclear: no method met the target in every repeat")


def test_a_method_that_missed_once_is_behind_those_that_never_did():
    found = comparison(run("fp32", 0, 40), run("fp16", 0, 30), run("THC", 0, 5), run("fp32", 1, 40),
                       run("fp16", 1, 30), run("THC", 1, 60, met=False))  # fmt: skip
    assert [row.method for row in found.rows] == ["fp16", "fp32", "THC"]
    assert "5, 1 of 2 not in 60 s" in str(found)


def test_without_a_target_steps_are_compared():
    until = {"steps": 100, "seconds": 60.0}
    found = comparison(run("fp32", 0, 20, step=0.2), run("fp16", 0, 15, step=0.15), run("THC", 0, 10), until=until)
    assert found.target is None
    assert found.rows[0].seconds == ()
    assert found.rows[0].step_seconds == pytest.approx((0.1,))
    assert found.gain.value == pytest.approx(0.5)
    assert "seconds to" not in str(found)


def test_equal_steps_and_equal_time_take_the_last_evaluation_that_all_had():
    found = comparison(run("fp32", 0, 40, step=0.4, loss=2.0), run("fp16", 0, 10, loss=1.9))
    rows = {row.method: row for row in found.rows}
    assert (rows["fp32"].equal_steps, rows["fp16"].equal_steps) == (2.0, 1.9)  # 100 steps each
    assert (rows["fp32"].equal_seconds, rows["fp16"].equal_seconds) == (5.0, 1.9)  # within 10 s


def test_json_holds_all():
    found = json.loads(comparison(run("fp32", 0, 10), run("fp16", 0, 20)).to_json())
    assert found["runs"][1]["curve"][1] == [100, 10.0, {"loss": 3.0}]
    assert found["gain"]["design"] == "fp32"


def test_a_target_is_passed_from_the_side_where_training_began():
    up = Target("accuracy", 0.9)
    assert [up.passed({"accuracy": value}) for value in (0.1, 0.95, 0.2)] == [False, True, False]


def test_labels_say_what_differs_from_the_defaults():
    assert label_of(THC(), "auto") == "THC"
    assert label_of(THC(bits=3, lanes=10), "two_shot") == "THC(bits=3, lanes=10) by two_shot"
    assert label_of(Cast("bfloat16"), "auto") == "bfloat16"
    assert label_of(LowRank(rank=2), "auto") == "LowRank(rank=2)"
