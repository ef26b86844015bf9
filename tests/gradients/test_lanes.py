import numpy as np
import pytest

from beforehand import _native
from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.gradients.lanes import LANES, check_capacity, smallest_lanes


@pytest.mark.parametrize("width", LANES)
@pytest.mark.parametrize("size", [1, 10, 1023, 5000])
def test_sums_of_containers_are_containers_of_sums_up_to_the_bound(width, size):
    lanes, random = LANES[width], np.random.default_rng(width)
    dtype = np.uint8 if width <= 8 else np.uint16
    for workers in (1, 2, 7):
        largest = (2**width - 1) // workers
        rows = random.integers(0, largest + 1, (workers, size)).astype(dtype)
        rows[:, ::3] = largest
        total = lanes.pack(rows[0]).copy()
        for row in rows[1:]:
            total += lanes.pack(row)
        assert np.array_equal(lanes.unpack(total, size), rows.sum(axis=0))
        assert total.nbytes == lanes.nbytes(size)


@pytest.mark.parametrize("width", LANES)
def test_containers_hold_lanes_as_integers_of_python_say(width):
    lanes = LANES[width]
    values = [(i * 7919) % 2**width for i in range(100)]
    count = lanes.containers(100)
    bits = 8 * np.dtype(lanes.container).itemsize
    packed = lanes.pack(np.array(values, np.uint16)).view(f"u{bits // 8}")
    for c in range(count):
        assert int(packed[c]) == sum(value << width * lane for lane, value in enumerate(values[c::count]))


@pytest.mark.parametrize(
    ("granularity", "workers"), [(15, 17), (21, 12), (30, 8), (31, 8), (63, 4), (127, 2), (255, 1)]
)
def test_eight_bits_hold_so_many_workers(granularity, workers):
    check_capacity(workers, granularity, 8)
    with pytest.raises(CapacityExceeded, match=f"{workers + 1} workers x granularity {granularity} = "):
        check_capacity(workers + 1, granularity, 8)


def test_an_overflow_is_refused_with_the_remedies():
    with pytest.raises(CapacityExceeded, match="270 > 255: take lanes=9, or granularity <= 28, or at most 8 workers"):
        check_capacity(9, 30, 8)
    with pytest.raises(CapacityExceeded, match="> 65535: take granularity <= 65"):
        check_capacity(1000, 100, 16)
    with pytest.raises(CapacityExceeded, match=r"take lanes=9, or granularity <= 127$"):  # and not one worker alone
        check_capacity(2, 200, 8)


def test_the_smallest_lanes_hold_the_sum():
    assert [smallest_lanes(largest).width for largest in (30, 31, 32, 127, 128, 255, 511, 1024, 65535)] == [
        5, 5, 6, 7, 8, 8, 9, 12, 16,
    ]  # fmt: skip


def test_the_kernels_refuse_arrays_that_do_not_fit():
    for containers in (np.empty(3, np.int64), np.empty(1, np.int64), np.empty(2, np.float64)):
        with pytest.raises(InvalidInput, match="do not fit"):
            _native.pack_lanes(np.zeros(12, np.uint8), 7, containers)
    for width in (0, 9):
        with pytest.raises(InvalidInput, match="do not fit"):
            _native.unpack_lanes(np.zeros(2, np.int64), width, np.empty(12, np.uint8))
    with pytest.raises(InvalidInput, match="do not fit"):
        _native.decode_lanes(np.zeros(2, np.uint8), 1.0, 0.0, np.empty(3, np.float32))
