import math
import struct

import numpy as np
import pytest

from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.quantization import Codes, decode, encode, levels
from beforehand.quantization.decoding import select
from tests.quantization.bhq_reader import crc32c
from tests.quantization.tensors import Tensor

QUARTERS = np.arange(0, 4.25, 0.25, dtype=np.float32)
TABLE = [0, 1, 2, 4]


@pytest.mark.parametrize("s", [1, 2, 3, 16, 100, 5000])
@pytest.mark.parametrize("shape", [(40,), (7, 33), (5, 4, 8)])
def test_rows_are_slices_of_the_whole(shape, s):
    x = np.linspace(-1, 1, math.prod(shape)).reshape(shape)
    codes = encode(x, np.linspace(-1, 1, s) if s > 1 else [0.0], seed=1, outside="clip")
    whole = decode(codes)
    for rows in (0, -1, 3, slice(None), slice(1, 4), slice(4, 1), slice(None, None, -2), slice(3, 99), [2, 0, 2], []):
        assert (decode(codes, rows=rows) == whole[rows]).all()
        assert decode(codes, rows=rows).shape == whole[rows].shape
    assert (decode(codes, rows=np.array([[1, -2], [0, 1]])) == whole[[[1, -2], [0, 1]]]).all()


def test_rows_of_groups_use_their_own_tables():
    x = np.random.default_rng(6).standard_normal((9, 50))
    for kwargs in ({"axis": 0}, {"axis": 1}, {"block": 16}):
        codes = encode(x, levels(x, 4, **kwargs), seed=1)
        assert (decode(codes, rows=[8, 1, 2]) == decode(codes)[[8, 1, 2]]).all()


def test_a_level_too_small_for_the_dtype_is_0_whatever_numpy_does_about_underflow():
    codes = encode(np.array([0, 1], np.float16), [0.0, 1e-30, 1.0], seed=1)
    with np.errstate(all="raise"):
        assert decode(codes).tolist() == [0, 1]


def test_out_is_filled_and_returned():
    x = np.random.default_rng(7).standard_normal((30, 50)).astype(np.float32)
    codes = encode(x, levels(x, 16), seed=1)
    out = np.zeros_like(x)
    assert decode(codes, out=out) is out
    assert (out == decode(codes)).all()
    tensor = Tensor(np.zeros((3, 50), np.float32))
    assert decode(codes, rows=slice(3), out=tensor) is tensor
    assert (tensor.array == out[:3]).all()


def test_out_that_does_not_fit_is_refused():
    codes = encode(QUARTERS, TABLE, seed=1)
    frozen = np.zeros(17, np.float32)
    frozen.flags.writeable = False
    for out, word in [
        (np.zeros(16, np.float32), r"shape \(16,\)"),
        (np.zeros(17), "dtype float64"),
        (np.zeros(34, np.float32)[::2], "contiguous"),
        (frozen, "writable"),
        (np.frombuffer(bytearray(69), np.float32, offset=1), "aligned"),
        (Tensor(frozen), "writable"),
        ([0.0] * 17, "list"),
        (Tensor(np.zeros(17, np.uint16), bfloat16=True), "bfloat16"),
        (Tensor(np.zeros(17, np.float32), device=2), "not on the CPU"),
    ]:
        with pytest.raises(InvalidInput, match=word):
            decode(codes, out=out)


def test_what_encode_did_not_return_is_refused():
    for wrong in (None, [0, 1], encode(QUARTERS, TABLE, seed=1).to_bytes()):
        with pytest.raises(InvalidInput, match=f"codes must be a Codes object, got {type(wrong).__name__}"):
            decode(wrong)
    with pytest.raises(InvalidInput, match=r"threads is 1\.5, but must be a whole number"):
        decode(encode(QUARTERS, TABLE, seed=1), threads=1.5)


def test_rows_beyond_the_array_are_refused():
    codes = encode(QUARTERS, TABLE, seed=1)
    for rows, word in [(17, "17 rows"), (-18, "-18"), (1.0, "float64"), ([True, False], "bool"), ([0, 99], "99")]:
        with pytest.raises(InvalidInput, match=word):
            decode(codes, rows=rows)
    with pytest.raises(InvalidInput, match="0-d"):
        decode(encode(1.0, TABLE, seed=1), rows=0)


@pytest.mark.parametrize(
    "rows",
    [
        slice(1, 3),
        slice(3, 9),
        slice(4, 2),
        slice(None, None, 2),
        slice(None, None, -1),
        2,
        -1,
        [0, 4, 4],
        [],
        [[1], [2]],
    ],
    ids=str,
)
def test_rows_are_those_that_numpy_takes(rows):
    x = np.arange(10).reshape(5, 2)
    first, index, shape = select(x.shape, rows)
    found = x[first : first + shape[0]] if index is None else x[index].reshape(shape)
    np.testing.assert_array_equal(found, x[np.asarray(rows, int) if isinstance(rows, list) else rows])


def test_a_slice_without_steps_needs_no_list_of_rows():
    assert select((5, 2), slice(1, 4)) == (1, None, (3, 2))
    assert select((5, 2), None) == (0, None, (5, 2))


@pytest.mark.parametrize(
    ("shape", "rows", "words"),
    [
        ((), 0, "a 0-d array has no rows; leave it out"),
        ((5,), [1.0], "rows have dtype float64, but must be"),
        ((5,), 5, "rows contain 5, but axis 0 has 5 rows"),
        ((5,), [-6], "rows contain -6, but axis 0 has 5 rows"),
    ],
)
def test_rows_that_are_not_there_are_refused(shape, rows, words):
    with pytest.raises(InvalidInput, match=words):
        select(shape, rows)


def test_a_few_bytes_do_not_fill_gigabytes_unasked():
    x = np.zeros(2**22, np.float32)
    codes = encode(x, [0.0])
    data = bytearray(codes.to_bytes())
    assert (decode(codes) == 0).all()
    data[64:72] = struct.pack("<Q", 2**60)  # the shape
    data[-4:] = struct.pack("<I", crc32c(bytes(data[:-4])))
    huge = Codes.from_bytes(bytes(data))
    assert huge.shape == (2**60,)
    for act in (lambda: decode(huge), huge.indices):
        with pytest.raises(CapacityExceeded, match=f"these {len(data)} bytes of codes stand for .* repeated values"):
            act()
    assert decode(huge, rows=slice(2**59, 2**59 + 3)).tolist() == [0, 0, 0]
    assert decode(huge, rows=2**60 - 1) == 0
    out = np.ones(2**22, np.float32)
    assert not decode(codes, out=out).any()
