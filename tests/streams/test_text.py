import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams.text import cut

PIECES = st.lists(
    st.sampled_from([b"a", b"bc", b"\n", b"\r\n", b"\r", b" ", b"\t", b"\xff", "é".encode()]), max_size=60
)


def ids(blocks, *, words=False):
    return [each for keys in cut(blocks, words=words) for each in _native.Keys(keys, 0).ids().tolist()]


def expected(keys):
    return _native.Keys(keys, 0).ids().tolist()


def lines_of(text):
    lines = text.split(b"\n")
    return [line.removesuffix(b"\r") for line in (lines if lines[-1] else lines[:-1])]


@given(PIECES, st.integers(1, 9))
def test_lines_and_words_are_those_of_python_whatever_the_blocks(pieces, size):
    text = b"".join(pieces)
    blocks = [text[i : i + size] for i in range(0, len(text), size)]
    assert ids(blocks) == expected(lines_of(text))
    assert ids(blocks, words=True) == expected(text.split())


def test_keys_outlive_their_splitter():
    first, second, last = cut([b"one two", b" three\nfour"], words=False)
    assert [len(keys) for keys in (first, second, last)] == [0, 1, 1]
    assert _native.Keys(second, 0).take(_native.Keys([0], 0).ids()) == ["one two three"]
    assert _native.Keys(last, 0).ids().tolist() == expected("four")


def test_text_is_of_kind_str_and_may_be_hashed_with_any_seed():
    (keys, _) = cut([b"a\n"])
    held = _native.Keys(keys, 1)
    assert (held.kind, held.ids().tolist()) == ("str", _native.Keys("a", 1).ids().tolist())


def test_a_line_without_an_end_is_refused():
    with pytest.raises(InvalidInput, match="the line at byte 2 is longer than 1048576 bytes, the longest that is read"):
        list(cut([b"a\n" + b"x" * (1 << 20), b"x"]))
