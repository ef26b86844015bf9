import enum

import numpy as np
import polars
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams import SpaceSaving
from beforehand.streams.keys import check_key_kind

GOLDEN = {"": 0xD4C1EAC9C7908BA7, "a": 0x649D3F46B3B996FF, "abc": 0x2887C210CCA88219}  # hash64, seed 0
TEXTS = ["x", None, "a", "a string of more than 12 bytes", "", "é", "𐍈", "x", "16 bytes exactly", "a\0b"]
STRINGS = [text for text in TEXTS if text is not None]
ARROW_TEXTS = [pa.string(), pa.large_string(), pa.string_view()]
ARROW_BYTES = [pa.binary(), pa.large_binary(), pa.binary_view()]


def keys(x, seed=0):
    return _native.Keys(x, seed)


def ids(x, seed=0):
    return keys(x, seed).ids().tolist()


def test_strings_are_known_by_the_same_hash_in_every_process():
    assert ids(list(GOLDEN)) == list(GOLDEN.values())
    assert ids("a", seed=1) == [0x25E6A8B2D55421F9]
    assert ids(b"a\0") == [0xB989C464FFCF1FD8]


def test_one_value_is_one_key_however_it_is_held():
    fives = [5, np.int64(5), np.uint8(5), np.array(5), [5], (5,), [np.int16(5)], np.array([5], ">i4"), pa.array([5])]
    assert [ids(five) for five in fives] == [[5]] * len(fives)
    texts = ["é", np.str_("é"), ["é"], ("é",), np.array(["é"]), np.array("é"), np.array(["é"], object), pa.array(["é"])]
    raw = ["é".encode(), np.bytes_("é".encode()), ["é".encode()], np.array(["é".encode()])]
    assert [ids(text) for text in texts + raw] == [ids("é")] * 12


def test_text_and_its_bytes_hash_alike_but_are_of_two_kinds():
    assert ids("a") == ids(b"a")
    assert (keys("a").kind, keys(b"a").kind) == ("str", "bytes")


@pytest.mark.parametrize("dtype", [f"{sign}{bits}" for sign in ("int", "uint") for bits in (8, 16, 32, 64)])
def test_integers_of_every_width_keep_their_value(dtype):
    info = np.iinfo(dtype)
    x = np.array([info.min, 0, 1, info.max], dtype)
    held = keys(x)
    assert held.kind == ("u64" if dtype[0] == "u" else "i64")
    assert held.ids().view(np.int64 if dtype[0] == "i" else np.uint64).tolist() == x.tolist()
    assert held.take(np.arange(4, dtype=np.uint64)).tolist() == x.tolist()
    assert ids(pa.array(x)) == ids(x.tolist()) == ids(x[::-1][::-1]) == ids(x.astype(x.dtype.newbyteorder(">")))


@pytest.mark.parametrize("form", [*ARROW_TEXTS, pa.dictionary(pa.int8(), pa.string()), list, np.str_, object])
def test_text_in_every_form_gives_the_same_ids_and_labels(form):
    if isinstance(form, pa.DataType):
        x = pa.array(TEXTS)
        x = x.dictionary_encode() if pa.types.is_dictionary(form) else x
        held = keys(x.cast(form))
    elif form is np.str_:
        held = keys(np.array(STRINGS))
    else:
        held = keys(TEXTS if form is list else np.array(TEXTS, object))
    assert held.kind == "str"
    assert len(held) - held.nulls == len(STRINGS)
    assert held.ids().tolist() == ids(STRINGS)
    present = np.flatnonzero([text is not None for text in TEXTS] if held.nulls else np.ones(len(STRINGS)))
    assert held.take(present.astype(np.uint64)) == STRINGS


