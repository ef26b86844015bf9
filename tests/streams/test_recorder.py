import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import InvalidInput
from beforehand.streams import StreamRecorder

FORMS = {
    "uint64": (lambda keys: np.array(keys, np.uint64), 1),
    "int64": (lambda keys: np.array(keys, np.int64), -1),
    "int32": (lambda keys: np.array(keys, np.int32), -1),
    "str": (lambda keys: [f"é{key}" for key in keys], 0),
    "bytes": (lambda keys: [b"k%d" % key for key in keys], 0),
    "arrow": (lambda keys: pa.array([f"k{key}" for key in keys]), 0),
}


@pytest.mark.parametrize("form", FORMS)
@given(
    arrivals=st.integers(1, 12),
    batches=st.lists(st.lists(st.tuples(st.integers(0, 99), st.integers(1, 3)), max_size=20), max_size=6),
)
def test_it_holds_the_last_arrivals_in_order_however_they_were_cut_into_batches(form, arrivals, batches):
    make, sign = FORMS[form]
    recorder, came, weighed = StreamRecorder(arrivals=arrivals), [], []
    for number, batch in enumerate(batches):
        keys = make([(sign or 1) * key for key, _ in batch])
        weights = None if number % 3 == 0 else [weight for _, weight in batch]
        recorder.update(keys, weights if weights is None else np.array(weights, np.int64))
        came += keys.to_pylist() if form == "arrow" else list(keys)
        weighed += [1] * len(batch) if weights is None else weights
    assert (recorder.seen, len(recorder)) == (len(came), min(len(came), arrivals))
    if came:
        trace = recorder.trace()
        assert trace.kind == "stream"
        assert trace["key"].tolist() == came[-arrivals:]
        assert trace.meta == {"source": "recorder", "seen": len(came)}
        if max(weighed) > 1:
            assert trace["weight"].tolist() == weighed[-arrivals:]
        else:
            assert list(trace.columns) == ["key"]


def test_single_keys_and_one_weight_for_all_are_taken_and_nulls_are_not():
    recorder = StreamRecorder(arrivals=4)
    recorder.update("a", 3)
    recorder.update(["b", None, "c"], [1, 7, 2])
    recorder.update(pa.array(["d", None]), 5)
    recorder.update([None], 9)
    recorder.update([])
    trace = recorder.trace()
    assert trace["key"].tolist() == ["a", "b", "c", "d"]
    assert trace["weight"].tolist() == [3, 1, 2, 5]
    assert repr(recorder) == "StreamRecorder(arrivals=4): 4 of 4 seen"


def test_what_was_recorded_does_not_change_with_the_callers_array_or_with_what_comes_later():
    recorder, keys = StreamRecorder(arrivals=2), np.array([1, 2])
    recorder.update(keys)
    trace = recorder.trace()
    keys[:] = 9
    recorder.update([7, 8])
    assert trace["key"].tolist() == [1, 2]


def test_signed_and_unsigned_keys_mix_while_both_can_hold_them():
    recorder = StreamRecorder(arrivals=3)
    recorder.update(np.array([1], np.uint64))
    recorder.update(np.array([2], np.int64))
    assert recorder.trace()["key"].tolist() == [1, 2]
    assert recorder.trace()["key"].dtype == np.uint64
    with pytest.raises(InvalidInput, match="keys are i64, but those before were u64"):
        recorder.update(np.array([-1]))
    signed = StreamRecorder(arrivals=3)
    signed.update(np.array([-1]))
    with pytest.raises(InvalidInput, match="keys are u64, but those before were i64"):
        signed.update(np.array([2**63], np.uint64))
    signed.update(np.array([5], np.uint64))
    assert signed.trace()["key"].tolist() == [-1, 5]


@pytest.mark.parametrize(
    ("keys", "weights", "words"),
    [
        ([b"x"], None, "keys are bytes, but those before were str"),
        ([1], None, "keys are .64, but those before were str"),
        ([1.5], None, "is of type float"),
        (["x", "\ud800"], None, "has a surrogate without its other half"),
        (np.array(["x", "\ud800"]), None, "surrogate|no character"),
        (["x"], [0], "weights go from 0 to 0"),
        (["x"], [1.0], "weights have dtype float64"),
        (["x"], [1, 1], r"shape \(2,\), but must be integers, one or one for each of the 1 keys"),
        (["x"], [2**63], "weights go from 9223372036854775808"),
        (["x", "y"], [[1], [2, 3]], "weights cannot be read as an array"),
        (["x", "y"], np.ma.array([1, 2], mask=[0, 1]), "weights are masked"),
        (np.ma.array([1, 2], mask=[0, 1]), None, "keys are masked"),
    ],
)
def test_what_is_refused_leaves_no_trace(keys, weights, words):
    recorder = StreamRecorder(arrivals=2)
    recorder.update(["a"])
    with pytest.raises(InvalidInput, match=words):
        recorder.update(keys, weights)
    assert recorder.trace()["key"].tolist() == ["a"]
    assert recorder.seen == 1


@pytest.mark.parametrize("arrivals", [0, -1, 2**32, 1.5, True, None])
def test_a_number_of_arrivals_out_of_range_is_refused(arrivals):
    with pytest.raises(InvalidInput, match=r"arrivals is .*whole number from 1 to"):
        StreamRecorder(arrivals=arrivals)


def test_there_is_no_trace_of_nothing():
    with pytest.raises(InvalidInput, match="nothing has come yet"):
        StreamRecorder(arrivals=2).trace()


def test_a_recorder_is_true_before_anything_came():
    assert StreamRecorder(arrivals=3)
