"""How plans of queues look in a terminal, as JSON, and on a page."""

import json
import re
from pathlib import Path

import pytest

from beforehand.cli import figures, queue_plans
from beforehand.core import Trace
from beforehand.scheduling import Log, plan_queue
from tests.scheduling.designs import few_jobs, skewed


@pytest.fixture(autouse=True)
def wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")


def planned(log, **options):
    """The first half planned on, the second audited."""
    columns = {name: getattr(log, name) for name in ("size", "cheap", "expensive", "arrival")}
    meta = {"left_out": {"cancelled": 2}, "assumed": {"cheap": 1.0}, **({"unit": log.unit} if log.unit else {})}
    jobs = Trace("jobs", {name: held for name, held in columns.items() if held is not None}, meta=meta)
    sample, holdout = (Log.read(part) for part in jobs.split(0.5))
    plan = plan_queue(sample, **{"load": 0.9, "preemptive": True, "bootstrap": 0, "expensive_cost": 0.5} | options)
    report = plan.audit(holdout, bootstrap=0)
    return queue_plans.Planned(jobs=jobs, holdout=holdout, plan=plan, report=report)


@pytest.mark.parametrize(("unit", "words"), [("tokens", "tokens"), (None, "the unit of the sizes")])
def test_times_prices_and_the_audit_are_in_the_unit_of_the_log(capsys, unit, words):
    made = planned(skewed(400, unit=unit))
    made.show()
    shown = capsys.readouterr().out
    assert f"times and costs in {words}; cheap, expensive: predictions a job" in shown
    assert f"audit on the last 200 of 400 jobs by row, in {words}:" in shown
    assert f"{made.plan.price}" in shown
    assert f"{unit or 'size units'} per job" in shown
    assert "prices" not in shown


def test_plan_and_audit_are_in_one_unit(capsys):
    made = planned(skewed(400, arrivals=True))
    made.show()
    shown = capsys.readouterr().out
    assert "by time" in shown
    table, audited = shown.split("audit on the last")
    expected = f"{made.plan.expected.value:.3g}"
    assert expected in table
    assert expected in audited


def test_every_candidate_stands_in_the_table_and_the_chosen_one_below(capsys):
    plan = planned(skewed(400)).plan
    queue_plans.show_plan(plan)
    lines = capsys.readouterr().out.splitlines()
    table = lines[2 : 2 + len(plan.candidates) + 2]
    assert table[0].split() == ["design", "response", "p95", "p99", "cheap", "expensive", "cost", "vs", "LAS"]
    for each, line in zip(sorted(plan.candidates, key=lambda each: each.cost), table[1:], strict=False):
        assert line.startswith(each.design)
    assert table[-1].startswith("clairvoyant SPRPT")
    baseline = next(line for line in table if line.startswith(plan.baseline.design))
    assert baseline.rstrip().endswith("-")
    facts = " ".join(" ".join(lines[2 + len(table) :]).split())
    assert f"recommended {plan.design}: {plan.verdict}" in facts
    assert f"worth of expensive calls up to {plan.break_even_expensive:.3g} each" in facts
    assert "utilization 0.900, which leaves a margin of 0.100" in facts
    assert "assumed Poisson arrivals, one server, free preemption" in facts


def test_a_gain_too_small_to_be_worth_it_is_no_recommendation_and_has_no_sign(capsys):
    made = planned(skewed(400), load=0.01, expensive_cost=0.0)
    assert made.plan.verdict == "don't bother"
    made.show()
    shown = " ".join(capsys.readouterr().out.split())
    assert f"best found {made.plan.design}: don't bother because it saves " in shown
    assert f"of the cost of {made.plan.baseline.design}, and 5 % would be worth having" in shown
    assert "recommended" not in shown
    assert "-0%" not in shown


def test_thousands_are_written_out_in_words_as_in_tables(capsys):
    log = skewed(400)
    columns = {name: 1e4 * getattr(log, name) for name in ("size", "cheap", "expensive")}
    made = planned(Log(**columns))
    made.show()
    for text in (capsys.readouterr().out, made.plan.explain()):
        assert not re.search(r"(?<![\d.(])[\d.]+e\+0", text)  # but in a threshold, which --policy reads back


def test_memory_is_shown_where_it_was_weighed(capsys):
    made = planned(skewed(300), memory_weight=0.5)
    queue_plans.show_plan(made.plan)
    assert "on average, weighed 0.5" in capsys.readouterr().out
    queue_plans.show_plan(planned(skewed(300)).plan)
    assert "weighed" not in capsys.readouterr().out


