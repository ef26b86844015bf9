"""Policies "exact", "filtered" and "gated": bit for bit those of the models in plain Python."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams import SpaceSaving
from tests.streams.gated_model import Gated
from tests.streams.models import Exact, Filtered
from tests.streams.sections import header, state

GOLDEN = 0x9E3779B97F4A7C15
UNIVERSE = np.arange(40, dtype=np.uint64) * np.uint64(GOLDEN)

# A stream in batches, each with one weight: keys of one digit come often.
BATCHES = st.lists(
    st.tuples(
        st.lists(st.one_of(st.integers(0, 6), st.integers(0, 39)), max_size=60),
        st.sampled_from([1, 1, 1, 1, 2, 7, 1000, 40_000]),
    ),
    max_size=8,
)
SIZES = st.integers(1, 12)


def feed(summary, model, batches):
    for keys, weight in batches:
        summary.update(UNIVERSE[keys] if keys else np.empty(0, np.uint64), weight)
        for key in UNIVERSE[keys].tolist() if keys else []:
            model.add(key, weight)
        summary.check_invariants()


def assert_alike(summary, model):
    found, table = state(summary), model.table
    assert (found["keys"], found["counts"], found["errors"]) == (table.keys, table.counts, table.errors)
    assert found["minimum"] == table.minimum_state
    assert summary.total == model.total
    lower, upper = summary.bounds(UNIVERSE)
    assert list(zip(lower.tolist(), upper.tolist(), strict=True)) == [model.bounds(key) for key in UNIVERSE.tolist()]
    for estimator in ("count", "lower", "mid", "upper"):
        expected = [model.estimate(key, estimator) for key in UNIVERSE.tolist()]
        assert summary.estimate(UNIVERSE, estimator=estimator).tolist() == pytest.approx(expected, rel=1e-12)
    return found


def assert_same_exact(summary, model):
    assert_alike(summary, model)
    assert header(summary.to_bytes())["floor"] == model.floor


def assert_same_filtered(summary, model):
    found = assert_alike(summary, model)
    assert (found["cells"], found["first"]) == (model.cells.cells, model.cells.first)


def assert_same_gated(summary, model):
    found = assert_alike(summary, model)
    assert (found["cells"], found["first"]) == (model.cells.cells, model.cells.first)
    assert (found["gate"], found["nonzero"]) == (model.gate.cells, model.gate.nonzero)
    assert (found["epoch"], found["epochs"]) == (model.epoch, model.epochs)
    assert found["unit"] == (model.unit if model.table.full else model.arrivals)
    assert found["weights"] == [bin.weight for bin in model.bins]
    assert found["registers"] == [bin.registers for bin in model.bins]


@given(BATCHES, BATCHES, BATCHES, SIZES, SIZES, st.integers(0, 2**64 - 1))
def test_exact_is_the_model(first, second, third, capacity, other_capacity, seed):
    summary, model = SpaceSaving(capacity=capacity, seed=seed), Exact(capacity, seed=seed)
    other, other_model = SpaceSaving(capacity=other_capacity, seed=seed), Exact(other_capacity, seed=seed)
    feed(summary, model, first)
    feed(other, other_model, second)
    assert_same_exact(summary, model)
    summary |= other
    model.merge(other_model)
    assert_same_exact(summary, model)
    feed(summary, model, third)
    assert_same_exact(summary, model)
    assert summary.guaranteed_error() == summary.total / min(capacity, other_capacity) >= summary.error_bound


DELETIONS = st.lists(st.tuples(st.integers(0, 39), st.integers(1, 30)), max_size=12)


@given(BATCHES, DELETIONS, BATCHES, DELETIONS, SIZES)
def test_deletions_are_those_of_the_model(first, deleted, second, deleted_then, capacity):
    summary, model = SpaceSaving(capacity=capacity, deletions=True), Exact(capacity)
    for batches, deletions in ((first, deleted), (second, deleted_then)):
        feed(summary, model, batches)
        keys = UNIVERSE[[key for key, _ in deletions]] if deletions else np.empty(0, np.uint64)
        weights = [weight for _, weight in deletions]
        before = summary.to_bytes()
        try:
            model.delete(keys.tolist(), weights)
        except ValueError:
            with pytest.raises(InvalidInput, match="would fall below 0"):
                summary.delete(keys, weights)
            assert summary.to_bytes() == before
        else:
            summary.delete(keys, weights)
        assert_same_exact(summary, model)
        assert summary.deleted == model.deleted


@given(BATCHES, BATCHES, BATCHES, SIZES, st.integers(1, 20), st.integers(0, 2**64 - 1))
def test_filtered_is_the_model(first, second, third, capacity, cells, seed):
    make = lambda: SpaceSaving._of(_native.Filtered(capacity, seed, "auto", True, cells))  # noqa: E731
    (summary, model), (other, other_model) = ((make(), Filtered(capacity, cells, seed=seed)) for _ in range(2))
    feed(summary, model, first)
    feed(other, other_model, second)
    assert_same_filtered(summary, model)
    summary |= other
    model.merge(other_model)
    assert_same_filtered(summary, model)
    feed(summary, model, third)
    assert_same_filtered(summary, model)


@given(
    BATCHES, BATCHES, BATCHES, SIZES, st.integers(1, 20), st.integers(0, 20), st.sampled_from([0.01, 0.3, 1, 16]),
    st.integers(0, 2**64 - 1),
)  # fmt: skip
def test_gated_is_the_model(first, second, third, capacity, cells, half_gate, slack, seed):
    sizes = (cells, 2 * half_gate, 16, slack)
    make = lambda: SpaceSaving._of(_native.Gated(capacity, seed, "auto", True, *sizes))  # noqa: E731
    (summary, model), (other, other_model) = (
        (make(), Gated(capacity, cells, 2 * half_gate, registers=16, gate_slack=slack, seed=seed)) for _ in range(2)
    )
    feed(summary, model, first)
    feed(other, other_model, second)
    assert_same_gated(summary, model)
    summary |= other
    model.merge(other_model)
    assert_same_gated(summary, model)
    feed(summary, model, third)
    assert_same_gated(summary, model)


def test_a_longer_stream_through_a_gate_that_closes_many_epochs():
    random = np.random.default_rng(5)
    summary = SpaceSaving._of(_native.Gated(30, 1, "auto", True, 40, 60, 64, 1.0))
    model = Gated(30, 40, 60, registers=64, seed=1)
    for _ in range(4):
        keys = (random.zipf(1.1, 3000) % 2000).astype(np.uint64)
        summary.update(keys)
        for key in keys.tolist():
            model.add(key)
    assert model.epoch > 3
    assert_same_gated(summary, model)
