import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beforehand.cli.app import run
from beforehand.integrations.parquet import RangeIndex
from beforehand.ranges import ranges_trace

DAY = dt.date(2024, 1, 1)
N = 1000


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    order = [i * 37 % N for i in range(N)]
    table = pa.table(
        {
            "id": [each * 10**12 for each in order],
            "price": [Decimal(each) / 4 for each in order],
            "day": [DAY + dt.timedelta(days=each) for each in order],
            "name": [f"n{each:04d}" for each in order],
            "part": [{"size": each / 8} for each in order],
        }
    )
    pq.write_table(table, "a.parquet", row_group_size=100)
    return tmp_path


def shown(capsys, *words):
    assert run(["ranges", *words]) == 0, capsys.readouterr().err
    return capsys.readouterr().out


def index(capsys, *more):
    columns = [word for name in ("id", "price", "day", "name", "part.size") for word in ("--column", name)]
    return shown(capsys, "index", "a.parquet", *columns, "--bits-per-key", "20", *more)


def test_an_index_is_built_and_says_what_it_is(here, capsys):
    text = index(capsys)
    assert "1 file in" in text
    assert "10 row groups, 1,000 rows" in text
    assert "column part.size, double: 10 filters" in text
    assert text.endswith(f"wrote {here}/_a.parquet.bhri\n")
    assert RangeIndex.load("a.parquet").columns == ("id", "price", "day", "name", "part.size")


@pytest.mark.parametrize("engine", ["pyarrow", "duckdb", "polars"])
@pytest.mark.parametrize(
    ("column", "lo", "hi", "names"),
    [
        ("id", "499999999999999", "500000000000001", ["n0500"]),
        ("price", "10", "10.3", ["n0040", "n0041"]),
        ("day", "2024-02-01", "2024-02-02", ["n0031", "n0032"]),
        ("name", "n0998", "zz", ["n0998", "n0999"]),
        ("part.size", "-5", "0.2", ["n0000", "n0001"]),
    ],
)
def test_rows_in_a_range_are_shown_by_every_engine(here, capsys, engine, column, lo, hi, names):
    index(capsys)
    words = ["query", "a.parquet", "--column", column, "--between", lo, hi, "--engine", engine]
    table = shown(capsys, *words, "--columns", "name")
    assert sorted(table.split()[1:]) == names
    assert shown(capsys, *words, "--count") == f"{len(names)}\n"


def test_more_rows_than_wanted_are_counted(here, capsys):
    index(capsys)
    text = shown(capsys, "query", "a.parquet", "--column", "id", "--between", "0", "9" * 15, "--limit", "2")
    assert text.endswith("2 of 1000 rows; --limit shows more\n")
    assert len(text.splitlines()) == 4


def test_explain_says_what_is_not_read(here, capsys):
    index(capsys)
    words = ["query", "a.parquet", "--column", "id", "--explain", "--between"]
    text = shown(capsys, *words, "499999999999999", "500000000000001")
    assert text.splitlines()[1].split()[:3] == ["a.parquet", "5", "10"]
    assert "1 of 10 row groups are kept, 9 left out; " in text
    assert shown(capsys, *words, str(10**17), str(10**17 + 1)).startswith("0 of 10 row groups are kept, 10 left out")


def test_a_folder_and_several_files_are_indexed_by_as_many_processes_as_wanted(here, capsys):
    (here / "data").mkdir()
    for name in ("x", "y"):
        (here / "data" / f"{name}.parquet").write_bytes((here / "a.parquet").read_bytes())
    alone = shown(capsys, "index", "data", "--column", "id", "--output", "data/_1.bhri")
    spread = shown(capsys, "index", "data", "--column", "id", "--output", "data/_2.bhri", "--jobs", "2")
    assert (here / "data/_1.bhri").read_bytes() == (here / "data/_2.bhri").read_bytes()
    assert alone.splitlines()[:-1] == spread.splitlines()[:-1]
    shown(capsys, "index", "data/x.parquet", "data/y.parquet", "--column", "id")
    assert shown(capsys, "query", "data", "--column", "id", "--between", "0", "0", "--count") == "2\n"


def test_real_queries_design_the_filters_of_a_single_column(here, capsys):
    lo = np.arange(10**12 // 2, 10**15, 10**12)
    ranges_trace(lo, lo + 10).save("trace.npz")
    shown(capsys, "index", "a.parquet", "--column", "id", "--queries", "trace.npz", "--filter", "locality-hash")
    assert run(["ranges", "index", "a.parquet", "--column", "id", "--column", "day", "--queries", "trace.npz"]) == 2
    assert "--queries is of one column, but --column names id, day" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["query", "a.parquet", "--column", "id", "--between", "a", "5"], "'a' is no bound for a column of int64"),
        (["query", "a.parquet", "--column", "id", "--between", "6", "5"], "lo is 6 and above hi, 5; swap them"),
        (["query", "a.parquet", "--column", "size", "--between", "6", "5"], "column 'size' is not indexed, only id"),
        (
            ["query", "a.parquet", "--column", "id", "--between", "1", "5", "--columns", "nothing"],
            "has no column 'nothing' to return; take some of id, price, day, name, part",
        ),
        (
            ["query", "a.parquet", "--column", "id", "--between", "1", "5", "--columns", "id,x", "--engine", "duckdb"],
            "has no column 'x' to return; take some of id, price, day, name, part",
        ),
        (["query", "b.parquet", "--column", "id", "--between", "1", "5"], "b.parquet does not exist; check the path"),
        (["index", "a.parquet", "--column", "nothing"], "a.parquet has no column 'nothing'"),
        (["index", "a.parquet", "--column", "nothing", "-o", "a.parquet"], "a.parquet exists and is no index"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(here, capsys, words, said):
    index(capsys)
    assert run(["ranges", *words]) == 2
    assert said in capsys.readouterr().err
