import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import (
    QSGD,
    THC,
    Adaptive,
    BlockInt,
    Cast,
    Layout,
    Link,
    LowRank,
    Speed,
    Speeds,
    TernGrad,
    TopK,
    TopKChunked,
)
from beforehand.gradients.buckets import Buckets
from beforehand.gradients.step_times import Factors, Setting, patterns

LAYOUT = Layout([("first", (2_000, 500)), ("second", (400_000,)), ("last", (10,))])
BUCKETS = [400_010, 1_000_000]
SPEED = Speed(encode=1e-9, accumulate=2e-9, finish=8e-9, decode=4e-9)
CODECS = {
    (codec, reduction): SPEED
    for codec in (Cast("float32"), Cast("float16"), THC(), TopK(), TopKChunked(), LowRank(start_step=0))
    for reduction in codec.reductions
}
SPEEDS = Speeds(CODECS)


def setting(**options):
    given = {
        "buckets": Buckets(LAYOUT, 4), "link": Link(0.001, 1e7), "aggregator_link": None, "compute_seconds": 0.1,
        "overlap": 0.0,
    }  # fmt: skip
    return Setting(**given | options)


@pytest.mark.parametrize(
    ("codec", "reduction", "expected"),
    [
        (Cast(), "sum", ["allreduce"]),
        (THC(), "combine", ["gather", "two_shot"]),
        (THC(), "sum", ["gather", "allreduce"]),
        (THC(bits="lane"), "sum", ["gather", "allreduce"]),
        (TopKChunked(), "sum", ["allreduce", "allreduce"]),
        (LowRank(), "sum", ["allreduce", "allreduce"]),
        (LowRank(start_step=0), "sum", ["allreduce", "allreduce"]),
        (TopK(), "gather", ["gather"]),
        (Adaptive(), "gather", ["gather"]),
        (BlockInt(), "combine", ["two_shot"]),
        (QSGD(), "combine", ["two_shot"]),
        (TernGrad(), "combine", ["gather", "two_shot"]),
    ],
)
def test_the_exchanges_of_a_round(codec, reduction, expected):
    assert list(patterns(codec, reduction)) == expected


def test_without_overlap_a_step_is_the_sum_of_its_parts():
    took = setting().step_time(Cast("float16"), "allreduce", SPEEDS)
    size = sum(BUCKETS)
    assert took.exchange == pytest.approx(2 * 6 * 0.001 + 1.5 * 2 * size / 1e7)
    assert took.encode == pytest.approx(1e-9 * size)
    assert took.accumulate == pytest.approx((2e-9 + 8e-9 / 4) * size)
    assert took.step == pytest.approx(0.1 + took.exchange + 2 * (took.encode + took.accumulate + took.decode))


def test_with_overlap_the_first_bucket_hides_behind_the_second():
    plain = setting().step_time(Cast("float16"), "allreduce", SPEEDS)
    hidden = setting(overlap=1.0).step_time(Cast("float16"), "allreduce", SPEEDS)
    assert 0.1 < hidden.step < plain.step
    fast = setting(overlap=1.0, link=Link(0, 1e12), compute_seconds=10.0)
    assert fast.step_time(Cast("float16"), "allreduce", SPEEDS).step == pytest.approx(10, rel=1e-2)


def test_factors_scale_what_they_name():
    one = setting().step_time(THC(), "two_shot", SPEEDS)
    slow = setting().step_time(THC(), "two_shot", SPEEDS, Factors(codec=2.0))
    assert (slow.encode, slow.exchange) == (pytest.approx(2 * one.encode), one.exchange)
    fast = setting(link=Link(0, 1e7)).step_time(THC(), "two_shot", SPEEDS, Factors(rate=2.0))
    assert 2 * fast.exchange == pytest.approx(one.exchange - 2 * 0.001 * (3 + 6))
    late = setting().step_time(THC(), "two_shot", SPEEDS, Factors(latency=3.0))
    assert late.exchange - one.exchange == pytest.approx(2 * 2 * 0.001 * (3 + 6))


def test_an_all_gather_grows_with_the_workers():
    four, eight = (
        setting(buckets=Buckets(LAYOUT, n), link=Link(0, 1e7)).step_time(TopK(), "gather", SPEEDS) for n in (4, 8)
    )
    assert eight.exchange == pytest.approx(four.exchange * 7 / 3)
    assert eight.accumulate > 1.4 * four.accumulate


def test_an_aggregator_adds_for_the_workers():
    over = setting(aggregator_link=Link(0, 1e7)).step_time(THC(), "aggregator", SPEEDS)
    size = sum(piece.length for bucket in BUCKETS for piece in Layout([("t", (bucket,))]).pieces())
    assert over.accumulate == 0
    assert over.exchange == pytest.approx(2 * 4 * 0.001 + 4 * size / 1e7, rel=1e-3)
    with pytest.raises(InvalidInput, match="aggregator is None"):
        setting().step_time(THC(), "aggregator", SPEEDS)


def test_small_buckets_are_summed_as_they_are():
    small = setting(buckets=Buckets(Layout([("t", (5000,))]), 4))
    assert small.step_time(THC(), "two_shot", SPEEDS) == small.step_time(Cast("float32"), "allreduce", SPEEDS)
