import math
import pickle

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from beforehand.core.errors import CapacityExceeded, CorruptData, InvalidInput
from beforehand.streams import CountMin, CountSketch, SpaceSaving, from_bytes
from tests.streams.models import mix, spread


def zipf(n, alpha=1.2, seed=0):
    return np.random.default_rng(seed).zipf(alpha, n) % 100_000


@pytest.mark.parametrize("conservative", [True, False])
def test_estimates_are_never_too_low_and_seldom_far_too_high(conservative):
    stream = zipf(200_000)
    keys, true = np.unique(stream, return_counts=True)
    far = np.zeros(len(keys))
    for seed in range(20):
        sketch = CountMin(width=500, depth=3, conservative=conservative, seed=seed)
        sketch.update(stream)
        lower, upper = sketch.bounds(keys)
        assert not lower.any()
        assert (true <= upper).all()
        assert upper.max() <= sketch.error_bound
        assert sketch.estimate(keys).tolist() == upper.tolist()
        assert sketch.guaranteed_error() == pytest.approx(math.e * len(stream) / 500)
        far += upper - true > sketch.guaranteed_error()
    assert far.mean() / 20 <= math.exp(-3)


def test_conservative_updates_halve_the_error():
    stream = zipf(200_000)
    keys, true = np.unique(stream, return_counts=True)
    plain, conservative = (CountMin(memory="16KiB", conservative=each) for each in (False, True))
    errors = []
    for sketch in (plain, conservative):
        sketch.update(stream)
        errors.append(math.sqrt(np.mean((sketch.estimate(keys) - true) ** 2)))
    assert 0.3 < errors[1] / errors[0] < 0.7


def test_memory_gives_the_width():
    sketch = CountMin(memory="96KiB", depth=5)
    assert (sketch.width, sketch.depth) == (98_304 // 20, 5)
    assert sketch.nbytes == 20 * sketch.width <= 98_304
    assert sketch.conservative
    assert repr(sketch) == "CountMin(width=4915, depth=5, conservative=True, total=0)"


def test_merging_plain_sketches_is_counting_both_streams():
    first, second = zipf(10_000, seed=1), zipf(20_000, seed=2)
    a, b, both = (CountMin(width=300, conservative=False, seed=4) for _ in range(3))
    a.update(first)
    b.update(second)
    both.update(first)
    both.update(second)
    assert (a | b).to_bytes() == both.to_bytes() == (b | a).to_bytes()
    a |= a
    assert a.total == 20_000


def test_merged_conservative_sketches_are_never_too_low():
    first, second = zipf(10_000, seed=1), zipf(20_000, seed=2)
    a, b = CountMin(width=100), CountMin(width=100)
    a.update(first)
    b.update(second)
    keys, true = np.unique(np.concatenate([first, second]), return_counts=True)
    assert ((a | b).estimate(keys) >= true).all()


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: CountMin(width=11, depth=2), "other has width 11, but this one 10"),
        (lambda: CountMin(width=10, depth=3), "other has depth 3, but this one 2"),
        (lambda: CountMin(width=10, depth=2, seed=1), "other has seed 1, but this one 0"),
        (lambda: CountMin(width=10, depth=2, conservative=False), "other has conservative False, but this one True"),
        (lambda: CountSketch(width=10, depth=3), "other is a CountSketch, but must be a CountMin"),
        (lambda: SpaceSaving(capacity=3), "other is a SpaceSaving, but must be a CountMin"),
    ],
)
def test_only_sketches_that_are_alike_merge(other, message):
    with pytest.raises(InvalidInput, match=message):
        CountMin(width=10, depth=2).merge(other())


def test_what_is_deleted_was_added_before():
    sketch = CountMin(width=50, conservative=False)
    stream = zipf(5000)
    sketch.update(stream)
    before = sketch.to_bytes()
    with pytest.raises(InvalidInput, match="delete only what was added"):
        sketch.delete(np.concatenate([stream, [3] * 3000]))
    with pytest.raises(InvalidInput, match="nulls"):
        CountMin(width=5, conservative=False).delete([None])
    assert sketch.to_bytes() == before
    sketch.delete(stream[:4000])
    keys, true = np.unique(stream[4000:], return_counts=True)
    assert (sketch.estimate(keys) >= true).all()
    assert (sketch.total, sketch.deleted) == (5000, 4000)
    with pytest.raises(InvalidInput, match="a conservative sketch takes no deletions"):
        CountMin(width=5).delete([1])


