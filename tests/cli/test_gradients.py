import json
import re

import numpy as np
import pytest

from beforehand import gradients
from beforehand.cli import gradients as group
from beforehand.cli.app import run
from beforehand.core import load_plan
from beforehand.core.errors import InvalidInput
from beforehand.workloads import gradient_samples
from tests.cli.commands import commands

THC, INT8 = gradients.THC().to_json(), '{"codec": "BlockInt", "bits": 8}'
SLOW = ["--latency", "1e-4", "--bandwidth", "50mbit"]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    trace = gradient_samples.gradients("layers", size=2**15, workers=4, steps=4, seed=0)
    for name, part in zip(("sample.npz", "holdout.npz"), trace.split(0.5), strict=True):
        part.save(name)
    return tmp_path


def plan(*more):
    return run(
        ["gradients", "plan", "sample.npz", "--workers", "4", "--compute-seconds", "0.01", "--codec", THC, *more]
    )


def test_the_commands_are_these():
    assert commands(group.app) == ["bench", "plan"]


def test_without_a_command_it_shows_them(capsys):
    assert run(["gradients"]) == 0
    assert "bench" in capsys.readouterr().out


def test_a_plan_is_shown_written_explained_and_audited(here, capsys):
    assert plan(*SLOW, "--codec", INT8, "--seed", "3", "-o", "plan.json") == 0
    shown = capsys.readouterr().out
    assert shown.startswith("worth it: take THC by two_shot for 4 workers and 32,768 parameters.")
    assert shown.endswith("wrote plan.json\n")
    made = load_plan("plan.json")
    assert (made.seed, made.link) == (3, gradients.Link(1e-4, 6.25e6))
    assert {each.codec for each in made.candidates} >= {gradients.THC(), gradients.BlockInt()}
    assert run(["explain", "plan.json"]) == 0
    assert capsys.readouterr().out == shown.removesuffix("wrote plan.json\n")
    assert run(["audit", "plan.json", "holdout.npz"]) == 0
    assert "worth it" in capsys.readouterr().out
    assert run(["audit", "plan.json", "holdout.npz", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["metric"] == "seconds a step"


def test_the_link_may_come_from_a_file(here):
    (here / "link.json").write_text(gradients.Link(2e-4, 1e10).to_json())
    assert (
        plan("--link", "link.json", "--margin", "0.2", "--max-vnmse", "0.05", "--overlap", "0.5", "-o", "p.json") == 0
    )
    made = load_plan("p.json")
    assert (made.verdict, made.link) == ("don't bother", gradients.Link(2e-4, 1e10))
    assert (made.margin, made.max_vnmse, made.overlap) == (0.2, 0.05, 0.5)


def test_bench_prints_what_the_library_measures(here, capsys):
    assert run(["gradients", "bench", "sample.npz", "--workers", "4", "--codec", THC, "--codec", INT8, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = {row["codec"]: row for row in found["codecs"]}
    assert list(rows) == ["float32", "float16", "bfloat16", "THC by two_shot", "BlockInt by two_shot"]
    layout = gradients.Layout([("t", (2**15,))])
    sent = gradients.THC().wire_bytes(layout, workers=4)
    thc = rows["THC by two_shot"]
    assert (thc["up"], thc["down"]) == sent
    assert thc["expected"] == pytest.approx(thc["vnmse"], rel=0.1)
    assert all(row[part] >= 0 for row in rows.values() for part in ("encode", "accumulate", "decode"))
    assert rows["BlockInt by two_shot"]["expected"] is None
    assert found["refused"] == []


def test_bench_marks_feedback_and_names_what_is_refused(here, capsys):
    tight = gradients.THC(granularity=100).to_json()
    top = '{"codec": "TopK", "density": 0.1}'
    assert run(["gradients", "bench", "sample.npz", "--workers", "4", "--codec", tight, "--codec", top]) == 0
    shown = capsys.readouterr().out
    line = next(line for line in shown.split("\n") if line.startswith("TopK(density=0.1) by gather"))
    assert "*" in line
    assert "refused: THC(granularity=100) by two_shot, as 4 workers x granularity 100 = 400 > 255" in shown


@pytest.mark.parametrize(
    ("text", "rate"), [("50mbit", 6.25e6), ("1gbit", 1.25e8), ("1.5 Gbit/s", 1.875e8), ("8e3kbit", 1e6), ("16bit", 2)]
)
def test_rates_are_read_as_bits(text, rate):
    assert group.as_rate(text) == pytest.approx(rate)


@pytest.mark.parametrize("text", ["50", "50mb", "mbit", "-1mbit", "1 tbit", "50mbps", ""])
def test_other_rates_are_refused(text):
    with pytest.raises(InvalidInput, match="must be a number with bit, kbit, mbit or gbit"):
        group.as_rate(text)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the link is not clear: give --link, or both --latency and --bandwidth"),
        (["--latency", "1"], "the link is not clear"),
        (["--link", "none.json", "--latency", "1"], "the link is not clear"),
        (["--link", "none.json"], "none.json cannot be read"),
        (["--link", "sample.npz"], "sample.npz: .* is no link"),
        (["--latency", "1", "--bandwidth", "fast"], "bandwidth is 'fast'"),
        ([*SLOW, "--codec", "THC"], "'THC' does not describe a codec"),
        ([*SLOW, "--margin", "-1"], "margin is -1"),
        ([*SLOW, "--workers", "1"], "greater than or equal to 2"),
    ],
)
def test_what_is_not_clear_is_said_in_a_line(here, capsys, arguments, message):
    assert plan(*arguments) == 2
    shown = capsys.readouterr().err
    assert shown.count("\n") == 1
    assert re.search(message, shown)


def test_another_trace_is_refused(here, capsys):
    np.savez("other.npz", a=np.ones(3))
    for path, message in (("none.npz", "cannot be read"), ("other.npz", "does not say what its rows are")):
        assert run(["gradients", "bench", path, "--workers", "4"]) == 2
        assert message in capsys.readouterr().err
