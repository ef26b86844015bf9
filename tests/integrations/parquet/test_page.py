"""The page of bytes: its header table, its reader, and the golden index that every later release must read."""

import re
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beforehand.integrations.parquet import RangeIndex
from beforehand.integrations.parquet.bounds import Range
from beforehand.integrations.parquet.groups import Groups
from beforehand.integrations.parquet.layout import unpacked
from beforehand.ranges import load
from tests.test_reference import layout

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "tests" / "fixtures" / "range_index_1.bhri"
PAGE = (ROOT / "docs" / "reference" / "bytes" / "range_index.md").read_text(encoding="utf-8")
READER = next(block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "def read_index" in block)


@pytest.fixture(scope="module")
def read_index():
    names = {}
    exec(READER, names)
    return names["read_index"]


def test_the_header_is_the_table_on_the_page():
    [(form, fields)] = layout("range_index.md")
    data = GOLDEN.read_bytes()
    found = struct.unpack_from(form, data)
    assert struct.calcsize(form) == 24
    assert fields == ["magic", "version", "reserved", "length", "CRC", "reserved"]
    assert found[:3] == (b"\x89BHRI\r\n\x1a", 1, 0)
    assert data[24 : 24 + found[3]].endswith(b"]}]}")


def test_the_golden_index_is_the_one_on_the_page_and_is_read_for_ever():
    data = GOLDEN.read_bytes()
    assert "".join(re.findall(r'^    "([0-9a-f]+)"$', PAGE, re.MULTILINE)) == data.hex()
    description, begin = unpacked(data)
    assert [(file.path, file.rows) for file in description.files] == [("orders.parquet", (3, 2))]
    ids, prices = (Groups(column, memoryview(data)[begin:]) for column in description.columns)

    def kept(groups, *asked):
        return groups.may_hold(Range.read(groups.column.type, *asked)).tolist()

    assert [kept(ids, n, n) for n in range(4, 11)] == [[n in (5, 7, 9), False] for n in range(4, 11)]
    assert kept(prices, 1.5, 1.5) == [True, False]
    assert kept(prices, 2.0, None) == [True, False]  # of NaN
    assert kept(prices, 2.0, 3.0) == [False, False]


def test_the_reader_of_the_page_has_eighty_lines_at_most():
    assert len(READER.splitlines()) <= 80


def test_the_reader_of_the_page_reads_what_is_written_today(read_index, tmp_path):
    for name, first in (("a.parquet", 0), ("b.parquet", 1000)):
        column = pa.array([None if i % 5 == 0 else first + i for i in range(100)], pa.int64())
        pq.write_table(pa.table({"x": column, "s": [f"w{i}" for i in range(100)]}), tmp_path / name, row_group_size=40)
    place = RangeIndex.build(tmp_path, columns=["s", "x"]).save()
    rows = list(read_index(place.read_bytes()))
    assert [row[:4] for row in rows] == [
        (column, kind, file, group)
        for column, kind in (("s", "string"), ("x", "int64"))
        for file in ("a.parquet", "b.parquet")
        for group in range(3)
    ]
    assert [row[4] for row in rows] == [0] * 6 + [8, 8, 4] * 2
    *_, last = rows
    found = load(last[-1])
    assert found.may_intersect(1081, 1099)
    assert not found.may_intersect(0, 1000)
