"""What is kept during tool calls over time and under pressure, in vLLM's scheduler on a clock of our own."""

import numpy as np
import pytest

from beforehand.core import Trace
from beforehand.integrations.vllm import Scheduler
from beforehand.integrations.vllm.engine_shape import EngineShape
from beforehand.integrations.vllm.harness import run_scheduler

pytestmark = pytest.mark.vllm

FIRST = {"policy": "fcfs"}
PRESERVE = {"handling": "always", "action": "preserve"}


class Steady:
    """A clock whose iterations take a second, however much they do."""

    def step_seconds(self, n, context=0, pairs=0):
        return 1.0


def serve(rows, *, handling=PRESERVE, blocks=100, hints=None, **settings):
    """Run conversations of (arrival, prompt, answer, calls of (answer, seconds, returned)); call 0 names a tool."""
    calls = [row[3] if len(row) > 3 else [] for row in rows]
    flat = [call for row in calls for call in row]
    offsets = np.cumsum([0] + [len(row) for row in calls])
    names = ("output_tokens", "seconds", "return_tokens")
    child = (offsets, {name: [call[at] for call in flat] for at, name in enumerate(names)})
    columns = {name: [row[at] for row in rows] for at, name in enumerate(("arrival", "prompt_tokens", "output_tokens"))}
    columns["arrival"] = np.array(columns["arrival"], float)

    def said(number, segment):
        more = {"bh_tool": "search"} if segment < len(calls[number]) else {}
        return {"bh_conversation": str(number)} | more | (hints or {})

    run = run_scheduler(
        Trace("requests", columns, children={"calls": child}),
        profile=Steady(),
        shape=EngineShape(kv_tokens=16 * (blocks + 1), max_num_seqs=8),
        scheduler=Scheduler,
        hints=said,
        additional={
            "beforehand": {"policy": {"policy": "fcfs"}, "trust_hints": True, "handling": handling, **settings}
        },
    )
    assert run.scheduler.order is not None
    assert run.left_behind == 0
    return run


def computed(run, name):
    """Tokens of a request's first step."""
    return next(step.tokens[name] for step in run.steps if name in step.tokens)


def assert_all_is_free(run):
    assert run.free_blocks[0] == run.free_blocks[1]
    assert len(run.scheduler.pauses.pins) == run.scheduler.pauses.pins.held == 0


LONG = {"bh_hold_seconds": 100.0}  # otherwise four times what such calls have taken
CALL = (0.0, 200, 5, [(9, 40.0, 20)])  # 200 + 9 tokens, of which 208 have keys and values; then 20 more
FLOOD = [(15.0, 1550, 1), (17.0, 1550, 1)]  # a prompt of 97 blocks


def test_a_pin_keeps_what_others_would_have_taken():
    small = [(15.0 + at, 500, 1) for at in range(6)]
    kept = serve([CALL, *small], hints=LONG)
    lost = serve([CALL, *small], hints=LONG, handling={"handling": "always", "action": "discard"})
    assert computed(kept, "0.1") == 229 - 208
    assert computed(lost, "0.1") == 229
    assert kept.scheduler.pauses.calls.counts["preserve"] == 1
    assert_all_is_free(kept)


def test_a_pin_is_released_before_the_head_waits_for_memory():
    run = serve([CALL, *FLOOD], hints=LONG)
    assert run.first_token[1] == 16.0
    assert computed(run, "0.1") == 229
    assert_all_is_free(run)


def test_a_pin_is_released_before_anybody_who_runs_is_preempted():
    growing = [(10.0 + at, 300, 60) for at in range(4)]  # 4 x 19 blocks, and 4 more each later; 14 are pinned
    run = serve([CALL, *growing], blocks=92, hints=LONG)
    assert run.preemptions.sum() == 0
    assert computed(run, "0.1") > 21
    assert_all_is_free(run)


def test_a_pin_ends_when_its_time_is_over():
    others = [(20.0, 16, 1), (22.0, 1400, 1), (24.0, 1400, 1)]
    run = serve([CALL, *others], hints={"bh_hold_seconds": 8.0})
    assert computed(run, "0.1") == 229
    assert_all_is_free(run)


def test_pins_hold_at_most_three_tenths_of_the_pool():
    rows = [(at * 1.0, 200, 2, [(2, 30.0, 5)]) for at in range(6)]
    run = serve(rows, hints=LONG)
    assert run.scheduler.pauses.calls.counts == {"preserve": 2, "discard": 4, "swap": 0}  # 13 blocks each, of 30
    assert_all_is_free(run)


def test_a_client_who_is_not_trusted_pins_nothing():
    run = serve([CALL], trust_hints=False)
    assert run.scheduler.pauses.calls.counts == {"preserve": 0, "discard": 0, "swap": 0}


def test_the_durations_of_calls_are_learned():
    run = serve([CALL] * 8)
    assert run.scheduler.pauses.calls.durations.quantile("search", 0.5) == pytest.approx(40.0, abs=1.5)


@pytest.mark.parametrize("name", ["min_waste", "infercept", "time_to_live"])
def test_every_handling_serves_all_and_leaves_nothing(name):
    rng = np.random.default_rng(3)

    def call():
        return int(rng.integers(1, 20)), float(rng.exponential(6.0)), int(rng.integers(1, 40))

    rows = [
        (at, int(rng.integers(20, 400)), int(rng.integers(1, 30)), [call() for _ in range(rng.integers(0, 4))])
        for at in range(40)
    ]
    run = serve(rows, handling={"handling": name})
    assert np.isfinite(run.finish).all()
    assert sum(run.scheduler.pauses.calls.counts.values()) == sum(len(row[3]) for row in rows)
    assert_all_is_free(run)
