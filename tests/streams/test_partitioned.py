"""Shards that are asked as if they were one summary, and parts that merge."""

import numpy as np
import pyarrow
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.streams import Partitioned, SpaceSaving
from beforehand.streams.partitioned import merged
from beforehand.streams.sharding import split

STREAM = np.random.default_rng(1).zipf(1.2, 30_000) % 5_000 - 100


def sharded(keys, shards=4, weights=None, **options):
    parts = [SpaceSaving(**{"capacity": 100, **options}) for _ in range(shards)]
    for part, (mine, heavy) in zip(parts, split(keys, weights, shards, parts[0].seed), strict=True):
        part.update(mine, heavy)
    return Partitioned(parts)


@pytest.mark.parametrize("form", [np.asarray, lambda keys: [f"key {key}" for key in keys]], ids=["int", "str"])
@pytest.mark.parametrize("shards", [1, 2, 7])
def test_bounds_hold_for_every_key_and_are_those_of_its_owner(form, shards):
    made = sharded(form(STREAM), shards)
    keys, true = np.unique(STREAM, return_counts=True)
    lower, upper = made.bounds(form(keys))
    assert lower.dtype == upper.dtype == np.uint64
    assert (lower <= true).all()
    assert (true <= upper).all()
    assert (upper - lower).max() <= made.error_bound == max(part.error_bound for part in made.parts)
    assert made.error_bound <= max(part.total for part in made.parts) // 100
    estimate = made.estimate(form(keys), estimator="lower")
    assert (estimate == lower).all()
    assert made.total == len(STREAM)
    assert len(made) == sum(len(part) for part in made.parts)


def test_one_key_gets_one_answer():
    made = sharded(STREAM)
    key = int(STREAM[0])
    (estimate,), (bounds,) = [made.estimate(key)], [made.bounds(key)]
    assert isinstance(estimate, float)
    assert bounds == tuple(int(bound[0]) for bound in made.bounds([key]))
    assert isinstance(bounds[0], int)
    assert made.estimate(np.int64(key)) == made.estimate(np.array(key)) == estimate
    assert made.estimate([]).shape == (0,)
    assert [bound.shape for bound in made.bounds([])] == [(0,), (0,)]


@pytest.mark.parametrize("k", [1, 10, 90, 1000])
def test_the_top_is_that_of_all_shards(k):
    made = sharded(STREAM)
    top = made.top(k)
    every = [row for part in made.parts for row in part.top(1000)]
    best = sorted(every, key=lambda row: (-row.estimate, -row.lower))[:k]
    assert [row[1:3] for row in top] == [row[1:3] for row in best]
    assert {row.key for row in top if row.estimate > best[-1].estimate} <= {row.key for row in every}
    outside = max(int(made.bounds(key)[1]) for key in np.setdiff1d(np.arange(-200, 5_000), top.keys))
    assert all(row.guaranteed == (row.lower >= outside) for row in top if k < len(made))
    keys, true = np.unique(STREAM, return_counts=True)
    if top.complete:
        assert set(top.keys) == set(keys[np.argsort(-true, kind="stable")[:k]])


def test_the_top_of_few_keys_is_complete():
    made = sharded(np.repeat(np.arange(20), np.arange(20) + 1), 3)
    assert made.top(5).keys.tolist() == [19, 18, 17, 16, 15]
    assert made.top(5).complete
    assert made.top(100).complete
    assert len(made.top(100)) == 20


def test_keys_keep_their_sign_beside_shards_without_keys():
    made = sharded(np.array([-3, -3, 5]), 64)
    assert made.top(2).keys.tolist() == [-3, 5]
    assert sharded(["b", "a", "b"], 64).top(2).keys == ["b", "a"]
    assert sharded(np.zeros(0, np.int64), 3).top(2).keys.tolist() == []


@pytest.mark.parametrize("guarantee", ["no_false_negatives", "no_false_positives"])
def test_heavy_hitters_are_heavy_in_the_whole_stream(guarantee):
    made = sharded(STREAM)
    keys, true = np.unique(STREAM, return_counts=True)
    heavy = set(keys[true > 0.01 * len(STREAM)])
    found = made.heavy_hitters(0.01, guarantee=guarantee)
    assert found.complete
    assert set(found.keys) >= heavy if guarantee == "no_false_negatives" else set(found.keys) <= heavy
    assert len(made.heavy_hitters(1.0)) == 0


def test_weights_nulls_and_deletions_add_up():
    made = sharded(["a", None, "b", "a"], 3, np.array([5, 1, 2, 5]))
    assert (made.total, made.skipped, made.deleted) == (12, 1, 0)
    assert made.estimate(["a", "b", "c"]).tolist() == [10, 2, 0]
    assert made.nbytes == sum(part.nbytes for part in made.parts)


def test_a_null_has_no_weight_to_ask_for():
    with pytest.raises(InvalidInput, match="null"):
        sharded(["a", "b"]).bounds(["a", None])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: [], "there are 0 parts"),
        (lambda: [SpaceSaving(capacity=2, seed=1), SpaceSaving(capacity=2)], "seeds 1 and 0"),
        (lambda: [{}], "a part is a dict"),
    ],
)
def test_what_is_no_set_of_shards_is_refused(make, words):
    with pytest.raises(InvalidInput, match=words):
        Partitioned(make())


@pytest.mark.parametrize("form", [int, str, lambda key: str(key).encode()], ids=["int", "str", "bytes"])
def test_parts_of_a_stream_that_was_split_otherwise_are_refused(form):
    parts = [SpaceSaving(capacity=10) for _ in range(4)]
    for key in range(8):
        parts[key % 4].update([form(key)] * 100)
    with pytest.raises(
        InvalidInput, match=r"part \d has counted .*, which belongs to another part; split the stream with partition"
    ):
        Partitioned(parts)


@pytest.mark.parametrize("policy", ["exact", "assoc", "filtered", "gated"])
def test_parts_may_hold_names_that_are_no_utf8_or_none_at_all(policy):
    raw = [b"\xff%d" % key for key in range(200)]
    text = pyarrow.array(raw, pyarrow.binary()).view(pyarrow.string())
    for labels in (True, False):
        made = sharded(text, 5, capacity=96, policy=policy, labels=labels)
        assert made.total == 200
        assert made.bounds(text)[1].min() >= 1


def test_masked_keys_are_refused_before_they_are_split():
    with pytest.raises(InvalidInput, match="keys are masked"):
        sharded(np.ma.array([1, 2], mask=[0, 1]))


def test_it_says_what_it_is():
    assert repr(sharded([1, 2, 2], 3)) == "Partitioned(3 parts, total=3, tracked=2)"


def test_kinds_of_keys_do_not_mix():
    parts = [SpaceSaving(capacity=2), SpaceSaving(capacity=2)]
    parts[0].update([1])
    parts[1].update(["a"])
    with pytest.raises(InvalidInput, match="str keys"):
        Partitioned(parts)


@pytest.mark.parametrize("pieces", [1, 2, 3, 8, 11])
def test_parts_merge_pair_by_pair_and_keep_their_bounds(pieces):
    parts = [SpaceSaving(capacity=200) for _ in range(pieces)]
    for part, keys in zip(parts, np.array_split(STREAM, pieces), strict=True):
        part.update(keys)
    error = sum(part.error_bound for part in parts)
    made = merged(parts)
    keys, true = np.unique(STREAM, return_counts=True)
    lower, upper = made.bounds(keys)
    assert (lower <= true).all()
    assert (true <= upper).all()
    assert made.total == len(STREAM)
    assert made.error_bound <= max(error, len(STREAM) // 200)
