import copy
import math

import numpy as np
import pytest

from beforehand.streams import LearnedSpaceSaving, from_bytes
from tests.streams.gated_model import Gated
from tests.streams.learning import POLICIES, Said, options
from tests.streams.models import Exact
from tests.streams.sections import state


def bin_and_class(prediction, *, light=16.0, heavy=200.0):
    log = float(prediction) if np.isfinite(prediction) else 0.0
    count = 2.0**log
    return min(max(math.floor(log), 0), 31), "heavy" if count >= heavy else "light" if count <= light else "normal"


def assert_alike(summary, model):
    found, table = state(summary), model.table
    assert found["keys"] == table.keys
    assert found["counts"] == table.counts
    assert found["errors"] == table.errors
    assert found["minimum"] == table.minimum_state
    if summary.policy == "calibrated":  # 5 bits for the bin; for the epoch a shift of 4 and what stands below its top
        found["marks"] = [both & 31 for both in found["epochs"]]
        found["epochs"] = [
            (both >> 5 & 127) + 128 << (both >> 12) - 1 if both >> 12 else both >> 5 for both in found["epochs"]
        ]
    assert {i for i, mark in enumerate(found["marks"]) if mark >> 7} == table.pinned
    assert (found["tau"], found["gate"], found["nonzero"]) == (model.gate.tau, model.gate.cells, model.gate.nonzero)
    if summary.policy == "lss":
        return
    assert (found["cells"], found["first"]) == (model.cells.cells, model.cells.first)
    assert found["epochs"] == model.epochs
    assert found["epoch"] == model.epoch
    assert found["unit"] == (model.unit if table.full else model.arrivals)
    assert [mark & 31 for mark in found["marks"]] == model.slot_bins
    if summary.policy == "lss+":
        assert [("normal", "light", "heavy")[mark >> 5 & 3] for mark in found["marks"]] == model.slot_kinds
    assert found["weights"] == [bin.weight for bin in model.bins]
    assert found["registers"] == [bin.registers for bin in model.bins]


def modeled(policy, memory, seed=0, gate_slack=1.0):
    """A summary and its model."""
    given = options(policy) if policy == "lss" else options(policy) | {"gate_slack": gate_slack}
    predictor = Said(seed)
    summary = LearnedSpaceSaving(predictor, memory=memory, policy=policy, seed=seed, **given)
    native = summary._native
    if policy == "lss":
        return summary, Exact(summary.capacity, cbf=native.filter_cells, pins=native.pins, seed=seed), predictor
    capacity, cells, gate, registers = native.sizes
    sizes = {"registers": registers, "bins": 32, "pins": native.pins, "bins_beside_epochs": policy == "calibrated"}
    return summary, Gated(capacity, cells, gate, gate_slack=gate_slack, seed=seed, **sizes), predictor


def feed(summary, model, predictor, key, weight):
    summary.update(np.array([key], np.uint64), weight)
    said = bin_and_class(predictor.last[0])  # of an earlier key, if this one was not asked about: then it has no effect
    if summary.policy == "lss":
        model.add(key, weight, kind=said[1])
    else:
        model.add(key, weight, bin=said[0], kind=said[1] if summary.policy == "lss+" else "light")


def zipf_keys(n, universe, seed):
    random = np.random.default_rng(seed)
    return np.minimum(random.zipf(1.2, n), universe).tolist(), random


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("most", [1, 50, 40_000])
def test_state_and_answers_are_those_of_the_model_bit_by_bit(policy, most):
    memory = 600 if policy == "lss" else 4096
    summary, model, predictor = modeled(policy, memory, seed=5)
    keys, random = zipf_keys(6000, 3000, most)
    weights = random.integers(1, most + 1, len(keys)).tolist()
    weights[:2000] = [1] * 2000  # no weights at first
    for step, (key, weight) in enumerate(zip(keys, weights, strict=True)):
        feed(summary, model, predictor, key, weight)
        if step % 500 == 499:
            assert_alike(summary, model)
            summary = from_bytes(summary.to_bytes(), predictor=predictor)
    summary.check_invariants()
    asked = np.arange(3002, dtype=np.uint64)
    lower, upper = summary.bounds(asked)
    assert list(zip(lower.tolist(), upper.tolist(), strict=True)) == [model.bounds(key) for key in asked.tolist()]
    for estimator in ("count", "lower", "upper"):
        expected = [model.estimate(key, estimator) for key in asked.tolist()]
        assert summary.estimate(asked, estimator=estimator).tolist() == expected
    predictor.values = (4.2,)
    told = {} if policy == "lss" else {"bin": 4}
    expected = [model.estimate(key, "mid", **told) for key in asked.tolist()]
    assert summary.estimate(asked).tolist() == pytest.approx(expected, rel=1e-12)


def test_epochs_beside_bins_are_rounded_up_and_bounds_hold():
    summary, model, predictor = modeled("calibrated", 4096, gate_slack=16.0)
    predictor.values = (4.2,)
    heavy = np.repeat(np.arange(summary.capacity), 280)  # so that the gate may be cleared 298 times
    light = np.arange(10**6, 10**6 + 90_000)
    stream = np.concatenate([heavy, light, np.repeat([7777, 8888], 400)])
    summary.update(stream)
    for key in stream.tolist():
        model.add(key, bin=4)
    assert model.epoch > 256
    assert max(model.epochs) > 256
    assert_alike(summary, model)
    summary.check_invariants()
    lower, upper = summary.bounds([7777, 8888, 0, 10**6])
    assert (lower <= [400, 400, 280, 1]).all()
    assert (upper >= [400, 400, 280, 1]).all()
    assert summary.error_bound <= summary.guaranteed_error()
    summary |= summary
    model.merge(copy.deepcopy(model))
    assert_alike(summary, model)


@pytest.mark.parametrize("policy", ["calibrated", "lss+"])
@pytest.mark.parametrize("most", [1, 3000])
def test_merging_is_that_of_the_model_bit_by_bit(policy, most):
    pairs = [modeled(policy, 4096, seed=9) for _ in range(3)]
    for i, (summary, model, predictor) in enumerate(pairs):
        predictor.random = np.random.default_rng(i)
        keys, random = zipf_keys((100, 4000, 3000)[i], 1500, i)
        for key in keys:
            feed(summary, model, predictor, key, int(random.integers(1, (most if i != 1 else 1) + 1)))
    (first, first_model, _), (second, second_model, predictor), (third, third_model, _) = pairs
    second.merge(third)
    second_model.merge(third_model)
    assert_alike(second, second_model)
    first |= second
    first_model.merge(second_model)
    assert_alike(first, first_model)
    keys, _ = zipf_keys(3000, 1500, 7)
    for key in keys:
        feed(first, first_model, pairs[0][2], key, 1)
    assert_alike(first, first_model)
    first.check_invariants()
