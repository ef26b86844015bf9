"""pyarrow, DuckDB and polars find the same in what is kept as in whole files."""

import datetime as dt

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from beforehand.integrations.parquet import RangeIndex, scan_parquet_ranges
from tests.integrations.parquet.every_type import COLUMNS, MEMBER, values_of, with_nulls

# What an engine cannot read from Arrow, or compare at all, whoever asks.
NOT_DUCKDB = {"halffloat", "decimal256(76, 20)"}
NOT_POLARS = {"decimal256(76, 20)"}
NOT_PYARROW = {"halffloat", "string_view", "binary_view"}


@pytest.fixture
def indexed(request, tmp_path):
    """The name of a column of some type, the column's own, the file that has it, and its index."""
    name = request.param
    path = tmp_path / "a.parquet"
    column = with_nulls(COLUMNS[name])
    pq.write_table(pa.table({"x": column, "row": np.arange(len(column))}), path, row_group_size=50)
    member = MEMBER.get(name, "x")
    index = RangeIndex.build(path, columns=[member])
    index.save()
    return name, member, path, index


def some_ranges(name):
    values = values_of(name)
    middle = len(values) // 2
    return [(values[middle], values[middle + 1]), (values[0], values[2]), (values[-2], values[-1])]


def indexes(names):
    return pytest.mark.parametrize("indexed", names, indirect=True)


@indexes([name for name in COLUMNS if name not in NOT_PYARROW])
def test_pyarrow(indexed):
    name, member, path, index = indexed
    field = pc.field(*member.split("."))
    for lo, hi in some_ranges(name):
        type_ = COLUMNS[name].field(0).type if name in MEMBER else COLUMNS[name].type
        plain = type_.value_type if pa.types.is_dictionary(type_) else type_
        if pa.types.is_date64(plain):
            plain = pa.date32()
        predicate = (field >= pa.scalar(lo, plain)) & (field <= pa.scalar(hi, plain))
        kept = index.dataset(member, lo, hi)
        assert kept.to_table(filter=predicate) == ds.dataset(path).to_table(filter=predicate)
        assert kept.to_table().num_rows < 400


@indexes([name for name in COLUMNS if name not in NOT_DUCKDB])
def test_duckdb(indexed):
    name, member, path, index = indexed
    connection = duckdb.connect()
    connection.register("whole", ds.dataset(path))
    column = f"{member}::time" if name == "time64[ns]" else member
    query = f"select row from {{}} where {column} >= ? and {column} <= ? order by row"
    for lo, hi in some_ranges(name):
        connection.register("kept", index.dataset(member, lo, hi))
        found = connection.execute(query.format("kept"), [lo, hi]).fetchall()
        assert found == connection.execute(query.format("whole"), [lo, hi]).fetchall()
        assert found


@indexes([name for name in COLUMNS if name not in NOT_POLARS])
def test_polars_with_a_plain_filter(indexed):
    name, _, path, index = indexed
    field = pl.col("x").struct.field("number") if name in MEMBER else pl.col("x")
    for lo, hi in some_ranges(name):
        try:
            expected = pl.scan_parquet(path).filter(field.is_between(lo, hi)).collect()
        except pl.exceptions.PolarsError:  # such bounds do not compare with such a column
            with pytest.raises(pl.exceptions.PolarsError):
                scan_parquet_ranges(index).filter(field.is_between(lo, hi)).collect()
            continue
        assert scan_parquet_ranges(path).filter(field.is_between(lo, hi)).collect().equals(expected)
        assert len(expected)


@indexes([name for name in COLUMNS if name not in NOT_PYARROW | NOT_POLARS])
def test_polars_over_the_dataset(indexed):
    name, member, path, index = indexed
    if name == "dictionary":
        return  # polars hands no comparison of categories to pyarrow
    field = pl.col("x").struct.field("number") if name in MEMBER else pl.col("x")
    for lo, hi in some_ranges(name):
        frames = []
        for dataset in (index.dataset(member, lo, hi), ds.dataset(path)):
            try:
                frames.append(pl.scan_pyarrow_dataset(dataset).filter(field.is_between(lo, hi)).collect())
            except pl.exceptions.PolarsError:
                frames.append(None)
        assert frames[0] is frames[1] is None or frames[0].equals(frames[1])


