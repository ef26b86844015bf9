"""What every plan promises. One line adds a plan."""

import json
from functools import cache

import numpy as np
import pytest

from beforehand import quantization, scheduling
from beforehand.core import Plan, Report, load_plan

VECTORS = np.random.default_rng(0).lognormal(size=(8, 256))
JOBS = scheduling.Log(VECTORS[0], expensive=VECTORS[0], cheap=VECTORS[0] > 1)
PLANS = {
    "quantization": cache(lambda: quantization.plan(VECTORS, bits=3)),
    "scheduling": cache(lambda: scheduling.plan_queue(JOBS, load=0.8, bootstrap=10)),
}
HOLDOUTS = {"quantization": VECTORS[::-1] * 2, "scheduling": JOBS}


@pytest.fixture(params=PLANS)
def plan(request):
    return PLANS[request.param]()


def test_a_plan_is_one(plan):
    assert isinstance(plan, Plan)


def test_json_gives_the_same_plan_again(plan):
    again = type(plan).from_json(plan.to_json())
    assert again == plan
    assert again.to_json() == plan.to_json()


def test_json_from_before_plans_had_kinds_is_read(plan, tmp_path):
    fields = json.loads(plan.to_json())
    assert fields.pop("kind") == type(plan).__name__
    (tmp_path / "plan.json").write_text(json.dumps(fields))
    assert load_plan(tmp_path / "plan.json") == plan


def test_json_is_strict_and_names_the_area(plan):
    def refuse(constant):
        raise AssertionError(constant)

    assert json.loads(plan.to_json(), parse_constant=refuse)["area"] == plan.area


def test_the_plan_of_any_area_is_loaded_from_its_file(plan, tmp_path):
    (tmp_path / "plan.json").write_text(plan.to_json())
    assert load_plan(tmp_path / "plan.json") == plan


def test_a_plan_explains_itself_with_its_verdict_and_design(plan):
    words = plan.explain()
    assert plan.verdict in words
    assert plan.design in words


def test_a_plan_names_what_it_beat(plan):
    assert plan.expected.design == plan.design
    assert plan.baseline.design in {plan.design, *(lost.design for lost in plan.alternatives)}
    assert plan.design not in [lost.design for lost in plan.alternatives]


def test_an_audit_is_a_report_with_the_plans_expectation(plan):
    report = plan.audit(HOLDOUTS[plan.area])
    assert isinstance(report, Report)
    assert (report.area, report.expected) == (plan.area, plan.expected)
    assert report.measured.design == plan.design


def test_a_plan_says_what_made_it(plan):
    assert plan.versions.keys() == {"beforehand", "numpy", "python"}


def test_a_plan_never_changes(plan):
    with pytest.raises(AttributeError):
        plan.design = "another"
