import pickle
import struct
from collections import Counter

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.streams import SpaceSaving, from_bytes
from beforehand.workloads.streams import zipf


def test_bounds_hold_for_every_key_and_are_n_over_capacity_apart_at_most():
    stream = np.random.default_rng(0).zipf(1.3, 20_000)
    summary = SpaceSaving(capacity=64)
    summary.update(stream)
    keys, true = np.unique(stream, return_counts=True)
    lower, upper = summary.bounds(keys)
    assert (lower <= true).all()
    assert (true <= upper).all()
    assert (upper - lower).max() <= summary.error_bound <= len(stream) // 64
    assert summary.guaranteed_error() == len(stream) / 64


def test_six_keys_in_three_counters():
    summary = SpaceSaving(capacity=3)
    summary.update("a b a c d a".split())
    assert [tuple(row) for row in summary.top(5)] == [("a", 3, 3, 3, True), ("d", 2, 1, 2, True), ("c", 1, 1, 1, True)]
    assert summary.bounds("b") == (0, 1)


def test_version_1_is_written_byte_for_byte():
    summary = SpaceSaving(capacity=3)
    blobs = [summary.to_bytes()]
    summary.update(np.array([1, 2, 1, 3, 4, 1], np.uint64))
    blobs.append(summary.to_bytes())
    assert [len(data) for data in blobs] == [168, 224]
    assert [hex(struct.unpack_from("<I", data, 16)[0]) for data in blobs] == ["0x786981dc", "0xf9e51929"]


def test_bytes_and_pickles_go_on_alike():
    summary = SpaceSaving(capacity=20, seed=3)
    words = [f"w{i}" for i in np.random.default_rng(1).zipf(1.2, 5000) % 1000]
    summary.update(words)
    read, unpickled = from_bytes(summary.to_bytes()), pickle.loads(pickle.dumps(summary))
    for each in (summary, read, unpickled):
        each.update(words[::-1])
    assert summary.to_bytes() == read.to_bytes() == unpickled.to_bytes()
    assert summary.top(5).keys == read.top(5).keys


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "both given or both left out"),
        ({"capacity": 1, "memory": 1000}, "both given or both left out"),
        ({"capacity": 0}, "capacity is 0, but must be from 1 to"),
        ({"capacity": 2**32 - 1}, "capacity is 4294967295"),
        ({"memory": 19}, "takes at least 24"),
        ({"memory": "1 parsec"}, "memory is '1 parsec'"),
        ({"memory": "9" * 400 + "MB"}, "but must be from 1 to 2.*62 bytes"),
        ({"capacity": 1, "policy": "magic"}, "policy is 'magic', but must be one of exact"),
        ({"capacity": 1, "key": "float"}, "key is 'float'"),
        ({"capacity": 1, "seed": -1}, "seed is -1"),
        ({"capacity": 1, "labels": 0}, "labels is 0, but must be True, False or None"),
        ({"capacity": 1, "deletions": 3}, "deletions is 3, but must be True or False"),
    ],
)
def test_options_that_break_a_rule_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        SpaceSaving(**options)


def test_integers_of_numpy_are_as_good_as_those_of_python():
    for policy in ("exact", "assoc", "filtered", "gated"):
        summary = SpaceSaving(capacity=np.int64(8), policy=policy, seed=np.uint64(2**64 - 1))
        assert (summary.capacity, summary.seed) == (8, 2**64 - 1)
    assert SpaceSaving(memory=np.int32(4096)).nbytes <= 4096
    summary.update([1, 1, 2], np.uint8(3))
    assert len(summary.top(np.int16(1))) == 1
    assert SpaceSaving(capacity=4).guaranteed_error(np.int64(10)) == 2.5


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda summary: summary.top(0), "k is 0, but must be a whole number of at least 1"),
        (lambda summary: summary.top(1.5), r"k is 1\.5, but"),
        (lambda summary: summary.top("3"), "k is '3', but"),
        (lambda summary: summary.top(None), "k is None, but"),
        (lambda summary: summary.top(True), "k is True, but"),
        (lambda summary: summary.heavy_hitters("0.1"), "phi is '0.1', but must be from 0 to 1"),
        (lambda summary: summary.heavy_hitters(None), "phi is None"),
        (lambda summary: summary.heavy_hitters(float("nan")), "phi is nan"),
        (lambda summary: summary.guaranteed_error(-1), "total is -1, but must be a whole number from 0"),
        (lambda summary: summary.guaranteed_error(1.5), r"total is 1\.5"),
        (lambda summary: summary.guaranteed_error(2**63), "total is 9223372036854775808"),
        (lambda summary: summary.update([1, 2], [[1], [2, 3]]), "weights cannot be read as an array"),
        (lambda summary: summary.update([1, 2], np.ma.array([1, 2], mask=[0, 1])), "weights are masked"),
    ],
)
def test_questions_that_make_no_sense_are_refused(ask, message):
    summary = SpaceSaving(capacity=4)
    summary.update([1, 1, 2])
    with pytest.raises(InvalidInput, match=message):
        ask(summary)
    assert summary.total == 3
    assert len(summary.top(10**30)) == 2  # all there are


