"""Columns of npz and Parquet."""

import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beforehand.core.errors import CorruptData, MissingDependency
from beforehand.workloads.reading import Reading, look, read_table

NAN = float("nan")
AT = 1_700_000_000_123_456_789


@pytest.mark.parametrize(
    ("column", "numbers"),
    [
        (pa.array([1, None], pa.int16()), [1, NAN]),
        (pa.array([2**63, 1], pa.uint64()), [2.0**63, 1]),
        (pa.array([1.5, NAN], pa.float32()), [1.5, NAN]),
        (pa.array([1.5, None]), [1.5, NAN]),
        (pa.array([True, None]), [1, NAN]),
        (pa.array(["1.5", " NA "]), [1.5, NAN]),
        (pa.array(["1.5", None], pa.large_string()), [1.5, NAN]),
        (pa.array(["2", "2"]).dictionary_encode(), [2, 2]),
        (pa.array(["1.25", None]).cast(pa.decimal128(9, 2)), [1.25, NAN]),
        (pa.array([None, None]), [NAN, NAN]),
    ],
)
def test_numbers_of_parquet_whatever_they_are_held_in(tmp_path, column, numbers):
    pq.write_table(pa.table({"size": column}), tmp_path / "t.parquet")
    table = read_table(tmp_path / "t.parquet", ["size"])
    np.testing.assert_array_equal(table.numbers("size"), numbers)
    np.testing.assert_array_equal(table.missing("size"), np.isnan(numbers))
    assert (table.where, table.lines.tolist()) == ("row", [1, 2])


@pytest.mark.parametrize(
    ("column", "seconds", "earliest"),
    [
        (pa.array([AT + 1, AT], pa.timestamp("ns")), [1e-9, 0], AT),
        (pa.array([AT, None, AT + 7], pa.timestamp("ns", "Asia/Tokyo")), [0, NAN, 7e-9], AT),
        (pa.array([5, 2], pa.timestamp("s")), [3, 0], 2 * 10**9),
        (pa.array([253402300799, 0], pa.timestamp("s")), [253402300799, 0], 0),
        (pa.array([2, 1], pa.date32()), [86400, 0], 86400 * 10**9),
        (pa.array([AT + 1, AT]), [1, 0], None),
        (pa.array([AT + 1, None, AT]), [1, NAN, 0], None),
        (pa.array([2**64 - 1, 2**64 - 3], pa.uint64()), [2, 0], None),
        (pa.array([2**63 - 1, -(2**63)]), [2.0**64, 0], None),
        (pa.array([1700000000.25, 1700000000.0]), [0.25, 0], None),
        (pa.array([1700000000.1, 1700000000.0]), [0.1, 0], None),
        (pa.array([f"{AT // 10**9}.000000001", f"{AT // 10**9}"]), [1e-9, 0], None),
    ],
)
def test_times_of_parquet_to_the_last_digit(tmp_path, column, seconds, earliest):
    pq.write_table(pa.table({"at": column}), tmp_path / "t.parquet")
    found, first = read_table(tmp_path / "t.parquet", ["at"]).times("at")
    np.testing.assert_array_equal(found, seconds)
    assert first == earliest


def test_times_without_a_zone_are_in_the_one_that_is_named(tmp_path):
    naive = pa.array(["2024-03-31 01:30:00", "2024-03-31 03:30:00"]).cast(pa.timestamp("us"))
    pq.write_table(pa.table({"at": naive}), tmp_path / "t.parquet")
    found, _ = read_table(tmp_path / "t.parquet", ["at"], Reading(time_zone="Europe/Berlin")).times("at")
    assert found.tolist() == [0, 3600]  # as the clock was put forward


def test_lengths_of_time_are_seconds(tmp_path):
    table = {"d": pa.array([1500, None], pa.duration("ms")), "t": pa.array([1, 2], pa.time32("s"))}
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet", ["d", "t"])
    np.testing.assert_array_equal(read.durations("d"), [1.5, NAN])
    assert read.durations("t").tolist() == [1, 2]
    with pytest.raises(CorruptData, match="in column d, row 1, which is not a number"):
        read.numbers("d")


def test_text_is_what_the_file_says(tmp_path):
    table = {
        "s": pa.array([" a", None]), "b": pa.array([b"\xff", b"c"]), "l": pa.array([[1], None]), "i": pa.array([1, 2]),
        "t": pa.array([0, None], pa.timestamp("s")), "f": pa.array([True, False]), "x": pa.array([0.1, 2.0]),
    }  # fmt: skip
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    read = read_table(tmp_path / "t.parquet", list(table))
    assert {name: read.text(name).tolist() for name in table} == {
        "s": ["a", ""], "b": ["\ufffd", "c"], "l": ["[1]", ""], "i": ["1", "2"], "t": ["1970-01-01T00:00:00.000", ""],
        "f": ["true", "false"], "x": ["0.1", "2.0"],
    }  # fmt: skip


def test_arrays_of_npz(tmp_path):
    at = np.array([AT, "NaT"], "M8[ns]")
    np.savez(
        tmp_path / "t.npz", a=[1, 2], u=["1.5", "NA"], s=np.array([b"2", b""]), at=at, d=np.array([90, 1], "m8[m]")
    )
    table = read_table(tmp_path / "t.npz", look(tmp_path / "t.npz").names)
    np.testing.assert_array_equal(table.numbers("u"), [1.5, NAN])
    np.testing.assert_array_equal(table.numbers("s"), [2, NAN])
    np.testing.assert_array_equal(table.durations("d"), [5400, 60])
    np.testing.assert_array_equal(table.times("at")[0], [0, NAN])
    assert (table.times("at")[1], table.where) == (AT, "row")


@pytest.mark.parametrize(
    ("unit", "seconds"), [("D", 86400), ("25s", 25), ("ns", 1e-9), ("25ns", 25e-9), ("ps", 1e-12), ("5us", 5e-6)]
)
def test_times_of_npz_in_any_unit(tmp_path, unit, seconds):
    np.savez(tmp_path / "t.npz", at=np.array([3000, 0], f"M8[{unit}]"), took=np.array([3000, 0], f"m8[{unit}]"))
    table = read_table(tmp_path / "t.npz", ["at", "took"])
    assert table.times("at")[0].tolist() == table.durations("took").tolist() == [pytest.approx(3000 * seconds), 0]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"size": np.ones((2, 2)), "a": [1, 2]}, r"'\[1.0, 1.0\]' in column size, row 1, which is not a number"),
        ({"size": np.array([{}], dtype=object)}, "allow_pickle"),
        ({"size": [1, 2], "a": [1]}, "unequal length"),
    ],
)
def test_arrays_that_are_no_columns_are_refused_when_asked_for(tmp_path, arrays, words):
    np.savez(tmp_path / "t.npz", **arrays)
    with pytest.raises(CorruptData, match=words):
        read_table(tmp_path / "t.npz", list(arrays)).numbers("size")


@pytest.mark.parametrize("head", [b"PAR1", b"PK\x03\x04"])
def test_a_file_that_was_cut_off_is_named(tmp_path, head):
    (tmp_path / "t").write_bytes(head + b"\0" * 99)
    with pytest.raises(CorruptData, match=r"cannot be read: .*check that it is whole"):
        look(tmp_path / "t")


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    pq.write_table(pa.table({"size": [1]}), tmp_path / "t.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingDependency, match="is Parquet, which needs pyarrow"):
        look(tmp_path / "t.parquet")
