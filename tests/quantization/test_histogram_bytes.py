"""The bytes of histograms: as documented, and refused where no data make them."""

import pickle
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.quantization import Histogram
from tests.quantization.bhq_reader import crc32c

MAGIC = bytes.fromhex("894248 5648 0D0A1A")


def written_1(center, buckets, bins=64, count=None):
    """Bytes of version 1, whose buckets had sums in float64 alone."""
    head = struct.pack("<8sHHIIIddQ", MAGIC, 1, 0, bins, 23, len(buckets), center, 1.0, count or len(buckets))
    data = head + b"".join(struct.pack("<i5d", *bucket) for bucket in buckets)
    return data + struct.pack("<I", crc32c(data))


def check_read(data):
    """Bytes are refused, or hold a histogram that keeps its promises."""
    try:
        read = Histogram.from_bytes(data)
    except CorruptData:
        return
    read._native.check_invariants()
    assert Histogram.from_bytes(read.to_bytes()).to_bytes() == read.to_bytes()
    if read.total_weight > 0:
        for objective in ("unbiased", "mse"):
            assert np.isfinite(read.levels(3, objective=objective).values).all()
    for _ in range(3):
        try:
            read.merge(read)
        except InvalidInput:
            return


@settings(max_examples=300)
@given(
    fields=st.lists(
        st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.0, 1.0, 5e-324, 1.7e308])),
        min_size=10,
        max_size=10,
    ),
    center=st.sampled_from([0.0, 1e300, -1.0]),
)
def test_sums_that_no_data_make_are_refused_or_give_finite_levels(fields, center):
    both = Histogram(center=center, scale=1.0)
    try:
        both.update(fields[:2], weights=[1.0, 1.0])
    except InvalidInput:
        return
    data = bytearray(both.to_bytes()[:-4])
    for bucket in range((len(data) - 48) // 92):
        sums = abs(fields[3 * bucket + 2]), *fields[3 * bucket + 3 : 3 * bucket + 5]
        data[48 + 92 * bucket + 68 : 48 + 92 * bucket + 92] = struct.pack("<3d", *sums)
    check_read(bytes(data) + struct.pack("<I", crc32c(bytes(data))))


@settings(max_examples=500)
@given(
    at=st.integers(8, 48 + 3 * 92 - 1),
    junk=st.one_of(st.binary(min_size=1, max_size=24), st.sampled_from([bytes(8), b"\xff" * 8, b"\xff" * 16])),
    weights=st.booleans(),
)
def test_any_bytes_changed_under_a_right_crc_are_refused_or_give_finite_levels(at, junk, weights):
    seen = Histogram(center=0.5, scale=2.0, bins=64)
    seen.update([1.0, 1.0, 7.0], weights=[1.0, 2.0, 3.0] if weights else None)
    seen.update([-5.0])
    data = bytearray(seen.to_bytes()[:-4])
    data[at : at + len(junk)] = junk
    check_read(bytes(data) + struct.pack("<I", crc32c(bytes(data))))


def test_bytes_of_version_1_are_read_and_merged():
    buckets = [(-1, 2.0, -2.0, 2.0, -1.0, -1.0), (0, 1.0, 0.0, 0.0, 0.0, 0.0), (2, 1.0, 2.5, 6.25, 2.5, 2.5)]
    read = Histogram.from_bytes(written_1(0.0, buckets, count=4))
    assert (read.count, read.minimum, read.maximum, read.squared_norm) == (4, -1.0, 2.5, 8.25)
    seen = Histogram(center=0.0, scale=1.0, bins=64)
    seen.update([-1.0, -1.0, 0.0, 2.5])
    assert read.levels(3).values.tolist() == seen.levels(3).values.tolist()
    read.merge(seen)
    seen.merge(Histogram.from_bytes(written_1(0.0, buckets, count=4)))
    assert read.to_bytes() == seen.to_bytes()
    assert (read.count, read.squared_norm) == (8, 16.5)
    assert Histogram.from_bytes(read.to_bytes()).to_bytes() == read.to_bytes()


def test_bytes_hold_all_that_was_learnt():
    seen = Histogram.like(np.arange(100.0))
    for data in ([], np.random.default_rng(8).standard_cauchy(1000), [-1e30]):
        seen.update(data)
        again = Histogram.from_bytes(seen.to_bytes())
        assert again.to_bytes() == pickle.loads(pickle.dumps(seen)).to_bytes() == seen.to_bytes()
        assert (again.count, again.buckets, again.minimum) == (seen.count, seen.buckets, seen.minimum)
    assert again.levels(9).values.tolist() == seen.levels(9).values.tolist()


def test_bytes_are_as_documented():
    seen = Histogram(center=1.0, scale=2.0, bins=64)
    seen.update([1.0, 1.0, 7.0])
    data = seen.to_bytes()
    assert data[:8] == MAGIC
    version, flags, bins, shift, buckets, center, scale, count = struct.unpack_from("<HHIIIddQ", data, 8)
    assert (version, flags, bins, buckets, center, scale, count) == (2, 0, 64, 2, 1.0, 2.0, 3)
    assert struct.unpack_from("<i2d6Q", data, 48) == (0, 1.0, 1.0, 2, 0, 0, 0, 0, 0)
    index, low, high, times, *words = struct.unpack_from("<i2d6Q", data, 48 + 68)
    magnitude = (np.float32(4.0).view(np.uint32) - np.float32(1.0).view(np.uint32)) >> np.uint32(shift)
    assert (index, low, high, times) == (1 + magnitude, 7.0, 7.0, 1)
    octave = (((int(magnitude) + 1) << shift) - 1) >> 23
    steps = 6 * 2 ** (52 - octave) // 2  # of 2 scales times 2**(octave - 52)
    assert words == [steps, 0, steps**2 % 2**64, steps**2 // 2**64 % 2**64, steps**2 // 2**128]
    assert len(data) == 48 + 2 * 68 + 4
    seen.update([7.0], weights=[0.5])
    data = seen.to_bytes()
    assert struct.unpack_from("<H", data, 10) == (1,)
    assert struct.unpack_from("<3d", data, 48 + 68) == (0.0, 0.0, 0.0)
    assert struct.unpack_from("<3d", data, 48 + 92 + 68) == (0.5, 3.0, 18.0)
    assert len(data) == 48 + 2 * 92 + 4


@pytest.mark.parametrize("size", [0, 7, 12, 47, 48, 100, 187, 189])
def test_bytes_of_another_length_are_refused(size):
    seen = Histogram(center=1.0, scale=2.0, bins=64)
    seen.update([1.0, 1.0, 7.0])
    data = (seen.to_bytes() + b"x")[:size]
    with pytest.raises(CorruptData, match=rf"not a valid Histogram buffer \({size} bytes\)"):
        Histogram.from_bytes(data)
