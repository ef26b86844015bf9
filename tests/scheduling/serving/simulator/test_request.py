"""Traces of requests: what is in them, and what is refused."""

import numpy as np
import pytest

from beforehand.core import Trace
from beforehand.core.errors import CapacityExceeded, InvalidInput
from beforehand.scheduling.serving import check_requests
from beforehand.scheduling.serving.simulator.request import Requests

COLUMNS = {"arrival": [0.0, 1.0], "prompt_tokens": [10, 20], "output_tokens": [3, 4]}
CALLS = {"output_tokens": [5, 6], "seconds": [0.5, 2.0], "return_tokens": [7, 0], "tool": ["search", "math"]}


def test_calls_come_before_the_last_segment():
    requests = Requests.of(Trace("requests", COLUMNS, children={"calls": ([0, 2, 2], CALLS)}))
    assert requests.output.tolist() == [5, 6, 3, 4]
    assert requests.tool.tolist() == ["search", "math", "", ""]
    assert requests.tokens.tolist() == [31, 24]
    assert requests.tool_seconds.tolist() == [2.5, 0.0]
    assert requests.calls == 2
    kept = requests.take(np.array([True, False]), 2.0)
    assert kept.output.tolist() == [5, 6, 3]
    assert kept.first.tolist() == [0, 3]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arrival": [1.0, 0.0]}, "arrival falls at row 1"),
        ({"arrival": [0.0, np.nan]}, "arrival is nan at row 1"),
        ({"arrival": [0.0, np.inf]}, "arrival is inf at row 1"),
        ({"arrival": [-1.0, 0.0]}, "at least 0"),
        ({"arrival": ["2026-11-01", "2026-11-02"]}, "arrival is '2026-11-01' at row 0, but must be a number"),
        ({"arrival": [True, False]}, "seconds a row"),
        ({"output_tokens": [0, 1]}, "output_tokens is 0 at row 0"),
        ({"prompt_tokens": [1.5, 1]}, r"prompt_tokens is 1\.5 at row 0"),
        ({"prompt_tokens": [1, 2**41]}, "at row 1"),
        ({"max_tokens": [10, 3]}, "request 1 puts out 4 tokens"),
        ({"predicted_tokens": ["a", "b"]}, "predicted_tokens has dtype"),
        ({"prefix_id": ["a", "b"]}, "without prefix_tokens"),
        ({"prefix_id": ["a", "b"], "prefix_tokens": [11, 0]}, "request 0 shares 11 tokens"),
    ],
)
def test_what_no_engine_could_have_seen_is_refused(changes, message):
    with pytest.raises(InvalidInput, match=message):
        check_requests(Trace("requests", COLUMNS | changes))


def test_another_kind_and_an_empty_trace_are_refused():
    with pytest.raises(InvalidInput, match="holds 'jobs'"):
        check_requests(Trace("jobs", COLUMNS))
    with pytest.raises(InvalidInput, match="0 requests"):
        check_requests(Trace("requests", {name: np.array(values)[:0] for name, values in COLUMNS.items()}))
    with pytest.raises(InvalidInput, match=r"no column 'arrival' among prompt_tokens; requests need .* rename"):
        check_requests(Trace("requests", {"prompt_tokens": [1]}))
    calls = {name: values for name, values in CALLS.items() if name != "tool"}
    with pytest.raises(InvalidInput, match=r"no column 'tool' among .*; their calls need .* add it"):
        check_requests(Trace("requests", COLUMNS, children={"calls": ([0, 2, 2], calls)}))


def test_a_missing_prefix_is_shared_with_nobody():
    for none in (-1, np.nan, ""):
        ids = ["a", none] if none == "" else [3.0, none]
        trace = Trace("requests", COLUMNS | {"prefix_id": ids, "prefix_tokens": [5, 5]})
        assert Requests.of(trace).prefix[1] == -1
        assert Requests.of(trace).prefix[0] >= 0


def test_a_call_of_negative_or_unknown_duration_is_refused():
    for seconds in (-1.0, np.nan):
        calls = CALLS | {"seconds": [0.5, seconds]}
        with pytest.raises(InvalidInput, match="calls/seconds"):
            check_requests(Trace("requests", COLUMNS, children={"calls": ([0, 2, 2], calls)}))


def test_the_last_token_needs_no_memory():
    requests = Requests.of(Trace("requests", {"arrival": [0.0], "prompt_tokens": [16], "output_tokens": [1]}))
    assert requests.fitting(32, 16, reject=False).all()
    with pytest.raises(CapacityExceeded, match="no request fits"):
        requests.fitting(16, 16, reject=True)
