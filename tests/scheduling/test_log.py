import math

import numpy as np
import pytest

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.scheduling import FCFS, Log, expect, plan_queue, processor_sharing, replay, simulate


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


@pytest.mark.parametrize(
    ("units", "load"),
    [
        ({}, 4.0),
        ({"unit": "seconds"}, 4.0),
        ({"unit": "ms", "time_unit": "seconds"}, 0.004),
        ({"unit": "tokens", "time_unit": "seconds", "service_rate": 50}, 0.08),
        ({"unit": "tokens", "time_unit": "tokens"}, 4.0),
    ],
)
def test_a_load_is_measured_in_one_unit(units, load):
    log = Log([6, 2, 4], arrival=[0, 1, 2], **units)
    assert log.rate == 1
    assert log.measured_load() == pytest.approx(load)
    assert log.measured_load(4) == pytest.approx(load / 4)
    np.testing.assert_allclose(log.arrivals_in_sizes() * load, np.array([0, 1, 2]) * 4)


@pytest.mark.parametrize(
    ("units", "words"),
    [
        ({"unit": "tokens"}, "tokens and arrivals in a unit that is not known.*how many tokens a server does"),
        ({"unit": "tokens", "time_unit": "seconds"}, "tokens and arrivals in seconds.*--tokens-per-second"),
        ({"time_unit": "seconds"}, "unit of the sizes is not known.*--size-unit seconds, unit='seconds'"),
    ],
)
def test_units_that_do_not_go_together_are_refused_with_the_remedy(units, words):
    log = Log([6, 2, 4], arrival=[0, 1, 2], **units)
    assert log.service_rate is None
    for use in (log.measured_load, log.arrivals_in_sizes):
        with pytest.raises(InvalidInput, match=words):
            use()


def test_without_arrivals_no_load_is_measured_and_no_unit_is_asked_for():
    log = Log([1, 2], unit="tokens")
    assert math.isnan(log.measured_load())
    assert log.arrivals_in_sizes() is None


def test_a_service_rate_is_above_0_and_does_not_contradict_the_units():
    with pytest.raises(InvalidInput, match="service_rate is 0, but must be above 0"):
        Log([1.0], service_rate=0)
    with pytest.raises(InvalidInput, match="sizes in ms and arrivals in seconds it is 1000; leave it out"):
        Log([1.0], unit="ms", time_unit="seconds", service_rate=50)
    assert Log([1.0], unit="ms", time_unit="seconds", service_rate=1000).service_rate == 1000


def test_units_stay_with_the_jobs_and_come_from_a_trace():
    meta = {"unit": "tokens", "time_unit": "seconds", "service_rate": 50.0}
    log = Log.read(Trace("jobs", {"size": [1.0, 2.0], "arrival": [0, 1]}, meta=meta))
    for same in (log, log.take([0]), log.exactly_predicted(), log.arriving(np.array([0.0, 5.0]))):
        assert (same.unit, same.time_unit, same.service_rate) == ("tokens", "seconds", 50)


@pytest.mark.parametrize("units", [{}, {"unit": "tokens", "time_unit": "seconds"}])
def test_arrivals_are_stretched_to_a_load_whatever_their_unit(units):
    log = Log([6, 2, 4], arrival=[5, 6, 8], **units)
    stretched = log.at_load(0.8, servers=2)
    assert stretched.measured_load(2) == pytest.approx(0.8)
    np.testing.assert_allclose(stretched.arrival / stretched.arrival[-1], [0, 1 / 3, 1])
    assert (stretched.unit, stretched.time_unit) == (log.unit, log.unit)
    assert log.time_unit == units.get("time_unit")
    for nothing in (Log([1, 2]), Log([1, 2], arrival=[3, 3])):
        with pytest.raises(InvalidInput, match="no arrivals at different times"):
            nothing.at_load(0.5)


def test_rates_are_in_the_units_of_time_of_the_log_wherever_they_are_given():
    columns = {"size": [20.0, 40.0, 30.0], "arrival": [0.0, 1.0, 2.0]}
    tokens = Log(**columns, unit="tokens", time_unit="seconds", service_rate=50)
    for of in (expect, simulate):
        given, same = of(FCFS(), tokens, rate=0.5), of(FCFS(), tokens, load=0.3)
        assert given.response_time == pytest.approx(same.response_time)
    assert processor_sharing(tokens, rate=0.5).response_time == pytest.approx(30 / 0.7)
    assert plan_queue(tokens, rate=0.5, bootstrap=0).setting.load == pytest.approx(0.3)
    assert plan_queue(tokens, bootstrap=0).setting.load == pytest.approx(0.6)
    unknown = Log(**columns, unit="tokens", time_unit="seconds")
    for use in (
        lambda: expect(FCFS(), unknown, rate=0.5),
        lambda: simulate(FCFS(), unknown, rate=0.5),
        lambda: plan_queue(unknown),
        lambda: replay(FCFS(), unknown),
    ):
        with pytest.raises(InvalidInput, match="sizes are in tokens and arrivals in seconds"):
            use()


def test_a_replay_serves_in_the_unit_of_the_sizes():
    tokens = Log([100, 50], arrival=[0, 1], unit="tokens", time_unit="seconds", service_rate=50)
    served = replay(FCFS(), tokens)
    assert served.completion.tolist() == [100, 150]
    assert served.summary(tokens)["response_time"] == 100


def test_jobs_without_a_prediction_are_the_last_even_of_what_is_left_of_the_others():
    log = Log([1.0, 50.0, 2.0, 3.0], expensive=[2.0, math.nan, 9.0, math.nan], cheap=[1.0, 1.0, 0.0, 1.0])
    assert log.missing == {"expensive": 2}
    filled = log.missing_last()
    assert filled.missing == {}
    assert filled.expensive[1] == filled.expensive[3] > 9.0 + 50.0  # however much of it was served
    assert filled.expensive[[0, 2]].tolist() == [2.0, 9.0]
    assert filled.cheap is log.cheap
    assert log.expensive.tolist()[0::2] == [2.0, 9.0]
    with pytest.raises(ValueError, match="read-only"):
        filled.expensive[0] = 1.0


def test_a_column_of_missing_predictions_is_none():
    log = Log([1.0, 2.0], expensive=[math.nan, math.nan], cheap=[1.0, 2.0])
    assert log.missing == {"expensive": 2}
    assert log.missing_last().expensive is None
    whole = Log([1.0, 2.0], cheap=[1.0, 2.0])
    assert whole.missing_last() is whole
