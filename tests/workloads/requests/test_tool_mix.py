import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.workloads.requests.tool_mix import CLASSES, tool_mix


def mix(n=40_000, **options):
    return tool_mix(n, rate=4.0, seed=1, **options)


def test_each_class_calls_as_long_as_the_published_table_says():
    calls = mix().children["calls"]
    for each in CLASSES:
        seconds = calls["seconds"][calls["tool"] == each.name]
        assert abs(seconds.mean() / each.seconds.mean - 1) < 0.06  # a call lasts at most a minute
        assert seconds.max() <= 60
        of_call = calls["output_tokens"][calls["tool"] == each.name]
        assert 0.9 < of_call.mean() / each.output.mean < 1.01  # long answers end conversations


def test_classes_come_as_often_as_among_the_published_conversations():
    trace = mix()
    calls = trace.children["calls"]
    some = np.diff(calls.offsets) > 0
    first = calls["tool"][calls.offsets[:-1][some]]
    total = sum(each.weight for each in CLASSES)
    for each in CLASSES:
        assert abs((first == each.name).mean() - each.weight / total) < 0.01
    for number in range(2):  # one conversation keeps one kind of tool
        owned = calls["tool"][calls.offsets[number] : calls.offsets[number + 1]]
        assert len(set(owned.tolist())) <= 1


def test_no_conversation_outgrows_its_context():
    trace = mix()
    calls = trace.children["calls"]
    owner = np.repeat(np.arange(len(trace)), np.diff(calls.offsets))
    grown = np.bincount(owner, calls["output_tokens"] + calls["return_tokens"], minlength=len(trace))
    assert (trace["prompt_tokens"] + grown).max() <= 1984
    assert (trace["prompt_tokens"] + grown + trace["output_tokens"]).max() <= 2048
    counts = [trace["prompt_tokens"], trace["output_tokens"], calls["output_tokens"], calls["return_tokens"]]
    assert all(column.min() >= 1 and column.dtype == np.int64 for column in counts)
    assert trace["prompt_tokens"].max() == 1848


def test_the_first_conversations_do_not_depend_on_how_many_there_are():
    few, many = mix(50), mix(500)
    assert many.split(0.1)[0].fingerprint == few.fingerprint
    assert tool_mix(50, rate=4.0, seed=2).fingerprint != few.fingerprint


def test_one_call_each_leaves_no_conversation_with_two():
    counts = np.diff(mix(single_call=True).children["calls"].offsets)
    assert counts.max() == 1
    assert counts.mean() > 0.98


def test_hung_calls_last_ten_minutes():
    seconds = mix(hung=0.01).children["calls"]["seconds"]
    assert abs((seconds == 600).mean() - 0.01) < 0.001
    assert seconds[seconds < 600].max() <= 60


def test_the_calls_of_agents_are_short():
    trace = mix(agentic=True)
    seconds = trace.children["calls"]["seconds"]
    assert abs((seconds < 1).mean() - 0.86) < 0.005
    assert abs((seconds < 10).mean() - 0.95) < 0.005
    assert trace.meta["agentic"]
    assert "hung" not in trace.meta


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"n": 0}, "n is 0"),
        ({"hung": -0.1}, "hung is -0.1"),
        ({"hung": float("nan")}, "hung is"),
        ({"hung": "x"}, "hung is .x."),
    ],
)
def test_what_is_out_of_range_is_refused(options, words):
    with pytest.raises(InvalidInput, match=words):
        mix(**{"n": 10} | options)
