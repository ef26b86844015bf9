"""On a real local Spark, which needs Java; `make test-spark` runs these."""

import importlib

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from beforehand.core.errors import InvalidInput
from beforehand.integrations.spark import column_histogram, decode_column, encode_column
from beforehand.quantization import Histogram, encode

pytestmark = pytest.mark.spark

ROWS = 4_000
WIDE = np.random.default_rng(0).lognormal(size=(ROWS, 12)).astype(np.float32)


@pytest.fixture(scope="module")
def table(spark, tmp_path_factory):
    """Embeddings, numbers, and arrays of unequal length with nulls."""
    path = tmp_path_factory.mktemp("table") / "rows.parquet"
    ragged = [None if i % 50 == 0 else WIDE[i, : i % 7].tolist() + [None] * (i % 111 == 0) for i in range(ROWS)]
    columns = {
        "id": np.arange(ROWS),
        "wide": pa.FixedSizeListArray.from_arrays(pa.array(WIDE.reshape(-1)), 12),
        "number": WIDE[:, 0].astype(np.float64),
        "whole": (WIDE[:, 0] * 10).astype(np.int32),
        "ragged": pa.array(ragged, pa.list_(pa.float32())),
        "name": pa.array([f"row {i}" for i in range(ROWS)]),
    }
    parquet.write_table(pa.table(columns), path, row_group_size=900)
    return spark.read.parquet(str(path))


@pytest.mark.parametrize(
    ("column", "values"), [("wide", WIDE), ("number", WIDE[:, 0]), ("whole", (WIDE[:, 0] * 10) // 1)]
)
def test_the_histogram_has_the_same_bytes_for_every_partitioning(table, column, values):
    seen = column_histogram(table, column)
    assert (seen.rows, seen.nulls) == (ROWS, 0)
    data = seen.histogram.to_bytes()
    for other in (table.repartition(5), table.repartition(13, "name"), table.orderBy("name").coalesce(1)):
        assert column_histogram(other, column).histogram.to_bytes() == data
    alone = Histogram(center=seen.histogram.center, scale=seen.histogram.scale)
    alone.update(values)
    assert alone.to_bytes() == data
    assert seen.histogram.levels(16, certify=True).gap < 0.05


def test_nulls_are_counted_and_refused_or_dropped(table):
    with pytest.raises(InvalidInput, match="column ragged has 116 nulls in 4000 rows"):
        column_histogram(table, "ragged")
    seen = column_histogram(table, "ragged", nulls="drop")
    assert (seen.rows, seen.nulls) == (ROWS, 116)


@pytest.mark.parametrize("objective", ["mse", "unbiased"])
def test_codes_are_those_of_this_process_and_rows_keep_their_order(table, objective):
    chosen = column_histogram(table, "wide").histogram.levels(16, objective=objective)
    options = {"seed": 7, "rows": "id"} if objective == "unbiased" else {}
    coded = encode_column(table, "wide", chosen, **options)
    rows = coded.collect()
    assert [row.id for row in rows] == list(range(ROWS))
    assert [row.name for row in rows[:3]] == ["row 0", "row 1", "row 2"]
    if objective == "mse":
        expected = encode(WIDE, chosen).indices()
    else:
        expected = np.stack([encode(row[None], chosen, seed=7, stream=i).indices()[0] for i, row in enumerate(WIDE)])
    packed = expected[:, ::2] | expected[:, 1::2] << 4
    assert [bytes(row.wide_codes) for row in rows] == [row.tobytes() + b"\4" for row in packed]
    other = encode_column(table.repartition(5), "wide", chosen, **options).orderBy("id").collect()
    assert [row.wide_codes for row in other] == [row.wide_codes for row in rows]
    back = decode_column(coded, "wide_codes", chosen, output="back").select("back").collect()
    assert np.array_equal(np.array([row.back for row in back], np.float32), chosen.values.astype(np.float32)[expected])


def test_numbers_and_arrays_with_nulls_go_there_and_back(table):
    chosen = column_histogram(table, "number").histogram.levels(300, objective="mse")
    coded = encode_column(encode_column(table, "number", chosen), "ragged", chosen, nulls="drop")
    back = decode_column(coded, "number_codes", chosen, dtype="float64")
    back = decode_column(back, "ragged_codes", chosen).collect()
    assert {row.number_codes for row in back} <= set(range(300))
    assert max(abs(row.number - row.number_codes_decoded) for row in back if row.number < 5) < 0.1
    for row in back:
        broken = row.ragged is None or None in row.ragged
        assert (row.ragged_codes is None) == (row.ragged_codes_decoded is None) == broken
        assert broken or len(row.ragged_codes_decoded) == len(row.ragged)


@pytest.mark.parametrize("name", ["a.b", "a`b", "a b", "Größe"])
def test_columns_may_have_any_name(spark, name):
    table = spark.range(16).selectExpr("id", "cast(id as double) x").toDF("row.number", name)
    chosen = column_histogram(table, name).histogram.levels(16, objective="unbiased")
    coded = encode_column(table, name, chosen, seed=1, rows="row.number", output="its.codes")
    back = decode_column(coded, "its.codes", chosen, output="back")
    assert back.columns == ["row.number", name, "its.codes", "back"]
    assert [tuple(row) for row in back.orderBy("back").collect()] == [(i, i, i, i) for i in range(16)]


def test_what_is_wrong_with_rows_is_said_inside_of_sparks_exception(table):
    chosen = column_histogram(table, "number").histogram.levels(4, objective="mse")
    codes = table.selectExpr("cast(id as short) codes")
    for made, message in (
        (encode_column(table, "ragged", chosen), "InvalidInput: column ragged has nulls in"),
        (decode_column(codes, "codes", chosen), "CorruptData: codes go up to"),
    ):
        with pytest.raises(importlib.import_module("pyspark.errors").PythonException, match=message):
            made.collect()


def test_a_table_without_rows_has_an_empty_histogram(table):
    seen = column_histogram(table.where("id < 0"), "wide")
    assert (seen.rows, seen.histogram.count) == (0, 0)


def test_what_is_wrong_is_said_before_anything_runs(table):
    chosen = Histogram.like([1.0, 2.0])
    chosen.update([1.0, 2.0, 5.0])
    chosen = chosen.levels(2)
    for act, message in (
        (lambda: column_histogram(table, "name"), "column name has type string"),
        (lambda: encode_column(table, "wide", chosen), "pass seed= and rows="),
        (lambda: encode_column(table, "wide", chosen, seed=1, rows="id", output="id"), "output is 'id'"),
        (lambda: decode_column(table, "codes", chosen), "there is no column 'codes'"),
    ):
        with pytest.raises(InvalidInput, match=message):
            act()
