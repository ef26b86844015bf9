import numpy as np
import pytest

from beforehand.core.errors import CapacityExceeded
from beforehand.gradients import THC, Cast, Layout, Speed, Speeds, WireBytes
from beforehand.gradients.buckets import CAP, FIRST, Buckets, ready_buckets

MODEL = Layout([("first", (2_000, 500)), ("second", (400_000,)), ("last", (10,))])
SIZES = [400_010, 1_000_000]
SPEED = Speed(encode=1e-9, accumulate=2e-9, finish=8e-9, decode=4e-9)


def names(layout):
    return [[name for name, _ in bucket.tensors] for bucket in ready_buckets(layout)]


def test_the_last_tensors_fill_a_small_bucket_first():
    layout = Layout([("a", (1000, 1000)), ("b", (1000,)), ("c", (100, 100)), ("d", (300_000,)), ("e", (10,))])
    assert names(layout) == [["d", "e"], ["a", "b", "c"]]


def test_buckets_hold_all_coordinates_and_close_at_their_bytes():
    draw = np.random.default_rng(0)
    for _ in range(50):
        layout = Layout([(f"t{i}", (int(size),)) for i, size in enumerate(draw.integers(1, 5_000_000, 30))])
        buckets = ready_buckets(layout)
        assert [each for bucket in reversed(buckets) for each in bucket.tensors] == list(layout.tensors)
        for index, bucket in enumerate(buckets[:-1]):
            least = FIRST if index == 0 else CAP
            assert least <= 4 * bucket.size < least + 4 * 5_000_000
            last = bucket.tensors[0][1][0]
            assert 4 * (bucket.size - last) < least


def test_empty_tensors_are_in_no_bucket():
    assert names(Layout([("none", (0, 3)), ("some", (3,)), ("void", (0,))])) == [["some"]]


def test_bytes_are_those_of_each_bucket():
    expected = tuple(THC().wire_bytes(Layout([("t", (size,))]), workers=4) for size in SIZES)
    assert Buckets(MODEL, 4).sent(THC(), "two_shot") == expected
    with pytest.raises(CapacityExceeded, match="leave 40 workers a granularity of 6"):
        Buckets(MODEL, 40).sent(THC(), "two_shot")


def test_small_buckets_are_summed_as_they_are():
    small = Layout([("t", (5000,))])
    assert Buckets(small, 4).sent(THC(), "two_shot") == (WireBytes(15_000, 15_000),)
    speeds = Speeds({(Cast("float32"), "sum"): SPEED})
    assert Buckets(small, 4).computed(THC(), "two_shot", speeds)[0].encode == pytest.approx(5e-6)


def test_an_aggregator_adds_in_place_of_the_workers():
    speeds = Speeds({(THC(), "combine"): SPEED})
    both, alone = (Buckets(MODEL, 4).computed(THC(), way, speeds) for way in ("two_shot", "aggregator"))
    assert [each.accumulate for each in both] == pytest.approx([(2e-9 + 8e-9 / 4) * size for size in SIZES])
    assert [each.accumulate for each in alone] == [0, 0]
    assert [each.encode for each in alone] == [each.encode for each in both]


def test_speeds_are_measured_once_on_the_largest_bucket(monkeypatch):
    seen = []

    def one(codec, reduction, layout, *, workers):
        seen.append((codec, reduction, layout.size, workers))
        return SPEED

    monkeypatch.setattr("beforehand.gradients.buckets.speed_of", one)
    speeds = Buckets(MODEL, 4).speeds([(THC(), "two_shot"), (THC(), "aggregator"), (THC(), "allreduce")])
    expected = [(Cast("float32"), "sum"), (THC(), "combine"), (THC(), "sum")]
    assert seen == [(codec, reduction, 1_000_000, 4) for codec, reduction in expected]
    assert set(speeds.entries) == set(expected)
