import contextlib
import json
import sys
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from traces import traces

from beforehand.core import Trace
from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput, MissingDependency

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def example():
    return Trace(
        "requests",
        {"arrival": np.array([0.5, 1.5], dtype=np.float32), "tenant": ["a", "é,\n"]},
        children={"calls": ([0, 0, 2], {"seconds": [1.0, np.nan], "tool": ["x", ""]})},
        meta={"hour": 7},
    )


@pytest.mark.parametrize("ending", ["npz", "parquet"])
@same_folder
@given(trace=traces())
def test_npz_and_parquet_hold_everything(tmp_path, ending, trace):
    trace.save(tmp_path / f"t.{ending}")
    assert Trace.load(tmp_path / f"t.{ending}").fingerprint == trace.fingerprint


@same_folder
@given(trace=traces(wide=False))
def test_jsonl_holds_everything_but_wide_columns(tmp_path, trace):
    trace.save(tmp_path / "t.jsonl")
    again = Trace.load(tmp_path / "t.jsonl")
    assert (again.kind, again.meta, list(again.columns)) == (trace.kind, trace.meta, list(trace.columns))
    for name, column in trace.columns.items():
        assert again[name].dtype == column.dtype
        np.testing.assert_array_equal(again[name], column)
    for name, child in trace.children.items():
        np.testing.assert_array_equal(again.children[name].offsets, child.offsets)
        for key, column in child.columns.items():
            np.testing.assert_array_equal(again.children[name][key], column)


@same_folder
@given(trace=traces(min_rows=1, wide=False, nested=False))
def test_csv_holds_the_values_of_numbers(tmp_path, trace):
    numbers = {name: column for name, column in trace.columns.items() if column.dtype.kind != "U"}
    trace = Trace("jobs", {"row": np.arange(len(trace)), **numbers})
    trace.save(tmp_path / "t.csv")
    again = Trace.load(tmp_path / "t.csv", kind="jobs")
    for name, column in trace.columns.items():
        np.testing.assert_array_equal(again[name], column)


def test_csv_cells_become_the_narrowest_kind_that_holds_them_all(tmp_path):
    text = "id,n,big,x,flag,text,gone\n1_0,1,18446744073709551615,1.5,True,a,\n2,-2,0,,False,7,\n\n"
    (tmp_path / "t.csv").write_text(text, "utf-8-sig")
    trace = Trace.load(tmp_path / "t.csv", kind="jobs")
    found = {name: column.dtype.kind for name, column in trace.columns.items()}
    assert found == {"id": "U", "n": "i", "big": "u", "x": "f", "flag": "b", "text": "U", "gone": "U"}
    assert np.isnan(trace["x"][1])
    assert trace["big"].tolist() == [2**64 - 1, 0]


def test_foreign_jsonl_nests_children_and_reads_null_as_nan(tmp_path):
    rows = [{"a": 1, "x": None, "calls": []}, {"a": 2, "x": 1, "calls": [{"s": 0.5}, {"s": 1}]}]
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    trace = Trace.load(tmp_path / "t.jsonl", kind="requests")
    assert trace["a"].dtype == np.int64
    np.testing.assert_array_equal(trace["x"], [np.nan, 1.0])
    assert trace.children["calls"].offsets.tolist() == [0, 0, 2]
    assert trace.children["calls"]["s"].tolist() == [0.5, 1.0]


def test_a_foreign_list_that_is_empty_in_every_row_is_left_out(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"a": 1, "calls": []}\n{"a": 2, "calls": []}\n')
    trace = Trace.load(tmp_path / "t.jsonl", kind="requests")
    assert (list(trace.columns), list(trace.children)) == (["a"], [])


def test_foreign_npz_and_parquet_need_only_a_kind(tmp_path):
    np.savez_compressed(tmp_path / "t.npz", key=np.arange(3), values=np.ones((3, 2)))
    table = {
        "key": pa.array(["a", "b"]).dictionary_encode(),
        "x": pa.array([1.0, None]),
        "calls": pa.array([[{"s": 1}], [{"s": 2}, {"s": 3}]]),
    }
    pq.write_table(pa.table(table).slice(1), tmp_path / "t.parquet")
    assert Trace.load(tmp_path / "t.npz", kind="vectors")["values"].shape == (3, 2)
    trace = Trace.load(tmp_path / "t.parquet", kind="requests")
    assert trace["key"].tolist() == ["b"]
    assert np.isnan(trace["x"]).all()
    assert trace.children["calls"]["s"].tolist() == [2, 3]


@pytest.mark.parametrize("column", [[1, None], ["a", None], [[1], None], [[1], [2]], [b"a"]])
def test_parquet_columns_that_no_trace_can_hold_are_refused(tmp_path, column):
    pq.write_table(pa.table({"a": column}), tmp_path / "t.parquet")
    with pytest.raises(CorruptData, match=r"t\.parquet.* a "):
        Trace.load(tmp_path / "t.parquet", kind="jobs")


