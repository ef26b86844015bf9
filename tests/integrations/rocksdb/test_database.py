"""A database from Python: rows, filters that skip files, column families, and what is refused."""

import gc
import threading

import numpy as np
import pytest

from beforehand.core.errors import Closed, InvalidInput, StorageError
from beforehand.integrations.rocksdb import DB, FilterOptions
from beforehand.ranges.recorder import QueryRecorder
from tests.integrations.rocksdb.conftest import SMALL, counted

pytestmark = pytest.mark.rocksdb


def number(value):
    return int(value).to_bytes(8, "big")


def filled(opened, spread=1 << 30, files=4, keys=2000, **options):
    """Files of evenly spread numbers, each over the whole range."""
    db = opened(key_type="uint64", db_options={"disable_auto_compactions": "true"}, **options)
    for file in range(files):
        db.write([("put", number((i * files + file) * spread), b"v") for i in range(keys)])
        db.flush()
    return db


def gaps(spread, count, files=4, keys=2000, seed=0):
    """Ranges of 16 numbers without keys, anywhere between them."""
    lo = np.random.default_rng(seed).integers(0, files * keys - 1, count) * spread + spread // 3
    return [number(each) for each in lo], [number(each + 16) for each in lo]


def test_rows_come_back_and_go_again(opened):
    db = opened()
    db.put(b"b", b"2")
    db.put(b"a", b"1")
    db.put(b"c", b"3")
    assert (db.get(b"a"), db.get(b"x")) == (b"1", None)
    db.flush()
    db.delete(b"a")
    assert list(db.scan()) == [(b"b", b"2"), (b"c", b"3")]
    assert list(db.scan(b"b", b"c")) == [(b"b", b"2")]
    assert list(db.scan(reverse=True, keys_only=True)) == [(b"c", b""), (b"b", b"")]
    db.delete_range(b"b", b"z")
    assert list(db.scan()) == []


def test_scans_that_find_nothing_read_no_file(opened):
    spread = 1 << 30
    db = filled(opened, spread, queries=None)
    db.scan_many(*gaps(spread, 500))  # what the filters are designed for
    db.compact()
    before = db.statistics()
    lo, hi = gaps(spread, 2000, seed=1)
    assert db.scan_many(lo, hi).tolist() == [0] * 2000
    after = db.statistics()
    checked = after.tables_checked - before.tables_checked
    assert checked > 0
    assert after.tables_skipped - before.tables_skipped > 0.98 * checked
    assert db.scan_many(lo, hi, use_filter=False).tolist() == [0] * 2000
    assert db.statistics().tables_checked == after.tables_checked


def test_the_sample_shapes_the_filters(opened):
    spread = 1 << 30
    rng = np.random.default_rng(5)
    lo = rng.integers(0, 7999, 1000).astype(np.uint64) * np.uint64(spread) + np.uint64(7)
    db = filled(opened, spread, queries=(lo, lo + np.uint64(8)))
    lo, hi = [number(each) for each in lo], [number(each + 9) for each in lo]
    assert db.scan_many(lo, hi).sum() == 0
    found = db.statistics()
    assert found.expected_false_positive_rate is not None
    assert found.observed_false_positive_rate < 0.02
    assert found.empty_checks == found.tables_checked == 4 * 1000
    assert (found.filters_built, found.keys_filtered, found.live_filters) == (4, 8000, 4)
    assert found.filter_bytes <= 4 * (2000 * 12 / 8 + 512)
    assert found.table_readers_bytes > found.filter_bytes


def test_statistics_say_in_words_what_they_hold_in_numbers(opened):
    db = filled(opened, files=2)
    db.scan_many(*gaps(1 << 30, 50, files=2))
    text = db.statistics().explain()
    assert "50 scans, 50 of them empty" in text
    assert "2 of 2 files have a filter" in text
    assert "filters were built" in text


def test_files_from_before_have_no_filter_until_they_are_compacted(opened):
    db = filled(opened, files=2, filter=None)
    db.close()
    db = opened(key_type="uint64")
    lo, hi = gaps(1 << 30, 100, files=2)
    with counted(db) as delta:
        assert db.scan_many(lo, hi).sum() == 0
    assert delta["tables_without_filter"] == delta["tables_checked"] > 0
    assert "compact()" in db.statistics().explain()
    db.compact()
    with counted(db) as delta:
        assert db.scan_many(lo, hi).sum() == 0
    assert delta["tables_without_filter"] == 0
    assert delta["tables_skipped"] > 0


