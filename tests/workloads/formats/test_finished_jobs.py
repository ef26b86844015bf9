import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling import Log
from beforehand.workloads.formats.finished_jobs import finished_jobs, numbers, seconds

NAN = float("nan")


def test_rows_are_sorted_by_arrival_and_ties_keep_their_order():
    columns = {"size": np.array([1, 2, 3, 4]), "arrival": np.array([5.0, 1.0, 5.0, 0.0]), "tag": np.array(list("abcd"))}
    trace = finished_jobs(columns, meta={"unit": "s"})
    assert "".join(trace["tag"]) == "dbac"
    assert trace.meta == {"unit": "s", "dropped": 0}
    assert len(Log.read(trace)) == 4


def test_sizes_that_are_no_sizes_are_dropped_and_counted_with_whatever_arrival():
    columns = {"size": np.array([1.0, NAN, 0.0, -1.0]), "arrival": np.array([1.0, NAN, 0.0, 0.0])}
    columns["arrival"][1] = 9
    trace = finished_jobs(columns, meta={})
    assert len(trace) == 1
    assert trace.meta["dropped"] == 3


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({"size": [0.0, NAN]}, "none of the 2 rows has a size above 0"),
        ({"size": []}, "none of the 0 rows"),
        ({"size": [0.0, np.inf]}, "size is inf in row 1"),
        ({"size": [1.0, 1e308]}, "size is 1e.308 in row 1"),
        ({"size": [1.0, 1.0], "cheap": [1.0, -1.0]}, "cheap is -1.0 in row 1"),
        ({"size": [1.0, 1.0], "expensive": [np.inf, 1.0]}, "expensive is inf in row 0"),
        ({"size": [1.0, 1.0], "arrival": [0.0, NAN]}, "arrival is nan in row 1"),
        ({"size": [1.0, 1.0], "weight": [0.0, 0.0]}, "weight"),
    ],
)
def test_numbers_out_of_range_are_refused_with_the_row_of_the_file(columns, words):
    with pytest.raises(InvalidInput, match=words):
        finished_jobs({name: np.array(column) for name, column in columns.items()}, meta={})


def test_text_is_read_as_numbers_and_what_is_none_is_named():
    np.testing.assert_array_equal(numbers("size", np.array(["1", "", "2e3", "inf"])), [1, NAN, 2000, np.inf])
    np.testing.assert_array_equal(numbers("size", np.array([b"1", b""])), [1, NAN])
    with pytest.raises(CorruptData, match="column size has 'é' in row 0"):
        numbers("size", np.array([b"\xe9"]))
    for cell in ("one", "1_000", "0x1", "1,5"):
        with pytest.raises(CorruptData, match=f"column size has '{cell}' in row 1"):
            numbers("size", np.array(["1", cell]))
    with pytest.raises(CorruptData, match=r"column size has shape \(2, 2\)"):
        numbers("size", np.ones((2, 2)))


def test_times_are_numbers_or_iso_timestamps():
    stamps = np.array(["2024-05-10 00:00:01.5+00:00", "2024-05-10T00:00:00", "2024-05-10 02:00:04+02:00"])
    np.testing.assert_allclose(seconds("arrival", stamps), [1.5, 0, 4])
    np.testing.assert_array_equal(seconds("arrival", np.array([3, 1])), [3, 1])
    with pytest.raises(CorruptData, match="'soon' in row 1, counting from 0, which is not a number"):
        seconds("arrival", np.array(["1", "soon"]))
    with pytest.raises(CorruptData, match="'3' in row 1, counting from 0, which is not a time"):
        seconds("arrival", np.array(["2024-05-10", "3"]))


CELLS = st.sampled_from([1.0, 2.5, 0.0, -1.0, NAN, np.inf, 1e308, 1e-300])


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=0, max_size=6))
@example([(0.0, 1.0, 1.0), (1e-300, 1.0, 1.0)])
def test_any_numbers_become_a_log_or_a_named_error(rows):
    size, cheap, arrival = np.array(rows, dtype=float).reshape(-1, 3).T
    try:
        trace = finished_jobs({"size": size, "cheap": cheap, "arrival": arrival}, meta={})
    except InvalidInput:
        return
    assert len(Log.read(trace)) + trace.meta["dropped"] == len(rows)
