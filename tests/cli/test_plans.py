"""`explain` and `audit` on plans of both areas."""

import html
import json
import re
import shlex

import numpy as np
import pytest

from beforehand import quantization, scheduling
from beforehand.cli.app import run
from beforehand.core import Trace
from beforehand.workloads.jobs import code

VECTORS = np.random.default_rng(0).lognormal(size=(12, 300))


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a plan of each area, and what each never saw."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "codec.json").write_text(quantization.plan(VECTORS[:6], bits=3).to_json())
    np.save("holdout.npy", VECTORS[6:])
    sample, holdout = code(600, seed=0).split(0.5)
    plan = scheduling.plan_queue(sample, load=0.8, expensive_cost=0.01, preemptive=True, bootstrap=10)
    (tmp_path / "queue.json").write_text(plan.to_json())
    holdout.save("holdout.npz")
    return tmp_path


FILES = [("codec.json", "holdout.npy"), ("queue.json", "holdout.npz")]


@pytest.mark.parametrize("name", ["codec.json", "queue.json"])
def test_explain_prints_the_words_of_the_plan(here, capsys, name):
    from beforehand.core import load_plan

    assert run(["explain", name]) == 0
    assert capsys.readouterr().out == load_plan(name).explain() + "\n"


@pytest.mark.parametrize(("plan", "holdout"), FILES)
def test_audit_shows_the_four_outcomes_and_the_verdict(here, capsys, plan, holdout):
    assert run(["audit", plan, holdout]) == 0
    shown = capsys.readouterr().out
    for words in ("strongest without", "expected", "measured", "clairvoyant", "price", "verdict"):
        assert words in shown


