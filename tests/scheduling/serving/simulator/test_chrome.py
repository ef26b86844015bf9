"""The trace of a run: what begins ends, and long runs are cut in the middle."""

import json
from collections import Counter

from beforehand.scheduling.serving import FCFS, PROFILES, Always, simulate
from beforehand.scheduling.serving.simulator import chrome
from beforehand.workloads.requests import tool_mix


def events(path, **options):
    result = simulate(
        tool_mix(30, rate=4.0, seed=0), profile=PROFILES["gptj-6b-a100-40g"], policy=FCFS(), handling=Always("swap"),
        host_tokens=50_000, chrome=path, max_batched_tokens=512, **options,
    )  # fmt: skip
    return result, json.loads(path.read_text())


def test_every_span_that_begins_ends(tmp_path):
    result, found = events(tmp_path / "trace.json")
    spans = Counter((each["id"], each["name"], each["ph"]) for each in found if each["ph"] in "be")
    assert {name for _, name, _ in spans} == {"waiting", "prefill", "decode", "tool", "swapped"}
    assert all(count == spans[row, name, "e"] for (row, name, phase), count in spans.items() if phase == "b")
    slices = [each for each in found if each["ph"] == "X"]
    assert sum(each["args"]["iterations"] for each in slices) == len(result.end)
    assert max(each["ts"] + each["dur"] for each in slices) <= result.end[-1] * 1e6 * (1 + 1e-9)
    counted = [each for each in found if each["ph"] == "C" and each["name"] == "requests"]
    assert counted[-1]["args"] == {"waiting": 0, "running": 0, "paused": 0}


def test_a_long_run_loses_its_middle_and_says_so(tmp_path, monkeypatch):
    _, whole = events(tmp_path / "whole.json")
    monkeypatch.setattr(chrome, "MOST_EVENTS", 500)
    _, cut = events(tmp_path / "cut.json")
    assert len(cut) < 520 < len(whole)
    assert any(each["name"] == "metadata" for each in cut)
    spans = Counter((each["id"], each["name"], each["ph"]) for each in cut if each["ph"] in "be")
    assert all(count == spans[row, name, "e"] for (row, name, phase), count in spans.items() if phase == "b")
