"""`scheduling accuracy` says what the library says, in a table, as JSON, and on a page."""

import json
from functools import partial

import numpy as np
import pytest

from beforehand import scheduling
from beforehand.cli.app import run
from beforehand.core import Trace
from beforehand.workloads.jobs import code


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "140")
    code(1000, seed=0).save("jobs.npz")
    return tmp_path


def test_json_holds_what_the_library_found(here, capsys):
    assert run(["scheduling", "accuracy", "jobs.npz", "--load", "0.8", "--price", "1.5", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    found = scheduling.needed_accuracy(Trace.load("jobs.npz"), load=0.8, price=1.5)
    assert [point["cost"] for point in shown["points"]] == [point.cost for point in found.points]
    assert shown["breaks_even"] == found.breaks_even > 0
    assert [own["by"] for own in shown["own"]] == ["cheap", "expensive"]
    assert shown["unit"] == "seconds"
    assert shown["log"]["jobs"] == 1000


def test_the_table_has_a_row_for_each_error_and_the_answer_stands_below(here, capsys):
    assert run(["scheduling", "accuracy", "jobs.npz", "--load", "0.8", "--price", "1", "--cost-unit", "mean"]) == 0
    lines = capsys.readouterr().out.splitlines()
    mean = float(np.mean(Trace.load("jobs.npz")["size"]))
    price = scheduling.needed_accuracy(Trace.load("jobs.npz"), load=0.8, price=mean).setting.expensive_cost
    assert f"a prediction for {price:.3g}" in lines[0]
    head = next(line for line in lines if line.startswith("sigma"))
    assert head.split("  ")[0] == "sigma"
    assert "at bias 0.5" in head
    rows = [line.split()[0] for line in lines if line and line[0].isdigit()]
    assert rows == ["0", "0.1", "0.2", "0.3", "0.5", "0.7", "1", "1.4", "2", "2.8", "4"]
    told = "\n".join(lines[lines.index(head) :])
    for words in ("Without predictions", "log's expensive predictions", "log's cheap predictions", "Assumed:"):
        assert words in told


def test_the_page_draws_the_curve_and_its_next_command_runs(here, capsys, monkeypatch):
    few = partial(scheduling.needed_accuracy, sigmas=(0.0, 1.0), biases=(2.0,))  # simulated, each takes a second
    monkeypatch.setattr(scheduling, "needed_accuracy", few)
    options = ["--load", "0.8", "--size", "tokens", "--html", "a.html", "--servers", "2", "--preemptive"]
    assert run(["scheduling", "accuracy", "jobs.npz", *options]) == 0
    assert "wrote a.html" in capsys.readouterr().out
    text = (here / "a.html").read_text("utf-8")
    assert text.count("<svg") == 2
    assert "beforehand scheduling accuracy jobs.npz" in text
    after = text.split("Next:</p>\n<pre><code>")[1].split("</code>")[0]
    assert after.startswith("beforehand scheduling plan-queue jobs.npz --load 0.8")
    assert "--servers 2 --preemptive" in after
    assert run([*after.split()[1:], "--bootstrap", "0"]) == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--load", "1"], "load is 1"),
        (["--load", "0.5", "--size", "width"], "'width'"),
        (["--servers", "0"], "servers"),
    ],
)
def test_errors_say_what_to_change(here, capsys, options, words):
    assert run(["scheduling", "accuracy", "jobs.npz", *options]) == 2
    assert words in capsys.readouterr().err
