from fractions import Fraction

import numpy as np
import pytest

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.gradients import Piece, thc_table
from beforehand.gradients.thc_shards import Range, THCShards, decoded

RANGES = (Range(Piece(0, 1024), 0.5), Range(Piece(1024, 512), 2.0))


def shards_of(bits, seed, granularity=30):
    packed = np.random.default_rng(seed).integers(0, 256, 1536 * bits // 8).astype(np.uint8)
    return THCShards(packed, thc_table(bits, granularity, 1 / 32), RANGES)


@pytest.mark.parametrize("bits", [2, 3, 4])
@pytest.mark.parametrize("granularity", [30, 300])
def test_the_sum_of_codes_decodes_to_the_mean_of_decoded_codes(bits, granularity):
    workers = [shards_of(bits, seed, granularity) for seed in range(5)]
    total = None
    for each in workers:
        total = each.accumulate(total, each.encode(0, 1536))
    own = [each.accumulate(None, each.encode(0, 1536)) for each in workers]
    for i in range(0, 1536, 97):
        limit = Fraction(1, 2) if i < 1024 else Fraction(2)
        values = [2 * limit * int(points[i]) / granularity - limit for points in own]
        assert 2 * limit * int(total[i]) / (granularity * 5) - limit == sum(values) / 5
    assert workers[0].decode(workers[0].finish(total, 5), 0, 1536, 5) == pytest.approx(
        decoded(total, RANGES, granularity, 5)
    )


def test_shards_may_lie_across_pieces():
    each = shards_of(4, 0)
    whole = each.decode(each.finish(each.accumulate(None, each.encode(0, 1536)), 1), 0, 1536, 1)
    for first, last in [(0, 512), (512, 1536), (1024, 1536)]:
        part = each.finish(each.accumulate(None, each.encode(first, last)), 1)
        assert np.array_equal(each.decode(part, first, last, 1), whole[first:last])


def test_sums_travel_in_the_narrowest_lanes():
    each = shards_of(4, 0)
    total = each.accumulate(None, each.encode(0, 512))
    assert [each.finish(total, count).nbytes for count in (1, 2, 4, 8, 9)] == [344, 416, 456, 512, 592]


def test_a_message_of_another_length_is_refused():
    each = shards_of(4, 0)
    with pytest.raises(InvalidInput, match="message has 100 bytes, but sums of 4 workers have 456"):
        each.decode(np.zeros(100, np.uint8), 0, 512, 4)


def test_the_kernels_refuse_arrays_that_do_not_fit():
    h, points, out = np.zeros(512, np.float32), np.arange(16, dtype=np.uint16), np.empty(256, np.uint8)
    options = {"seed": 0, "stream": 0, "threads": 1}
    for change in ({"h": h[:511]}, {"points": points[:15]}, {"bits": 5}, {"out": out[:255]}):
        given = {"h": h, "points": points, "bits": 4, "out": out} | change
        with pytest.raises(InvalidInput, match="do not fit"):
            _native.thc_encode(given.pop("h"), 1.0, given.pop("points"), **given, **options)
    with pytest.raises(InvalidInput, match="do not fit"):
        _native.thc_points(h, 1.0, points, **options, out=np.empty(512, np.int16))
    with pytest.raises(InvalidInput, match="do not fit"):
        _native.thc_accumulate(out, points, bits=4, first=True, sums=np.empty(511, np.uint8))
    for wrong in ([0, 1, 2, 1024], [1, 2, 3, 4], [0, 2, 2, 3], [0, 3, 2, 4], [*range(17), 40]):
        with pytest.raises(InvalidInput, match="points ascend from 0 to at most 1023"):
            _native.thc_points(h, 1.0, np.array(wrong, np.uint16), **options, out=np.empty(512, np.uint16))
