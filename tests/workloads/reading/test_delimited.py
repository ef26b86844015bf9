"""csv in all its dialects, by pyarrow and by the standard library."""

import csv
import io

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput
from beforehand.workloads.reading import Reading, delimited, read_table
from beforehand.workloads.reading.sources import BEGINNING
from tests.workloads.reading.dialects import READ, REFUSED
from tests.workloads.reading.engines import ENGINES, use


def written(folder, dialect):
    path = folder / "t.csv"
    path.write_bytes(dialect.bytes)
    return path


@pytest.mark.parametrize("name", READ)
def test_a_dialect_is_read_with_the_lines_of_the_file(tmp_path, engine, name):
    dialect = READ[name]
    table = read_table(written(tmp_path, dialect), list(dialect.names.values()), dialect.reading)
    assert table.numbers(dialect.names["size"]).tolist() == list(dialect.sizes)
    assert table.numbers(dialect.names["arrival"]).tolist() == list(dialect.arrivals)
    assert (table.where, table.lines.tolist(), len(table)) == ("line", list(dialect.lines), len(dialect.lines))


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_with_the_reason_and_the_line(tmp_path, engine, name):
    dialect, words = REFUSED[name]
    with pytest.raises(CorruptData) as caught:
        read_table(written(tmp_path, dialect), ["size", "arrival"], dialect.reading).numbers("size")
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "t.csv"))


@pytest.mark.parametrize("name", ["commas", "semicolons", "tabs", "CRLF", "CR", "lines in quotes", "no header"])
def test_pyarrow_reads_what_is_plain(tmp_path, monkeypatch, name):
    use("pyarrow", monkeypatch)
    monkeypatch.setattr(delimited, "read", lambda *_: pytest.fail("the standard library was asked"))
    dialect = READ[name]
    table = read_table(written(tmp_path, dialect), list(dialect.names.values()), dialect.reading)
    assert table.numbers(dialect.names["size"]).tolist() == list(dialect.sizes)


def test_a_small_file_does_not_wait_for_pyarrow(tmp_path):
    table = read_table(written(tmp_path, READ["commas"]), ["size"])
    assert isinstance(table._columns["size"], list)


def test_two_columns_of_the_name_that_is_asked_for_are_refused(tmp_path):
    path = written(tmp_path, READ["two other columns of one name"])
    with pytest.raises(InvalidInput, match="has 2 columns 'x', but must have one"):
        read_table(path, ["x"])


def test_a_cell_may_be_longer_than_csv_allows_and_its_limit_stays(tmp_path, engine):
    limit = csv.field_size_limit()
    (tmp_path / "t.csv").write_text(f"text,size\n{'a' * 300_000},1\n{'b' * 3_000_000},2\n")
    assert read_table(tmp_path / "t.csv", ["size"]).numbers("size").tolist() == [1, 2]
    assert csv.field_size_limit() == limit


def test_a_line_end_that_is_cut_by_a_block_counts_once(tmp_path, engine):
    line = "0,1\r\n"
    rows = (1 << 20) // len(line)
    for before in range(len(line)):
        (tmp_path / "t.csv").write_bytes((f"{'x' * before}arrival,size\r\n" + line * (rows + 3)).encode())
        table = read_table(tmp_path / "t.csv", ["size"])
        assert table.lines.tolist() == list(range(2, rows + 5))


def test_blanks_before_a_quote_are_passed_over_also_where_a_block_ends(tmp_path, engine):
    for before in range(10):
        filled = "size,user\n" + "1,abc\n" * 10_000
        filled += "1" * (BEGINNING - before - 5 - len(filled)) + ",abc\n"
        (tmp_path / "t.csv").write_text(filled + '2,   "abc"\n')
        assert set(read_table(tmp_path / "t.csv", ["user"]).text("user")) == {"abc"}


@pytest.mark.parametrize("separator", [":", "§", "x"])
def test_excel_may_name_any_separator(tmp_path, engine, separator):
    path = tmp_path / "t.csv"
    path.write_text(f"sep={separator}\nsize{separator}user\n1{separator}2\n")
    assert read_table(path, ["size"]).numbers("size").tolist() == [1]
    path.write_text(f"sep={separator}\nsize{separator}user\n1{separator}2{separator}3\n")
    with pytest.raises(CorruptData, match=f"has 3 cells in line 3, but 2 .*quote a cell that holds a {separator},"):
        read_table(path, ["size"])


CELLS = st.text(st.sampled_from("ab,;\t \"'\r\n#-.019e\0é"), max_size=6)
SEPARATORS = st.sampled_from(",;\t")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=6), separator=SEPARATORS)
def test_whatever_csv_writes_comes_back(tmp_path, rows, separator):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerows([("size", "user"), *rows])
    (tmp_path / "t.csv").write_bytes(text.getvalue().encode())
    for way in ENGINES:
        with pytest.MonkeyPatch.context() as patch:
            use(way, patch)
            table = read_table(tmp_path / "t.csv", ["user", "size"], Reading(separator=separator))
            for place, name in enumerate(("size", "user")):
                expected = [row[place].strip() for row in rows]
                assert table.text(name).tolist() == np.array(expected, dtype=str).tolist()


LINES = st.lists(st.text(st.sampled_from('a1,"\n\r .-'), max_size=8), max_size=6)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(lines=LINES)
@example(lines=['1,"2', '3,"4'])
@example(lines=['1, "2,3"', "4,5"])
@example(lines=["1,2\r", "3,4"])
@example(lines=['1,2"', '"3",4'])
@example(lines=['  "1",  "a"'])
@example(lines=["nan(ind),a", "1,b"])
def test_both_ways_give_the_same_of_any_text(tmp_path, lines):
    (tmp_path / "t.csv").write_bytes("\n".join(["size,user", *lines]).encode())
    found = []
    for way in ENGINES:
        with pytest.MonkeyPatch.context() as patch:
            use(way, patch)
            found.append(outcome(tmp_path / "t.csv"))
    assert found[0] == found[1]


def outcome(path):
    results = []
    for method in ("text", "missing", "numbers", "durations", "times"):
        try:
            table = read_table(path, ["user", "size"], Reading(separator=","))
            value = getattr(table, method)("size")
            results.append((repr(value), repr(table.text("user")), table.lines.tolist()))
        except BeforehandError as error:
            results.append(str(error))
    return results
