import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from beforehand.core import Trace
from beforehand.core.errors import CorruptData
from tests.traces import traces

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@same_folder
@given(trace=traces(wide=False, binary=False))
def test_it_holds_everything_but_wide_columns(tmp_path, trace):
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


def test_a_foreign_file_nests_children_and_reads_null_as_nan(tmp_path):
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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1]\n", r"t\.jsonl"),
        ('{"a": 1}\n{"b": 2}\n', "record 2 is not an object with the fields a"),
        ('{"a": 1}\n{"a": "x"}\n', "column a mixes int, str"),
        ('{"a": 1.5}\n{"a": 99007199254740993}\n', "integers beyond"),
        ('{"a": 18446744073709551616}\n', r"t\.jsonl"),
        ("[" * 100_000, "recursion"),
        ('{"beforehand.trace": {"kind": "jobs", "meta": {}, "dtypes": {"a": "O"}}}\n', "must be O"),
    ],
)
def test_texts_that_are_no_trace_say_where_and_why(tmp_path, text, words):
    (tmp_path / "t.jsonl").write_text(text)
    with pytest.raises(CorruptData, match=words):
        Trace.load(tmp_path / "t.jsonl", kind="jobs")
