import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beforehand.cli.app import run
from beforehand.ranges import ranges_trace

KEYS = np.arange(0, 10**6, 1001)
DAYS = np.datetime64("2024-01-01") + np.arange(0, 5000, 5)
TEXTS = {
    "days": "20{:02}-01-02",
    "zoned": "20{:02}-01-02T10:00:00+01:00",
    "clock": "12:{:02}:00",
    "prices": "{}.25",
}


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """A file with a column of each kind, and samples of queries."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    columns = {
        "id": KEYS,
        "coded": pa.array(KEYS).dictionary_encode(),
        "inner": [{"id": key} for key in KEYS.tolist()],
        "rate": pa.array([None, float("nan"), *(KEYS[2:] / 8).tolist()]),
        "day": DAYS,
        "moment": DAYS.astype("M8[us]"),
        "zoned": pa.array(DAYS.astype("M8[us]"), pa.timestamp("us", tz="UTC")),
        "clock": pa.array(np.arange(1000) * 10**6, pa.time64("us")),
        "price": pa.array(range(1000)).cast(pa.decimal128(21, 2)).cast(pa.decimal128(12, 2)),
        "flag": [True] * 1000,
    }
    pq.write_table(pa.table({name: column[:999] for name, column in columns.items()}), "a.parquet", row_group_size=300)
    ranges_trace(KEYS + 5, KEYS + 9).save("ids.npz")
    ranges_trace(KEYS / 8 + 0.01, KEYS / 8 + 0.02).save("rates.npz")
    (tmp_path / "mixed.csv").write_text("lo,hi\n2025-01-02,5\n")
    for name, pattern in TEXTS.items():
        texts = [pattern.format(each) for each in range(25, 35)]
        (tmp_path / f"{name}.csv").write_text("lo,hi\n" + "".join(f"{text},{text}\n" for text in texts))
    return tmp_path


def said(capsys, *words):
    """What a command prints."""
    assert run(["ranges", *words]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def planned(capsys, trace, column):
    return json.loads(said(capsys, "plan", trace, "--keys", "a.parquet", "--column", column, "--json"))


@pytest.mark.parametrize(
    ("column", "trace", "type_", "count"),
    [
        ("id", "ids.npz", "int64", 999),
        ("coded", "ids.npz", "int64", 999),
        ("inner.id", "ids.npz", "int64", 999),
        ("rate", "rates.npz", "float64", 997),
        ("day", "days.csv", "datetime64[D]", 999),
        ("moment", "days.csv", "datetime64[us]", 999),
        ("zoned", "zoned.csv", "datetime64[us]", 999),
        ("clock", "clock.csv", "timedelta64[us]", 999),
    ],
)
def test_plan_and_index_take_what_an_index_holds_and_text_for_times(capsys, column, trace, type_, count):
    plan = planned(capsys, trace, column)
    assert (plan["sample"]["keys"], plan["keys"]) == (type_, count)
    assert plan["asked"] == (1000 if trace.endswith("npz") else 10)
    assert "4 filters" in said(capsys, "index", "a.parquet", "--column", column, "--queries", trace)


def test_text_is_read_as_times_of_the_column_and_so_it_is_in_an_audit(capsys, here):
    keys = ("--keys", "a.parquet", "--column", "moment")
    said(capsys, "plan", "days.csv", *keys, "--json", "-o", "plan.json")
    assert run(["audit", "plan.json", "days.csv", *keys]) == 0
    capsys.readouterr()
    hits = DAYS[[100, 200, 300]].astype(str)
    (here / "hits.csv").write_text("lo,hi\n" + "".join(f"{day},{day}\n" for day in [*hits, "2024-01-02"]))
    assert planned(capsys, "hits.csv", "day")["empty"] == 1


def test_decimals_are_indexed_by_a_sample_but_not_planned_for(capsys):
    for text, shown in (("prices.csv", "4 filters"), ("ids.npz", "4 filters")):
        assert shown in said(capsys, "index", "a.parquet", "--column", "price", "--queries", text)
    assert run(["ranges", "plan", "prices.csv", "--keys", "a.parquet", "--column", "price"]) == 2
    assert "column price of a.parquet is decimal128(12, 2)" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("column", "trace", "words"),
    [
        ("id", "rates.npz", "lo is an array of float64, but the keys are int64"),
        (
            "id",
            "days.csv",
            "days.csv: row 0 of lo: '2025-01-02' is no bound for a column of int64; write a whole number",
        ),
        (
            "day",
            "ids.npz",
            "ids.npz has numbers for lo and hi, but the column holds date32[day]; write a date, such as",
        ),
        ("day", "mixed.csv", "mixed.csv: row 0 of hi: '5' is no bound for a column of date32[day]"),
        ("day", "clock.csv", "clock.csv: row 0 of lo: '12:25:00' is no bound for a column of date32[day]"),
        ("zoned", "days.csv", "'2025-01-02' is no bound for a column of timestamp[us, tz=UTC]"),
        ("rate", "days.csv", "'2025-01-02' is no bound for a column of double; write a number"),
        ("flag", "ids.npz", "column flag is of type bool, but an index holds integers"),
        ("inner", "ids.npz", "column inner is of type struct<id: int64>"),
        ("gone", "ids.npz", "has no column 'gone'; take one of id, coded"),
    ],
)
def test_plan_and_index_refuse_bounds_of_another_kind_alike(capsys, column, trace, words):
    for command in (
        ["plan", trace, "--keys", "a.parquet", "--column", column],
        ["index", "a.parquet", "--column", column, "--queries", trace],
    ):
        assert run(["ranges", *command]) == 2
        assert words in " ".join(capsys.readouterr().err.split())


def test_a_column_of_nulls_alone_refuses_bounds_of_another_kind_too(capsys, here):
    pq.write_table(pa.table({"id": pa.array([None] * 9, pa.int64())}), "none.parquet")
    assert run(["ranges", "index", "none.parquet", "--column", "id", "--queries", "rates.npz"]) == 2
    assert "queries['id']: lo is an array of float64, but the keys are int64" in capsys.readouterr().err


def test_text_in_a_file_that_is_no_utf_8_is_refused(capsys, here):
    broken = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")])
    pq.write_table(pa.table({"name": broken}), "text.parquet")
    ranges_trace(["a"], ["b"]).save("names.npz")
    assert run(["ranges", "plan", "names.npz", "--keys", "text.parquet", "--column", "name"]) == 2
    assert "column name of text.parquet holds text that is no UTF-8" in capsys.readouterr().err
