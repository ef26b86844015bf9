"""Cells as numbers, durations and times, by pyarrow and by the standard library."""

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from beforehand.core.errors import BeforehandError, CapacityExceeded, CorruptData
from beforehand.workloads.reading import Reading, Table, read_table, table
from tests.workloads.reading.engines import ENGINES, use

NAN = float("nan")
AT = 1_700_000_000_123_456_789


SEMICOLONS = Reading(separator=";")


def column(folder, cells, reading=SEMICOLONS):
    (folder / "t.csv").write_text("\n".join(["id;x", *(f"{row};{cell}" for row, cell in enumerate(cells))]) + "\n")
    return read_table(folder / "t.csv", ["x"], reading)


def test_missing_is_what_programs_write_for_it(tmp_path, engine):
    words = ["", " ", "NA", "n/a", "N/A", "null", "NULL", "None", "Unknown", "UNLIMITED", "nan", "NaN", "-", " na "]
    for more in ([], ["1"], ["1.5", "2"]):
        read = column(tmp_path, words + more)
        assert read.missing("x").tolist() == [True] * len(words) + [False] * len(more)
        for numbers in (read.numbers("x"), read.durations("x"), read.times("x")[0]):
            assert np.isnan(numbers).tolist() == [True] * len(words) + [False] * len(more)
    assert read.text("x").tolist() == [word.strip() for word in words + more]


@pytest.mark.parametrize(
    ("cell", "seconds"),
    [
        ("7", 7), ("1e3", 1000), ("2-01:24:56", 177_896), ("00:03:25", 205), ("03:25.5", 205.5), ("1-06", 108_000),
        ("1-06:30", 109_800), ("100:00:00", 360_000), ("2 days 01:24:56", 177_896), ("1 day, 2:03:04", 93_784),
        ("0 days 00:00:00.000350", 0.00035), ("1.5 h", 5400), ("250 ms", 0.25), ("250ms", 0.25), ("350us", 0.00035),
        ("350 µs", 0.00035), ("350μs", 0.00035), ("1h30m", 5400), ("1h 30m 5s", 5405), ("2 min, 3 sec", 123),
        ("1m2.5s", 62.5), ("3 hours", 10_800), ("5 ns", 5e-9), (".5 s", 0.5), ("2 d", 172_800),
    ],
)  # fmt: skip
def test_durations_are_seconds(tmp_path, engine, cell, seconds):
    assert column(tmp_path, [cell, "NA", cell]).durations("x").tolist()[::2] == [seconds, seconds]


@pytest.mark.parametrize("cell", ["soon", "5 parsecs", "1:2:3:4", "1.5 h ago", "-00:05", "5 M", "1.2.3 s"])
def test_what_is_no_duration_is_named(tmp_path, engine, cell):
    with pytest.raises(CorruptData, match=r"t\.csv has .* in column x, line 3, which is neither a number of seconds"):
        column(tmp_path, ["1", cell]).durations("x")


DATED = {
    "2023-11-14 22:13:20.123456789": AT,
    "2023-11-14T22:13:20.123456789Z": AT,
    "2023-11-15T00:13:20.123456789+02:00": AT,
    "2023-11-14 17:13:20,123456789 -0500": AT,
    "2023/11/14 22:13:20.1234567891": AT,
    "2023-11-14 22:13:20": AT - 123_456_789,
    "14/Nov/2023:22:13:20 +0000": AT - 123_456_789,
    "[14/Nov/2023:23:13:20.5 +0100]": AT - 123_456_789 + 500_000_000,
    "2023-11-14 22:13": AT - 20_123_456_789,
    "2023-11-14": AT - (22 * 3600 + 13 * 60 + 20) * 10**9 - 123_456_789,
}


@pytest.mark.parametrize("cell", list(DATED))
def test_dates_are_nanoseconds_since_1970(tmp_path, engine, cell):
    found, earliest = column(tmp_path, ["NA", cell, cell]).times("x")
    np.testing.assert_array_equal(found, [NAN, 0, 0])
    assert earliest == DATED[cell]


def test_all_ways_to_write_a_date_may_stand_in_one_column(tmp_path, engine):
    cells = list(DATED)
    found, earliest = column(tmp_path, cells).times("x")
    assert earliest == min(DATED[cell] for cell in cells)
    assert found.tolist() == [(DATED[cell] - earliest) / 10**9 for cell in cells]


def test_dates_far_away_are_exact_too(tmp_path, engine):
    found, earliest = column(tmp_path, ["1066-10-14 09:00:00.000000001", "9999-12-31"]).times("x")
    span = np.datetime64("9999-12-31", "s") - np.datetime64("1066-10-14T09:00:00", "s")
    assert found.tolist() == [0, span.astype(int)]
    assert earliest == int(np.datetime64("1066-10-14T09:00:00", "s").astype(int)) * 10**9 + 1


def test_a_date_without_a_zone_is_in_the_one_that_is_named(tmp_path, engine):
    reading = Reading(separator=";", time_zone="Europe/Berlin")
    found, earliest = column(tmp_path, ["2024-03-31 01:30:00", "2024-03-31 03:30:00+02:00"], reading).times("x")
    assert found.tolist() == [0, 3600]
    assert earliest == int(np.datetime64("2024-03-31T00:30", "ns").astype(int))


