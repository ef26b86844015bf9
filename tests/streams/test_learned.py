import itertools
import math
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Price
from beforehand.streams import Constant, FromCallable, LearnedSpaceSaving, LookupTable, SpaceSaving, from_bytes
from beforehand.workloads.streams import zipf
from tests.streams.learning import CLASSES, POLICIES, Said, clairvoyant, options, rmse
from tests.streams.models import MisraGries


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("weighted", [False, True])
def test_bounds_hold_whatever_the_predictor_says(policy, weighted):
    for seed in range(4):
        random = np.random.default_rng(seed)
        stream = np.minimum(random.zipf(1.15, 150_000), 40_000).astype(np.uint64)  # more than two chunks
        weights = random.integers(1, 1500, stream.size) if weighted else None
        summary = LearnedSpaceSaving(Said(seed), memory="8KiB", policy=policy, **options(policy))
        for part in np.split(np.arange(stream.size), [50, 70_000]):
            summary.update(stream[part], None if weights is None else weights[part])
        summary.check_invariants()
        keys = np.arange(1, 40_001, dtype=np.uint64)
        true = np.bincount(stream.astype(np.int64), weights, 40_001)[1:]
        lower, upper = summary.bounds(keys)
        assert (lower <= true).all()
        assert (true <= upper).all()
        assert (upper - lower).max() <= summary.error_bound <= summary.guaranteed_error()
        assert np.isfinite(summary.estimate(keys)).all()
        assert summary.total == true.sum()


def test_a_key_whose_class_changes_has_lost_what_the_gate_has_of_it():
    said = Said(0, (0.0,))
    summary = LearnedSpaceSaving(said, memory="4KiB", policy="lss+", light=16, heavy=200)
    summary.update(np.repeat(np.arange(1000, 1000 + summary.capacity, dtype=np.uint64), 100))
    summary.update([7] * 10)  # light: in the gate
    said.values = (10.0,)
    summary.update([7])  # heavy: gets a slot at once
    assert summary.report()["pinned"] == 1
    assert summary.bounds(7) == (1, 16)
    said.values = (5.0,)
    summary.update([8] * 200)  # normal: past the gate
    lower, upper = summary.bounds(8)
    assert lower <= 200 <= upper


def test_calibrated_tracks_and_bounds_what_gated_does_with_the_same_parts():
    stream = np.random.default_rng(3).zipf(1.1, 100_000).astype(np.uint64)
    learned = LearnedSpaceSaving(Said(1), memory="16KiB")
    capacity, cells, gate_cells, registers = learned._native.sizes
    gated = _native.Gated(capacity, 0, "auto", True, cells, gate_cells, registers, 1.0)
    learned.update(stream)
    gated.update(stream, None)
    keys = np.unique(stream)
    for mine, theirs in zip(learned.bounds(keys), gated.bounds(keys), strict=True):
        assert mine.tolist() == theirs.tolist()


@pytest.mark.parametrize(("alpha", "most"), [(1.0, 0.8), (1.25, 0.95)])
def test_a_good_predictor_helps_and_no_bad_one_hurts_calibrated(alpha, most):
    stream = zipf(1_000_000, 1_000_000, alpha, seed=4)["key"]
    plain = SpaceSaving(memory="24KiB", policy="gated")
    plain.update(stream)

    def ratio(predictor):
        summary = LearnedSpaceSaving(predictor, memory="24KiB")
        summary.update(stream)
        return rmse(summary, stream) / rmse(plain, stream)

    assert ratio(clairvoyant(stream, noise=1.0)) <= most
    assert ratio(clairvoyant(stream, scale=-1.0)) <= 1.06
    assert ratio(clairvoyant(stream, scale=0.0, noise=4.0)) <= 1.06


def test_a_predictor_is_asked_once_about_each_unknown_key_of_a_chunk():
    asked = []

    def fn(keys):
        asked.append(keys.tolist())
        return np.zeros(len(keys))

    stream = np.random.default_rng(5).integers(0, 5000, 140_000).astype(np.uint64)
    summary = LearnedSpaceSaving(FromCallable(fn, price=Price()), memory="4KiB")
    tracked = set()
    for chunk in np.split(stream, [65_536, 131_072]):
        asked.clear()
        summary.update(chunk)
        first = [key for key in dict.fromkeys(chunk.tolist()) if key not in tracked]
        assert asked == [first]
        tracked = set(summary.top(5000).keys.tolist())
    asked.clear()
    summary.estimate(stream[:3000])
    assert asked == [[key for key in dict.fromkeys(stream[:3000].tolist()) if key not in tracked]]
    asked.clear()
    summary.bounds(stream)
    summary.estimate(stream, estimator="upper")
    summary.estimate(list(tracked))
    summary.update([])
    assert asked == []


