"""The recorder keeps the latest of about every so-manieth query, of one kind of keys."""

import threading

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.ranges.recorder import QueryRecorder


def kept(recorder):
    return [list(bounds) for bounds in recorder.queries()]


def test_gaps_are_the_golden_ones():
    recorder = QueryRecorder(capacity=1, every=100, seed=0)
    found = []
    for query in range(463):
        recorder.record(query, query)
        if (newest := kept(recorder)[0][0]) not in found:
            found.append(newest)
    assert np.diff(found).tolist() == [176, 86, 6, 194]
    assert recorder.seen == 463


def test_all_are_kept_until_the_ring_is_full_and_then_the_oldest_go():
    recorder = QueryRecorder(capacity=3, every=1)
    recorder.record([30, 10], [31, 11])
    assert kept(recorder) == [[10, 30], [11, 31]]
    recorder.record([20, 40, 5], [21, 41, 6])
    assert kept(recorder) == [[5, 20, 40], [6, 21, 41]]
    recorder.clear()
    assert kept(recorder) == [[], []]
    assert recorder.seen == 0


def test_a_rhythm_of_the_workload_does_not_bias_the_sample():
    recorder = QueryRecorder(capacity=20_000, every=100, seed=3)
    kinds = np.arange(4_000_000, dtype=np.uint64) % np.uint64(100)  # each hundredth query is of one kind
    recorder.record(kinds, kinds)
    counts = np.bincount(recorder.queries()[0].astype(int), minlength=100)
    assert counts.sum() == 20_000
    assert 120 < counts.min() <= counts.max() < 290  # 200 each, give or take six standard deviations


@pytest.mark.parametrize(
    ("lo", "hi", "shown"),
    [
        (np.array([2**63], np.uint64), np.array([2**64 - 1], np.uint64), "uint64"),
        (np.array([-5], np.int32), np.array([2**62]), "int64"),
        (np.array([-np.inf, -1.5, 0.0]), np.array([-2.0, -1.0, np.inf]), "float64"),
        (np.array(["2020-01-01"], "M8[D]"), np.array(["2020-02-01"], "M8[D]"), "datetime64[D]"),
        (np.array([5], "m8[ns]"), np.array([7], "m8[ns]"), "timedelta64[ns]"),
        ([b"a", b"a\0"], [b"b\0", b"\xff"], "bytes"),
        (["straße"], ["straßen"], "str"),
    ],
)
def test_bounds_come_back_as_they_went_in(lo, hi, shown):
    recorder = QueryRecorder()
    assert recorder.key_type is None
    recorder.record(lo, hi)
    assert str(recorder.key_type) == shown
    assert kept(recorder) == [list(lo), list(hi)]


def test_a_recorder_is_settled_on_one_kind_of_keys():
    recorder = QueryRecorder()
    recorder.record(np.uint64(5), np.uint64(6))
    recorder.record(2**64 - 1, 2**64 - 1)  # an integer of any size, as keys are unsigned
    for lo, hi in ((b"a", b"b"), (0.5, 1.5)):
        with pytest.raises(InvalidInput, match="keys are uint64"):
            recorder.record(lo, hi)
    with pytest.raises(InvalidInput, match=r"lo\[1\] to hi is a range without any uint64"):
        recorder.record([0, -7], [1, -5])
    assert kept(recorder) == [[5, 2**64 - 1], [6, 2**64 - 1]]


@pytest.mark.parametrize("lo", [[3, 1], np.array([3.0, 1.0])])
def test_crossed_bounds_are_refused_and_none_of_the_call_is_recorded(lo):
    recorder = QueryRecorder()
    with pytest.raises(InvalidInput, match=r"lo\[0\] is .*, above hi\[0\]"):
        recorder.record(lo, 2)
    assert recorder.seen == 0


def test_nothing_settles_nothing():
    recorder = QueryRecorder()
    recorder.record([], [])
    assert recorder.key_type is None
    assert kept(recorder) == [[], []]


@pytest.mark.parametrize("option", [{"capacity": 0}, {"every": 0}, {"capacity": 2**33}, {"seed": -1}, {"every": 1.5}])
def test_options_out_of_range_are_refused(option):
    (name,) = option
    with pytest.raises(InvalidInput, match=f"{name} is .* but must be a whole number from"):
        QueryRecorder(**option)


def test_the_trace_holds_what_is_kept():
    recorder = QueryRecorder()
    recorder.record([b"b", b"a"], [b"c", b"d"])
    trace = recorder.trace()
    assert (trace.kind, trace["lo"].tolist(), trace["hi"].tolist()) == ("ranges", [b"a", b"b"], [b"d", b"c"])


def test_eight_writers_lose_nothing_before_the_ring_is_full_and_keep_its_capacity():
    filling, full = QueryRecorder(capacity=80_000), QueryRecorder(capacity=500, every=7)

    def write(number):
        for block in np.split(np.arange(10_000, dtype=np.uint64) + np.uint64(10_000 * number), 100):
            filling.record(block, block)
            full.record(block, block)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert filling.queries()[0].tolist() == list(range(80_000))
    assert len(full.queries()[0]) == 500
    assert filling.seen == full.seen == 80_000


def test_a_trace_of_no_queries_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no query was seen yet"):
        QueryRecorder().trace()


@pytest.mark.parametrize("kind", ["M8[s]", "m8[ms]"])
def test_the_first_query_may_be_two_scalars_of_time(kind):
    lo, hi = np.array([5, 7], kind)
    recorder = QueryRecorder()
    recorder.record(lo, hi)
    assert [side.tolist() for side in recorder.queries()] == [[lo.tolist()], [hi.tolist()]]