NARROW = pa.table({"x": pa.array(np.linspace(0, 1, 500), pa.float32()), "row": range(500)})


@pytest.mark.parametrize("bound", [0.1, 0.7, 0.3, 1 / 3])
def test_engines_that_round_a_bound_to_the_column_find_what_they_find_in_whole_files(tmp_path, bound):
    path = tmp_path / "a.parquet"
    near = np.float32(bound)
    column = pa.array([0.0] * 10 + [float(near)] * 10 + [float(np.nextafter(near, 9))] * 10, pa.float32())
    pq.write_table(pa.table({"x": column, "row": range(30)}), path, row_group_size=10)
    index = RangeIndex.build(path, columns=["x"], bits_per_key=64)
    for lo, hi in ((bound, bound), (bound, None), (None, bound)):
        kept = index.dataset("x", lo, hi)  # noqa: F841  DuckDB finds it by this name
        conditions = [f"x >= {lo}"] * (lo is not None) + [f"x <= {hi}"] * (hi is not None)
        query = f"select row from {{}} where {' and '.join(conditions)} order by row"
        assert duckdb.sql(query.format("kept")).fetchall() == duckdb.sql(query.format(f"'{path}'")).fetchall()
        predicate = (pl.lit(True) if lo is None else pl.col("x") >= lo) & (
            pl.lit(True) if hi is None else pl.col("x") <= hi
        )
        assert (
            scan_parquet_ranges(index)
            .filter(predicate)
            .collect()
            .equals(pl.scan_parquet(path).filter(predicate).collect())
        )


@pytest.mark.parametrize("lo", [dt.datetime(2024, 1, 1, 0, 0, 0, 500_001), dt.datetime(1960, 1, 1, 0, 0, 0, 500_001)])
def test_polars_cuts_points_in_time_off_and_still_finds_all(tmp_path, lo):
    path = tmp_path / "a.parquet"
    moment = pa.scalar(lo.replace(microsecond=500_000), pa.timestamp("ms"))
    pq.write_table(pa.table({"x": pa.array([moment] * 3)}), path)
    index = RangeIndex.build(path, columns=["x"])
    assert index.to_table("x", lo, None).num_rows == 0  # exactly
    for predicate in (pl.col("x") >= lo, pl.col("x") <= lo, pl.col("x") == lo, pl.col("x").is_between(lo, lo)):
        whole = pl.scan_parquet(path).filter(predicate).collect()
        assert scan_parquet_ranges(index).filter(predicate).collect().equals(whole)
        assert (
            pl.scan_pyarrow_dataset(index.dataset("x", lo, None))
            .filter(pl.col("x") >= lo)
            .collect()
            .equals(pl.scan_pyarrow_dataset(ds.dataset(path)).filter(pl.col("x") >= lo).collect())
        )


def test_nan_is_found_by_those_who_find_it_in_whole_files(tmp_path):
    path = tmp_path / "a.parquet"
    column = [float("nan")] * 10 + [1.0, float("nan")] * 5 + [2.0] * 10 + [float("inf"), -float("inf")] * 5
    pq.write_table(pa.table({"x": column, "row": range(40)}), path, row_group_size=10)
    index = RangeIndex.build(path, columns=["x"])
    x = pl.col("x")
    for predicate in (x >= 1.5, x > 3, x <= 1.5, x.is_between(1, 9), (x >= 1) & (x <= 1.5), (x > 9) | (x == 1), x == 2):
        assert (
            scan_parquet_ranges(index)
            .filter(predicate)
            .collect()
            .equals(pl.scan_parquet(path).filter(predicate).collect())
        )
    # DuckDB's own reader trusts the bounds of row groups, which say nothing of NaN, and loses rows.
    whole = ds.dataset(path)  # noqa: F841
    for lo, hi in ((1.5, None), (None, 1.5), (0, float("inf")), (1.0, 1.0)):
        kept = index.dataset("x", lo, hi)  # noqa: F841
        conditions = [f"x >= {lo}"] * (lo is not None) + [f"x <= '{hi}'::double"] * (hi is not None)
        query = f"select row from {{}} where {' and '.join(conditions)} order by row"
        assert duckdb.sql(query.format("kept")).fetchall() == duckdb.sql(query.format("whole")).fetchall()