@pytest.mark.parametrize("policy", POLICIES)
def test_a_predictor_that_fails_leaves_its_chunk_uncounted(policy):
    class Failing:
        price, horizon = Price(), 1000
        fails, inside = None, None

        def predict(self, keys):
            if self.fails is not None and len(keys) and keys[0] >= 10**6:
                return self.fails(keys)
            return np.zeros(len(keys))

    def reenter(keys):
        summary.update([1])

    def explode(keys):
        raise RuntimeError("no model today")

    failing = Failing()
    summary = LearnedSpaceSaving(failing, memory="8KiB", policy=policy)
    good, bad = np.arange(65_536, dtype=np.uint64), np.arange(10**6, 10**6 + 10, dtype=np.uint64)
    for fails, error, message in (
        (explode, RuntimeError, "no model today"),
        (lambda keys: np.zeros(len(keys) + 1), InvalidInput, "of 10 keys, but must say a number of each"),
        (lambda keys: np.zeros((len(keys), 1)), InvalidInput, "must say a number of each"),
        (lambda keys: ["a"] * len(keys), InvalidInput, "must say a number of each"),
        (lambda keys: None, InvalidInput, "must say a number of each"),
        (reenter, InvalidInput, "or its own predictor calls it"),
    ):
        failing.fails = fails
        before = summary.to_bytes()
        with pytest.raises(error, match=message):
            summary.update(bad)
        assert summary.to_bytes() == before
    with pytest.raises(InvalidInput, match="another thread"):
        summary.update(np.concatenate([good, bad]))
    assert summary.total == 65_536
    failing.fails = None
    summary.update(bad)
    assert summary.total == 65_546


@pytest.mark.parametrize("policy", POLICIES)
@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 4000), max_size=4), seed=st.integers(0, 3))
def test_how_a_stream_is_cut_makes_no_difference(policy, cuts, seed):
    random = np.random.default_rng(seed)
    stream = np.minimum(random.zipf(1.2, 4000), 900).astype(np.uint64)
    weights = np.where(random.random(4000) < 0.1, random.integers(1, 9, 4000), 1)
    predictor = FromCallable(lambda keys: np.log2(1 + keys % 300), price=Price(), horizon=4000)
    whole, parts = (LearnedSpaceSaving(predictor, memory=4096, policy=policy, **options(policy)) for _ in range(2))
    whole.update(stream, weights)
    for first, last in itertools.pairwise([0, *sorted(cuts), 4000]):
        parts.update(stream[first:last], weights[first:last])
    assert whole.to_bytes() == parts.to_bytes()


def test_one_by_one_is_as_at_once():
    stream = np.minimum(np.random.default_rng(8).zipf(1.2, 3000), 500).astype(np.uint64)
    for policy in POLICIES:
        predictor = FromCallable(lambda keys: np.log2(1.0 + np.asarray(keys) % 300), price=Price(), horizon=3000)
        whole, single = (LearnedSpaceSaving(predictor, memory=4096, policy=policy, **options(policy)) for _ in range(2))
        whole.update(stream)
        for key in stream:
            single.update(key)
        assert whole.to_bytes() == single.to_bytes()


@pytest.mark.parametrize("policy", POLICIES)
def test_strings_keep_their_text_and_nulls_are_skipped(policy):
    words = [f"word{i}" for i in np.random.default_rng(2).zipf(1.3, 100_000) % 5000]
    words[5] = words[70_000] = None
    table = LookupTable().fit([word for word in words[:5000] if word])
    summary = LearnedSpaceSaving(table, memory="16KiB", policy=policy)
    summary.update(words)
    assert (summary.skipped, summary.total, summary.key_kind) == (2, 99_998, "str")
    top = summary.top(3)
    assert top.keys == ["word1", "word2", "word3"]
    true = words.count("word1")
    assert top.lower[0] <= true <= top.upper[0]
    assert summary.estimate("word1") == top.estimate[0]
    as_bytes = LearnedSpaceSaving(table, memory="16KiB", policy=policy)
    as_bytes.update([None if word is None else word.encode() for word in words])
    assert as_bytes.top(3).keys == [b"word1", b"word2", b"word3"]
    assert as_bytes.top(3).lower.tolist() == top.lower.tolist()