@pytest.mark.parametrize("form", [*ARROW_BYTES, pa.dictionary(pa.uint16(), pa.binary()), list, object])
def test_bytes_in_every_form_give_the_ids_of_their_text(form):
    raw = [None if text is None else text.encode() for text in TEXTS]
    if isinstance(form, pa.DataType):
        x = pa.array(raw)
        held = keys((x.dictionary_encode() if pa.types.is_dictionary(form) else x).cast(form))
    else:
        held = keys(raw if form is list else np.array(raw, object))
    assert held.kind == "bytes"
    assert held.ids().tolist() == ids(STRINGS)
    assert held.take(np.array([3], np.uint64)) == [b"a string of more than 12 bytes"]


def test_series_of_polars_are_read_without_a_copy_in_between():
    for texts in (
        polars.Series(TEXTS),
        polars.Series(TEXTS, dtype=polars.Categorical),
        polars.DataFrame({"key": TEXTS}),
    ):
        assert (keys(texts).kind, keys(texts).nulls, ids(texts)) == ("str", 1, ids(STRINGS))
    assert ids(polars.Series([5, None, -1])) == [5, 2**64 - 1]
    assert keys(polars.Series([5], dtype=polars.UInt8)).kind == "u64"
    assert ids(polars.Series([b"a", b"b"])[1:]) == ids(b"b")


def test_numpy_drops_zeros_at_the_end_of_its_strings_and_arrow_does_not():
    assert ids(np.array([b"a\0", b"ab"])) == ids([b"a", b"ab"])
    assert ids(pa.array([b"a\0", b"ab"], pa.binary(2))) == ids([b"a\0", b"ab"])


@given(
    st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=20), max_size=40),
    st.integers(0, 12),
    st.integers(0, 40),
    st.sampled_from([*ARROW_TEXTS, *ARROW_BYTES, pa.dictionary(pa.int32(), pa.string())]),
)
def test_slices_and_chunks_of_arrow_data_are_read_where_they_lie(texts, start, length, form):
    whole = pa.array(texts, pa.string())
    whole = whole.dictionary_encode() if pa.types.is_dictionary(form) else whole.cast(form)
    expected = texts[start : start + length]
    some = [text for text in expected if text is not None]
    for x in (
        whole.slice(start, length),
        pa.chunked_array([whole.slice(start, length)[:2], whole.slice(start, length)[2:]], whole.type),
        pa.table({"key": whole}).slice(start, length),
    ):
        held = keys(x)
        assert (len(held), held.nulls) == (len(expected), len(expected) - len(some))
        assert held.ids().tolist() == ids(some)


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=30), st.integers(0, 9))
def test_integers_from_arrow_and_lists_skip_nulls(values, start):
    some = [value for value in values[start:] if value is not None]
    for x in (values[start:], pa.array(values, pa.int64()).slice(start)):
        held = keys(x)
        assert held.nulls == len(values[start:]) - len(some)
        assert held.ids().view(np.int64).tolist() == some
    coded = keys(pa.array(values, pa.int64()).dictionary_encode().slice(start))
    assert coded.ids().view(np.int64).tolist() == some


def test_long_batches_are_read_block_by_block():
    x = np.arange(50_001) % 777
    absent = x % 5 == 0
    assert keys(pa.array(x, mask=absent)).ids().tolist() == x[~absent].tolist()
    pieces = pa.chunked_array([pa.array(x[i : i + 999], mask=absent[i : i + 999]) for i in range(0, x.size, 999)])
    assert keys(pieces).ids().tolist() == x[~absent].tolist()
    names = [f"name {i}" for i in x]
    assert ids(names) == ids(pa.array(names)) == ids(np.array(names, "S")) == ids(np.array(names))


def test_a_dictionary_longer_than_the_slice_is_hashed_row_by_row():
    coded = pa.array([f"name {i}" for i in range(1000)]).dictionary_encode()
    assert ids(coded.slice(998)) == ids(["name 998", "name 999"])


def test_no_keys_are_of_no_kind():
    for nothing in ([], (), np.array([]), np.array([], "U3"), pa.array([], pa.string()), pa.nulls(3), [None], None):
        held = keys(nothing)
        assert held.kind == "none"
        assert len(held) == held.nulls
        assert ids(nothing) == []


