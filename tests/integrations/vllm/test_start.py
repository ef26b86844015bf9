"""How an engine is started with us: settings, what is unknown, and what fails while it runs."""

import json
import logging
import re
from pathlib import Path

import pytest
from prometheus_client import REGISTRY
from vllm.v1.core.sched.scheduler import Scheduler as Stock

from beforehand.core.errors import InvalidInput
from beforehand.integrations.vllm import AsyncScheduler, Scheduler, compat
from beforehand.integrations.vllm.metrics import COUNTERS, GAUGES
from beforehand.integrations.vllm.scheduler import PolicyMixin
from tests.integrations.vllm.engines import add, new_scheduler, run

pytestmark = pytest.mark.vllm


@pytest.fixture(scope="module")
def stock(llm):
    new_scheduler(llm, Stock)
    for number in range(12):
        add(llm, number, 10 + number)
    return run(llm)


def active():
    return REGISTRY.get_sample_value("beforehand_policy_active", {"engine": "0"})


def test_this_vllm_is_one_that_we_know(llm):
    assert compat.mismatches(new_scheduler(llm, Scheduler)) == []
    assert active() == 1


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("schedule", lambda self, budget: None),
        ("_preempt_request", lambda self, victim, timestamp: None),
        ("_free_request", lambda self, request: None),
        ("_handle_stopped_request", None),
    ],
)
def test_an_unknown_vllm_is_served_first_come_first_served_with_one_line(
    llm, stock, caplog, monkeypatch, name, changed
):
    with monkeypatch.context() as patch:
        patch.setattr(Stock, name, changed)
        scheduler = new_scheduler(llm, Scheduler)
    assert scheduler.order is None
    assert active() == 0
    errors = [record for record in caplog.records if record.levelno >= logging.ERROR]
    assert len(errors) == 1
    assert f"Scheduler.{name}" in errors[0].getMessage() or f"no method {name}" in errors[0].getMessage()
    for number in range(12):
        add(llm, number, 10 + number)
    assert run(llm) == stock


def test_strict_mode_starts_no_engine_that_we_cannot_order(llm, monkeypatch):
    monkeypatch.setenv("BEFOREHAND_STRICT", "1")
    monkeypatch.setattr(Stock, "_preempt_request", lambda self, request: None)
    with pytest.raises(InvalidInput, match=r"BEFOREHAND_STRICT is 1: Scheduler\._preempt_request"):
        new_scheduler(llm, Scheduler)


def test_priorities_of_vllm_leave_no_place_for_ours(llm, caplog):
    assert new_scheduler(llm, Scheduler, policy="priority").order is None
    assert "leave out --scheduling-policy" in caplog.text


def test_an_asynchronous_engine_wants_the_asynchronous_class(llm, caplog):
    assert new_scheduler(llm, Scheduler, async_scheduling=True).order is None
    assert "beforehand.integrations.vllm.AsyncScheduler" in caplog.text
    assert new_scheduler(llm, AsyncScheduler, async_scheduling=True).order is not None


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"order": "fcfs"}, "no setting 'order'"),
        ({"policy": "nonsense"}, "nonsense"),
        ({"policy": {"policy": "trail", "fraction": 2}}, "fraction is 2"),
        ({"margin": -1}, "margin is -1"),
        ({"max_wait": "soon"}, "max_wait is 'soon'"),
        ({"handling": "keep"}, "keep"),
        ({"cap": 1.5}, "cap is 1.5"),
        ({"refine_every": 0}, "refine_every"),
        ({"trust_hints": "yes"}, "trust_hints is 'yes'"),
        ({"plan": "/nowhere/plan.json"}, "plan.json"),
        ({"record": "trace.txt"}, "trace.txt"),
        ("fcfs", "must be an object"),
    ],
    ids=str,
)
def test_a_setting_that_makes_no_sense_is_a_failed_check(llm, caplog, monkeypatch, settings, text):
    assert new_scheduler(llm, Scheduler, settings=settings).order is None
    assert text in caplog.text
    assert caplog.text.count("beforehand is off") == 1
    monkeypatch.setenv("BEFOREHAND_STRICT", "1")
    with pytest.raises(InvalidInput, match="BEFOREHAND_STRICT"):
        new_scheduler(llm, Scheduler, settings=settings)


@pytest.mark.parametrize("part", ["new_pauses", "new_order", "compat.mismatches"])
def test_whatever_fails_at_the_start_leaves_vllm_as_it_is(llm, caplog, monkeypatch, part):
    def fail(*args):
        raise AttributeError

    with monkeypatch.context() as patch:
        patch.setattr(f"beforehand.integrations.vllm.scheduler.{part}", fail)
        scheduler = new_scheduler(llm, Scheduler)
    assert (scheduler.order, scheduler.pauses, active()) == (None, None, 0)
    assert "first come, first served: AttributeError()" in caplog.text


def test_without_settings_work_is_ordered_behind_the_guard(llm):
    order = new_scheduler(llm, Scheduler).order
    assert str(order.settings.policy) == "Boosted(ShortestWork)"
    assert order.live.policy.boost == 30


@pytest.mark.parametrize("hook", ["rank", "begin_step", "end_step", "updated", "ended", "preempted"])
def test_a_hook_that_fails_leaves_the_engine_as_it_would_be_without_us(llm, stock, caplog, monkeypatch, hook):
    settings = {"policy": "sprpt", "trust_hints": True, "margin": 0}
    scheduler = new_scheduler(llm, Scheduler, settings=settings, max_num_seqs=2)
    order = scheduler.order

    def fail(*args, **kwargs):
        raise ZeroDivisionError("on purpose")

    for number in range(12):
        add(llm, number, 10 + number, predicted_tokens=30 - number)

    def each_step(step):
        if step == 20:
            assert scheduler.waiting
            monkeypatch.setattr(type(order), hook, fail)
            add(llm, 12, 3, predicted_tokens=1)  # for which somebody has to make room

    finished = run(llm, each_step)
    finished.pop("12")
    assert finished == stock
    assert not scheduler.requests
    assert scheduler.order is None
    assert caplog.text.count("ZeroDivisionError: on purpose") == 1
    assert active() == 0


def test_seams_lists_the_methods_that_are_overridden():
    home = Path(compat.__file__).parent
    rows = [line.split("`")[1] for line in (home / "seams.md").read_text().splitlines() if line.startswith("| `")]
    assert rows == list(compat.SEAMS)
    overridden = {name for name in vars(PolicyMixin) if name in vars(Stock)}
    assert overridden - {"__module__", "__doc__"} == set(compat.SEAMS)


def test_the_dashboard_shows_the_metrics_that_there_are():
    board = json.loads((Path(compat.__file__).parent / "grafana.json").read_text())
    shown = set(re.findall(r"beforehand_(\w+)", json.dumps([panel["targets"] for panel in board["panels"]])))
    assert shown == {*GAUGES, *(f"{name}_total" for name in COUNTERS), "handling_total"}
