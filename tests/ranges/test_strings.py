import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import InvalidInput
from beforehand.ranges.strings import MOST_WIDTH, as_strings, key_strings, key_strings_of, rows_of

TRICKY = st.lists(st.sampled_from([0, 1, 2, 127, 128, 254, 255]), max_size=5).map(bytes)


@given(st.lists(TRICKY, max_size=12))
def test_keys_are_distinct_codes_in_order_without_the_zeros_that_pad_them(rows):
    strings, width = key_strings(rows)
    assert width == max([len(row) for row in rows if row] or [1])
    padded = [strings[i].ljust(width, b"\0") for i in range(len(strings))]
    assert padded == sorted({row.ljust(width, b"\0") for row in rows})
    assert not any(strings[i].endswith(b"\0") for i in range(len(strings)))


def same(found, wanted):
    return found[1] == wanted[1] and all(
        np.array_equal(getattr(found[0], part), getattr(wanted[0], part)) for part in ("data", "offsets")
    )


@given(st.lists(TRICKY, min_size=1, max_size=12), st.integers(0, 3))
def test_keys_in_an_array_of_bytes_are_those_of_a_list(rows, spare):
    array = np.array(rows, f"S{max(map(len, rows)) + spare or 1}")
    assert same(key_strings_of(array), key_strings(array.tolist()))
    assert same(key_strings_of(array[::-1]), key_strings(array.tolist()))


@given(st.lists(st.text("\0az\x7f", max_size=4), min_size=1, max_size=12), st.sampled_from("<>"))
def test_keys_in_an_array_of_ascii_are_those_of_a_list(rows, order):
    array = np.array(rows, f"{order}U{max(map(len, rows)) or 1}")
    assert same(key_strings_of(array), key_strings([row.encode() for row in array.tolist()]))


def test_arrays_that_need_an_object_for_each_key_are_left_to_lists():
    long = np.array([b"x" * (MOST_WIDTH + 1)])
    for array in (np.array(["é"]), np.array([b"a"], object), long, np.array([], "S3"), np.empty(2, "V4")):
        assert key_strings_of(array) is None


def test_keys_keep_nothing_of_the_array_that_they_came_in():
    array = np.array([b"aa", b"ab", b"ac"])
    strings, _ = key_strings_of(array)
    array[:] = b"zz"
    assert strings.data.tobytes() == b"aaabac"


def test_keys_longer_than_a_code_are_cut():
    strings, width = key_strings([b"x" * 5000, b"x" * 4096, b"a"])
    assert width == MOST_WIDTH
    assert [len(strings[i]) for i in range(len(strings))] == [1, 4096]


def test_strings_give_back_their_rows():
    rows = [b"", b"ab", b"\0", b"c"]
    strings = as_strings(rows)
    assert [strings[i] for i in range(len(strings))] == rows
    assert strings.lengths.tolist() == [0, 2, 1, 1]


def test_text_becomes_utf8_in_every_form_that_numpy_has():
    for text in (np.array(["é", "z"]), np.array(["é", "z"], object), np.array(["é", "z"], np.dtypes.StringDType())):
        assert rows_of(text, text=True, name="keys").tolist() == [b"\xc3\xa9", b"z"]


def test_half_a_surrogate_pair_and_another_type_are_named():
    with pytest.raises(InvalidInput, match="surrogate"):
        rows_of(np.array(["\ud800"], object), text=True, name="keys")
    with pytest.raises(InvalidInput, match=r"keys\[1\] is 3, but must be bytes"):
        rows_of(np.array([b"a", 3], object), text=False, name="keys")
