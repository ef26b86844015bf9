import datetime as dt

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.ranges.keys import KeyType, encode_keys

TYPES = [
    (np.arange(3, dtype=np.uint8), "uint64"),
    ([3, 1, 2], "int64"),
    ([2**63, 5], "uint64"),
    (np.array([1, 2], ">i4"), "int64"),
    (np.array([1, 2], np.float16), "float64"),
    ([1, 2.5], "float64"),
    ([], "float64"),
    (np.array(["2020-01-01"], "M8[D]"), "datetime64[D]"),
    (np.array([5], "m8[25ns]"), "timedelta64[ns]"),
    ([b"a", b"b\0"], "bytes"),
    (np.array([b"a"]), "bytes"),
    (["a"], "str"),
    (np.array(["a"]), "str"),
    (np.array(["a"], object), "str"),
    (np.array([], "S3"), "bytes"),
    ((b"a", b"c"), "bytes"),
]
REFUSED = [
    ([1, "a"], "starts with 1"),
    (["a", 1], r"keys\[1\] is 1, but must be str"),
    ([b"a", "a"], r"keys\[1\] is 'a', but must be bytes"),
    ([2**63, -1], "starts with 9223372036854775808"),
    ([2**64], "starts with 18446744073709551616"),
    ([[1]], "2 dimensions"),
    (5, "0 dimensions"),
    (np.array([True]), "dtype bool"),
    (np.array([1j]), "dtype complex128"),
    (np.array([1], np.longdouble), "dtype"),
    ([1.0, float("nan")], r"keys\[1\] is NaN"),
    (np.array(["NaT"], "M8[s]"), r"keys\[0\] is NaT"),
    (np.array([1], "m8"), "without a unit"),
    (np.ma.masked_array([1, 2], [True, False]), "masked"),
    ([None], "starts with None"),
    ([dt.datetime(2026, 1, 1)], r"pass numpy.array\(keys, 'datetime64\[us\]'\), of times in UTC"),
    ([dt.date(2026, 1, 1)], r"pass numpy.array\(keys, 'datetime64\[D\]'\)"),
    ([dt.timedelta(1)], r"pass numpy.array\(keys, 'timedelta64\[us\]'\)"),
    ([[1], [1, 2]], "cannot be read"),
    (["\ud800"], "surrogate"),
]


@pytest.mark.parametrize(("keys", "named"), TYPES)
def test_whatever_numpy_reads_as_one_of_the_types_is_a_set_of_keys(keys, named):
    found = encode_keys(keys)
    assert str(found.type) == named
    assert len(found) == len(keys)


@pytest.mark.parametrize(("keys", "message"), REFUSED)
def test_what_is_no_set_of_keys_is_refused_with_what_is_wrong(keys, message):
    with pytest.raises(InvalidInput, match=message):
        encode_keys(keys)


@pytest.mark.parametrize("keys", [[3, 1, 3, 2], np.array([9, 9, 3, 2, 1])[:0:-1], np.array([1, 2, 3], ">u2")])
def test_codes_ascend_and_each_comes_once(keys):
    codes = encode_keys(keys).codes
    assert (codes[1:] > codes[:-1]).all()
    assert sorted(set(np.asarray(keys).tolist())) == (codes & np.uint64(255)).tolist()


def test_bytes_in_a_list_keep_their_trailing_zeros_for_the_width():
    assert encode_keys([b"a\0\0", b"b"]).width == 24
    assert encode_keys(np.array([b"a\0\0", b"b"])).width == 8


def test_integers_in_a_list_are_never_rounded_to_floats():
    with pytest.raises(InvalidInput):
        encode_keys([2**60 + 1, 0.5])
    assert str(encode_keys([2**53, 0.5]).type) == "float64"


@pytest.mark.parametrize("named", ["uint64", "datetime64[ns]", "timedelta64[Y]", "str"])
def test_a_type_is_read_back_from_its_name(named):
    assert str(KeyType.parse(named)) == named


@pytest.mark.parametrize("named", ["uint32", "datetime64", "int64[s]", "datetime64[]", "datetime64[eons]", "str]", ""])
def test_a_name_of_no_type_is_refused(named):
    with pytest.raises(InvalidInput):
        KeyType.parse(named)


@pytest.mark.parametrize("dtype", ["u8", "i8", "f8", "M8[s]", "m8[s]"])
def test_codes_are_not_in_memory_that_the_caller_may_write_to_while_a_filter_is_built(dtype):
    keys = np.arange(100, dtype=np.int64).astype(dtype)
    assert not np.shares_memory(encode_keys(keys).codes, keys)
