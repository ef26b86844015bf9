import json

import numpy as np
import pytest

from beforehand.cli.app import run
from beforehand.core import Trace
from beforehand.scheduling.serving import FCFS, PROFILES, Always, simulate
from beforehand.workloads.requests import alpaca_like, tool_mix

PROFILE = ["--profile", "llama3-8b-a100-80g"]
LLAMA = PROFILES["llama3-8b-a100-80g"]


def command(path, *options):
    return ["scheduling", "simulate-serving", str(path), *PROFILE, *options]


@pytest.fixture
def requests(tmp_path):
    path = tmp_path / "requests.npz"
    alpaca_like(300, rate=14.0, seed=0).save(path)
    return path


def test_the_figures_are_those_of_simulate_beside_first_come_first_served(capsys, requests):
    assert run(command(requests, "--lengths", "exact", "--slots", "8", "--json")) == 0
    shown = json.loads(capsys.readouterr().out)
    assert [each["policy"]["policy"] for each in shown["runs"]] == ["fcfs", "boosted"]
    assert shown["runs"][1]["policy"]["boost"] > 0, "numbers in place of auto"
    base, ordered = (each["summary"] for each in shown["runs"])
    found = simulate(Trace.load(requests), profile=LLAMA, policy=FCFS(), max_num_seqs=8)
    assert base == found.summary()
    assert ordered["mean_latency"] < 0.9 * base["mean_latency"]


@pytest.mark.parametrize("verb", ["simulate-serving", "plan-serving"])
def test_a_cache_that_is_too_small_is_called_by_its_option(capsys, requests, verb):
    assert run(["scheduling", verb, str(requests), *PROFILE, "--kv-tokens", "64", "--lengths", "exact"]) == 2
    told = " ".join(capsys.readouterr().err.split())
    assert "but --kv-tokens 64 makes 4; raise it, or leave out what is too long" in told
    assert "reject_oversized" not in told


def test_a_table_compares_the_two(capsys, requests):
    assert run(command(requests, "--lengths", "noisy:46.1", "--slots", "8", "--slo", "ttft=1,itl=0.05")) == 0
    shown = capsys.readouterr().out
    assert "Boosted(ShortestWork)  change" in shown
    assert "from an unloaded run: Boosted(ShortestWork, boost=" in shown
    assert "latency, p99" in shown
    assert "share of good requests" in shown
    assert "calls" not in shown, "the trace has none"
    assert "300 requests in" in shown


def test_first_come_first_served_needs_no_predictions_and_stands_alone(capsys, requests):
    assert run(command(requests, "--policy", "fcfs", "--json")) == 0
    assert len(json.loads(capsys.readouterr().out)["runs"]) == 1


def test_predictions_that_are_missing_are_asked_for_in_the_words_of_the_command_line(capsys, requests):
    assert run(command(requests)) == 2
    error = capsys.readouterr().err
    assert "--lengths noisy:46.1" in error
    assert run(command(requests, "--policy", "Boosted(ShortestWork(decode=0))")) == 0


def test_the_traces_own_predictions_are_used(capsys, requests, tmp_path):
    trace = Trace.load(requests)
    predicted = {"predicted_tokens": trace["output_tokens"].astype(float)}
    Trace("requests", {**trace.columns, **predicted}).save(tmp_path / "predicted.npz")
    figures = []
    for path, options in ((tmp_path / "predicted.npz", []), (requests, ["--lengths", "exact"])):
        assert run(command(path, "--policy", "spjf", "--slots", "4", "--json", *options)) == 0
        figures.append(json.loads(capsys.readouterr().out)["runs"][1]["summary"])
    assert figures[0] == figures[1]


def test_calls_of_tools_are_handled_and_counted(capsys, tmp_path):
    trace = tool_mix(60, rate=2.0, seed=0)
    trace.save(tmp_path / "tools.npz")
    options = ["--policy", "fcfs", "--handling", "preserve", "--resume", "return", "--slots", "16"]
    assert run(command(tmp_path / "tools.npz", *options)) == 0
    shown = capsys.readouterr().out
    assert "calls: cache preserved" in shown
    assert run(command(tmp_path / "tools.npz", *options, "--json")) == 0
    found = json.loads(capsys.readouterr().out)["runs"][0]["summary"]
    same = simulate(trace, profile=LLAMA, policy=FCFS(), handling=Always("preserve"), resume="return", max_num_seqs=16)
    assert found == same.summary()
    assert found["preserved"] == len(trace.children["calls"]["seconds"])


def test_a_page_and_a_trace_for_perfetto_are_written(capsys, tmp_path, requests):
    page, chrome = tmp_path / "page.html", tmp_path / "run.json"
    options = ["--policy", "spjf", "--lengths", "exact", "--html", str(page), "--chrome", str(chrome)]
    assert run(command(requests, *options)) == 0
    shown = capsys.readouterr().out
    assert f"wrote {page}" in shown
    assert f"wrote {chrome}" in shown
    text = page.read_text()
    assert "time to the first token" in text
    assert "plan-serving" in text
    assert json.loads(chrome.read_text())


def test_requests_that_never_fit_are_one_clear_line(capsys, requests):
    assert run(command(requests, "--policy", "fcfs", "--kv-tokens", "64")) == 2
    assert "needs" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--policy", "lifo"], "policy is 'lifo'"),
        (["--handling", "hold"], "hold"),
        (["--lengths", "long"], "lengths is 'long'"),
        (["--slo", "ttft"], "slo is 'ttft'"),
    ],
)
def test_words_that_mean_nothing_are_refused(capsys, requests, options, words):
    assert run(command(requests, *options)) == 2
    assert words in capsys.readouterr().err


def test_a_swap_without_a_host_tier_is_refused(capsys, requests):
    assert run(command(requests, "--policy", "fcfs", "--handling", "swap")) == 2
    assert "host_tokens is 0, so that nothing could be swapped; pass --host-tokens" in capsys.readouterr().err


def test_a_file_of_something_else_is_refused(capsys, tmp_path):
    np.savez(tmp_path / "other.npz", size=np.ones(3))
    assert run(command(tmp_path / "other.npz")) == 2
    assert "arrival" in capsys.readouterr().err
