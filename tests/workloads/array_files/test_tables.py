"""Columns of lists in Parquet and Arrow, by every type that writers give them; nulls and ragged lists."""

import sys

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput, MissingDependency
from beforehand.workloads.array_files import read_arrays

X = np.random.default_rng(0).standard_normal((20, 4))


def column(type_, rows):
    return pa.array([None if row is None else list(row) for row in rows], type_)


def parquet(tmp_path, **columns):
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table(columns), path, row_group_size=7)
    return str(path)


def one(path, *names, **options):
    file = read_arrays(path, names, **options)
    (array,) = [array for array in file.arrays if array.name in file.chosen]
    return array.all()


LISTS = [
    pa.list_(pa.float32()), pa.large_list(pa.float64()), pa.list_(pa.float16()), pa.list_(pa.float32(), 4),
    pa.list_(pa.field("element", pa.float64(), nullable=False)),
]  # fmt: skip


@pytest.mark.parametrize("type_", LISTS, ids=str)
def test_lists_of_every_type_are_rows(tmp_path, type_):
    values = X.astype(type_.value_type.to_pandas_dtype())
    found = one(parquet(tmp_path, id=range(20), v=column(type_, values)))
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


@pytest.mark.parametrize("type_", [pa.list_view(pa.float32()), pa.large_list_view(pa.float64())], ids=str)
@pytest.mark.parametrize("stream", [False, True])
def test_views_are_read_from_arrow(tmp_path, type_, stream):
    table = pa.table({"v": column(type_, X)})
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(str(tmp_path / "t.arrow"), table.schema) as writer:
        writer.write_table(table, max_chunksize=6)
    np.testing.assert_array_equal(one(str(tmp_path / "t.arrow")), X.astype(type_.value_type.to_pandas_dtype()))


def test_tensors_and_nested_lists_keep_their_shape(tmp_path):
    cubes = X[:18].reshape(3, 2, 3, 4).astype("f4")
    tensor = pa.FixedShapeTensorArray.from_numpy_ndarray(cubes)
    np.testing.assert_array_equal(one(parquet(tmp_path, v=tensor)).reshape(cubes.shape), cubes)
    nested = pa.array(cubes.tolist(), pa.list_(pa.list_(pa.list_(pa.float32()))))
    np.testing.assert_array_equal(one(parquet(tmp_path, v=nested)), cubes)


def test_what_polars_writes_is_read(tmp_path):
    frame = pl.DataFrame({"v": X.astype("f4").tolist()}, schema={"v": pl.Array(pl.Float32, 4)})
    frame.write_parquet(tmp_path / "polars.parquet")
    frame.write_ipc(tmp_path / "polars.arrow")
    for name in ("polars.parquet", "polars.arrow"):
        np.testing.assert_array_equal(one(str(tmp_path / name)), X.astype("f4"))


def test_vectors_are_chosen_before_single_numbers_and_names_before_both(tmp_path):
    path = parquet(tmp_path, id=range(20), text=["a"] * 20, score=X[:, 0], v=column(pa.list_(pa.float64()), X))
    assert read_arrays(path).chosen == ["v"]
    assert read_arrays(path, ["s*", "id"]).chosen == ["score", "id"]
    np.testing.assert_array_equal(one(path, "score"), X[:, 0])
    with pytest.raises(InvalidInput, match=r"t\.parquet: it has no array of numbers 'text', but 'id', 'score', 'v'"):
        read_arrays(path, ["text"])
    assert read_arrays(parquet(tmp_path, a=X[:, 0], b=X[:, 1], text=["a"] * 20)).chosen == ["a", "b"]
    with pytest.raises(InvalidInput, match=r"no array of floats, but id \(int64, 1 axis\); choose by --name"):
        read_arrays(parquet(tmp_path, id=range(20), text=["a"] * 20))


def test_lists_of_unequal_length_are_refused_with_the_way_to_keep_them(tmp_path):
    ragged = pa.array([[1.0] * (row % 3) for row in range(20)])
    path = parquet(tmp_path, ragged=ragged, v=column(pa.list_(pa.float64()), X))
    with pytest.raises(InvalidInput, match=r"row 1 has one of 1; lists must .* --name, and this one is kept"):
        read_arrays(path)
    assert read_arrays(path, ["v"]).chosen == ["v"]