def test_bytes_and_pickles_go_on_alike():
    for conservative in (True, False):
        sketch = CountMin(width=40, conservative=conservative, seed=2)
        sketch.update(["a", "b", None, "a"])
        read, unpickled, copied = from_bytes(sketch.to_bytes()), pickle.loads(pickle.dumps(sketch)), sketch.copy()
        for each in (sketch, read, unpickled, copied):
            each.update(["b", "c"], weights=[2, 2**33])
        assert sketch.to_bytes() == read.to_bytes() == unpickled.to_bytes() == copied.to_bytes()
        assert (read.skipped, read.key_kind, read.conservative) == (1, "str", conservative)
        sketch.clear()
        assert sketch.total == sketch.skipped == sketch.error_bound == 0
        assert read.total == 5 + 2**33 - 2 + 2


@pytest.mark.parametrize(
    ("conservative", "cells", "crc"), [(True, [0, 0, 2, 1, 0, 2], "24b7b97e"), (False, [0, 0, 3, 1, 0, 2], "c0052d0e")]
)
def test_version_1_is_written_byte_for_byte(conservative, cells, crc):
    sketch = CountMin(width=3, depth=2, conservative=conservative)
    sketch.update(np.array([1, 2, 1], np.uint64))
    data = sketch.to_bytes()
    assert (len(data), data[10], data[12], data[16:20].hex()) == (136, 8 + conservative, 4, crc)
    assert np.frombuffer(data[112:], "<u4").tolist() == cells
    places = [[3 * row + spread(mix(key, 16 + row), 3) for row in range(2)] for key in (1, 2)]
    assert places == [[2, 5], [2, 3]]
    for end in range(len(data)):
        with pytest.raises(CorruptData):
            from_bytes(data[:end])


def test_the_total_never_wraps():
    sketch = CountMin(width=3)
    sketch.update(1, weights=2**63 - 1)
    with pytest.raises(CapacityExceeded, match="2\\*\\*63 - 1"):
        sketch.update(2)
    assert sketch.total == 2**63 - 1
    assert sketch.estimate(1) == float(2**63)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"memory": 15}, "4 rows take at least 16 bytes"),
        ({"width": 5, "conservative": None}, "conservative is None"),
        ({"width": 5, "key": "float"}, "key is 'float'"),
        ({"width": 5, "seed": 2**64}, "seed is 18446744073709551616"),
    ],
)
def test_options_that_break_a_rule_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        CountMin(**options)


def test_only_its_own_estimators_are_known():
    sketch = CountMin(width=5)
    assert sketch.estimate(1, estimator="upper") == 0
    with pytest.raises(InvalidInput, match="estimator is 'lower', but must be one of count, upper"):
        sketch.estimate(1, estimator="lower")


KEYS = st.lists(st.integers(0, 30), max_size=20)


class Machine(RuleBasedStateMachine):
    """Never below a dictionary, whatever is done to it."""

    @initialize(width=st.integers(1, 12), depth=st.integers(1, 3), conservative=st.booleans())
    def start(self, width, depth, conservative):
        self.sketch = CountMin(width=width, depth=depth, conservative=conservative)
        self.true = dict.fromkeys(range(31), 0)

    @rule(keys=KEYS, weight=st.sampled_from([1, 2, 1000, 2**31]))
    def update(self, keys, weight):
        self.sketch.update(keys, weight)
        for key in keys:
            self.true[key] += weight

    @precondition(lambda self: not self.sketch.conservative)
    @rule(keys=KEYS)
    def delete(self, keys):
        kept = dict(self.true)
        for key in keys:
            kept[key] -= 1
        if min(kept.values()) >= 0:
            self.sketch.delete(keys)
            self.true = kept

    @rule()
    def double(self):
        self.sketch |= self.sketch
        self.true = {key: 2 * count for key, count in self.true.items()}

    @rule()
    def store(self):
        self.sketch = from_bytes(self.sketch.to_bytes())

    @invariant()
    def never_too_low(self):
        self.sketch.check_invariants()
        assert self.sketch.total - self.sketch.deleted == sum(self.true.values())
        assert (self.sketch.estimate(list(range(31))) >= list(self.true.values())).all()


TestMachine = Machine.TestCase
