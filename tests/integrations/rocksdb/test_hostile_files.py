"""Edges of keys and bounds, and files whose filters are damaged, missing, or of another kind."""

import itertools
import struct

import pytest

from beforehand.core.errors import InvalidInput
from beforehand.integrations.rocksdb import DB
from tests.integrations.rocksdb.conftest import counted

pytestmark = pytest.mark.rocksdb
EDGES = [b"", b"\0", b"\0\0", b"a", b"a\0", b"a\0\0", b"a\x01", b"b", b"\xff", b"\xff\xff", b"\xff" * 8, b"\xff" * 9]


def number(value):
    return value.to_bytes(8, "big")


def expected(rows, lo, hi):
    return sum(lo <= key < hi for key in rows)


@pytest.mark.parametrize("filter", ["proteus", "surf", "prefix-bloom", "locality-hash", "two-prefix-bloom"])
def test_every_pair_of_edges_counts_right_for_texts_of_every_length(opened, filter):
    db = opened(filter=filter, queries=([b"x"], [b"y"]))
    rows = [*EDGES, *(bytes([65 + size]) * size for size in range(1, 41)), b"a" * 5000, b"a" * 5000 + b"b"]
    for part in (rows[::2], rows[1::2]):
        db.write([("put", key, b"") for key in part])
        db.flush()
    bounds = [*EDGES, b"B", b"C" * 2 + b"\0", b"Z" * 50, b"a" * 4096, b"a" * 4097, b"a" * 5000 + b"\0"]
    pairs = list(itertools.product(bounds, bounds))
    lows, highs = [list(each) for each in zip(*pairs, strict=True)]
    counts = db.scan_many(lows, highs)
    assert [pair for pair, count in zip(pairs, counts, strict=True) if count != expected(rows, *pair)] == []
    for lo, hi in pairs[::3]:
        assert [key for key, _ in db.scan(lo, hi)] == sorted({key for key in rows if lo <= key < hi})


def test_every_pair_of_edges_counts_right_for_numbers(opened):
    db = opened(key_type="uint64", db_options={"disable_auto_compactions": "true"})
    rows = [number(each) for each in (0, 1, 255, 256, 1 << 56, (1 << 63) - 1, 1 << 63, (1 << 64) - 2, (1 << 64) - 1)]
    for key in rows:
        db.put(key, b"")
        db.flush()
    bounds = [*EDGES, *rows, *(key + b"\0" for key in rows), *(key[:4] for key in rows), number(254), b"\0" * 9]
    pairs = list(itertools.product(bounds, bounds))
    lows, highs = [list(each) for each in zip(*pairs, strict=True)]
    counts = db.scan_many(lows, highs)
    assert [pair for pair, count in zip(pairs, counts, strict=True) if count != expected(rows, *pair)] == []
    found = db.statistics()
    assert found.tables_checked - found.tables_skipped == counts.sum()  # each file has one key, which its bounds tell


def test_files_of_deletions_alone_hide_rows_below_them(opened):
    db = opened(key_type="uint64", db_options={"disable_auto_compactions": "true"})
    db.write([("put", number(each), b"v") for each in range(0, 1000, 10)])
    db.flush()
    db.delete_range(number(200), number(400))
    db.flush()
    db.write([("delete", number(each)) for each in range(600, 700, 10)])
    db.flush()
    found = {int.from_bytes(key, "big") for key, _ in db.scan(number(0), number(1000))}
    assert found == {each for each in range(0, 1000, 10) if not (200 <= each < 400 or 600 <= each < 700)}
    for lo in range(0, 1000, 10):
        assert len(list(db.scan(number(lo), number(lo + 1)))) == (lo in found)
        assert list(db.scan(number(lo + 1), number(lo + 10))) == []


