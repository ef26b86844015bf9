import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings

from beforehand.core import Trace
from beforehand.core.errors import CorruptData
from tests.traces import traces

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@same_folder
@given(trace=traces())
def test_it_holds_everything(tmp_path, trace):
    trace.save(tmp_path / "t.parquet")
    assert Trace.load(tmp_path / "t.parquet").fingerprint == trace.fingerprint


def test_what_pyarrow_wrote_needs_only_a_kind(tmp_path):
    table = {
        "key": pa.array(["a", "b"]).dictionary_encode(),
        "x": pa.array([1.0, None]),
        "calls": pa.array([[{"s": 1}], [{"s": 2}, {"s": 3}]]),
    }
    pq.write_table(pa.table(table).slice(1), tmp_path / "t.parquet")
    trace = Trace.load(tmp_path / "t.parquet", kind="requests")
    assert trace["key"].tolist() == ["b"]
    assert np.isnan(trace["x"]).all()
    assert trace.children["calls"]["s"].tolist() == [2, 3]


def test_binary_columns_are_byte_strings_whatever_they_hold(tmp_path):
    keys = [b"\xff", b"a\0b", b""]
    pq.write_table(pa.table({"key": keys}), tmp_path / "t.parquet")
    trace = Trace.load(tmp_path / "t.parquet", kind="stream")
    assert trace["key"].tolist() == keys
    trace.save(tmp_path / "u.parquet")
    assert pq.read_table(tmp_path / "u.parquet")["key"].to_pylist() == keys


def test_a_nul_inside_a_string_does_not_end_it(tmp_path):
    trace = Trace("stream", {"key": ["a\0b", "a\0c", ""]}, children={"c": ([0, 1, 1, 1], {"tag": ["x\0y"]})})
    trace.save(tmp_path / "t.parquet")
    assert Trace.load(tmp_path / "t.parquet").fingerprint == trace.fingerprint


@pytest.mark.parametrize("column", [[1, None], ["a", None], [[1], None], [[1], [2]], [b"a", None]])
def test_columns_that_no_trace_can_hold_are_refused(tmp_path, column):
    pq.write_table(pa.table({"a": column}), tmp_path / "t.parquet")
    with pytest.raises(CorruptData, match=r"t\.parquet.* a "):
        Trace.load(tmp_path / "t.parquet", kind="jobs")
