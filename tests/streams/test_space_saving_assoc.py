"""Policy "assoc": bit for bit the model's, and what only it promises."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import CapacityExceeded, CorruptData, InvalidInput
from beforehand.streams import SpaceSaving, from_bytes
from tests.streams.models import Assoc


def slots(summary):
    """What the bytes hold: (count, error, key) of every used lane, bucket by bucket."""
    data = summary.to_bytes()
    width = {4: "<u4", 8: "<u8"}[data[12]]
    n, at, columns = summary.capacity, 80, []
    for dtype in ("<u8", width, width):
        columns.append(np.frombuffer(data, dtype, n, at + 16))
        at += 16 + -(-columns[-1].nbytes // 8) * 8
    keys, counts, errors = (column.reshape(-1, 8).tolist() for column in columns)
    return [
        [[c, e, k] for k, c, e in zip(*bucket, strict=True) if c] for bucket in zip(keys, counts, errors, strict=True)
    ]


STEPS = st.lists(
    st.tuples(st.lists(st.integers(0, 60), max_size=30), st.sampled_from([1, 1, 1, 3, 2**31])), min_size=1, max_size=6
)


@given(STEPS, STEPS, st.integers(1, 3), st.integers(0, 2**64 - 1))
def test_it_is_the_model_bit_for_bit(first, second, buckets, seed):
    sides = []
    for steps in (first, second):
        summary, model = SpaceSaving(capacity=8 * buckets, policy="assoc", seed=seed), Assoc(buckets, seed=seed)
        for keys, weight in steps:
            summary.update(np.array(keys, np.uint64), weight)
            for key in keys:
                model.add(key, weight)
        summary.check_invariants()
        assert slots(summary) == model.buckets
        sides.append((summary, model))
    (a, model), (b, others) = sides
    a |= b
    model.merge(others)
    assert slots(a) == model.buckets
    a.update(np.arange(5))
    for key in range(5):
        model.add(key)
    assert slots(a) == model.buckets
    keys = np.arange(70, dtype=np.uint64)
    lower, upper = a.bounds(keys)
    assert list(zip(lower.tolist(), upper.tolist(), strict=True)) == [model.bounds(key) for key in range(70)]
    assert a.error_bound == max(model.floor(key) for key in range(2000))
    assert a.total == model.total


def test_bounds_hold_for_every_key():
    stream = np.random.default_rng(0).zipf(1.2, 100_000)
    summary = SpaceSaving(capacity=500, policy="assoc")
    summary.update(stream)
    assert summary.capacity == 504
    assert summary.nbytes == 16 * 504
    assert summary.guaranteed_error() == float("inf")
    keys, true = np.unique(stream, return_counts=True)
    lower, upper = summary.bounds(keys)
    assert (lower <= true).all()
    assert (true <= upper).all()
    assert 0 < (upper - lower).max() <= summary.error_bound
    assert summary.top(20).keys.tolist() == keys[np.lexsort((keys, -true))[:20]].tolist()


@pytest.mark.parametrize("labels", [True, False])
def test_labels_go_through_merges_and_bytes(labels):
    words = [f"w{i}" for i in np.random.default_rng(1).zipf(1.3, 5000) % 200]
    a, b = (SpaceSaving(memory="2KiB", policy="assoc", labels=labels) for _ in range(2))
    a.update(words)
    b.update([f"{word}'" for word in words] + words)
    merged = from_bytes((a | b).to_bytes())
    unpickled = pickle.loads(pickle.dumps(a)) | b
    assert merged.to_bytes() == unpickled.to_bytes()
    top = merged.top(10)
    assert isinstance(top.keys, list) == labels
    if labels:
        assert top.keys[:2] == ["w1", "w1'"]
        assert (merged.estimate(top.keys) == top.estimate).all()


def test_any_cut_gives_the_same_bytes():
    stream = np.random.default_rng(2).zipf(1.1, 20_000)
    whole, cut, single = (SpaceSaving(capacity=64, policy="assoc") for _ in range(3))
    whole.update(stream)
    for part in np.split(stream, [1, 17, 4096, 4097, 12_000]):
        cut.update(part)
    for key in stream.tolist():
        single.update(key)
    assert whole.to_bytes() == cut.to_bytes() == single.to_bytes()


def test_what_it_does_not_do_is_refused():
    summary = SpaceSaving(capacity=8, policy="assoc")
    with pytest.raises(InvalidInput, match="takes no deletions"):
        summary.delete([1])
    with pytest.raises(InvalidInput, match='only policy "exact" takes'):
        SpaceSaving(capacity=8, policy="assoc", deletions=True)
    with pytest.raises(InvalidInput, match="takes at most"):
        SpaceSaving(capacity=2**32 - 3, policy="assoc")
    with pytest.raises(InvalidInput, match="takes at least 128"):
        SpaceSaving(memory=127, policy="assoc")
    with pytest.raises(InvalidInput, match="other has capacity 16, but this one 8"):
        summary.merge(SpaceSaving(capacity=16, policy="assoc"))
    with pytest.raises(InvalidInput, match="other has policy exact, but this one assoc"):
        summary.merge(SpaceSaving(capacity=8))
    summary.update(1, weights=2**63 - 1)
    with pytest.raises(CapacityExceeded):
        summary.update(1)


def test_version_1_is_written_byte_for_byte():
    summary = SpaceSaving(capacity=3, policy="assoc")
    summary.update(np.array([1, 2, 1, 3, 4, 1], np.uint64))
    data = summary.to_bytes()
    assert (len(data), data[10], data[16:20].hex()) == (80 + 3 * 16 + 128, 2, "021164f8")
    for end in range(len(data)):
        with pytest.raises(CorruptData):
            from_bytes(data[:end])
