import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from beforehand.core import Trace
from beforehand.core.errors import CorruptData
from tests.traces import traces

same_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@same_folder
@given(trace=traces(min_rows=1, wide=False, binary=False, nested=False))
def test_it_holds_the_values_of_numbers(tmp_path, trace):
    numbers = {name: column for name, column in trace.columns.items() if column.dtype.kind != "U"}
    trace = Trace("jobs", {"row": np.arange(len(trace)), **numbers})
    trace.save(tmp_path / "t.csv")
    again = Trace.load(tmp_path / "t.csv", kind="jobs")
    for name, column in trace.columns.items():
        np.testing.assert_array_equal(again[name], column)


def test_cells_become_the_narrowest_kind_that_holds_them_all(tmp_path):
    text = "id,n,big,x,flag,text,gone\n1_0,1,18446744073709551615,1.5,True,a,\n2,-2,0,,False,7,\n\n"
    (tmp_path / "t.csv").write_text(text, "utf-8-sig")
    trace = Trace.load(tmp_path / "t.csv", kind="jobs")
    found = {name: column.dtype.kind for name, column in trace.columns.items()}
    assert found == {"id": "U", "n": "i", "big": "u", "x": "f", "flag": "b", "text": "U", "gone": "U"}
    assert np.isnan(trace["x"][1])
    assert trace["big"].tolist() == [2**64 - 1, 0]


def test_text_comes_back_whatever_line_ends_it_holds(tmp_path):
    cells = ["a\rb", "c\r\nd", "e\nf", "\r", 'g",\r', "", " h "]
    trace = Trace("stream", {"key": cells, "row": np.arange(len(cells))})
    trace.save(tmp_path / "t.csv")
    assert Trace.load(tmp_path / "t.csv", kind="stream")["key"].tolist() == cells


def test_rows_end_in_a_line_feed(tmp_path):
    Trace("jobs", {"size": [1, 2]}).save(tmp_path / "t.csv")
    assert (tmp_path / "t.csv").read_bytes() == b"size\n1\n2\n"


@pytest.mark.parametrize(
    "cells",
    [
        ["18446744073709551616", "1"],
        ["-1", "9223372036854775808"],
        ["1700000000123456789", ""],
        ["-9007199254740993", "0.5"],
    ],
)
def test_integers_that_no_kind_holds_exactly_stay_text(tmp_path, cells):
    (tmp_path / "t.csv").write_text("\n".join(["id,x", *(f"{cell},1" for cell in cells)]))
    assert Trace.load(tmp_path / "t.csv", kind="jobs")["id"].tolist() == cells


def test_nanoseconds_since_1970_stay_integers(tmp_path):
    (tmp_path / "t.csv").write_text("at\n1700000000123456789\n1700000000123456790\n")
    at = Trace.load(tmp_path / "t.csv", kind="jobs")["at"]
    assert at.dtype == np.int64
    assert int(at[1] - at[0]) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "first line must give every column a name"),
        ("a,a\n1,2\n", "first line must give every column a name"),
        ("a,b\n1\n", "line 2 has 1 cells, but the first has 2"),
        ('a\n"1\n', "unexpected end"),
    ],
)
def test_texts_that_are_no_trace_say_where_and_why(tmp_path, text, words):
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(CorruptData, match=words):
        Trace.load(tmp_path / "t.csv", kind="jobs")
