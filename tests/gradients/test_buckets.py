import numpy as np

from beforehand.gradients import Layout
from beforehand.gradients.buckets import CAP, FIRST, ready_buckets


def names(layout):
    return [[name for name, _ in bucket.tensors] for bucket in ready_buckets(layout)]


def test_the_last_tensors_fill_a_small_bucket_first():
    layout = Layout([("a", (1000, 1000)), ("b", (1000,)), ("c", (100, 100)), ("d", (300_000,)), ("e", (10,))])
    assert names(layout) == [["e", "d"], ["c", "b", "a"]]


def test_buckets_hold_all_coordinates_and_close_at_their_bytes():
    draw = np.random.default_rng(0)
    for _ in range(50):
        layout = Layout([(f"t{i}", (int(size),)) for i, size in enumerate(draw.integers(1, 5_000_000, 30))])
        buckets = ready_buckets(layout)
        assert [each for bucket in buckets for each in bucket.tensors] == list(reversed(layout.tensors))
        for index, bucket in enumerate(buckets[:-1]):
            least = FIRST if index == 0 else CAP
            assert least <= 4 * bucket.size < least + 4 * 5_000_000
            last = bucket.tensors[-1][1][0]
            assert 4 * (bucket.size - last) < least


def test_empty_tensors_are_in_no_bucket():
    assert names(Layout([("none", (0, 3)), ("some", (3,)), ("void", (0,))])) == [["some"]]