def test_a_database_with_filters_opens_without_them(opened):
    db = filled(opened, files=2)
    db.close()
    db = opened(filter=None)
    lo, hi = gaps(1 << 30, 100, files=2)
    assert db.scan_many(lo, hi).sum() == 0
    assert db.statistics().tables_checked == 0


def test_scans_without_an_upper_bound_and_backward_ones_ask_no_filter_and_are_not_recorded(opened):
    recorder = QueryRecorder()
    db = filled(opened, files=2, recorder=recorder)
    for options in ({"lo": number(5)}, {"lo": number(5), "hi": number(9), "reverse": True}, {}):
        list(db.scan(**options, limit=3))
    assert (db.statistics().tables_checked, recorder.seen) == (0, 0)
    assert list(db.scan(number(5), number(9))) == []
    assert (db.statistics().tables_checked, recorder.seen) == (2, 1)


def test_forward_scans_are_recorded_as_closed_ranges_of_the_keys(opened):
    recorder = QueryRecorder()
    db = opened(key_type="uint64", recorder=recorder)
    list(db.scan(number(5), number(9)))
    list(db.scan(None, number(9)))
    list(db.scan(b"\x01", b"\x02"))
    db.scan_many([number(7), number(9)], [number(8), number(9)])  # the second is empty, and no query
    lo, hi = recorder.queries()
    assert list(zip(lo.tolist(), hi.tolist(), strict=True)) == [(0, 8), (5, 8), (7, 7), (1 << 56, (2 << 56) - 1)]
    texts = QueryRecorder()
    db = opened("texts", recorder=texts)
    list(db.scan(b"a", b"b"))
    list(db.scan(None, b"b"))
    assert [list(bounds) for bounds in texts.queries()] == [[b"", b"a"], [b"b", b"b"]]


@pytest.mark.parametrize("limit", [0, 1, 3, 5, 1000])
def test_a_limit_ends_a_scan(opened, limit):
    db = filled(opened, files=2, keys=5)
    rows = list(db.scan())
    assert len(rows) == 10
    assert list(db.scan(limit=limit)) == rows[:limit]
    assert list(db.scan(limit=limit, reverse=True)) == rows[::-1][:limit]


def test_column_families_have_filters_of_their_own(opened):
    options = {"numbers": FilterOptions(key_type="uint64"), "plain": FilterOptions(filter=None)}
    db = opened(column_families=options)
    for family in (*options, "default"):
        db.put(number(5), family.encode(), column_family=family)
        db.flush(column_family=family)
    for family in (*options, "default"):
        assert list(db.scan(number(5), number(6), column_family=family)) == [(number(5), family.encode())]
        assert list(db.scan(number(6), number(9), column_family=family)) == []
    assert db.statistics(column_family="plain").live_filters == 0
    assert db.statistics(column_family="numbers").live_filters == 1
    assert db.statistics().live_filters == 2
    db.close()
    db = opened()  # the families are known by the database, and take the options of `open`
    assert db.get(number(5), column_family="numbers") == b"numbers"
    with pytest.raises(InvalidInput, match="no column family others among default, numbers, plain"):
        db.get(b"", column_family="others")


def test_keys_that_are_no_numbers_make_a_file_unfilterable_and_lose_nothing(opened):
    db = opened(key_type="uint64")
    db.write([("put", number(5), b"1"), ("put", b"short", b"2")])
    db.flush()
    assert list(db.scan(b"s", b"t")) == [(b"short", b"2")]
    assert list(db.scan(number(5), number(6))) == [(number(5), b"1")]
    found = db.statistics()
    assert (found.unfilterable_files, found.live_filters, found.tables_without_filter) == (1, 0, 2)
    assert "could not be filtered" in found.explain()


