"""What an engine has served, as a trace."""

import math

import numpy as np
import pytest

from beforehand.core.trace import Trace
from beforehand.integrations.vllm.recorder import Segment, StepRecorder, TraceRecorder, prefix_of
from beforehand.integrations.vllm.recording import of_rank
from beforehand.scheduling.serving.simulator.request import check_requests

pytestmark = pytest.mark.vllm


def segment(enqueued, prompt, output, **others):
    chosen = {
        "conversation": "", "tenant": "", "enqueued": enqueued, "first_token": enqueued + 1,
        "finished": enqueued + 2, "prompt_tokens": prompt, "output_tokens": output, "predicted_tokens": 9.0,
        "max_tokens": 100, "prefix": -1, "preemptions": 0, "tool": "", "handling": "",
    }  # fmt: skip
    return Segment(**chosen | others)


def test_the_answers_of_a_conversation_become_a_row_with_calls(tmp_path):
    kept = TraceRecorder()
    kept.add(segment(5, 100, 20, conversation="c", tool="search", preemptions=1, prefix=4))
    kept.add(segment(3, 80, 6, prefix=4))
    kept.add(segment(9.5, 132, 7, conversation="c", first_token=10.5, finished=12, preemptions=2, prefix=4))
    kept.add(segment(5, 10, 5, conversation="c", tenant="other"))
    trace = kept.trace()
    trace.save(tmp_path / "trace.npz")
    trace = Trace.load(tmp_path / "trace.npz", kind="requests")
    check_requests(trace)
    assert trace["arrival"].tolist() == [3, 5, 5]
    assert trace["output_tokens"].tolist() == [6, 7, 5]
    assert trace["preemptions"].tolist() == [0, 3, 0]
    assert trace["prefix_id"].tolist() == [4, 4, -1]
    assert trace["first_token"].tolist() == [4, 6, 6]
    assert trace["finished"].tolist() == [5, 12, 7]
    calls = trace.children["calls"]
    assert calls.offsets.tolist() == [0, 0, 1, 1]
    assert (calls["output_tokens"][0], calls["seconds"][0], calls["return_tokens"][0]) == (20, 2.5, 12)
    assert calls["tool"][0] == "search"


def test_a_prompt_that_does_not_hold_the_answer_before_it_is_a_conversation_of_its_own():
    kept = TraceRecorder()
    kept.add(segment(0, 10, 20, conversation="c"))
    kept.add(segment(9, 12, 4, conversation="c"))
    trace = kept.trace()
    assert (trace["finished"] - trace["arrival"]).tolist() == [2, 2]  # not since the conversation began


def test_iterations_are_kept_in_their_order_and_the_oldest_make_room(monkeypatch):
    monkeypatch.setattr(StepRecorder, "ROWS", 8)
    steps = StepRecorder()
    for step in range(11):
        steps.add(step, 2 * step, 3 * step, 0.5)
    columns = steps.columns()
    assert columns["new_tokens"].tolist() == list(range(3, 11))
    assert columns["prefill_pairs"].tolist() == [3 * step for step in range(3, 11)]
    assert np.isfinite(columns["seconds"]).all()


def test_prompts_that_begin_alike_have_one_number():
    assert prefix_of(list(range(64))) == prefix_of([*range(64), 9, 9]) >= 0
    assert prefix_of([1, 2]) == prefix_of(None) == -1
    assert not math.isnan(prefix_of([5] * 64))


def test_each_of_several_engines_writes_a_file_of_its_own():
    assert of_rank("a/trace.npz", 0, 1) == "a/trace.npz"
    assert of_rank("a/trace.npz", 1, 2) == "a/trace.1.npz"
