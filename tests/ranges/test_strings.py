import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import InvalidInput
from beforehand.ranges.strings import MOST_WIDTH, as_strings, key_strings, rows_of

TRICKY = st.lists(st.sampled_from([0, 1, 2, 127, 128, 254, 255]), max_size=5).map(bytes)


@given(st.lists(TRICKY, max_size=12))
def test_keys_are_distinct_codes_in_order_without_the_zeros_that_pad_them(rows):
    strings, width = key_strings(rows)
    assert width == max([len(row) for row in rows if row] or [1])
    padded = [strings[i].ljust(width, b"\0") for i in range(len(strings))]
    assert padded == sorted({row.ljust(width, b"\0") for row in rows})
    assert not any(strings[i].endswith(b"\0") for i in range(len(strings)))


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
