"""What every plan promises. One line adds a plan."""

import json
import time
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from beforehand import gradients, quantization, scheduling, streams
from beforehand.core import Plan, Report, load_plan
from beforehand.core.errors import CorruptData
from beforehand.scheduling import serving
from beforehand.workloads import gradient_samples, requests

VECTORS = np.random.default_rng(0).lognormal(size=(8, 256))
JOBS = scheduling.Log(VECTORS[0], expensive=VECTORS[0], cheap=VECTORS[0] > 1)
STREAM = np.random.default_rng(0).zipf(1.2, 20_000)
GRADIENTS = gradient_samples.gradients("layers", size=2**15, workers=2, steps=2, seed=0)
LINK = gradients.Link(1e-4, 1e6)
REQUESTS = requests.alpaca_like(250, rate=14.0, seed=0)
ENGINE = {"profile": serving.PROFILES["llama3-8b-a100-80g"], "max_num_seqs": 16}


def few(plan):
    """The same with fewer designs that lost."""
    return replace(plan, candidates=(*plan.candidates[:4], plan.chosen))


PLANS = {
    "gradients": cache(
        lambda: gradients.plan(GRADIENTS, link=LINK, workers=2, compute_seconds=0.01, candidates=[gradients.THC()])
    ),
    "quantization": cache(lambda: few(quantization.plan(VECTORS, bits=3))),
    "scheduling": cache(lambda: scheduling.plan_queue(JOBS, load=0.8, bootstrap=10)),
    "scheduling.serving": cache(
        lambda: serving.plan_serving(REQUESTS, lengths="exact", candidates=[serving.ShortestWork()], seeds=1, **ENGINE)
    ),
    "streams": cache(lambda: streams.plan(STREAM, memory=4096)),
}
HOLDOUTS = {
    "gradients": GRADIENTS,
    "quantization": VECTORS[::-1] * 2,
    "scheduling": JOBS,
    "scheduling.serving": requests.alpaca_like(200, rate=14.0, seed=1),
    "streams": STREAM[::-1],
}


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


def leaves(node, path=()):
    """The paths to all numbers."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield from leaves(value, (*path, key))
    if isinstance(node, int | float) and not isinstance(node, bool):
        yield path


def with_leaf(text, path, value):
    """The JSON with another number at that path."""
    fields = json.loads(text)
    node = fields
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return json.dumps(fields)


@pytest.mark.parametrize("value", [2**70, 10**400, 2**62, -1, 1e308, np.nan, np.inf, "7", None, True, [1]], ids=str)
def test_a_number_edited_by_hand_is_read_within_its_range_or_refused_at_once(plan, value):
    text = plan.to_json()
    began = time.process_time()
    paths = list(leaves(json.loads(text)))
    for path in paths:
        try:
            type(plan).from_json(with_leaf(text, path, value)).explain()
        except CorruptData:
            continue
        assert value not in (2**70, 10**400)
        assert value == value or path[0] == "price"  # nan
    assert time.process_time() - began < 0.05 * len(paths) + 1


@pytest.mark.parametrize("path", [("candidates", 0, "bits"), ("vectors",), ("values",), ("seed",), ("jobs",)])
@pytest.mark.parametrize("value", ["7", None, [1], -1, 0.5], ids=str)
def test_what_counts_things_is_a_whole_number(plan, path, value):
    fields = json.loads(plan.to_json())
    if path[0] not in fields or (path[0] == "candidates" and plan.area == "scheduling"):
        return
    with pytest.raises(CorruptData, match=path[-1]):
        type(plan).from_json(with_leaf(plan.to_json(), path, value))


def test_a_plan_of_more_bits_than_any_code_has_is_refused_at_once(tmp_path):
    fields = json.loads(PLANS["quantization"]().to_json())
    for bits in (1180591620717411303424, 10**15, 17):
        for candidate in fields["candidates"]:
            candidate["bits"] = bits
        (tmp_path / "plan.json").write_text(json.dumps(fields))
        with pytest.raises(CorruptData, match=r"bits is|64 bits|not a plan"):
            load_plan(tmp_path / "plan.json")