@pytest.mark.parametrize("filter", ["proteus", "surf", "rosetta", "two-prefix-bloom", "prefix-bloom", "locality-hash"])
def test_every_filter_skips_files_and_loses_no_row(opened, filter):
    spread = 1 << 30
    lo, hi = gaps(spread, 500)
    sample = tuple(np.array([int.from_bytes(each, "big") for each in ends], np.uint64) for ends in (lo, hi))
    db = filled(opened, spread, filter=filter, queries=sample)
    keys = [number(i * spread) for i in range(0, 8000, 7)]
    assert db.scan_many(keys, [key + b"\0" for key in keys]).tolist() == [1] * len(keys)
    before = db.statistics()
    assert db.scan_many(lo, hi).sum() == 0
    after = db.statistics()
    assert (after.build_failures, after.live_filters, after.tables_without_filter) == (0, 4, 0)
    skipped = after.tables_skipped - before.tables_skipped
    assert skipped > 0.8 * 4 * 500


def test_scans_under_way_keep_their_snapshot_and_end_with_the_database(opened):
    db = filled(opened, files=1, keys=1000)
    rows = db.scan()
    first = next(rows)
    db.write([("put", number(1), b"new")])
    assert first == (number(0), b"v")
    assert next(rows) == (number(1 << 30), b"v")
    untouched = db.scan()
    db.close()
    db.close()
    for broken in (rows, untouched):
        with pytest.raises(Closed, match="open it again"):
            list(broken)
    for call in (lambda: db.put(b"", b""), lambda: db.get(b""), lambda: db.scan(), lambda: db.flush(), db.statistics):
        with pytest.raises(Closed):
            call()
    del rows, untouched
    gc.collect()


def test_a_database_that_is_closed_while_others_write_refuses_what_comes_then(opened):
    for attempt in range(20):
        db, ends = opened(f"db{attempt}"), []

        def work(db=db, ends=ends):
            try:
                while True:
                    db.write([("put", b"key", b"value")] * 50, wal=False)
            except Closed:
                ends.append(True)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        db.close()
        for thread in threads:
            thread.join()
        assert ends == [True, True]


def test_scans_outlive_the_object_of_the_database(opened, tmp_path):
    db = DB.open(tmp_path / "own")
    db.put(b"a", b"1")
    rows = db.scan()
    del db
    gc.collect()
    assert list(rows) == [(b"a", b"1")]


def test_eight_threads_scan_and_write_at_once(opened):
    db = opened(key_type="uint64", db_options=SMALL, filter_cache_bytes=1)
    wrong = []

    def work(worker):
        mine = [number(worker * 10**6 + i * 1000) for i in range(400)]
        for i, key in enumerate(mine):
            db.put(key, b"x" * 40)
            if i % 40 == 0:
                counts = db.scan_many(mine[: i + 1], [each + b"\0" for each in mine[: i + 1]])
                empty = db.scan_many([each + b"\0" for each in mine[:i]], mine[1 : i + 1])
                if counts.sum() != i + 1 or empty.sum() != 0 or len(list(db.scan(mine[0], key))) != i:
                    wrong.append((worker, i))

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert db.statistics().tables_skipped > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"filter": "bloom"}, "filter is 'bloom', but must be one of proteus"),
        ({"bits_per_key": 0.5}, "bits_per_key is 0.5, but must be a number from 1 to 1024"),
        ({"bits_per_key": float("nan")}, "bits_per_key is nan"),
        ({"key_type": "int64"}, "key_type is 'int64', but must be one of bytes, uint64"),
        ({"filter": "rosetta"}, "filters numbers only"),
        ({"db_options": {"comparator": "rocksdb.ReverseBytewiseComparator"}}, "the comparator is rocksdb.Reverse"),
        ({"db_options": {"no_such_option": "1"}}, "RocksDB takes no no_such_option=1"),
        ({"db_options": {"max_open_files": 5}}, "must map text to text"),
        ({"table_options": {"block_size": "blue"}}, "table_options: "),
        ({"db_options": {"min_tombstones_for_range_conversion": "8"}}, "must be 0 with filters"),
        ({"queries": ([1], [2])}, "keys are bytes"),
        ({"column_families": {"x": "proteus"}}, "must have FilterOptions"),
        ({"column_families": {5: FilterOptions()}}, "must have FilterOptions for each name"),
        ({"filter_cache_bytes": -1}, "filter_cache_bytes is -1"),
        ({"plan": "plan.json"}, r"plan is 'plan.json', but must be a plan; .*load_plan\(path\)"),
        ({"db_options": {"table_factory": "PlainTable"}}, "ask for a PlainTable, but filters need block"),
    ],
)
def test_options_that_cannot_be_are_refused(opened, options, message):
    with pytest.raises(InvalidInput, match=message):
        opened(**options)