@pytest.mark.parametrize(("plan", "holdout"), FILES)
def test_audit_prints_the_report_of_the_plan_as_json(here, capsys, plan, holdout):
    from beforehand.core import load_plan

    assert run(["audit", plan, holdout, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    unseen = np.load(holdout) if holdout.endswith("npy") else Trace.load(holdout)
    same = json.loads(load_plan(plan).audit(unseen).to_json())
    if plan == "queue.json":
        assert shown.pop("log")["jobs"] == len(unseen)
    for timed in ("price", "why"):  # of codecs, whose time is taken anew
        del shown[timed], same[timed]
    assert shown == same


def test_what_was_audited_must_be_what_was_planned_for(here, capsys):
    assert run(["audit", "queue.json", "holdout.npy"]) == 2
    assert "holdout.npy" in capsys.readouterr().err
    assert run(["audit", "codec.json", "holdout.npz"]) == 2
    assert "is a trace of kind 'jobs', but must be of kind 'vectors'" in capsys.readouterr().err
    assert run(["audit", "codec.json", "holdout.npy", "--size", "a", "--where", "b=1"]) == 2
    error = capsys.readouterr().err
    assert "--size a --where b=1 says how to read a log of jobs, but codec.json is no plan of a queue" in error


def week(name, seed, *, further=""):
    """A log of a cluster: dates, durations with days, states, predictions that some jobs lack."""
    random = np.random.default_rng(seed)
    took = np.ceil(random.lognormal(6, 1.5, 400)).astype(int)
    submitted = np.datetime64("2026-03-01T00:00:00") + np.cumsum(random.exponential(3000, 400)).astype("m8[s]")
    guess = np.ceil(took * random.lognormal(0, 0.5, 400)).astype(int)
    with open(name, "w") as stream:
        print(f"submitted;took;guess;state{further and ';better'}", file=stream)
        for row in random.permutation(400):
            state = random.choice(["COMPLETED", "CANCELLED by 7", "PENDING"], p=[0.8, 0.1, 0.1])
            seconds = took[row]
            lasted = f"{seconds // 86400}-{seconds // 3600 % 24:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
            cells = [submitted[row], "" if state == "PENDING" else lasted, "" if row % 50 == 0 else guess[row], state]
            print(*cells, *([took[row]] if further else []), sep=";", file=stream)


HOW = [
    "--size", "took", "--arrival", "submitted", "--cheap", "guess", "--where", "state=COMPLETED",
]  # fmt: skip


def test_an_audit_reads_the_next_file_as_the_plan_read_its_own(here, capsys):
    week("march.csv", 0)
    week("april.csv", 1)
    arguments = ["scheduling", "plan-queue", "march.csv", *HOW, "--assume-expensive", "0.3", "--bootstrap", "10"]
    assert run([*arguments, "-o", "plan.json"]) == 0
    capsys.readouterr()
    assert run(["audit", "plan.json", "april.csv"]) == 0
    shown = capsys.readouterr().out
    for words in (
        "not state=COMPLETED",
        "no cheap prediction for",
        "assumed expensive predictions",
        "costs in seconds",
        "verdict",
    ):
        assert words in shown
    assert run(["audit", "plan.json", "april.csv", "--json"]) == 0
    log = json.loads(capsys.readouterr().out)["log"]
    assert log["columns"] == {"size": "took", "arrival": "submitted", "cheap": "guess"}
    assert log["jobs"] + log["dropped"] == 400


def test_a_log_that_cannot_be_read_as_the_plans_own_says_how_that_was_read(here, capsys):
    week("march.csv", 0)
    (here / "other.csv").write_text("took,submitted,guess\n1,2,3\n")
    assert run(["scheduling", "plan-queue", "march.csv", *HOW, "--bootstrap", "0", "-o", "plan.json"]) == 0
    capsys.readouterr()
    assert run(["audit", "plan.json", "other.csv"]) == 2
    error = capsys.readouterr().err
    assert "other.csv has no column 'state'" in error
    assert error.endswith(f"; the plan's own log was read with {shlex.join(HOW)}, which options of audit replace\n")
    assert run(["audit", "plan.json", "gone.csv"]) == 2
    assert "the plan's own" not in capsys.readouterr().err


def test_predictions_that_were_assumed_are_read_where_the_next_file_has_them(here, capsys):
    week("march.csv", 0)
    week("april.csv", 1, further="better")
    arguments = ["scheduling", "plan-queue", "march.csv", *HOW, "--assume-expensive", "0.3", "--bootstrap", "10"]
    assert run([*arguments, "-o", "plan.json"]) == 0
    capsys.readouterr()
    assert run(["audit", "plan.json", "april.csv", "--expensive", "better", "--json"]) == 0
    log = json.loads(capsys.readouterr().out)["log"]
    assert log["assumed"] == {}
    assert log["columns"]["expensive"] == "better"


def sacct(name, limits):
    """What sacct prints, with the limits that users set or without."""
    with open(name, "w") as stream:
        print("JobID|Submit|Elapsed|State" + "|Timelimit" * limits, file=stream)
        for job in range(60):
            when, took = f"2026-03-{1 + job // 24:02}T{job % 24:02}:00:00", f"00:0{1 + job * 7 % 9}:00"
            print(f"{job}|{when}|{took}|COMPLETED" + "|00:10:00" * limits, file=stream)


def test_predictions_that_only_a_format_derives_take_the_place_of_assumed_ones(here, capsys):
    sacct("march.txt", False)
    sacct("april.txt", True)
    assume = ["--assume-cheap", "1"]
    arguments = ["scheduling", "plan-queue", "march.txt", "--load", "0.8", *assume, "--bootstrap", "10"]
    assert run([*arguments, "-o", "plan.json"]) == 0
    capsys.readouterr()
    for name, assumed in (("april.txt", {}), ("march.txt", {"cheap": 1})):
        assert run(["audit", "plan.json", name, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["log"]["assumed"] == assumed
    assert run(["audit", "plan.json", "april.txt", *assume]) == 2
    assert "april.txt has cheap predictions; leave --assume-cheap out" in capsys.readouterr().err


def test_what_is_printed_as_the_next_command_runs(here, capsys):
    week("march.csv", 0)
    arguments = ["scheduling", "plan-queue", "march.csv", *HOW, "--assume-expensive", "0.3", "--bootstrap", "10"]
    assert run([*arguments, "-o", "plan.json", "--html", "plan.html"]) == 0
    shown = capsys.readouterr().out
    audit = next(line for line in shown.splitlines() if line.strip().startswith("beforehand audit"))
    week("LATER.csv", 1)
    assert run(shlex.split(audit)[1:]) == 0
    page = html.unescape((here / "plan.html").read_text())
    simulate = re.search(r"beforehand scheduling simulate [^<]*", page)[0]
    assert run([*shlex.split(simulate)[1:], "--jobs", "2000"]) == 0
    again = re.search(r"beforehand scheduling plan-queue [^<]*", page)[0]
    assert "--where state=COMPLETED" in again
    assert run([*shlex.split(again)[1:], "--bootstrap", "10"]) == 0