def test_a_missing_kind_is_a_clear_error_and_another_one_too(tmp_path):
    trace = Trace("jobs", {"size": [1.0]})
    trace.save(tmp_path / "t.csv")
    trace.save(tmp_path / "t.npz")
    with pytest.raises(InvalidInput, match=r"t\.csv does not say what its rows are; pass kind="):
        Trace.load(tmp_path / "t.csv")
    with pytest.raises(InvalidInput, match=r"kind is 'stream', but .*t\.npz holds 'jobs'"):
        Trace.load(tmp_path / "t.npz", kind="stream")
    assert Trace.load(tmp_path / "t.csv", kind="jobs").kind == Trace.load(tmp_path / "t.npz", kind="jobs").kind


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("t.csv", "cannot hold the 2-D column values"),
        ("t.jsonl", "cannot hold the 2-D column values"),
        ("t.txt", "must end in one of .npz, .csv"),
        ("gone/t.npz", "cannot be written: No such file"),
    ],
)
def test_what_cannot_be_saved_is_refused_and_leaves_no_file(tmp_path, name, words):
    with pytest.raises(InvalidInput, match=words):
        Trace("vectors", {"values": np.ones((2, 2))}).save(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_csv_refuses_child_tables(tmp_path):
    with pytest.raises(InvalidInput, match="cannot hold the child table calls"):
        example().save(tmp_path / "t.csv")


@pytest.mark.parametrize(("name", "words"), [("gone.npz", "No such file"), ("t", "must end in one of")])
def test_a_file_that_cannot_be_read_is_named(tmp_path, name, words):
    with pytest.raises(InvalidInput, match=words) as caught:
        Trace.load(tmp_path / name)
    assert name in str(caught.value)


def test_without_pyarrow_parquet_says_how_to_get_it(tmp_path, monkeypatch):
    example().save(tmp_path / "t.parquet")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependency, match=r"pip install 'beforehand\[parquet\]'"):
        Trace.load(tmp_path / "t.parquet")
    with pytest.raises(ImportError, match="pyarrow"):
        example().save(tmp_path / "u.parquet")
    assert not (tmp_path / "u.parquet").exists()


@pytest.mark.parametrize("ending", ["npz", "parquet", "jsonl"])
def test_a_file_cut_anywhere_is_corrupt_or_still_a_trace(tmp_path, ending):
    path = tmp_path / f"t.{ending}"
    example().save(path)
    whole = path.read_bytes()
    for size in range(0, len(whole) - 1, max(1, len(whole) // 150)):
        path.write_bytes(whole[:size])
        with contextlib.suppress(CorruptData):
            Trace.load(path, kind="requests")


@pytest.mark.parametrize("ending", ["npz", "jsonl", "parquet"])
@same_folder
@given(place=st.integers(0, 10**6), noise=st.binary(min_size=1, max_size=8))
def test_a_file_with_foreign_bytes_is_refused_or_still_a_trace(tmp_path, ending, place, noise):
    path = tmp_path / f"t.{ending}"
    example().save(path)
    whole = bytearray(path.read_bytes())
    place %= len(whole)
    whole[place : place + len(noise)] = noise
    path.write_bytes(whole)
    with contextlib.suppress(BeforehandError):
        Trace.load(path, kind="requests")


@pytest.mark.parametrize("ending", ["npz", "parquet", "jsonl", "csv"])
@same_folder
@given(noise=st.binary(max_size=64))
def test_any_bytes_are_refused_or_read(tmp_path, ending, noise):
    (tmp_path / f"t.{ending}").write_bytes(noise)
    with contextlib.suppress(CorruptData):
        Trace.load(tmp_path / f"t.{ending}", kind="jobs")


class Bomb:
    def __reduce__(self):
        return (sys.exit, ("unpickled",))


def test_npz_never_unpickles(tmp_path):
    np.savez(tmp_path / "t.npz", a=np.array([Bomb()], dtype=object))
    with pytest.raises(CorruptData, match="allow_pickle=False"):
        Trace.load(tmp_path / "t.npz", kind="jobs")


def test_npz_that_claims_more_than_it_holds_is_corrupt(tmp_path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846976,), }"
    header += b" " * (117 - len(header)) + b"\n"
    with zipfile.ZipFile(tmp_path / "t.npz", "w") as archive:
        archive.writestr("a.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    with pytest.raises(CorruptData, match=r"t\.npz"):
        Trace.load(tmp_path / "t.npz", kind="jobs")


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("t.csv", "", "first line must give every column a name"),
        ("t.csv", "a,a\n1,2\n", "first line must give every column a name"),
        ("t.csv", "a,b\n1\n", "line 2 has 1 cells, but the first has 2"),
        ("t.csv", 'a\n"1\n', "unexpected end"),
        ("t.jsonl", "[1]\n", r"t\.jsonl"),
        ("t.jsonl", '{"a": 1}\n{"b": 2}\n', "record 2 is not an object with the fields a"),
        ("t.jsonl", '{"a": 1}\n{"a": "x"}\n', "column a mixes int, str"),
        ("t.jsonl", '{"a": 1.5}\n{"a": 99007199254740993}\n', "integers beyond"),
        ("t.jsonl", '{"a": 18446744073709551616}\n', r"t\.jsonl"),
        ("t.jsonl", "[" * 100_000, "recursion"),
        ("t.jsonl", '{"beforehand.trace": {"kind": "jobs", "meta": {}, "dtypes": {"a": "O"}}}\n', "must be O"),
    ],
)
def test_texts_that_are_no_trace_say_where_and_why(tmp_path, name, text, words):
    (tmp_path / name).write_text(text)
    with pytest.raises(CorruptData, match=words):
        Trace.load(tmp_path / name, kind="jobs")