def test_scalars_are_told_from_batches_of_one():
    for one in (5, "a", b"a", None, np.int64(5), np.str_("a"), np.array(5), np.array("a")):
        assert keys(one).scalar
        assert not keys([one] if not isinstance(one, np.ndarray) else one.reshape(1)).scalar


def test_an_integer_beyond_int64_makes_a_batch_unsigned():
    assert keys([0, 2**63]).kind == keys(2**63).kind == "u64"
    assert keys([0, -(2**63)]).kind == keys(-1).kind == "i64"
    assert ids([2**64 - 1]) == [2**64 - 1]


def test_integers_with_and_without_sign_mix_below_2_to_the_63():
    for first, then, fits in (
        (np.uint64([5]), np.int64([5]), True),
        (np.uint64([2**63]), [7], True),
        (np.int64([-5]), np.uint64([2**63 - 1] * 3000), True),
        (np.uint64([5]), np.int64([5] * 3000 + [-1]), False),
        (np.int64([5]), [2**63], False),
        (np.uint64([5]), -1, False),
        (np.int64([5]), pa.array([2**63, None], pa.uint64()).dictionary_encode(), False),
        (np.int64([5]), pa.array([9, None], pa.uint64()).dictionary_encode(), True),
    ):
        summary = SpaceSaving(capacity=8)
        summary.update(first)
        if fits:
            summary.update(then)
            assert summary.key_kind == keys(first).kind
        else:
            with pytest.raises(InvalidInput, match=r"keys are .64 beyond 0..2\*\*63 - 1, but this one holds .64"):
                summary.update(then)
            assert summary.total == 1
    with pytest.raises(InvalidInput, match="keys are str, but this one holds i64; keep one for each kind of key"):
        summary.update("5")
    with pytest.raises(InvalidInput, match="keys contain 1 nulls, which no summary counts; drop them before you ask"):
        summary.estimate([5, None])


class Color(enum.IntEnum):
    RED = 7


def test_subclasses_count_as_what_they_extend():
    class Name(str):
        pass

    assert ids(Color.RED) == ids([Color.RED]) == [7]
    assert ids(Name("a")) == ids("a")


def test_numpy_strings_of_variable_width_come_in_with_their_nulls():
    assert ids(np.array(["a", "é"], np.dtypes.StringDType())) == ids(["a", "é"])
    held = keys(np.array(["a", None], np.dtypes.StringDType(na_object=None)))
    assert (held.nulls, held.ids().tolist()) == (1, ids("a"))


@pytest.mark.parametrize(
    ("what", "message"),
    [
        (1.0, "key is of type float, but a key is an integer, a str or bytes; round it, or view its bits as uint64"),
        (float("nan"), "key is of type float"),
        (True, "key is of type bool"),
        (np.True_, "keys have dtype bool"),
        (np.float32(1), "keys have dtype float32"),
        ([1, True], r"keys\[1\] is of type bool"),
        ([1.0], r"keys\[0\] is of type float"),
        (["a", np.nan], r"keys\[1\] is of type float"),
        ([np.True_], r"keys\[0\] is of type bool"),
        (["a", b"a"], r"keys mix str and bytes, which keys\[1\] is; convert all"),
        ([1, "a"], r"keys mix int and str, which keys\[1\] is"),
        ([[1]], r"keys\[0\] is of type list"),
        (np.zeros(2), "keys have dtype float64, but must be integers, str or bytes; round them"),
        (np.zeros((2, 2), int), r"keys have 2 dimensions, but must have one; ravel\(\) them"),
        (np.zeros(2, "M8[s]"), r"keys have dtype datetime64\[s\], but must be integers, str or bytes; view them as"),
        (np.ma.masked_array([1, 2], [0, 1]), r"keys are masked; pass keys.compressed\(\)"),
        ({1: 2}, "keys are of type dict"),
        ((i for i in "ab"), "keys are of type generator"),
        (bytearray(b"ab"), "key is of type bytearray"),
        (memoryview(b"ab"), "keys are of type memoryview"),
        (pa.scalar("ab"), "keys are of type StringScalar"),
        (2**64, "key is an integer that 64 bits cannot hold; pass it as text"),
        ([0, -(2**63) - 1], r"keys\[1\] is an integer that 64 bits cannot hold"),
        ([-1, 2**63], r"keys hold negative integers beside some beyond 2\*\*63 - 1"),
        ("\ud800", "key has a surrogate without its other half"),
        (["a", "\udfff"], r"keys\[1\] has a surrogate without its other half"),
        (np.array(["ab", "a\ud800"]), "keys contain code point 55296 at row 1, which is no character"),
        (pa.array([1.5]), 'keys are Arrow data of format "g", but must be integers, strings or binary; cast them'),
        (pa.array([True]), 'keys are Arrow data of format "b"'),
        (pa.array([[1]]), r'keys are Arrow data of format "\+l"'),
        (pa.table({"a": [1], "b": [2]}), "keys are a table of 2 columns, but must be one column; select it"),
        (pa.array([{"a": 1}, None]), "keys are structs of which some are null"),
    ],
)
def test_what_is_no_key_is_refused(what, message):
    with pytest.raises(InvalidInput, match=message):
        keys(what)


