import math
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import CapacityExceeded, CorruptData, InvalidInput
from beforehand.streams import CountSketch, from_bytes
from tests.streams.models import mix, spread


def zipf(n, alpha=1.2, seed=0):
    return np.random.default_rng(seed).zipf(alpha, n) % 100_000


@pytest.mark.parametrize("stride", [1, 2**20])
def test_estimates_are_unbiased(stride):  # with the lowest bit of the hash as sign they are not, by 15 standard errors
    stream = zipf(20_000) * stride
    keys, true = np.unique(stream, return_counts=True)
    chosen = np.r_[0:5, 100:105, -5:0]
    errors = []
    for seed in range(400):
        sketch = CountSketch(width=100, seed=seed)
        sketch.update(stream)
        errors.append(sketch.estimate(keys[chosen]) - true[chosen])
    mean, spread_of = np.mean(errors, axis=0), np.std(errors, axis=0) / math.sqrt(len(errors))
    assert (np.abs(mean) < 4 * spread_of).all()


def test_bounds_are_missed_as_seldom_as_they_say():
    stream = zipf(50_000)
    keys, true = np.unique(stream, return_counts=True)
    for depth, chance in ((1, math.exp(-1 / 8)), (5, 0.104), (9, math.exp(-9 / 8))):
        missed = []
        for seed in range(20):
            sketch = CountSketch(width=200, depth=depth, seed=seed)
            sketch.update(stream)
            lower, upper = sketch.bounds(keys)
            assert (lower <= upper).all()
            assert (upper - lower).max() <= sketch.error_bound
            assert 0 < sketch.error_bound <= 2 * sketch.guaranteed_error() + 2
            missed.append(np.mean((true < lower) | (true > upper)))
        assert np.mean(missed) < chance
        if depth == 5:
            assert np.mean(missed) < 0.01


def test_the_radius_is_two_deviations_of_a_row():
    sketch = CountSketch(width=16, depth=3, seed=1)
    sketch.update(7, weights=100)
    reach = math.ceil(2 * math.sqrt(100**2 / 16))
    assert sketch.bounds(7) == (100 - reach, 100)  # never above the total
    assert sketch.estimate(7, estimator="lower") == 100 - reach
    assert sketch.estimate(7, estimator="upper") == 100
    assert sketch.error_bound == 2 * reach
    sketch.update(8, weights=20)
    assert sketch.bounds(7)[1] > 100


@given(st.lists(st.tuples(st.integers(-5, 25), st.integers(1, 2**40), st.booleans()), max_size=40))
def test_what_was_added_and_deleted_leaves_no_trace(steps):
    sketch, single = CountSketch(width=7, depth=3), CountSketch(width=7, depth=3)
    for key, weight, deleted in steps:
        (sketch.delete if deleted else sketch.update)(key, weight)
        sketch.check_invariants()
        sketch = from_bytes(sketch.to_bytes())
    for key, weight, deleted in steps:
        (sketch.update if deleted else sketch.delete)([key], [weight])
    assert not sketch.estimate(list(range(-5, 26))).any()
    assert sketch.error_bound == 0
    for key, weight, deleted in steps:
        (single.update if deleted else single.delete)(key, weight)
        (single.delete if deleted else single.update)(key, weight)
    assert sketch.to_bytes()[112:] == single.to_bytes()[112:]


def test_estimates_may_be_negative_but_bounds_are_not():
    sketch = CountSketch(width=100)
    sketch.update(1)
    sketch.delete([1], weights=5)
    assert sketch.estimate(1) == -4
    assert sketch.bounds(1)[0] == 0


def test_merging_is_counting_both_streams():
    first, second = zipf(10_000, seed=1), zipf(20_000, seed=2)
    a, b, both = (CountSketch(width=300, seed=4) for _ in range(3))
    a.update(first)
    b.update(second)
    both.update(np.concatenate([first, second]))
    assert (a | b).to_bytes() == both.to_bytes() == (b | a).to_bytes()
    a.bounds(1)  # whatever was asked before
    a |= b
    assert a.bounds(1) == both.bounds(1)
    with pytest.raises(InvalidInput, match="other has width 300, but this one 301"):
        CountSketch(width=301, seed=4).merge(a)


def test_candidates_are_ranked():
    sketch = CountSketch(width=1000)
    sketch.update(["a"] * 50 + ["b"] * 30 + ["c"])
    top = sketch.heavy_hitters(0.2, keys=["c", "b", "a"])
    assert top.keys == ["a", "b"]
    assert not top.complete  # a probable bound is no promise
    assert sketch.heavy_hitters(0.2, keys=["c", "b", "a"], guarantee="no_false_positives").guaranteed.all()


def test_bytes_and_pickles_go_on_alike():
    sketch = CountSketch(width=40, seed=2)
    sketch.update(["a", "b", None, "a"])
    read, unpickled = from_bytes(sketch.to_bytes()), pickle.loads(pickle.dumps(sketch))
    for each in (sketch, read, unpickled):
        each.update(["b", "c"], weights=[2, 2**33])
    assert sketch.to_bytes() == read.to_bytes() == unpickled.to_bytes()
    assert (read.skipped, read.key_kind, read.depth, read.width, read.nbytes) == (1, "str", 5, 40, 1600)
    assert repr(read) == "CountSketch(width=40, depth=5, total=8589934597, deleted=0)"


def test_version_1_is_written_byte_for_byte():
    sketch = CountSketch(width=3, depth=3)
    sketch.update(np.array([1, 2, 1], np.uint64))
    data = sketch.to_bytes()
    assert (len(data), data[10], data[12], data[16:20].hex()) == (184, 10, 8, "7284dc18")
    cells = [[0] * 3 for _ in range(3)]
    for key, weight in ((1, 2), (2, 1)):
        for row in range(3):
            hashed = mix(key, 16 + row)
            cells[row][spread(hashed, 3)] += -weight if hashed * 0x9E3779B97F4A7C15 >> 63 & 1 else weight
    assert np.frombuffer(data[112:], "<i8").reshape(3, 3).tolist() == cells
    for end in range(len(data)):
        with pytest.raises(CorruptData):
            from_bytes(data[:end])


def test_cells_never_overflow():
    sketch = CountSketch(width=1, depth=1)
    sketch.update(1, weights=2**63 - 2)
    with pytest.raises(CapacityExceeded, match="2\\*\\*63 - 1"):
        sketch.delete(1, weights=2)
    sketch.delete(2)
    assert (sketch.total, sketch.deleted) == (2**63 - 2, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "both given or both left out"),
        ({"width": 5, "depth": 4}, "depth is 4, but must be odd, so that there is a median; take 5"),
        ({"width": 5, "depth": 65}, "depth is 65, but must be from 1 to 64"),
        ({"memory": 39}, "5 rows take at least 40 bytes"),
        ({"width": 5, "key": "float"}, "key is 'float'"),
    ],
)
def test_options_that_break_a_rule_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        CountSketch(**options)
