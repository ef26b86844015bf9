"""`explain` and `audit` on plans of both areas."""

import json

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
    for timed in ("price", "why"):  # of codecs, whose time is taken anew
        del shown[timed], same[timed]
    assert shown == same


def test_what_was_audited_must_be_what_was_planned_for(here, capsys):
    assert run(["audit", "queue.json", "holdout.npy"]) == 2
    assert "must be a Log or a Trace" in capsys.readouterr().err
    assert run(["audit", "codec.json", "holdout.npz"]) == 2
    assert "is a trace of kind 'jobs', but must be of kind 'vectors'" in capsys.readouterr().err