@pytest.mark.parametrize("policy", POLICIES)
def test_bytes_and_pickles_go_on_alike_with_their_predictor(policy):
    stream = np.random.default_rng(1).zipf(1.2, 20_000).astype(np.uint64)
    table = LookupTable(entries=64).fit(stream[:5000])
    summary = LearnedSpaceSaving(table, memory="6KiB", policy=policy, seed=3)
    summary.update(stream)
    data = summary.to_bytes()
    read, unpickled, copy = from_bytes(data), pickle.loads(pickle.dumps(summary)), summary.copy()
    assert isinstance(read.predictor, LookupTable)
    assert copy.predictor is table
    assert (read.policy, read.capacity, read.error_bound) == (policy, summary.capacity, summary.error_bound)
    for each in (summary, read, unpickled, copy):
        each.update(stream[::-1])
    assert summary.to_bytes() == read.to_bytes() == unpickled.to_bytes() == copy.to_bytes() != data
    summary.clear()
    assert summary.total == len(summary) == 0
    summary.update(stream)
    assert summary.to_bytes() == data


def test_a_predictor_without_bytes_is_handed_in_again():
    summary = LearnedSpaceSaving(FromCallable(lambda keys: np.zeros(len(keys)), price=Price()), memory="4KiB")
    summary.update([1, 2, 3])
    data = summary.to_bytes()
    with pytest.raises(InvalidInput, match=r"hold no predictor.*pass it as predictor="):
        from_bytes(data)
    assert from_bytes(data, predictor=Constant(1.0)).bounds(2) == (1, 1)
    with pytest.raises(InvalidInput, match="hold nothing that asks one"):
        from_bytes(SpaceSaving(capacity=3).to_bytes(), predictor=Constant(1.0))


@pytest.mark.parametrize("policy", ["calibrated", "lss+"])
def test_merging_adds_up_and_does_not_mind_the_order(policy):
    streams = [np.random.default_rng(i).zipf(1.2, 20_000).astype(np.uint64) % 3000 for i in range(2)]
    first, second = (LearnedSpaceSaving(Said(i), memory="4KiB", policy=policy, **options(policy)) for i in range(2))
    first.update(streams[0])
    second.update(streams[1])
    keys = np.arange(3000, dtype=np.uint64)
    true = sum(np.bincount(stream.astype(np.int64), minlength=3000) for stream in streams)
    both, other_way = first | second, second | first
    assert both.total == other_way.total == 40_000
    for lower, upper in (both.bounds(keys), other_way.bounds(keys)):
        assert (lower <= true).all()
        assert (true <= upper).all()
    for mine, theirs in zip(both.bounds(keys), other_way.bounds(keys), strict=True):
        assert mine.tolist() == theirs.tolist()
    assert both.guaranteed_error() == math.inf
    twice = first.copy()
    twice |= twice
    doubled = 2 * np.bincount(streams[0].astype(np.int64), minlength=3000)
    lower, upper = twice.bounds(keys)
    assert (lower <= doubled).all()
    assert (doubled <= upper).all()
    with_empty = first | LearnedSpaceSaving(Said(0), memory="4KiB", policy=policy, **options(policy))
    lower, upper = with_empty.bounds(keys)
    assert (lower <= true).all()
    assert (upper >= np.bincount(streams[0].astype(np.int64), minlength=3000)).all()


def test_lss_without_a_filter_is_misra_gries_beside_exact_counters():
    random = np.random.default_rng(6)
    heavy, rest = np.arange(20, dtype=np.uint64), np.minimum(random.zipf(1.1, 30_000), 3000).astype(np.uint64) + 100
    known = FromCallable(lambda keys: np.where(np.asarray(keys) < 20, 20.0, 0.0), price=Price())
    summary = LearnedSpaceSaving(known, memory=21 * 120, policy="lss", light=-math.inf, heavy=1000, reserve=0.5)
    mixed = random.permutation(np.concatenate([rest, random.choice(heavy, 5000)]))
    summary.update(np.concatenate([heavy, mixed]))  # each heavy key gets its counter at the start
    counters = summary.capacity - 20
    assert 30 < counters < 120
    peer = MisraGries(counters - 1)
    for key in mixed[mixed >= 100].tolist():
        peer.add(key)
    top = summary.top(summary.capacity)
    rest_upper = {int(row.key): row.upper for row in top if row.key >= 100}
    least = min(rest_upper.values())
    assert {key: upper - least for key, upper in rest_upper.items() if upper > least} == peer.counts
    assert all(summary.estimate(key, estimator="lower") >= count for key, count in peer.counts.items())
    true = np.bincount(mixed[mixed < 100].astype(np.int64), minlength=20) + 1
    for bound in summary.bounds(heavy):
        assert bound.tolist() == true.tolist()
    assert summary.estimate(heavy, estimator="lower").tolist() == true.tolist()


