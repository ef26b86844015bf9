import json
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from beforehand.core import load_plan
from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.gradients import THC, BlockInt, Cast, GradientPlan, Link, TopK, plan
from beforehand.workloads.gradient_samples import gradients

SAMPLE, HOLDOUT = gradients("layers", size=2**16, workers=4, steps=6, seed=0).split(0.5)


@cache
def made(rate=6e6, **options):
    return plan(
        SAMPLE, link=Link(1e-4, rate), workers=4, compute_seconds=0.02, candidates=[THC(), TopK(density=0.1)], **options
    )


def test_it_builds_what_it_chose():
    assert made().build() == (THC(), "two_shot")
    assert made(1e10).build()[0] in (Cast("float32"), Cast("float16"), Cast("bfloat16"))


def test_the_words_hold_the_choice_the_price_and_what_is_not_known():
    words = made().explain()
    for each in (
        "worth it: take THC by two_shot for 4 workers and 65,536 parameters",
        "the better of float32 and 16 bits; 1.1 times is the least",
        "No pilot was run",
        "have feedback, marked *, is not known",
        "over 48 Mbit/s with a latency of 0.1 ms, with an overlap of 0.",
        "steps of training",
        "Tried, with seconds of a step",
        "TopK(density=0.1) by gather",
    ):
        assert each in words
    table = [line for line in words.split("\n") if line.startswith("  ")]
    assert len({len(line.rstrip("*")) for line in table}) == 1
    assert table[0].split() == ["step", "bytes", "vNMSE", "codec", "exchange"]


def test_the_audit_runs_the_codec_on_gradients_that_the_plan_never_saw():
    report = made().audit(HOLDOUT)
    assert (report.metric, report.verdict) == ("seconds a step", "worth it")
    assert report.clairvoyant.value == 0.02
    assert report.clairvoyant.value < report.measured.value < report.baseline.value
    assert report.measured.value == pytest.approx(report.expected.value, rel=0.2)
    errs, expected = (float(part.split()[0]) for part in report.why.partition("errs ")[2].split("where ")[:2])
    assert errs == pytest.approx(expected, rel=0.1)
    assert errs == pytest.approx(made().chosen.vnmse.value, rel=0.1)


def test_measured_steps_are_judged_by_their_medians():
    draw, expected = np.random.default_rng(0), made().expected.value
    report = made().audit(
        HOLDOUT, measured={"choice": draw.normal(expected, 1e-3, 40), "baseline": draw.normal(1.5 * expected, 1e-3, 40)}
    )
    assert report.measured.value == pytest.approx(expected, rel=0.02)
    assert report.baseline.value == pytest.approx(1.5 * expected, rel=0.02)
    assert report.measured.low < report.measured.value < report.measured.high
    assert (report.verdict, report.came_true) == ("worth it", True)
    assert re.match(r"1\.5\d? times \(1\.4\d to 1\.5\d\) as fast as b?float16; THC by two_shot errs 0.00", report.why)
    slow = made().audit(HOLDOUT, measured={"choice": [2 * expected] * 9, "baseline": [expected] * 9})
    assert (slow.verdict, slow.came_true) == ("don't bother", False)


def test_gradients_on_which_it_errs_too_much_turn_the_verdict():
    agreeing, at_odds = (gradients("normal", size=2**16, workers=4, steps=2, correlation=r, seed=0) for r in (1.0, 0.0))
    chosen = plan(agreeing, link=Link(1e-4, 6e6), workers=4, compute_seconds=0.02, candidates=[THC()], max_vnmse=0.01)
    assert chosen.verdict == chosen.audit(agreeing).verdict == "worth it"
    report = chosen.audit(at_odds)
    assert report.verdict == "don't bother"
    assert report.why.endswith("more than the 0.01 allowed")


def test_a_plan_that_did_not_bother_is_audited_by_its_baseline():
    report = made(1e10).audit(HOLDOUT, measured={"baseline": [0.02, 0.03]})
    assert report.measured == report.baseline
    assert report.verdict == "don't bother"
    assert report.why.startswith("nothing was worth more than ")


@pytest.mark.parametrize(
    ("holdout", "measured", "message"),
    [
        (gradients("normal", size=8, steps=2, seed=0), None, "holdout has 8 coordinates, but the plan is for 65,536"),
        (np.ones(3), None, "holdout is a ndarray"),
        (HOLDOUT, {"choice": [1.0]}, "must hold seconds of steps for choice and baseline"),
        (HOLDOUT, [1.0], "must hold seconds of steps for choice and baseline"),
        (HOLDOUT, {"choice": [1.0], "baseline": []}, "seconds of baseline must be above 0"),
        (HOLDOUT, {"choice": [-1.0], "baseline": [1.0]}, "seconds of choice must be above 0"),
        (HOLDOUT, {"choice": ["x"], "baseline": [1.0]}, "must be an array of real numbers"),
    ],
)
def test_what_cannot_audit_is_refused(holdout, measured, message):
    with pytest.raises(InvalidInput, match=message):
        made().audit(holdout, measured=measured)


@pytest.mark.parametrize("options", [{}, {"aggregator_link": Link(1e-5, 1e8)}], ids=["plain", "aggregator"])
def test_any_plan_comes_back_from_its_file(tmp_path, options):
    path = tmp_path / "plan.json"
    path.write_text(made(**options).to_json())
    assert load_plan(path) == made(**options)


def test_a_plan_with_pilots_comes_back():
    def pilot(codec):
        return [1, 2, 3], [3.0, 2.0, 1.0 if codec != BlockInt() else np.nan]

    chosen = plan(
        SAMPLE, link=Link(1e-4, 6e6), workers=4, compute_seconds=0.02, candidates=[THC(), BlockInt()], pilot=pilot
    )
    assert GradientPlan.from_json(chosen.to_json()) == chosen
    assert "s to the target in 3 steps" in chosen.explain()


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("design",), "none", "both must be candidates"),
        (("verdict",), "yes", "verdict is 'yes'"),
        (("workers",), 1, "workers is 1"),
        (("recorded",), 1.5, "recorded is 1.5"),
        (("rho",), 2, "rho is 2"),
        (("link",), {"latency": -1, "bytes_per_second": 1}, "latency is -1"),
        (("compute_seconds",), 0, "compute_seconds is 0"),
        (("candidates", 0, "codec", "codec"), "other", "codec is 'other'"),
        (("candidates", 0, "transport"), "gather", "transport is 'gather'"),
        (("candidates", 0, "up"), None, "up is None"),
        (("price",), {"seconds": -1}, "seconds is -1"),
        (("candidates",), 3, "not iterable"),
    ],
)
def test_a_damaged_plan_is_refused(path, value, message):
    fields = json.loads(made().to_json())
    node = fields
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    with pytest.raises(CorruptData, match=message):
        GradientPlan.from_json(json.dumps(fields))


def test_a_plan_that_was_changed_is_checked_again():
    with pytest.raises(InvalidInput, match="margin is -1"):
        replace(made(), margin=-1.0)
