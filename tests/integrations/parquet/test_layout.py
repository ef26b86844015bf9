import json
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand import _native
from beforehand.core.errors import CorruptData
from beforehand.integrations.parquet.column_type import ColumnType
from beforehand.integrations.parquet.layout import Column, Description, Group, IndexedFile, after, packed, unpacked

FILTERS = b"filter of 19 bytes!" + bytes(5) + b"another one" + bytes(5)
GROUPS = (Group(0, False, 0, 19), Group(3, True, 24, 0), Group(1, True, 24, 11))
FILES = (
    IndexedFile("a.parquet", 1234, 0xFEDCBA98, (10, 3), 2**60, 0x12345678),
    IndexedFile("b/ü.parquet", 99, 0, (5,), 0, 0),
)
DESCRIPTION = Description(True, FILES, (Column("x.y", ColumnType.parse("double"), GROUPS),))
DATA = b"".join(packed(DESCRIPTION, FILTERS))
JSON = json.loads(DATA[24 : 24 + int.from_bytes(DATA[12:16], "little")])


def framed(description, filters=FILTERS, version=1):
    """An index with this JSON, whose checksum is right."""
    text = description if isinstance(description, bytes) else json.dumps(description).encode()
    head = struct.pack("<8sHHI", b"\x89BHRI\r\n\x1a", version, 0, len(text))
    crc = _native.crc32c(np.frombuffer(head + text, np.uint8))
    return head + struct.pack("<II", crc, 0) + text + bytes(-(24 + len(text)) % 8) + filters


def changed(**fields):
    return {**JSON, **fields}


def with_file(**fields):
    return changed(files=[{**JSON["files"][0], **fields}, JSON["files"][1]])


def with_column(**fields):
    return changed(columns=[{**JSON["columns"][0], **fields}])


def with_group(*numbers):
    return with_column(groups=[list(numbers), *JSON["columns"][0]["groups"][1:]])


def test_what_is_written_is_read():
    description, begin = unpacked(memoryview(DATA))
    assert description == DESCRIPTION
    assert DATA[begin:] == FILTERS
    assert begin % 8 == 0
    assert unpacked(framed(JSON))[0] == DESCRIPTION
    assert [after(length) for length in (0, 1, 8, 9)] == [0, 8, 8, 16]


@pytest.mark.parametrize("length", range(len(DATA)))
def test_no_beginning_of_an_index_is_one(length):
    with pytest.raises(CorruptData):
        unpacked(DATA[:length])


def test_something_behind_it_is_noticed():
    with pytest.raises(CorruptData, match="its filters need 40 bytes, but 48 are there"):
        unpacked(DATA + bytes(8))


@pytest.mark.parametrize("place", range(len(DATA) - len(FILTERS)))
def test_no_bit_before_the_filters_can_change(place):
    for bit in (1, 128):
        damaged = bytearray(DATA)
        damaged[place] ^= bit
        with pytest.raises(CorruptData):
            unpacked(damaged)


def test_a_later_version_says_which_release_reads_it():
    with pytest.raises(CorruptData, match="has version 2, but this release reads version 1; take a newer one"):
        unpacked(framed(JSON, version=2))
    with pytest.raises(CorruptData, match="damaged in its first 24 bytes"):
        unpacked(framed(JSON, version=0))


@pytest.mark.parametrize(
    ("described", "words"),
    [
        (b"{", "description of the index is damaged"),
        (b"\xff", "description of the index is damaged"),
        (b"[" * 100_000, "description of the index is damaged"),
        ([], "it should have the fields directory, files, columns and no others"),
        ({**JSON, "more": 1}, "it should have the fields"),
        (changed(directory=1), "directory of it is no bool"),
        (changed(files={}), "files of it is no list"),
        (
            with_file(path="/etc/a.parquet"),
            r"files\[0\] has the path '/etc/a.parquet', which does not stay in the folder",
        ),
        (with_file(path="b/../../a.parquet"), "does not stay in the folder"),
        (with_file(path=""), "does not stay in the folder"),
        (with_file(path="..\\a"), "does not stay in the folder"),
        (with_file(path="a\0b"), "does not stay in the folder"),
        (with_file(path="b/ü.parquet"), "a file stands there twice"),
        (with_file(bytes=-1), r"files\[0\]\.bytes has -1, which is no number from 0"),
        (with_file(bytes=True), r"bytes of files\[0\] is no int"),
        (with_file(footer=2**32), "footer has 4294967296"),
        (with_file(written=-1), r"files\[0\]\.written has -1"),
        (with_file(values=2**32), "values has 4294967296"),
        (with_file(rows=[10, 3, 1]), r"columns\[0\] has 3 row groups, but the files have 4"),
        (with_file(rows=[10, "3"]), "rows has 3, which is no number"),
        (with_file(rows=[10, 2]), "has 3 nulls of 2 rows"),
        (changed(columns=[]), "it has no column, or one twice"),
        (changed(columns=JSON["columns"] * 2), "its filters need|it has no column, or one twice|bytes at 0"),
        (with_column(type="list<item: int64>"), r"columns\[0\] is of type list<item: int64>, but an index holds"),
        (with_group(0, 0, 0), "has not four numbers"),
        (with_group(0, 2, 0, 19), "NaN 2"),
        (with_group(11, 0, 0, 19), "has 11 nulls of 10 rows"),
        (with_group(10, 0, 0, 19), "has 10 nulls of 10 rows, NaN 0, and 19 bytes at 0"),
        (with_group(0, 0, 8, 19), "19 bytes at 8"),
        (with_group(0, 0, 0, 2**62), "bytes at 24|filters need"),
        (with_group(0, 0, 0, 1.0), r"has 1\.0, which is no number"),
    ],
)
def test_a_description_that_contradicts_itself_or_the_bytes_is_refused(described, words):
    with pytest.raises(CorruptData, match=words):
        unpacked(framed(described))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda each: (
            st.lists(each)
            | st.dictionaries(st.sampled_from(["files", "columns", "directory", "path", "groups", "rows"]), each)
        ),
    )
)
def test_no_json_at_all_does_anything_but_be_refused(described):
    with pytest.raises(CorruptData):
        unpacked(framed(described))


@given(st.data())
def test_any_part_of_a_description_can_be_anything(data):
    """One value somewhere in the description becomes another."""
    described = json.loads(json.dumps(JSON))
    node, path = described, []
    while isinstance(node, dict | list) and node:
        keys = sorted(node) if isinstance(node, dict) else range(len(node))
        path.append((node, data.draw(st.sampled_from(list(keys)))))
        node = path[-1][0][path[-1][1]]
        if data.draw(st.booleans()):
            break
    holder, key = path[-1]
    holder[key] = data.draw(st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.just([]) | st.just({}))
    try:
        found, _ = unpacked(framed(described))
    except CorruptData:
        return
    assert [len(column.groups) for column in found.columns] == [sum(len(file.rows) for file in found.files)] * len(
        found.columns
    )