NULLS = {
    "rows": [None if row in (3, 11) else list(values) for row, values in enumerate(X)],
    "values": [[None, *values[1:]] if row in (3, 11) else list(values) for row, values in enumerate(X)],
}


@pytest.mark.parametrize("where", NULLS)
@pytest.mark.parametrize("type_", LISTS[:4], ids=str)
def test_nulls_are_counted_and_refused_or_dropped_with_their_rows(tmp_path, type_, where):
    path = parquet(tmp_path, id=range(20), v=pa.array(NULLS[where], type_))
    with pytest.raises(InvalidInput, match=r"column v has 2 rows with nulls, which are no numbers; pass --drop-nulls"):
        read_arrays(path)
    file = read_arrays(path, drop_nulls=True)
    kept = np.delete(np.arange(20), [3, 11])
    np.testing.assert_array_equal(file.arrays[0].all(), X[kept].astype(type_.value_type.to_pandas_dtype()))
    assert file.dropped == 2
    assert pq.read_table(pa.BufferReader(file.rest))["id"].to_pylist() == kept.tolist()


def test_nulls_in_other_columns_are_nobodys_business(tmp_path):
    path = parquet(tmp_path, id=[None] * 20, v=column(pa.list_(pa.float64()), X))
    assert pq.read_table(pa.BufferReader(read_arrays(path).rest))["id"].null_count == 20


@pytest.mark.parametrize("odd", [[], [1.0], [1.0] * 5])
def test_ragged_lists_are_refused_with_their_row(tmp_path, odd):
    rows = [odd if row == 13 else list(values) for row, values in enumerate(X)]
    with pytest.raises(InvalidInput, match=f"lists of 4 values, but row 13 has one of {len(odd)}; lists"):
        read_arrays(parquet(tmp_path, v=pa.array(rows, pa.list_(pa.float64()))))


def test_a_table_without_rows_and_one_with_empty_lists_have_no_values(tmp_path):
    assert one(parquet(tmp_path, v=pa.array([], pa.list_(pa.float64())))).size == 0
    assert one(parquet(tmp_path, v=pa.array([[], []], pa.list_(pa.float64())))).shape == (2, 0)


def test_other_columns_that_parquet_cannot_keep_are_named(tmp_path):
    odd = pa.array([(1, 2, 3), (4, 5, 6)], pa.month_day_nano_interval())
    table = pa.table({"v": column(pa.list_(pa.float32()), X[:2]), "odd": odd})
    with pa.ipc.new_file(str(tmp_path / "t.arrow"), table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(InvalidInput, match="its other columns cannot be kept as Parquet"):
        read_arrays(str(tmp_path / "t.arrow"))


def test_without_pyarrow_the_error_says_what_to_install(tmp_path, monkeypatch):
    path = parquet(tmp_path, v=X[:, 0])
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    with pytest.raises(MissingDependency, match=r"needs pyarrow; pip install 'beforehand\[parquet\]'"):
        read_arrays(path)


def test_columns_of_one_name_are_refused(tmp_path):
    pq.write_table(pa.table([pa.array(X[:, 0])] * 2, names=["a", "a"]), tmp_path / "t.parquet")
    with pytest.raises(InvalidInput, match="several columns of one name"):
        read_arrays(str(tmp_path / "t.parquet"))


@pytest.mark.parametrize("form", ["parquet", "arrow", "arrows"])
def test_a_cut_table_is_refused(tmp_path, form):
    table = pa.table({"v": column(pa.list_(pa.float64()), X)})
    path = tmp_path / f"t.{form}"
    if form == "parquet":
        pq.write_table(table, path)
    else:
        with (pa.ipc.new_file if form == "arrow" else pa.ipc.new_stream)(str(path), table.schema) as writer:
            writer.write_table(table)
    whole = path.read_bytes()
    for length in range(1, len(whole) - 20, 37):
        path.write_bytes(whole[:length])
        with pytest.raises(BeforehandError, match=str(path.name)) as error:
            read_arrays(str(path))
        assert error.type is CorruptData
