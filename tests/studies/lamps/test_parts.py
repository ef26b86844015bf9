import json

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.policies.view import FIRST
from beforehand.scheduling.serving import PROFILES, Always, MinWaste, ToolDurations, View, wastes
from beforehand.studies.lamps.engines import GPTJ
from beforehand.studies.lamps.errors import Disturbed, Inverted
from beforehand.studies.lamps.recorded import replayed
from beforehand.studies.lamps.runs import mixed
from beforehand.studies.lamps.waste import Judged, filled, tool_means, wasted_over_least
from beforehand.studies.lamps.whole import WholeConversation
from tests.scheduling.serving.handlings.test_handlings import paused


def test_errors_are_as_large_as_they_say_and_never_below_a_twentieth():
    truth = np.full(20_000, 100.0)
    predicted = Disturbed(0.2, seed=0).predict(truth)
    assert predicted.std() == pytest.approx(20, rel=0.03)
    assert Disturbed(0.6, seed=0).predict(truth).min() == pytest.approx(5.0)
    assert Inverted().predict(np.array([])).size == 0


def test_knowledge_wastes_least_and_no_handling_wastes_less():
    trace = mixed(4.5, 150, 0)
    known = wasted_over_least(GPTJ, trace, MinWaste(), knows=True)[0]
    assert known == pytest.approx(1.0)
    for handling in (MinWaste(), Always("preserve"), Always("discard"), Always("swap")):
        assert wasted_over_least(GPTJ, trace, handling)[0] >= 1.0


def test_a_call_is_judged_by_its_true_duration():
    judged = Judged(MinWaste(), {"search": 0.1})
    view = paused(60.0, name="search")
    assert judged.decide(view)[0] == "preserve"
    each = wastes(1040, 60.0, view.engine)
    assert (judged.wasted, judged.least) == (each.preserve, min(each))
    assert view.tool.seconds == 60.0


def test_the_recorded_calls_fill_the_durations():
    trace = mixed(4.5, 300, 0)
    durations = filled(ToolDurations(), trace)
    for tool, mean in tool_means(trace).items():
        last = trace.children["calls"]["seconds"][trace.children["calls"]["tool"] == tool][-512:]
        assert durations.mean(tool) == pytest.approx(last.mean())
        assert mean > 0


def test_a_whole_conversation_is_the_sum_of_what_is_left():
    trace = mixed(4.5, 20, 0)
    policy = WholeConversation(trace, PROFILES["gptj-6b-a100-40g"])
    calls = trace.children["calls"]
    for row in range(20):
        served = np.concatenate(([0], np.cumsum(calls["output_tokens"][calls.offsets[row] : calls.offsets[row + 1]])))
        ranks = [policy.rank(View(0.0, row, served=int(each))) for each in served]
        assert ranks == sorted(ranks, reverse=True)
        assert ranks[-1] > 0
        assert policy.rank(View(0.0, row, state="running")) == FIRST


def test_recorded_conversations_are_drawn_whole(tmp_path):
    segments = [
        {"prompt_tokens": 30, "completion_tokens": 7, "api_time": 0.5, "api_tokens": 4},
        {"prompt_tokens": 41, "completion_tokens": 9, "api_time": None, "api_tokens": None},
    ]
    lines = [{"tool": "qa", "segments": segments}, {"tool": "none", "segments": segments[1:]}]
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    trace = replayed(tmp_path)(2.0, 500, 1)  # its folder will do
    calls = np.diff(trace.children["calls"].offsets)
    assert set(calls.tolist()) == {0, 1}
    assert set(trace["prompt_tokens"][calls == 1].tolist()) == {30}
    assert trace["arrival"][-1] == pytest.approx(250, rel=0.2)
    assert set(trace.children["calls"]["tool"].tolist()) == {"qa"}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"tool": "qa", "segments": []}', '{"segments": [{"prompt_tokens": 1}]}']
)
def test_files_of_something_else_are_refused(tmp_path, text):
    path = tmp_path / "calls.jsonl"
    path.write_text(text)
    with pytest.raises(InvalidInput, match="data is"):
        replayed(path)


def test_a_folder_must_hold_one_file_of_conversations(tmp_path):
    with pytest.raises(InvalidInput, match=r"which holds 0 \.jsonl files; pass one file"):
        replayed(tmp_path)
