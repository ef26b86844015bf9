"""How plans of LLM engines look in a terminal, as JSON, on a page, and audited from their file."""

import json

import numpy as np
import pytest

from beforehand.cli.app import run
from tests.scheduling.serving.plan.small import PROFILE, traffic

ENGINE = ["--slots", "4", "--seeds", "1"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A trace, an engine's profile, and a plan with its page."""
    where = tmp_path_factory.mktemp("serving")
    traffic(420, seed=2).save(where / "requests.npz")
    traffic(220, every=9.0, longest=100).save(where / "calm.npz")
    PROFILE.save(where / "toy.json")
    return where


@pytest.fixture
def plan(folder, capsys, monkeypatch):
    """Run plan-serving there, and return what it printed."""
    monkeypatch.chdir(folder)
    monkeypatch.setenv("COLUMNS", "120")

    def made(*options):
        assert run(["scheduling", "plan-serving", *options, "--profile", "toy.json", *ENGINE]) == 0
        return capsys.readouterr().out

    return made


def test_the_best_design_its_bound_and_its_audit_are_shown(plan, folder, capsys):
    shown = plan("requests.npz", "--lengths", "noisy:2", "-o", "plan.json", "--html", "plan.html")
    assert "recommended" in shown
    assert "ever overtaken by one that arrives more than" in shown or "the later may come what overtakes it" in shown
    assert "audit on the last 126 of 420 conversations" in shown
    assert "wrote plan.json" in shown
    assert "beforehand audit plan.json LATER.npz --lengths noisy:2" in shown
    page = (folder / "plan.html").read_text()
    assert "Mean net latency by the length of the answers" in page
    assert "plan-serving requests.npz" in page
    assert run(["explain", "plan.json"]) == 0
    told = capsys.readouterr().out
    assert "first come, first served" in told
    tried = told.partition("Tried: ")[2].splitlines()[1:6]
    assert len({len(line) for line in tried}) == 1  # in columns, however long a design's name is
    assert run(["audit", "plan.json", "requests.npz", "--lengths", "noisy:2"]) == 0
    assert "clairvoyant" in capsys.readouterr().out
    assert run(["audit", "plan.json", "requests.npz", "--column", "x"]) == 2
    capsys.readouterr()
    assert run(["audit", "plan.json", "requests.npz"]) == 2
    assert "requests.npz has no column predicted_tokens; pass --lengths as plan-serving" in capsys.readouterr().err


def test_a_predictor_that_lies_beside_the_plan_is_named(plan, folder):
    shown = " ".join(plan("requests.npz", "-o", "fitted.json").split())
    names = [each["name"] for each in json.loads((folder / "fitted.json").read_text())["known"]["files"].values()]
    assert names
    assert f"wrote fitted.json, and beside it {names[0]}: keep them together" in shown


def test_json_holds_plan_and_report(plan):
    found = json.loads(plan("calm.npz", "--holdout", "0.05", "--json"))
    assert (found["plan"]["verdict"], found["report"]["verdict"]) == ("don't bother", "don't bother")
    assert len(found["plan"]["holdout"]) == 32


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--profile", "none.json"], "profile is 'none.json'"),
        (["--lengths", "guessed"], "lengths is 'guessed'"),
        (["--holdout", "0.6"], "has 420 conversations, of which --holdout 0.6 leaves 168 to plan on, but a plan needs"),
        (["--slo", "tpot=1"], "slo is 'tpot=1'"),
        (["--objective", "speed"], "objective is 'speed'"),
    ],
)
def test_wrong_options_are_one_line(folder, monkeypatch, capsys, options, words):
    monkeypatch.chdir(folder)
    assert run(["scheduling", "plan-serving", "requests.npz", "--profile", "toy.json", *options]) == 2
    assert words in capsys.readouterr().err


def test_lengths_belong_to_plans_of_engines(tmp_path, capsys):
    from beforehand.quantization import plan

    (tmp_path / "plan.json").write_text(plan(np.random.default_rng(0).normal(size=(64, 64)), bits=4).to_json())
    assert run(["audit", str(tmp_path / "plan.json"), "x.npy", "--lengths", "exact"]) == 2
    assert "is no plan of an LLM engine" in capsys.readouterr().err
