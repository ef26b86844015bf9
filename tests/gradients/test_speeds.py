import pytest

from beforehand.core.errors import CapacityExceeded, CorruptData, InvalidInput
from beforehand.gradients import THC, Adaptive, BlockInt, Cast, LowRank, Speed, Speeds, TopK, measure_speeds, speeds
from beforehand.gradients.block_shards import BlockShards

ONE = Speed(encode=1e-9, accumulate=2e-9, finish=3e-9, decode=4e-9)


def test_every_reduction_of_a_codec_is_measured():
    codecs = [THC(), THC(bits="lane"), TopK(), BlockInt(), LowRank(), Adaptive(), Cast("float32")]
    speeds = measure_speeds(codecs, size=5000)
    assert set(speeds.entries) == {(codec, reduction) for codec in codecs for reduction in codec.reductions}
    for (codec, reduction), speed in speeds.entries.items():
        assert 0 < speed.encode < 1e-4, codec
        assert (speed.accumulate > 0) == (reduction == "combine") or reduction == "gather"
        assert (speed.finish > 0) == (reduction == "combine")


class Clock:
    """Time that passes only where it is told to."""

    now = 0.0

    def process_time(self):
        return self.now

    perf_counter = process_time


def test_each_part_is_what_it_is_said_to_be(monkeypatch):
    """A worker of four encodes and decodes every shard, and adds one."""
    clock = Clock()
    monkeypatch.setattr(speeds, "time", clock)

    def slower(name, passes):
        fast = getattr(BlockShards, name)

        def slow(self, *arguments):
            clock.now += passes
            return fast(self, *arguments)

        monkeypatch.setattr(BlockShards, name, slow)

    for name, passes in (("encode", 0.01), ("accumulate", 0.02), ("finish", 0.03), ("decode", 0.04)):
        slower(name, passes)
    for size in (4096, 4096 - 300):  # the last shard may be shorter, and even its adding is not counted
        took = measure_speeds([BlockInt()], size=size, workers=4).seconds(BlockInt(), "combine", size=size, workers=4)
        assert took == pytest.approx((4 * 0.01, 4 * 0.02 + 0.03, 4 * 0.04))


def test_what_an_all_gather_costs_grows_with_the_workers():
    speeds = Speeds({(TopK(), "gather"): ONE, (THC(), "combine"): ONE})
    assert speeds.seconds(TopK(), "gather", size=10**9, workers=8) == pytest.approx((1, 16 + 3 / 8, 4))
    assert speeds.seconds(THC(), "combine", size=10**9, workers=8) == pytest.approx((1, 2 + 3 / 8, 4))
    few, many = (
        measure_speeds([Adaptive()], size=2**14, workers=n).seconds(Adaptive(), "gather", size=2**14, workers=n)
        for n in (2, 16)
    )
    assert many.accumulate > 2 * few.accumulate


def test_what_was_not_measured_is_refused():
    with pytest.raises(InvalidInput, match=r'speeds have none of .*"THC".* by sum; add it'):
        Speeds({(THC(), "combine"): ONE}).seconds(THC(), "sum", size=1, workers=2)
    with pytest.raises(InvalidInput, match="size is 0, but must be a whole number of at least 1"):
        measure_speeds([], size=0)
    with pytest.raises(InvalidInput, match="workers is 1, but must be a whole number of at least 2"):
        measure_speeds([], size=8, workers=1)
    with pytest.raises(CapacityExceeded):
        measure_speeds([THC(granularity=63)], size=1024, workers=5)
    with pytest.raises(InvalidInput, match="encode is -1"):
        Speed(encode=-1, accumulate=0, finish=0, decode=0)


def test_speeds_never_change():
    given = {(THC(), "combine"): ONE}
    speeds = Speeds(given)
    given.clear()
    assert len(speeds.entries) == 1
    with pytest.raises(TypeError):
        speeds.entries[THC(), "combine"] = ONE


def test_json():
    speeds = Speeds({(THC(bits=3), "combine"): ONE, (Cast(), "sum"): ONE})
    assert Speeds.from_json(speeds.to_json()).entries == speeds.entries
    good = Speeds({(Cast(), "sum"): ONE}).to_json()
    assert Speeds.from_json(good)
    damaged = [good.replace("4e-09", number) for number in ("-1", "NaN", "null")]
    for text in ("", "[]", '{"speeds": 3}', '{"speeds": [{}]}', good.replace("sum", "all"), *damaged):
        with pytest.raises(CorruptData, match="holds no speeds"):
            Speeds.from_json(text)
