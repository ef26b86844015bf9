import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.workloads.job_columns import Columns, unit_in_name
from beforehand.workloads.reading import read_table


def columns(folder, text, **derived):
    path = folder / "log.csv"
    path.write_text(text)
    names = text.partition("\n")[0].split(",")
    return Columns(str(path), [read_table(path, names)], derived, names)


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("duration_ms", "milliseconds"), ("durationMs", "milliseconds"), ("latency[ms]", "milliseconds"),
        ("Elapsed time (s)", "seconds"), ("seconds", "seconds"), ("wait_us", "microseconds"),
        ("Response tokens", "tokens"), ("GeneratedTokens", "tokens"), ("usage.completion_tokens", "tokens"),
        ("tokens/s", None), ("tokens_per_second", None),
        ("class", None), ("status", None), ("s", None), ("size", None), ("", None), ("1", None),
    ],
)  # fmt: skip
def test_a_unit_at_the_end_of_a_name_is_known_and_a_rate_is_none(name, unit):
    assert unit_in_name(name) == unit


def test_numbers_stay_as_they_are_and_durations_are_seconds(tmp_path):
    table = columns(tmp_path, "a,b\n,0:10\n5,1-00:00:01\n7.5,\n")
    np.testing.assert_array_equal(table.sizes("a").values, [np.nan, 5, 7.5])
    assert table.sizes("a").unit is None
    found = table.sizes("b")
    np.testing.assert_array_equal(found.values, [10, 86401, np.nan])
    assert (found.unit, found.certain) == ("seconds", True)


def test_a_cell_that_is_neither_is_named_as_its_column_suggests(tmp_path):
    table = columns(tmp_path, "a,b\n1,0:10\nten,soon\n")
    with pytest.raises(CorruptData, match=r"'ten' in column a, line 3, which is not a number"):
        table.sizes("a")
    many = columns(tmp_path, "b\n" + "0:00:10\n" * 150 + "soon\n")
    with pytest.raises(CorruptData, match=r"'soon' in column b, line 152"):
        many.sizes("b")


def test_derived_columns_come_before_those_of_the_file(tmp_path):
    table = columns(tmp_path, "a\n1\n2\n", a=np.array([5.0, np.nan]), kind=np.array(["x", ""]))
    np.testing.assert_array_equal(table.numbers("a"), [5, np.nan])
    assert table.missing("a").tolist() == table.missing("kind").tolist() == [False, True]
    assert table.text("kind").tolist() == ["x", ""]
    assert table.times("a") == (pytest.approx([0, np.nan], nan_ok=True), None)
    assert table.place(1) == "line 3"
    with pytest.raises(InvalidInput, match="no column 'b' among a, kind"):
        table.numbers("b")


def test_an_error_lists_at_most_thirty_columns(tmp_path):
    names = [f"c{number}" for number in range(40)]
    table = columns(tmp_path, ",".join(names) + "\n" + ",".join("1" * 40) + "\n")
    with pytest.raises(InvalidInput, match=r"among c0, .*, c29 and 10 more; name one of them"):
        table.numbers("size")


def test_times_of_two_columns_without_any_value_have_no_difference(tmp_path):
    table = columns(tmp_path, "a,b\n,1\n,2\n")
    assert np.isnan(table.between("a", "b").values).all()


def test_clocks_have_a_difference_in_seconds(tmp_path):
    table = columns(tmp_path, "a,b,n\n10:00:00,10:05:00,1\nNA,11:00:00,2\n9:59:59,10:00:00.5,3\n")
    found = table.between("a", "b")
    np.testing.assert_array_equal(found.values, [300, np.nan, 1.5])
    assert (found.unit, found.certain) == ("seconds", True)
    with pytest.raises(InvalidInput, match="clocks or durations in column a, but numbers in n; take two of a kind"):
        table.between("a", "n")


def test_durations_below_many_missing_cells_are_durations(tmp_path):
    table = columns(tmp_path, "a,b\n" + "NA,1\n" * 150 + "0:05:00,1\n")
    assert table.sizes("a").values[-1] == 300


def test_numbers_in_two_units_have_no_difference(tmp_path):
    table = columns(tmp_path, "begun_s,ended_ms,ended\n5,8000,8\n")
    with pytest.raises(InvalidInput, match="seconds in column begun_s, but milliseconds in ended_ms; take two in one"):
        table.between("begun_s", "ended_ms")
    assert table.between("begun_s", "ended") == ([3], "seconds", False)