def test_the_report_tells_what_was_asked_and_what_the_answers_were_worth():
    stream = zipf(300_000, 50_000, 1.0, seed=2)["key"]
    summary = LearnedSpaceSaving(clairvoyant(stream), memory="24KiB")
    summary.update(stream)
    report = summary.report()
    assert report["calls"] == math.ceil(300_000 / 65_536)
    assert report["keys"] > 20_000
    assert report["seconds"] > 0
    assert report["spearman"] > 0.9
    assert report["pinned"] == 0
    assert 1 < report["worst_case_factor"] < 1.03
    assert 0.1 < report["untracked_share"] < 0.9
    assert report["untracked_share"] * 300_000 == pytest.approx(sum(bin["weight"] for bin in report["bins"]))
    singles = report["bins"][0]
    assert singles["predicted"] == 0
    assert singles["mean"] == pytest.approx(1, abs=0.3)
    said = LearnedSpaceSaving(Said(0, (np.nan,)), memory="24KiB")
    said.update(np.arange(1000, dtype=np.uint64))
    assert said.report()["unusable"] == 1000
    assert said.report()["spearman"] is None
    factors = [
        LearnedSpaceSaving(Constant(0.0), memory=98_304, policy=policy, light=1, heavy=9).report()["worst_case_factor"]
        for policy in ("lss", "lss+")
    ]
    assert factors == pytest.approx([1.75, 1.34], abs=0.01)


@pytest.mark.parametrize(
    ("memory", "policy", "sizes"),
    [
        (6144, "calibrated", (188, 306, 1228, 16)),
        (24_576, "calibrated", (858, 1228, 4914, 16)),
        (98_304, "calibrated", (3470, 4914, 19_660, 64)),
        (393_216, "lss+", (13_309, 19_660, 78_642, 256)),
        (4_194_304, "calibrated", (128_730, 209_714, 838_860, 256)),
    ],
)
def test_memory_is_divided_as_specified_and_kept_to(memory, policy, sizes):
    summary = LearnedSpaceSaving(Constant(0.0), memory=memory, policy=policy, **options(policy))
    assert summary._native.sizes == sizes
    summary.update(np.arange(2 * summary.capacity, dtype=np.uint64))
    assert memory - 64 <= summary.nbytes <= memory + 64
    assert summary.report()["worst_case_factor"] >= 1


@pytest.mark.parametrize(
    ("given_options", "message"),
    [
        ({"policy": "magic"}, "policy is 'magic', but must be one of calibrated"),
        ({"memory": 4095}, "takes at least 4096"),
        ({"light": 3}, "has no classes"),
        ({"reserve": 0.2}, "has no classes"),
        ({"policy": "lss", "gate_slack": 1.0}, "is never cleared"),
        ({"gate_slack": 0.0}, "gate_slack is 0.0, but must be from 0.01 to 16"),
        ({"gate_slack": math.nan}, "gate_slack is nan"),
        ({"policy": "lss"}, "has no horizon"),
        ({"policy": "lss+", "light": 3}, "has no horizon"),
        ({"policy": "lss+", "light": math.nan, "heavy": 5}, "light is nan"),
        ({"policy": "lss+", "light": 1, "heavy": "5"}, "heavy is '5'"),
        ({"policy": "lss+", "light": 1, "heavy": 5, "reserve": 0.95}, "reserve is 0.95"),
        ({"predictor": 5}, r"predictor is 5, but must have predict\(keys\) and a price"),
        ({"predictor": LookupTable()}, "this LookupTable was not fitted"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_options_that_break_a_rule_are_refused(given_options, message):
    with pytest.raises(InvalidInput, match=message):
        LearnedSpaceSaving(**({"predictor": Constant(1.0), "memory": "8KiB"} | given_options))


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ({"policy": "lss", **CLASSES}, {"policy": "lss", **CLASSES}, 'policy "lss" does not merge'),
        ({}, {"policy": "lss+", **CLASSES}, "other has policy lss"),
        ({}, {"seed": 1}, "other has seed 1, but this one 0"),
        ({}, {"memory": "9KiB"}, "other has sizes"),
        ({}, {"gate_slack": 0.5}, "other has gate_slack 0.5"),
        ({"policy": "lss+", **CLASSES}, {"policy": "lss+", "light": 1, "heavy": 2}, "reserve"),
    ],
)
def test_what_differs_does_not_merge(first, second, message):
    made = [LearnedSpaceSaving(Constant(1.0), **({"memory": "8KiB"} | given)) for given in (first, second)]
    with pytest.raises(InvalidInput, match=message):
        made[0].merge(made[1])
