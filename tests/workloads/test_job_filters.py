import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.job_columns import Columns
from beforehand.workloads.job_filters import Filter
from beforehand.workloads.reading import read_table

TEXT = (
    "state,nodes,when,took,flag\n"
    "COMPLETED,1,2026-03-01T00:00:00,0:00:10,True\n"
    "FAILED,2.0,2026-03-02T00:00:00,0:01:00,False\n"
    "CANCELLED by 1000,,2026-03-03T00:00:00,,\n"
    ",10,Unknown,1-00:00:00,True\n"
)


@pytest.fixture
def columns(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text(TEXT)
    names = TEXT.partition("\n")[0].split(",")
    return Columns(str(path), [read_table(path, names)], {"tokens": np.array([5.0, 7.0, np.nan, 5.0])}, names)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("state=COMPLETED", [0]),
        ("state==COMPLETED", [0]),
        ("state = COMPLETED,FAILED", [0, 1]),
        ("state=CANCELLED by 1000", [2]),
        ("state!=COMPLETED", [1, 2, 3]),
        ("state=", [3]),
        ("state!=", [0, 1, 2]),
        ("nodes=2", [1]),
        ("nodes=1.0,10", [0, 3]),
        ("nodes<=2", [0, 1]),
        ("nodes>1", [1, 3]),
        ("took>=60", [1, 3]),
        ("when>=2026-03-02", [1, 2]),
        ("when<2026-03-01T01:00:00+01:00", []),
        ("when<=2026-03-01T01:00:00+01:00", [0]),
        ("flag=true", [0, 3]),
        ("tokens=5", [0, 3]),
        ("tokens!=5", [1, 2]),
        ("tokens=", [2]),
        ("tokens<6", [0, 3]),
    ],
)
def test_a_filter_keeps_the_rows_that_it_says(columns, text, rows):
    assert np.flatnonzero(Filter.parse(text).rows(columns, "UTC")).tolist() == rows


def test_a_time_without_a_zone_is_in_that_of_the_log(columns):
    assert np.flatnonzero(Filter.parse("when<2026-03-01T00:30").rows(columns, "Europe/Berlin")).tolist() == []
    assert np.flatnonzero(Filter.parse("when<2026-03-01T00:30").rows(columns, "America/New_York")).tolist() == [0]


@pytest.mark.parametrize("text", ["state", "=3", "", "state~x", 3])
def test_what_is_no_filter_is_refused_with_an_example(text):
    with pytest.raises(InvalidInput, match=r"where is .*, but must be a column, one of .*, such as state=COMPLETED"):
        Filter.parse(text)


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("color=red", InvalidInput, "no column 'color' among tokens, state, nodes"),
        ("state>B", InvalidInput, "> compares with a number, a date or a time; write state>10"),
        ("nodes>2026-03-01", InvalidInput, "nodes holds numbers and no times"),
        ("state>3", CorruptData, "'COMPLETED' in column state, line 2"),
    ],
)
def test_a_filter_that_does_not_fit_its_column_is_refused(columns, text, kind, words):
    with pytest.raises(kind, match=words):
        Filter.parse(text).rows(columns, "UTC")


def test_an_integer_that_floats_do_not_hold_is_only_equal_to_itself(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("id\n175928847299117063\n175928847299117064\n1e2\n")
    table = Columns(str(path), [read_table(path, ["id"])], {}, ["id"])
    assert Filter.parse("id=175928847299117063,100").rows(table, "UTC").tolist() == [True, False, True]
