import copy
import threading

import numpy as np
import pytest

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.streams import CountMin, SpaceSaving

POLICIES = ["exact", "assoc", "filtered", "gated"]


@pytest.fixture(params=POLICIES)
def policy(request):
    return request.param


def counted(keys, policy="exact", **options):
    summary = SpaceSaving(**{"capacity": 40} | options, policy=policy)
    summary.update(keys)
    return summary


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        (0, "weights contain 0"),
        ([1, 0, 2], "weights contain 0"),
        ([1, -2, 2], "weights contain -2"),
        (1.0, "weights are float64"),
        ([1, 2.5, 3], "weights are float64"),
        (float("nan"), "weights are float64"),
        ([True, True, True], "weights are bool"),
        (["1", "2", "3"], "weights are <U1"),
        ([2**64, 1, 1], "weights are object"),
        ([1, 2], "weights are 2 for 3 keys"),
        ([[1, 2, 3]], "weights have 2 dimensions"),
        ([], "weights are 0 for 3 keys"),
    ],
)
def test_weights_that_break_a_rule_are_refused_and_nothing_is_counted(policy, weights, message):
    summary = counted([5], policy)
    before = summary.to_bytes()
    with pytest.raises(InvalidInput, match=message):
        summary.update([1, 2, 3], weights)
    assert summary.to_bytes() == before


@pytest.mark.parametrize("weights", [3, np.int8(3), [3, 3, 3], np.full(3, 3, np.uint16), np.full(6, 3)[::2]])
def test_one_weight_or_one_for_each_key(policy, weights):
    summary = counted([], policy)
    summary.update([7, 8, 7], weights)
    assert summary.estimate([7, 8]).tolist() == [6, 3]
    assert summary.total == 9


def test_weights_of_nulls_count_for_nobody(policy):
    summary = counted([], policy)
    summary.update(["a", None, "b", None], [1, 10, 100, 1000])
    assert summary.bounds(["a", "b"])[0].tolist() == [1, 100]
    assert (summary.total, summary.skipped) == (101, 2)


def test_the_total_never_wraps(policy):
    summary = counted([1], policy)
    summary.update([2, 3], [2**62, 2**62 - 3])
    before = summary.to_bytes()
    for keys, weights in (([1, 2], None), ([1], 2), ([1, 2], 2**63), ([1, 2], np.full(2, 2**63, np.uint64))):
        with pytest.raises(CapacityExceeded, match="would pass 2\\*\\*63 - 1"):
            summary.update(keys, weights)
        assert summary.to_bytes() == before
    summary.update([1])
    assert summary.total == 2**63 - 1
    with pytest.raises(CapacityExceeded):
        summary.merge(counted([1], policy))
    assert summary.bounds(2) == (2**62, 2**62)


def test_one_key_is_answered_by_a_number(policy):
    summary = counted(["a", "b", "a"], policy)
    assert summary.estimate("a") == 2.0
    assert isinstance(summary.estimate("a"), float)
    assert summary.bounds("b") == (1, 1)
    assert summary.estimate(["a"]).tolist() == [2]
    assert summary.estimate([]).shape == (0,)
    assert [bound.dtype for bound in summary.bounds(["a", "zz"])] == [np.uint64, np.uint64]


def test_questions_that_break_a_rule_are_refused(policy):
    summary = counted(["a"], policy)
    with pytest.raises(InvalidInput, match="estimator is 'best', but must be one of count"):
        summary.estimate("a", estimator="best")
    with pytest.raises(InvalidInput, match="keys are i64, but this one holds str"):
        summary.bounds(3)
    with pytest.raises(InvalidInput, match="nulls, which no summary counts"):
        summary.estimate(["a", None])


def test_a_second_thread_is_refused_and_nothing_is_lost(policy):
    stream = np.random.default_rng(0).integers(0, 100_000, 3_000_000)
    summary = counted([], policy, capacity=4000)
    refused, finished = [], threading.Event()

    def count():
        summary.update(stream)
        finished.set()

    thread = threading.Thread(target=count)
    thread.start()
    while not finished.is_set():
        for question in (
            lambda: summary.estimate(1),
            lambda: summary.update(5),
            summary.to_bytes,
            lambda: summary.total,
        ):
            try:
                question()
            except InvalidInput as error:
                refused.append(str(error))
    thread.join()
    assert set(refused) == {
        "another thread is using this summary, or its own predictor calls it; use one per thread and merge"
    }
    assert len(stream) <= summary.total
    summary.check_invariants()


def test_copies_go_their_own_way(policy):
    summary = counted(["a", "b"], policy)
    for other in (summary.copy(), copy.copy(summary), copy.deepcopy([summary])[0]):
        other.update(["a"])
        assert (other.estimate("a"), summary.estimate("a")) == (2, 1)
        assert other.top(1).keys == ["a"]


def test_a_cleared_summary_is_a_new_one(policy):
    summary = counted([5, 5], policy, seed=9)
    summary.update([None, 6], 70)
    summary.clear()
    assert summary.to_bytes() == counted([], policy, seed=9).to_bytes()
    assert (len(summary), summary.total, summary.skipped, summary.key_kind) == (0, 0, 0, "none")
    summary.update("text")
    assert summary.top(3).keys == ["text"]
    fixed = SpaceSaving(capacity=2, policy=policy, key="u64")
    fixed.clear()
    assert fixed.key_kind == "u64"


@pytest.mark.parametrize(
    ("one", "other", "message"),
    [
        ({}, {"seed": 1}, "other has seed 1, but this one 0"),
        ({}, {"policy": "gated"}, "other has policy gated, but this one exact"),
        ({"policy": "gated"}, {"policy": "gated", "capacity": 41}, "other has capacity 41, but this one 40"),
        ({"policy": "gated"}, {"policy": "gated", "gate_slack": 2}, "other has gate_slack 2.0, but this one 1.0"),
        ({"policy": "filtered"}, {"policy": "filtered", "capacity": 99}, "other has capacity 99"),
        ({"deletions": True}, {}, "other has deletions False, but this one True"),
    ],
)
def test_what_differs_does_not_merge(one, other, message):
    with pytest.raises(InvalidInput, match=message):
        counted([1], **one).merge(counted([1], **other))


def test_what_is_no_summary_of_the_same_kind_does_not_merge():
    summary = counted(["a"])
    with pytest.raises(InvalidInput, match="other is a CountMin, but must be a SpaceSaving"):
        summary.merge(CountMin(width=10))
    with pytest.raises(InvalidInput, match="other holds i64 keys, but this one str"):
        summary.merge(counted([1]))
    with pytest.raises(InvalidInput, match="other has no labels"):
        summary.merge(counted(["b"], labels=False))
    with pytest.raises(TypeError):
        summary |= 5
    assert summary.total == 1


def test_a_summary_is_true_even_where_it_tracks_nothing(policy):
    assert counted([], policy)
    assert CountMin(width=3)


def test_labels_go_where_their_keys_go(policy):
    parts = [counted([f"{part}-{i % (5 + part)}" for i in range(60)] + ["shared"] * 50, policy) for part in range(3)]
    one = parts[0] | parts[1]
    one |= parts[2]
    one |= one
    top = one.top(100)
    lower, upper = one.bounds(top.keys)
    assert (top.lower == lower).all()
    assert (top.upper == upper).all()
    assert top.keys[0] == "shared"
    assert len(set(top.keys)) == len(top)
    assert (counted([], policy) | counted(["a"], policy)).top(1).keys == ["a"]