def test_an_arrow_stream_that_breaks_says_why():
    def batches():
        yield pa.record_batch({"key": ["a"]})
        raise OSError("the disk is gone")

    reader = pa.RecordBatchReader.from_batches(pa.schema({"key": pa.string()}), batches())
    with pytest.raises(InvalidInput, match=r"keys cannot be read from their Arrow stream: .*the disk is gone"):
        keys(reader)

    def broken():
        yield pa.record_batch({"key": ["a"]})
        raise ValueError("no more")  # with a traceback, from pyarrow

    reader = pa.RecordBatchReader.from_batches(pa.schema({"key": pa.string()}), broken())
    with pytest.raises(InvalidInput, match=r"Arrow stream: .*no more") as raised:
        keys(reader)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("interface", ["__arrow_c_array__", "__arrow_c_stream__"])
def test_arrow_data_is_taken_once(interface):
    handed = getattr(pa.array(["a", "b"]) if "array" in interface else pa.chunked_array([["a", "b"]]), interface)()
    same = type("Same", (), {interface: lambda self, requested_schema=None: handed})()
    assert ids(same) == ids(["a", "b"])
    if "array" in interface:
        with pytest.raises(InvalidInput, match="keys are Arrow data that was taken before; hand out a new capsule"):
            keys(same)
    else:  # it is at its end
        assert ids(same) == []


def test_an_array_is_taken_where_arrow_does_not_work():
    class Series:
        def __arrow_c_stream__(self, requested_schema=None):
            raise ImportError("pyarrow is not installed")

        def __array__(self, dtype=None, copy=None):
            return np.array([3, 4])

    class Broken:
        def __arrow_c_array__(self, requested_schema=None):
            raise ValueError("no such column")

    assert ids(Series()) == [3, 4]
    with pytest.raises(InvalidInput, match="keys cannot be read as Arrow data: no such column"):
        keys(Broken())


def test_a_list_that_its_own_elements_change_does_no_harm():
    class Shrinking:
        def __index__(self):
            del x[:]
            return 1

    x = [Shrinking(), *range(100)]
    with pytest.raises(InvalidInput, match="keys became shorter while they were read"):
        keys(x)
    texts = ["a", "b"]
    held = keys(texts)
    texts[:] = [1.0]
    assert held.take(np.array([0, 1], np.uint64)) == ["", ""]


def test_labels_that_are_no_utf8_show_their_bytes():
    data = pa.array([b"\xffa"], pa.binary())
    text = pa.Array.from_buffers(pa.string(), 1, data.buffers())
    assert keys(text).take(np.array([0], np.uint64)) == ["\\xffa"]
    assert ids(text) == ids(b"\xffa")


def test_kinds_of_keys_have_names():
    for key in ("auto", "u64", "i64", "str", "bytes"):
        check_key_kind(key)
    with pytest.raises(InvalidInput, match="key is 'int', but must be one of auto, u64, i64, str, bytes"):
        check_key_kind("int")
