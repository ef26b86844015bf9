"""`scheduling servers` says what the library says, in tables, as JSON, and on a page."""

import json
from functools import partial

import pytest

from beforehand import scheduling
from beforehand.cli.app import run
from beforehand.core import Trace
from beforehand.workloads.jobs import code


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    code(1000, seed=0, load=2.5).save("jobs.npz")
    return tmp_path


def test_json_holds_what_the_library_found(here, capsys):
    assert run(["scheduling", "servers", "jobs.npz", "--within", "20", "--goal", "p99", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    found = scheduling.needed_servers(Trace.load("jobs.npz"), within=20.0, goal="p99")
    assert shown["random"]["without"]["servers"] == found.random.without.servers
    assert shown["replayed"]["predicted"]["reached"] == found.replayed.predicted.reached
    assert {int(servers) for servers in shown["random"]["figures"]} == set(found.random.figures)
    assert shown["work"] == pytest.approx(found.work)


def test_there_is_a_table_for_each_kind_of_arrivals_and_the_answer_below(here, capsys):
    assert run(["scheduling", "servers", "jobs.npz", "--within", "0.8"]) == 0
    shown = capsys.readouterr().out
    assert "mean response time in seconds, random arrivals" in shown
    assert "mean response time in seconds, the log's own arrivals" in shown
    found = scheduling.needed_servers(Trace.load("jobs.npz"), within=0.8)
    rows = [line.split()[0] for line in shown.splitlines() if line and line[0].isdigit()]
    assert rows == [str(servers) for each in (found.random, found.replayed) for servers in each.figures]
    assert f"it takes {found.random.without.servers} servers without predictions" in shown


def test_a_log_without_predictions_shows_none(here, capsys):
    (here / "bare.csv").write_text("size\n" + "\n".join(str(1 + i % 7) for i in range(50)))
    assert run(["scheduling", "servers", "bare.csv", "--rate", "0.5", "--within", "8"]) == 0
    shown = capsys.readouterr().out
    assert "own arrivals" not in shown
    assert "--assume-expensive" in shown


def test_the_page_draws_both_and_its_next_command_runs(here, capsys):
    assert run(["scheduling", "servers", "jobs.npz", "--within", "0.8", "--html", "a.html"]) == 0
    assert "wrote a.html" in capsys.readouterr().out
    text = (here / "a.html").read_text("utf-8")
    assert text.count("<svg") == 4
    after = text.split("Next:</p>\n<pre><code>")[1].split("</code>")[0]
    assert "--servers" in after
    assert run([*after.split()[1:], "--bootstrap", "0"]) == 0


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--rate", "255.9", "--within", "1", "--goal", "p99.99"], "--servers 256 --load 0.999 --preemptive"),
        (["--rate", "0.9998", "--within", "1e6"], "--servers 1 --load 0.999 --preemptive"),
    ],
)
def test_the_next_command_fits_where_256_are_too_few_or_the_load_is_nearly_1(here, monkeypatch, options, expected):
    monkeypatch.setattr(scheduling, "needed_servers", partial(scheduling.needed_servers, jobs=1000))
    (here / "ones.csv").write_text("size\n" + "1\n" * 100)
    assert run(["scheduling", "servers", "ones.csv", *options, "--preemptive", "--html", "a.html"]) == 0
    assert expected in (here / "a.html").read_text("utf-8")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--within", "0.0001"], "no number of servers"),
        (["--within", "9", "--goal", "best"], "goal is 'best'"),
        ([], "--within"),
    ],
)
def test_errors_say_what_to_change(here, capsys, options, words):
    assert run(["scheduling", "servers", "jobs.npz", *options]) == 2
    assert words in capsys.readouterr().err