def test_a_cache_as_large_as_can_be_holds_what_it_reads(opened):
    db = filled(opened, files=1, filter_cache_bytes=2**70)
    db.scan_many(*gaps(1 << 30, 10, files=1))
    assert (db.statistics().cache_misses, db.statistics().cache_hits) == (1, 9)


def test_options_of_tables_add_to_those_among_the_options_of_column_families(opened, tmp_path):
    written = {"block_based_table_factory": "{block_size=1234}"}
    opened(db_options=written, table_options={"block_restart_interval": "7"})
    (options,) = (tmp_path / "db").glob("OPTIONS-*")
    assert "block_size=1234" in options.read_text()
    assert "block_restart_interval=7" in options.read_text()


@pytest.mark.parametrize("filter", ["proteus", "surf", "two-prefix-bloom", "prefix-bloom", "locality-hash"])
def test_a_file_of_one_key_has_a_filter_too(opened, filter):
    db = opened(filter=filter, bits_per_key=1)
    db.put(b"only", b"1")
    db.flush()
    assert list(db.scan(b"a", b"z")) == [(b"only", b"1")]
    assert (db.statistics().live_filters, db.statistics().build_failures) == (1, 0)


def test_a_recorder_of_other_keys_is_refused(opened):
    recorder = QueryRecorder()
    recorder.record(5, 6)
    with pytest.raises(InvalidInput, match="has settled on int64"):
        opened(recorder=recorder)


def test_what_rocksdb_refuses_arrives_as_its_message(opened, tmp_path):
    opened()
    with pytest.raises(StorageError, match="lock"):
        opened()
    with pytest.raises(StorageError, match="does not exist"):
        opened("other", create_if_missing=False)
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(StorageError, match="file"):
        opened("file")
    with pytest.raises(StorageError, match="No such file"):
        opened("third").ingest([tmp_path / "nothing.sst"])


REFUSED = [
    ("put", "text", b""),
    ("put", b"", 5),
    ("get", bytearray(b"a")),
    ("scan", "a"),
    ("scan", b"a", 5),
    ("scan_many", [b"a"], []),
    ("scan_many", ["a"], ["b"]),
    ("delete_range", b"b", b"a"),
    ("write", [("merge", b"a", b"b")]),
    ("write", [("put", b"a")]),
    ("write", [("put", b"a", b"b", "default", "more")]),
    ("write", [b"put"]),
    ("write", [()]),
    ("write", [("put", b"1", b""), ("put", b"a", b"b", "nowhere")]),
]


@pytest.mark.parametrize("call", REFUSED, ids=lambda call: f"{call[0]} {call[1:]}")
def test_arguments_that_cannot_be_are_refused_and_nothing_is_written(opened, call):
    db = opened()
    with pytest.raises(InvalidInput):
        getattr(db, call[0])(*call[1:])
    assert list(db.scan()) == []


@pytest.mark.parametrize("limit", [-1, 1.5, True, "3"])
def test_a_limit_must_be_a_number_of_rows(opened, limit):
    with pytest.raises(InvalidInput, match="limit is"):
        opened().scan(limit=limit)


def test_statistics_of_no_column_family_are_refused(opened):
    with pytest.raises(InvalidInput, match="no column family nowhere"):
        opened().statistics(column_family="nowhere")


def test_files_of_others_are_ingested_and_searched_until_compacted(opened, tmp_path):
    other = opened("other", filter=None)
    rows = [(number(i << 20), b"v") for i in range(500)]
    other.write_sst(tmp_path / "rows.sst", rows)
    db = opened(key_type="uint64")
    db.ingest([tmp_path / "rows.sst"])
    with counted(db) as delta:
        assert list(db.scan(rows[3][0], rows[5][0])) == rows[3:5]
    assert delta["tables_without_filter"] == delta["tables_checked"] == 1
    db.write_sst(tmp_path / "more.sst", [(number((i << 20) + 5), b"w") for i in range(500)])
    db.ingest([tmp_path / "more.sst"])
    with counted(db) as delta:
        assert list(db.scan(number(17), number(23))) == []
    assert (delta["tables_without_filter"], delta["tables_skipped"]) == (1, 1)
    with pytest.raises(StorageError, match="order"):
        db.write_sst(tmp_path / "wrong.sst", rows[::-1])