@pytest.mark.parametrize(
    ("cells", "seconds"),
    [
        ([str(AT), str(AT + 1), "NA"], [0, 1, NAN]),
        (["1700000000.123456789", "1700000000.123456790"], [0, 1e-9]),
        (["1700000000.1", "1700000000"], [0.1, 0]),
        (["1700000000.1", "NA", "1700000000.25"], [0, NAN, 0.15]),
        ([str(2**70), str(2**70 + 3)], [0, 3]),
        (["9223372036854775807", "-9223372036854775808"], [2.0**64, 0]),
        (["1e3", "1.5e3"], [0, 500]),
        (["00:00:10", "00:01:00.5"], [0, 50.5]),
        (["23:00:00", "11:00:00", "NA", "12:30:00"], [43200, 0, NAN, 5400]),  # out of order within a day
        (["30:00:00", "2:00:00"], [100800, 0]),  # not clocks of a day
        (["5", "inf"], [0, np.inf]),
        (["", "NA"], [NAN, NAN]),
        ([], []),
    ],
)
def test_numbers_and_clocks_are_times_to_the_last_digit(tmp_path, engine, cells, seconds):
    found, earliest = column(tmp_path, cells).times("x")
    np.testing.assert_array_equal(found, seconds)
    assert earliest is None


def test_a_decimal_comma_is_kept_to_the_last_digit(tmp_path, engine):
    found, _ = column(tmp_path, ["1700000000,123456789", "1700000000,1234567901"]).times("x")
    assert found.tolist() == [0, 1.1e-9]


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["1", "soon"], "'soon' in column x, line 3, which is neither a number nor a time such as"),
        (["23:59:58", "NA", "00:00:03"], "'00:00:03' in column x, line 4, which comes after a much later clock"),
        (["2024-05-10", "3"], "'3' in column x, line 3, which is not a time such as 2024-05-10 12:00:00.5"),
        (["2024-05-10", "2024-02-30"], "'2024-02-30' in column x, line 3, which is not a time"),
        (["14/Nov/2023:22:13:20 +0000", "14/Nob/2023:22:13:20 +0000"], "14/Nob/.* line 3, which is not a time"),
    ],
)
def test_what_is_no_time_is_named(tmp_path, engine, cells, words):
    with pytest.raises(CorruptData, match=words):
        column(tmp_path, cells).times("x")


def test_rows_can_be_taken_and_keep_their_lines(tmp_path, engine):
    (tmp_path / "t.csv").write_text('id,x\n1,"a\nb"\n\n2,c\n3,d\n')
    read = read_table(tmp_path / "t.csv", ["x", "id"])
    for rows, lines, ids in (
        ([2, 0], [6, 2], [3, 1]),
        ([1, 2], [5, 6], [2, 3]),
        (read.numbers("id") > 1, [5, 6], [2, 3]),
        ([], [], []),
    ):
        taken = read.take(rows)
        assert taken.lines.tolist() == lines
        assert taken.numbers("id").tolist() == ids
        assert len(taken.text("x")) == len(taken) == len(ids)


def test_text_of_one_cell_cannot_take_all_memory(monkeypatch):
    monkeypatch.setattr(table, "MOST_TEXT", 1000)
    read = Table("t.csv", {"x": ["a" * 100, "b", "c"]}, np.arange(1, 4))
    with pytest.raises(CapacityExceeded, match="a text of 100 characters in column x"):
        read.text("x")


def test_a_table_says_what_it_is():
    assert repr(Table("t.csv", {"x": [1], "y": [2]}, np.array([2]))) == "Table('t.csv', 1 rows of x, y)"


CELLS = st.one_of(
    st.text(st.sampled_from("0123456789.,:-+e ahmsNTZ/"), max_size=12),
    st.integers().map(str),
    st.floats(allow_subnormal=True).map(repr),
    st.datetimes().map(str),
    st.timedeltas().map(str),
    st.sampled_from(["NA", "", "2-01:24:56", "1.5 h", "1700000000.123456789", "1_0", "+1", "0x1", "1e400", "-nan"]),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
@given(cells=st.lists(CELLS, max_size=4), decimal=st.sampled_from([None, ".", ","]))
@example(cells=["2023-11-16 18", "2023-11-16T18:17"], decimal=None)
@example(cells=["0001-01-01", "9999-12-31 23:59:59.999999"], decimal=None)
def test_both_ways_give_the_same_of_any_cells(tmp_path, cells, decimal):
    found = []
    for way in ENGINES:
        with pytest.MonkeyPatch.context() as patch:
            use(way, patch)
            found.append(outcomes(tmp_path, cells, Reading(separator=";", decimal=decimal)))
    assert found[0] == found[1]


def outcomes(folder, cells, reading):
    results = []
    for method in ("text", "missing", "numbers", "durations", "times"):
        try:
            value = getattr(column(folder, cells, reading), method)("x")
            first, *rest = value if isinstance(value, tuple) else (value,)
            results.append((first.tobytes() if method == "text" else repr(first.tolist()), *rest))
        except BeforehandError as error:
            results.append(str(error))
    return results
