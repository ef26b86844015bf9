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


@settings(max_examples=300)
@given(
    fields=st.lists(
        st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.sampled_from([0.0, 1.0, 5e-324, 1.7e308])),
        min_size=10,
        max_size=10,
    ),
    center=st.sampled_from([0.0, 1e300, -1.0]),
)
def test_bytes_that_no_data_make_are_refused_or_give_finite_levels(fields, center):
    both = Histogram(center=center, scale=1.0)
    try:
        both.update(fields[:2])
    except InvalidInput:
        return
    data = bytearray(both.to_bytes()[:-4])
    for bucket in range((len(data) - 48) // 44):
        at = 48 + 44 * bucket + 4
        data[at : at + 24] = struct.pack("<3d", abs(fields[3 * bucket + 2]), *fields[3 * bucket + 3 : 3 * bucket + 5])
    data += struct.pack("<I", crc32c(bytes(data)))
    try:
        read = Histogram.from_bytes(bytes(data))
    except CorruptData:
        return
    if read.total_weight > 0:
        for objective in ("unbiased", "mse"):
            assert np.isfinite(read.levels(3, objective=objective).values).all()


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
    assert data[:8] == bytes.fromhex("894248 5648 0D0A1A")
    version, zero, bins, shift, buckets, center, scale, count = struct.unpack_from("<HHIIIddQ", data, 8)
    assert (version, zero, bins, buckets, center, scale, count) == (1, 0, 64, 2, 1.0, 2.0, 3)
    assert struct.unpack_from("<i5d", data, 48) == (0, 2.0, 0.0, 0.0, 1.0, 1.0)
    index, *sums = struct.unpack_from("<i5d", data, 92)
    magnitude = (np.float32(4.0).view(np.uint32) - np.float32(1.0).view(np.uint32)) >> np.uint32(shift)
    assert (index, sums) == (1 + magnitude, [1.0, 6.0, 36.0, 7.0, 7.0])
    assert len(data) == 48 + 2 * 44 + 4


@pytest.mark.parametrize("size", [0, 7, 12, 47, 48, 100, 139, 141])
def test_bytes_of_another_length_are_refused(size):
    seen = Histogram(center=1.0, scale=2.0, bins=64)
    seen.update([1.0, 1.0, 7.0])
    data = (seen.to_bytes() + b"x")[:size]
    with pytest.raises(CorruptData, match=rf"not a valid Histogram buffer \({size} bytes\)"):
        Histogram.from_bytes(data)
