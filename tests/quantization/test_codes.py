import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from beforehand.quantization import Codes, decode, encode, levels

QUARTERS = np.arange(0, 4.25, 0.25, dtype=np.float32)
TABLE = [0, 1, 2, 4]


def test_what_codes_tell():
    codes = encode(QUARTERS[:16].reshape(4, 4), TABLE, seed=9, stream=3)
    assert (codes.shape, codes.dtype, codes.bits, codes.n_levels, len(codes)) == ((4, 4), "float32", 2, 4, 4)
    assert (codes.method, codes.objective, codes.seed, codes.stream, codes.clipped) == ("given", "unbiased", 9, 3, 0)
    assert codes.levels.tolist() == TABLE
    assert codes.levels.dtype == np.float32
    assert codes.nbytes == len(codes.to_bytes()) == 64 + 16 + 8 + 16 + 4 + 4
    assert codes.bits_per_value == codes.nbytes * 8 / 16
    assert codes == pickle.loads(pickle.dumps(codes))
    assert hash(codes) == hash(Codes.from_bytes(bytearray(codes.to_bytes())))
    assert codes != encode(QUARTERS[:16].reshape(4, 4), TABLE, seed=10, stream=3)
    assert codes != "codes"


@pytest.mark.parametrize("shape", [(), (1,), (0,), (3, 0), (0, 3), (2, 3, 0, 5)])
def test_small_and_empty_arrays_come_back(shape):
    x = np.full(shape, 2.0, np.float32)
    codes = encode(x, TABLE, seed=1)
    assert Codes.from_bytes(codes.to_bytes()) == codes
    back = decode(codes)
    assert (back.shape, back.dtype) == (x.shape, x.dtype)
    assert (back == x).all()
    assert codes.indices().shape == x.shape


@given(st.data())
def test_every_array_and_grouping_makes_the_round_trip(data):
    dtype = data.draw(st.sampled_from(["f2", "f4", "f8", "i1", "u1", "i2", "u2", "i4", "i8"]))
    small = st.integers(0, 100) if dtype[0] in "iu" else st.floats(-100, 100, width=16)
    x = data.draw(arrays(dtype, array_shapes(min_dims=1, max_dims=4, max_side=9), elements=small))
    kwargs = data.draw(
        st.one_of(
            st.just({}),
            st.builds(lambda axis: {"axis": axis}, st.integers(-x.ndim, x.ndim - 1)),
            st.builds(lambda block: {"block": block}, st.integers(1, 12)),
        )
    )
    s = data.draw(st.integers(2, 40))
    table = levels(x, s, method="uniform", **kwargs)
    codes = Codes.from_bytes(encode(x, table, seed=data.draw(st.integers(0, 2**64 - 1))).to_bytes())
    back = decode(codes, threads=data.draw(st.integers(1, 3)))
    gap = np.diff(table.values.astype(float), axis=-1).max(initial=0)
    assert back.shape == x.shape
    assert np.abs(back.astype(float) - x).max() <= gap * 1.001
    assert (codes.indices() < s).all()
