import math

import numpy as np
import pytest

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.scheduling import Log


def test_columns_are_copies_that_cannot_be_written_to():
    sizes = np.array([1.0, 2.0, 3.0, 4.0])
    log = Log(sizes[::2], cheap=np.array([1, 0], dtype=np.int8))
    sizes[0] = 9
    assert log.size.tolist() == [1.0, 3.0]
    assert log.cheap.dtype == np.float64
    with pytest.raises(ValueError, match="read-only"):
        log.size[0] = 5


def test_weights_are_normalised_even_where_their_sum_is_not_finite():
    assert Log([1, 2], weight=[1, 3]).weight.tolist() == [0.25, 0.75]
    assert Log([1, 2], weight=[1e308, 1e308]).weight.tolist() == [0.5, 0.5]


def test_moments_are_weighted():
    log = Log([1, 2], weight=[1, 3])
    assert (log.mean, log.moment(2)) == (1.75, 3.25)


def test_the_rate_is_measured_from_the_arrivals():
    assert Log([1, 1, 1], arrival=[0, 1, 4]).rate == 0.5
    assert math.isnan(Log([1, 1]).rate)
    assert math.isnan(Log([1, 1], arrival=[3, 3]).rate)


def test_rows_are_taken_with_all_their_columns():
    log = Log([1, 2, 3], expensive=[4, 5, 6], weight=[1, 1, 2], arrival=[0, 1, 2]).take(np.array([0, 2]))
    assert log.size.tolist() == [1, 3]
    assert log.expensive.tolist() == [4, 6]
    assert log.weight.tolist() == pytest.approx([1 / 3, 2 / 3])
    assert log.arrival.tolist() == [0, 2]


def test_a_trace_of_jobs_is_a_log_and_further_columns_are_ignored():
    trace = Trace("jobs", {"size": np.array([1.0, 2.0]), "cheap": np.array([0, 1]), "tenant": np.array([7, 8])})
    log = Log.read(trace)
    assert log.cheap.tolist() == [0, 1]
    assert log.expensive is None
    assert Log.read(log) is log


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Log([]), r"size has shape \(0,\)"),
        (lambda: Log([[1.0]]), r"size has shape \(1, 1\)"),
        (lambda: Log(["a"]), "size must be real numbers .dtype <U1"),
        (lambda: Log([1, [2]]), "size must be real numbers .setting an array"),
        (lambda: Log([1, 0]), "size is 0.0 in row 1, but must be above 0"),
        (lambda: Log([math.nan]), "size is nan in row 0"),
        (lambda: Log([1e101]), r"size is 1e\+101 in row 0, but must be above 0 and at most 1e\+100"),
        (lambda: Log([1], cheap=[-1]), "cheap is -1.0 in row 0, but must be at least 0"),
        (lambda: Log([1], expensive=[math.inf]), "expensive is inf in row 0.*or nan where none was asked"),
        (lambda: Log([1], expensive=[1, 2]), "expensive has 2 rows, but size has 1"),
        (lambda: Log([1], weight=[0]), "one above 0 at least, but the largest is 0.0"),
        (lambda: Log([1, 1], weight=[1, -1]), "weight is -1.0 in row 1"),
        (lambda: Log([1, 1], weight=[1, math.inf]), "weight must be finite, .* but the largest is inf"),
        (lambda: Log([1, 1], arrival=[1, 0]), "arrival is 0.0 in row 1, but must be non-decreasing"),
        (lambda: Log([1, 1], arrival=[1, math.nan]), "arrival is nan in row 1"),
        (lambda: Log([1, 1], arrival=[1, 1e101]), r"arrival is 1e\+101 in row 1, but must be at least -1e\+100"),
        (lambda: Log([1 + 2j]), "size must be real numbers .dtype complex128"),
        (lambda: Log([10**400]), "size must be real numbers .int too large"),
        (lambda: Log([1], arrival=np.array(["2020-01-01"], dtype="M8[ns]")), "arrival must be real numbers .dtype dat"),
        (lambda: Log([1e-200, 1e-300]), "size has mean 5e-201, but must have at least 1e-100; take a smaller unit"),
        (lambda: Log([1, 2]).take(np.array([7])), "rows do not fit a log of 2 .index 7 is out of bounds"),
        (lambda: Log([1, 2]).moment(0.5), "k is 0.5, but must be a whole number"),
        (lambda: Log.read([1, 2]), "log is list, but must be a Log or a Trace"),
        (lambda: Log.read(Trace("stream", {"key": np.array([1])})), "of kind 'stream'"),
        (lambda: Log.read(Trace("jobs", {"cheap": np.array([1])})), "a column 'size'"),
    ],
)
def test_a_column_that_breaks_a_rule_is_named_with_row_and_value(make, message):
    with pytest.raises(InvalidInput, match=message):
        make()


def test_a_prediction_that_was_never_asked_is_nan():
    assert math.isnan(Log([1, 2], expensive=[math.nan, 1]).expensive[0])


def test_figures_beyond_a_float_are_infinite_and_no_warning():
    assert Log([1e100]).moment(4) == math.inf
    assert math.isfinite(Log([1, 1], arrival=[0, 5e-324]).rate)


def test_a_log_keeps_its_unit_and_a_trace_says_it():
    log = Log([1.0, 2.0], unit="tokens")
    assert log.unit == log.take([0]).unit == log.exactly_predicted().unit == "tokens"
    assert Log([1.0]).unit is None
    assert Log.read(Trace("jobs", {"size": [1.0]}, meta={"unit": "tokens"})).unit == "tokens"
    assert Log.read(Trace("jobs", {"size": [1.0]})).unit is None


@pytest.mark.parametrize("unit", ["", 3, ["tokens"]])
def test_a_unit_is_a_name(unit):
    with pytest.raises(InvalidInput, match=r"unit is .*, but must be a name such as 'seconds'"):
        Log([1.0], unit=unit)


def test_other_columns_of_the_same_jobs_leave_the_log_as_it_was():
    log = Log([1.0, 3.0], cheap=[0, 1], weight=[1, 2], arrival=[0, 1])
    exact = log.exactly_predicted()
    np.testing.assert_array_equal(exact.expensive, [1, 3])
    assert exact.cheap is None
    np.testing.assert_array_equal(exact.weight, log.weight)
    np.testing.assert_array_equal(log.arriving(np.array([5.0, 6.0])).arrival, [5, 6])
    np.testing.assert_array_equal(log.arrival, [0, 1])
    assert log.expensive is None