def test_a_plan_for_a_percentile_says_so_where_costs_stand(capsys, monkeypatch):
    few_jobs(monkeypatch, 5_000)
    made = planned(skewed(300), goal="p99")
    made.show()
    shown = capsys.readouterr().out
    assert "p99 cost" in shown
    assert "p99 of the cost of a job" in shown
    clairvoyant = next(line for line in shown.splitlines() if line.startswith("clairvoyant"))
    assert clairvoyant.split()[-1] == f"{made.plan.clairvoyant.value:.3g}"


def test_a_plan_for_a_deadline_shows_shares_of_jobs(capsys, monkeypatch):
    few_jobs(monkeypatch, 5_000)
    made = planned(skewed(300), slo=20.0)
    made.show()
    shown = capsys.readouterr().out
    assert "later than 20" in shown
    assert f"{100 * made.plan.expected.value:.3g} %" in shown
    assert "share of jobs not done within 20" in shown


def test_a_deadline_that_no_baseline_misses_is_compared_with_nothing(capsys, monkeypatch):
    few_jobs(monkeypatch, 2_000)
    queue_plans.show_plan(planned(skewed(300), slo=1e9).plan)
    assert "%" not in " ".join(line.split()[-1] for line in capsys.readouterr().out.splitlines()[2:6])


def test_a_log_without_predictions_is_told_what_to_add(capsys):
    log = skewed(300)
    made = planned(Log(log.size), expensive_cost=0.0)
    made.show()
    shown = " ".join(capsys.readouterr().out.split())
    assert f"recommended {made.plan.design}: no predictions" in shown
    assert "no policy that uses predictions was tried; with perfect ones the cost of a job would be" in shown
    assert "verdict no predictions: " in shown
    assert "worth of" not in shown


def test_what_does_not_fit_the_model_is_noted(capsys):
    log = skewed(300, arrivals=True)
    crowded = Log(log.size, expensive=log.expensive, arrival=log.arrival / 10)
    queue_plans.show_plan(planned(crowded).plan)
    shown = " ".join(capsys.readouterr().out.split())
    assert "but note by their own arrivals" in shown
    assert "plan for more servers" in shown


def test_what_was_left_out_and_assumed_is_said(capsys):
    planned(skewed(300)).show()
    shown = capsys.readouterr().out
    assert "left out 2 of 302 rows: 2 cancelled" in shown
    assert "assumed cheap predictions" in shown


def test_json_holds_the_plan_the_report_and_the_log(capsys):
    made = planned(skewed(300))
    made.show_json()
    shown = json.loads(capsys.readouterr().out)
    assert shown["plan"] == json.loads(made.plan.to_json())
    assert shown["report"] == json.loads(made.report.to_json())
    assert shown["log"] == {"jobs": 300, "dropped": 2, "left_out": {"cancelled": 2}, "assumed": {"cheap": 1.0}}


def test_the_page_names_the_file_the_predictions_and_the_next_command(tmp_path):
    made = planned(skewed(300, unit="tokens"))
    how = "--size took --where 'state=all right'"
    command = "beforehand scheduling plan-queue"
    assert made.write_page(tmp_path / "plan.html", log=Path("my jobs.csv"), how=how, command=command)
    text = (tmp_path / "plan.html").read_text("utf-8")
    assert "my jobs.csv" in text
    assert "sizes, cheap and expensive predictions" in text
    assert "Planned on the first 150 jobs, audited on the last 150." in text
    assert "plus the price of the predictions, in tokens." in text
    assert "simulate &#39;my jobs.csv&#39; --size took --where &#39;state=all right&#39; --policy" in text


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "The mean time from arrival to completion, plus the price of the predictions, in seconds."),
        (
            {"goal": "p95"},
            "The time within which 95 % of the jobs are done, plus the price of the predictions, in seconds.",
        ),
        ({"slo": 20.0}, "The share of jobs that take longer than 20, in seconds, the price of predictions included."),
    ],
)
def test_a_row_says_what_was_measured(monkeypatch, options, words):
    few_jobs(monkeypatch, 2_000)
    made = planned(skewed(300, unit="seconds"), **options)
    row = queue_plans.row(made.plan, made.report, made.holdout, you_run="jobs", known="sizes", story="")
    assert row.meaning == words


def test_a_row_draws_a_curve_for_each_candidate_and_the_clairvoyant():
    made = planned(skewed(300))
    row = queue_plans.row(made.plan, made.report, made.holdout, you_run="jobs", known="sizes", story="")
    (drawn,) = row.draw().values()
    assert figures.picture("p", drawn).keys() == {"light", "dark"}
    assert row.details == made.plan.explain()
