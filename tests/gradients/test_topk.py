import numpy as np
import pytest

from beforehand.core.errors import CapacityExceeded, CorruptData, InvalidInput
from beforehand.gradients import Gather, Layout, TopK, vnmse
from beforehand.gradients.topk import largest
from tests.gradients.rounds import layout_of, lognormal, one_round


def test_selection_is_that_of_sorting():
    draw = np.random.default_rng(0)
    for _ in range(200):
        x = draw.integers(-4, 5, draw.integers(1, 40)).astype(np.float32)
        k = int(draw.integers(1, len(x) + 1))
        order = sorted(range(len(x)), key=lambda i: (-abs(x[i]), i))
        assert largest(x, k).tolist() == sorted(order[:k])


@pytest.mark.parametrize("index", ["int32", "auto"])
@pytest.mark.parametrize("value_dtype", ["float32", "float16", "bfloat16"])
def test_the_mean_is_that_of_what_each_worker_sends(index, value_dtype):
    rows = np.random.default_rng(1).integers(-100, 101, (3, 1001)).astype(np.float32)
    codec = TopK(density=0.1, index=index, value_dtype=value_dtype)
    mean, sent = one_round(codec, rows)
    expected = np.zeros(1001)
    for row in rows:
        where = largest(row, 100)
        expected[where] += row[where]
    assert np.allclose(mean, expected / 3, rtol=1e-6)
    places = 126 if index == "auto" else 400
    assert sent.up == 2 * (100 * (4 if value_dtype == "float32" else 2) + places)
    assert sent.down == 0


def test_a_bitmap_is_taken_only_where_it_is_shorter():
    assert TopK(density=0.01, index="auto").wire_bytes(layout_of(10_000), workers=2).up == 100 * 6
    assert TopK(density=0.04, index="auto").wire_bytes(layout_of(10_000), workers=2).up == 400 * 2 + 1250


def test_both_ways_keeps_only_so_many_of_the_sum():
    rows = lognormal(4, 1000)
    up, _ = one_round(TopK(density=0.1), rows)
    both, _ = one_round(TopK(density=0.1, both_ways=True), rows)
    assert np.count_nonzero(both) == 100 < np.count_nonzero(up)
    assert np.array_equal(both[both != 0], up[both != 0])
    assert vnmse(both, rows.mean(axis=0)) > vnmse(up, rows.mean(axis=0))


def test_places_of_other_workers_are_checked():
    encoder = TopK(density=0.1).open(layout_of(20), rank=0, workers=2, reduction="gather")
    for place in (20, -1):
        running = encoder.reduce(np.ones(20, np.float32))
        payload = next(running).payload
        forged = payload.copy()
        forged[4:8] = np.array([place], "<i4").view(np.uint8)
        with pytest.raises(CorruptData, match="outside of 20 coordinates"):
            running.send(np.stack([payload, forged]))
    assert isinstance(next(encoder.reduce(np.ones(20, np.float32))), Gather)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"density": 0}, "density is 0"),
        ({"density": 1.5}, "density is 1.5"),
        ({"density": "2"}, "density is '2', but must be a number"),
        ({"value_dtype": "int8"}, "value_dtype is 'int8'"),
        ({"index": "int64"}, "index is 'int64'"),
        ({"both_ways": 1}, "both_ways is 1"),
        ({"feedback": "truncation"}, "feedback is 'truncation'"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        TopK(**options)


def test_a_bucket_beyond_int32_is_refused():
    with pytest.raises(CapacityExceeded, match="smaller buckets"):
        TopK().open(Layout([("weight", (2**31,))]), rank=0, workers=1, reduction="gather")