def damaged(path, change):
    """Changes the filter inside the SST files of a database, and the checksum of the block that holds it."""
    changed = 0
    for file in path.glob("*.sst"):
        data = bytearray(file.read_bytes())
        at = data.find(b"\x89BHRF\r\n\x1a")
        if at >= 0:
            change(data, at)
            file.write_bytes(data)
            changed += 1
    assert changed > 0


def flip(data, at):
    data[at + 70] ^= 1


def newer(data, at):
    struct.pack_into("<H", data, at + 8, 2)


def another_kind(data, at):
    data[at + 11] = 2  # float64


@pytest.mark.parametrize("change", [flip, newer, another_kind])
def test_a_filter_that_is_damaged_newer_or_of_other_keys_is_not_used(opened, tmp_path, change):
    db = opened(key_type="uint64", table_options={"checksum": "kNoChecksum"})
    rows = [number(each << 20) for each in range(300)]
    db.write([("put", key, b"") for key in rows])
    db.flush()
    db.close()
    damaged(tmp_path / "db", change)
    db = opened(key_type="uint64", table_options={"checksum": "kNoChecksum"})
    with counted(db) as delta:
        assert db.scan_many(rows, [key + b"\0" for key in rows]).sum() == 300
        assert db.scan_many([key + b"\0" for key in rows[:-1]], rows[1:]).sum() == 0
    assert delta["tables_without_filter"] == delta["tables_checked"] == 599
    assert db.statistics().live_filters <= 1
    db.compact()
    with counted(db) as delta:
        assert db.scan_many(rows, [key + b"\0" for key in rows]).sum() == 300
    assert delta["tables_without_filter"] == 0


def test_files_that_close_and_open_again_are_searched_with_their_own_filters(opened):
    db = opened(key_type="uint64", db_options={"max_open_files": "13", "disable_auto_compactions": "true"})
    for file in range(40):
        db.write([("put", number((each << 30) + file), b"") for each in range(50)])
        db.flush()
    keys = [number((each << 30) + file) for file in range(40) for each in range(0, 50, 7)]
    for _ in range(3):
        assert (db.scan_many(keys, [key + b"\0" for key in keys]) == 1).all()
        assert (
            db.scan_many(
                [number((each << 30) + 99) for each in range(49)], [number((each + 1) << 30) for each in range(49)]
            ).sum()
            == 0
        )
    assert db.statistics().cache_misses > 40


def test_a_cache_of_one_byte_only_costs_time(opened):
    db = opened(key_type="uint64", filter_cache_bytes=1)
    for file in range(3):
        db.write([("put", number((each << 30) + file), b"") for each in range(500)])
        db.flush()
    lows = [number((each << 30) + 50) for each in range(400)]
    assert db.scan_many(lows, [low + b"\0" for low in lows]).sum() == 0
    found = db.statistics()
    assert (found.cache_hits, found.cache_misses) == (0, found.tables_checked)
    assert found.tables_skipped > 0


def test_filters_of_numbers_and_of_texts_can_serve_one_column_family(opened):
    db = opened(key_type="uint64", db_options={"disable_auto_compactions": "true"})
    rows = [number(each << 33) for each in range(400)]
    db.write([("put", key, b"") for key in rows[::2]])
    db.flush()
    db.close()
    db = opened(db_options={"disable_auto_compactions": "true"})
    db.write([("put", key, b"") for key in [*rows[1::2], b"text", b"longer text"]])
    db.flush()
    with counted(db) as delta:
        assert (db.scan_many(rows, [key + b"\0" for key in rows]) == 1).all()
        assert db.scan_many([key + b"\1" for key in rows[:-1]], [key + b"\2" for key in rows[:-1]]).sum() == 0
        assert list(db.scan(b"t", b"u")) == [(b"text", b"")]
    assert delta["tables_without_filter"] == 0
    assert delta["tables_skipped"] > 400


def test_a_name_of_a_folder_that_is_none_is_refused():
    for path in (b"bytes", "nul\0"):
        with pytest.raises(InvalidInput, match="must be the name of a folder"):
            DB.open(path)
