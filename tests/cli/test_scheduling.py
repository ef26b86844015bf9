import io
import json
import sys

import numpy as np
import pytest

from beforehand import scheduling
from beforehand.cli import scheduling as group
from beforehand.cli.app import run
from beforehand.core import Trace
from beforehand.workloads.jobs import code
from tests.cli.commands import commands

JSON = '{"policy": "skippredict", "threshold": 1.5}'


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    code(2000, seed=0).save("jobs.npz")
    return tmp_path


def told(capsys, *arguments):
    assert run(["scheduling", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_commands_are_these():
    on_servers = ["accuracy", "plan-queue", "servers", "simulate"]
    on_engines = ["calibrate", "gateway", "make-tiny-model", "plan-serving", "simulate-serving", "train-probe"]
    assert commands(group.app) == sorted(on_servers + on_engines)


def test_simulate_is_that_of_the_library(here, capsys):
    found = told(capsys, "simulate", "jobs.npz", "--policy", JSON, "--load", "0.8", "--jobs", "20000", "--seed", "3")
    law = scheduling.Log.read(Trace.load("jobs.npz"))
    same = scheduling.simulate(scheduling.SkipPredict(1.5), law, load=0.8, jobs=20_000, seed=3)
    assert found["response_time"] == same.response_time
    assert found["quantiles"] == {str(share): value for share, value in same.quantiles.items()}
    assert found["policy"]["threshold"] == 1.5
    log = {"jobs": 2000, "dropped": 0, "left_out": {}, "missing": {}, "missing_rule": "last", "assumed": {}}
    same = {"size", "cheap", "expensive", "arrival"}
    units = {"unit": "seconds", "columns": dict(zip(same, same, strict=True)), "service_rate": 1.0}
    assert found["log"] == log | units


def test_the_load_is_measured_unless_given(here, capsys):
    law = scheduling.Log.read(Trace.load("jobs.npz"))
    found = told(capsys, "simulate", "jobs.npz", "--policy", "fcfs", "--jobs", "20000")
    given = told(capsys, "simulate", "jobs.npz", "--policy", "fcfs", "--jobs", "20000", "--rate", str(law.rate))
    assert found == given


def test_replay_serves_the_jobs_of_the_log(here, capsys):
    found = told(capsys, "simulate", "jobs.npz", "--policy", "sprpt", "--replay")
    law = scheduling.Log.read(Trace.load("jobs.npz"))
    same = scheduling.replay(scheduling.SPRPT(), law)
    assert found["response_time"] == pytest.approx(np.mean(same.completion - law.arrival))
    assert found["expensive_calls"] == 1
    assert found["jobs"] == 2000
    assert found["quantiles"]["0.5"] < found["response_time"] < found["max"]


def test_simulate_says_what_it_found_and_what_it_assumed(here, capsys):
    (here / "bare.csv").write_text("took\n" + "\n".join(map(str, range(50))))
    arguments = ["simulate", "bare.csv", "--size", "took", "--load", "0.7", "--jobs", "5000"]
    assert run(["scheduling", *arguments, "--policy", JSON, "--assume-cheap", "1", "--assume-expensive", "0.3"]) == 0
    shown = capsys.readouterr().out
    for words in [
        "left out 1 of 50 rows",
        "assumed cheap",
        "assumed expensive",
        "mean response",
        "99 % within",
        "of shorts",
    ]:
        assert words in shown


def test_simulate_says_how_many_jobs_an_interval_takes(here, capsys):
    arguments = ["simulate", "jobs.npz", "--policy", "fcfs", "--load", "0.7", "--jobs"]
    needed = str(int(told(capsys, *arguments, "100")["jobs_needed"]))
    assert run(["scheduling", *arguments, "100"]) == 0
    assert f"(too heavy for an interval; take --jobs {needed})" in " ".join(capsys.readouterr().out.split())
    assert run(["scheduling", *arguments, needed]) == 0
    assert "(95 % interval)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--policy", "fcfs", "--load", "0.5", "--replay"], "takes neither --load nor --rate"),
        (["--policy", "lifo", "--load", "0.5"], "policy is 'lifo', but must be one of fcfs"),
        (["--policy", "skippredict", "--load", "0.5"], "skippredict lacks an option"),
        (["--policy", "fcfs", "--load", "1"], "load is 1"),
        (["--policy", "fcfs", "--load", "0.5", "--rate", "1"], "rate"),
        (["--policy", "fcfs", "--load", "0.5", "--assume-cheap", "1"], "leave --assume-cheap out"),
        (["--policy", "fcfs", "--load", "0.5", "--size", "width"], "no column 'width'"),
    ],
)
def test_a_wrong_command_is_one_line_and_code_2(here, capsys, arguments, words):
    assert run(["scheduling", "simulate", "jobs.npz", *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_what_cannot_be_measured_must_be_said(here, capsys):
    (here / "bare.csv").write_text("size\n1\n2\n")
    assert run(["scheduling", "simulate", "bare.csv", "--policy", "fcfs"]) == 2
    assert "no arrivals to measure them by; pass --load" in capsys.readouterr().err
    assert run(["scheduling", "simulate", "bare.csv", "--policy", "fcfs", "--replay"]) == 2
    assert "arrival" in capsys.readouterr().err


PRICES = ["--cheap-cost", "0.5", "--expensive-cost", "2", "--cost-unit", "mean", "--bootstrap", "20"]
PLAN = ["plan-queue", "jobs.npz", "--load", "0.9", "--preemptive", *PRICES]


def test_plan_queue_is_that_of_the_library(here, capsys):
    found = told(capsys, *PLAN, "--holdout", "0.4", "--seed", "2")
    sample, holdout = Trace.load("jobs.npz").split(0.6)
    mean = scheduling.Log.read(sample).mean
    plan = scheduling.plan_queue(
        sample, load=0.9, cheap_cost=0.5 * mean, expensive_cost=2 * mean, preemptive=True, bootstrap=20, seed=2
    )
    assert found["plan"] == json.loads(plan.to_json())
    assert found["report"] == json.loads(scheduling.audit(plan, holdout, bootstrap=20, seed=2).to_json())
    assert found["log"]["jobs"] == 2000


def test_plan_queue_prints_the_choice_what_it_beat_and_the_audit(here, capsys):
    assert run(["scheduling", *PLAN]) == 0
    shown = capsys.readouterr().out
    for words in [
        "load 0.90, 1,400 jobs",
        "times and costs in seconds",
        "clairvoyant",
        "FCFS",
        "worth of expensive calls up to",
        "largest 1 % of jobs",
        "Poisson arrivals",
        "audit on the last 600 of 2,000 jobs by time, in seconds",
        "came true",
    ]:
        assert words in " ".join(shown.split())


def test_a_replay_that_the_servers_cannot_keep_up_with_says_so(here, capsys):
    (here / "busy.csv").write_text("size,arrival\n" + "".join(f"3,{second}\n" for second in range(100)))
    simulate = ["scheduling", "simulate", "busy.csv", "--policy", "fcfs", "--replay", "--size-unit", "s", "--servers"]
    assert run([*simulate, "2"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "but note the log's arrivals make a load of 1.5 for each server, so that the queue grows" in shown
    assert run([*simulate, "4"]) == 0
    assert "but note" not in capsys.readouterr().out


def test_the_plan_can_be_explained_audited_and_built(here, capsys):
    Trace.load("jobs.npz").split(0.5)[1].save("holdout.csv")
    assert run(["scheduling", *PLAN, "-o", "plan.json"]) == 0
    shown = capsys.readouterr().out
    assert "wrote plan.json" in shown
    assert shown.endswith("\n  beforehand audit plan.json LATER.npz\n")  # the plan has seen jobs.npz
    assert run(["explain", "plan.json"]) == 0
    assert "Poisson arrivals" in capsys.readouterr().out
    assert run(["audit", "plan.json", "holdout.csv", "--kind", "jobs", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["area"] == "scheduling"
    policy = json.loads((here / "plan.json").read_text())["policy"]
    assert run(["scheduling", "simulate", "jobs.npz", "--policy", json.dumps(policy), "--jobs", "5000"]) == 0


def test_the_old_name_of_output_works_and_says_so(here, capsys):
    assert run(["scheduling", *PLAN, "--out", "old.json"]) == 0
    assert capsys.readouterr().err == (
        "beforehand: --out is now called --output; the old name goes with the next release\n"
    )
    assert run(["scheduling", *PLAN, "--output", "new.json"]) == 0
    assert capsys.readouterr().err == ""
    assert (here / "old.json").read_text() == (here / "new.json").read_text()
    run(["scheduling", "plan-queue", "--help"])
    assert "--out " not in capsys.readouterr().out


def test_the_page_shows_the_curves_and_the_command_that_repeats_it(here, capsys):
    assert run(["scheduling", *PLAN, "--html", "plan.html"]) == 0
    text = (here / "plan.html").read_text("utf-8")
    assert "wrote plan.html" in capsys.readouterr().out
    assert text.count('<svg class="light"') == text.count('<svg class="dark"') == 2
    assert "Mean response time over the load" in text
    assert "beforehand scheduling plan-queue jobs.npz --cheap-cost 0.5 --expensive-cost 2.0 --load 0.9" in text
    assert "--preemptive" in text
    assert "beforehand scheduling simulate jobs.npz --policy" in text


def test_a_log_without_predictions_gets_advice_without_them(here, capsys):
    (here / "bare.csv").write_text("size\n" + "5\n5.5\n" * 30)
    found = told(capsys, "plan-queue", "bare.csv", "--load", "0.5", *PRICES)
    assert found["plan"]["verdict"] == "don't bother"
    assert [entry["family"] for entry in found["plan"]["candidates"]] == ["FCFS"]
    assert run(["scheduling", "plan-queue", "bare.csv", "--load", "0.5", *PRICES]) == 0
    assert "by row" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--load", "1"], "load is 1"),
        (["--load", "0.9", "--rate", "1"], "rate"),
        (["--load", "0.9", "--charge", "server"], "need preemptive"),
        (["--load", "0.9", "--holdout", "1"], "Invalid value for '--holdout'"),
        (["--load", "0.9", "--cheap-cost", "-1"], "Invalid value for '--cheap-cost'"),
        (["--load", "0.9", "--size", "width"], "no column 'width'"),
    ],
)
def test_a_plan_that_cannot_be_made_is_one_line_and_code_2(here, capsys, arguments, words):
    assert run(["scheduling", "plan-queue", "jobs.npz", *PRICES, *arguments]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("policy", ["SPJF(cheap)", "SkipPredict(0.5, non-preemptive)", "DelayPredict(0.9)", "1-bit(2)"])
def test_policies_are_accepted_as_plans_print_them(here, capsys, policy):
    found = told(capsys, "simulate", "jobs.npz", "--policy", policy, "--load", "0.5", "--jobs", "2000")
    assert str(scheduling.policy_from_json(json.dumps(found["policy"]))) == policy.replace("1-bit", "OneBit")


def test_every_policy_of_a_printed_plan_can_be_simulated(here, capsys):
    plan = told(capsys, *PLAN)["plan"]
    policies = [
        str(scheduling.policy_from_json(json.dumps(each["policy"]))) for each in plan["candidates"] if each["policy"]
    ]
    assert len(policies) > 5
    for policy in policies:
        assert run(["scheduling", "simulate", "jobs.npz", "--policy", policy, "--load", "0.5", "--jobs", "500"]) == 0


AZURE = "TIMESTAMP,ContextTokens,GeneratedTokens\n" + "".join(
    f"2023-11-16 18:{second // 60:02}:{second % 60:02}.5,48,{10 + 90 * (second % 7 == 0)}\n" for second in range(600)
)


@pytest.mark.parametrize(
    "arguments", [["simulate", "--policy", "fcfs", "--replay"], ["simulate", "--policy", "fcfs"], ["plan-queue"]]
)
def test_tokens_are_not_taken_for_seconds(here, capsys, arguments):
    (here / "azure.csv").write_text(AZURE)
    command, *rest = arguments
    assert run(["scheduling", command, "azure.csv", *rest]) == 2
    assert "sizes are in tokens and arrivals in seconds" in capsys.readouterr().err
    assert run(["scheduling", command, "azure.csv", *rest, "--tokens-per-second", "30"]) == 0
    assert "tokens" in capsys.readouterr().out


def test_prices_may_be_left_out_and_are_nothing_then(here, capsys):
    found = told(capsys, "plan-queue", "jobs.npz", "--load", "0.8", "--bootstrap", "10")
    assert found["plan"]["setting"]["cheap_cost"] == found["plan"]["setting"]["expensive_cost"] == 0


def test_a_plan_keeps_how_its_log_was_read(here, capsys):
    (here / "log.csv").write_text("took,at,state\n" + "5,1,ok\n6,2,ok\n5.5,2,bad\n" * 30)
    how = {"size": "took", "arrival": "at", "where": ["state=ok"], "assume_cheap": 0.5, "tokens_per_second": 9.0}
    arguments = ["--size", "took", "--arrival", "at", "--where", "state=ok", "--assume-cheap", "0.5"]
    found = told(capsys, "plan-queue", "log.csv", *arguments, "--tokens-per-second", "9", "--load", "0.5", *PRICES)
    assert found["plan"]["read_with"] == how
    assert found["log"]["left_out"] == {"not state=ok": 30}


def test_a_log_comes_by_stdin(here, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"took;at\n0:05;1\n0:07;9\n")))
    arguments = ["simulate", "-", "--size", "took", "--arrival", "at", "--policy", "fcfs", "--replay"]
    found = told(capsys, *arguments, "--time-unit", "s")
    assert found["response_time"] == 6
    assert found["log"]["unit"] == "seconds"