def test_bytes_that_are_no_summary_are_refused():
    data = SpaceSaving(capacity=3).to_bytes()
    for wrong in (b"", data[:40], data[:-1], data + b"\0", b"x" + data[1:]):
        with pytest.raises(CorruptData):
            from_bytes(wrong)
    with pytest.raises(InvalidInput, match="data is a str"):
        from_bytes("abc")


# What Zipf's law and random order say that the floor will be (theory.space_saving_floor).
FLOORS = {1.0: {1024: 6922, 4096: 1468, 16384: 300}, 1.5: {1024: 596, 4096: 73, 16384: 9}}


@pytest.mark.parametrize("alpha", FLOORS)
def test_the_floor_is_what_theory_says(alpha):
    stream = zipf(10_000_000, 1_000_000, alpha, seed=0)["key"]
    for capacity, expected in FLOORS[alpha].items():
        summary = SpaceSaving(capacity=capacity)
        summary.update(stream)
        floor = struct.unpack_from("<Q", summary.to_bytes(), 56)[0]
        assert expected - 5 <= floor <= expected


def rmse(summary, keys, true, estimator=None):
    return float(np.sqrt(((summary.estimate(keys, estimator=estimator) - true) ** 2).mean()))


def test_a_gate_is_worth_five_times_the_memory():
    stream = zipf(2_000_000, 200_000, 1.0, seed=1)["key"]
    keys, true = np.unique(stream, return_counts=True)
    summaries = {policy: SpaceSaving(memory="24KiB", policy=policy) for policy in ("exact", "filtered", "gated")}
    for summary in summaries.values():
        summary.update(stream)
    errors = {policy: rmse(summary, keys, true) for policy, summary in summaries.items()}
    assert errors["gated"] <= 0.2 * errors["exact"]
    assert errors["gated"] <= 1.02 * errors["filtered"]


# Any program of updates, deletions, merges, copies and bytes, against a dict.
class AgainstDict(RuleBasedStateMachine):
    keys = st.lists(st.one_of(st.integers(0, 8), st.integers(0, 60)), max_size=80)
    weights = st.sampled_from([1, 1, 1, 2, 1000])

    @initialize(
        policy=st.sampled_from(["exact", "deletions", "assoc", "filtered", "gated"]), capacity=st.integers(1, 30)
    )
    def begin(self, policy, capacity):
        options = {"policy": policy} if policy != "deletions" else {"deletions": True}
        self.make = lambda: SpaceSaving(capacity=capacity, seed=4, **options)
        self.summary, self.true = self.make(), Counter()
        self.policy = policy

    @rule(keys=keys, weight=weights)
    def update(self, keys, weight):
        self.summary.update([f"k{key}" for key in keys], weight)
        for key in keys:
            self.true[f"k{key}"] += weight

    @precondition(lambda self: self.policy == "deletions")
    @rule(key=st.integers(0, 60), share=st.floats(0, 1))
    def delete(self, key, share):
        key = f"k{key}"
        weight = int(self.true[key] * share)
        tracked = {row.key for row in self.summary.top(100)}
        if weight and key in tracked:
            self.summary.delete(key, weight)
            self.true[key] -= weight

    @rule(keys=keys, weight=weights)
    def merge(self, keys, weight):
        other = self.make()
        other.update([f"k{key}" for key in keys], weight)
        self.summary |= other
        self.true.update(Counter({f"k{key}": weight * count for key, count in Counter(keys).items()}))

    @rule()
    def merge_with_itself(self):
        self.summary |= self.summary
        self.true.update(Counter(self.true))

    @rule()
    def through_bytes(self):
        data = self.summary.to_bytes()
        self.summary = from_bytes(data).copy()
        assert self.summary.to_bytes() == data

    @rule()
    def clear(self):
        self.summary.clear()
        self.true.clear()

    @invariant()
    def bounds_hold(self):
        if not hasattr(self, "summary"):
            return
        self.summary.check_invariants()
        keys = [f"k{key}" for key in range(70)]
        true = np.array([self.true[key] for key in keys], np.uint64)
        lower, upper = self.summary.bounds(keys)
        assert (lower <= true).all()
        assert (true <= upper).all()
        assert (upper - lower).max() <= self.summary.error_bound <= self.summary.guaranteed_error()
        assert self.summary.total - self.summary.deleted == sum(self.true.values())
        assert set(self.summary.top(100).keys) <= set(keys)


AgainstDict.TestCase.settings = settings(max_examples=40, stateful_step_count=20)
TestAgainstDict = AgainstDict.TestCase
