"""Requests to a language model: one server that takes them one by one, and an engine that batches them."""

import shlex
from collections.abc import Callable
from pathlib import Path

from beforehand.cli import queue_plans, serving_plan
from beforehand.cli.page import Row

LOAD = 0.9
CHEAP, EXPENSIVE = 0.5, 2.0  # prices, in mean jobs
PRICES = f"--load 0.8 --cheap-cost {CHEAP:g} --expensive-cost {EXPENSIVE:g} --cost-unit mean"
STORY = (
    "Most requests are short; a few are fifty times as long and delay all those behind them. A cheap predictor is off "
    "by a factor of about three, an expensive one by a third; calls cost half a mean job and two mean jobs. The plan "
    "picks the policy, and which predictor to ask about which request."
)

PROFILE = "llama3-8b-a100-80g"
RATE, SLOTS = 17.0, 48  # requests a second; how many run at a time
PROBE = 2e-4  # seconds that the engine spends on a prediction
SERVED = (
    "One engine answers 48 instructions at a time, and more come than it can answer. A probe on hidden states of the "
    "prompt is 46 tokens off on average; what it costs is engine time. Short answers go first, but no request is ever "
    "overtaken by one that comes much later: the plan says how much."
)


def requests(begin: Callable[[str], None], *, quick: bool, seed: int) -> Row:
    """Generated lengths of code completions, a cheap and an expensive predictor, load 0.9: what order?"""
    from beforehand import scheduling
    from beforehand.workloads import jobs

    halves = jobs.code(1_000 if quick else 20_000, seed=seed).split(0.5)
    sample, holdout = (scheduling.Log.read(half) for half in halves)
    begin("LLM requests: planning")
    plan = scheduling.plan_queue(
        sample,
        load=LOAD,
        cheap_cost=CHEAP * sample.mean,
        expensive_cost=EXPENSIVE * sample.mean,
        preemptive=True,
        bootstrap=50 if quick else 200,
        seed=seed,
    )
    begin("LLM requests: auditing")
    report = plan.audit(holdout, bootstrap=50 if quick else 200, seed=seed)
    return queue_plans.row(plan, report, holdout, you_run="LLM requests", known="lengths", story=STORY)


def served(begin: Callable[[str], None], *, quick: bool, seed: int) -> Row:
    """Instructions to a chat model on one GPU, a little more than it can answer, and a probe's predictions."""
    from beforehand.core import Price
    from beforehand.scheduling import serving
    from beforehand.workloads import requests

    def probe(stream: int) -> requests.NormalErrors:
        return requests.NormalErrors(seed=seed + stream, price=Price(seconds=PROBE, per="request"))

    sample, holdout = requests.alpaca_like(600 if quick else 1_600, rate=RATE, seed=seed).split(0.5)
    begin("LLM engine: planning")
    plan = serving.plan_serving(
        sample,
        profile=serving.PROFILES[PROFILE],
        lengths=probe(1),
        candidates=[serving.ShortestWork()] if quick else None,
        max_num_seqs=SLOTS,
        seeds=2 if quick else 5,
        seed=seed,
    )
    begin("LLM engine: auditing")
    report = plan.audit(holdout, lengths=probe(2))
    return serving_plan.as_row(plan, report, you_run="LLM engine", known="a probe", story=SERVED)


def next_command(path: Path) -> str | None:
    """Plan the queue of a log of finished jobs, which shows by the names of its columns."""
    from beforehand.core.errors import BeforehandError
    from beforehand.workloads.formats.public_logs import recognized
    from beforehand.workloads.reading import look

    try:
        head = look(str(path))
    except BeforehandError:
        return None
    if "size" not in head.names and recognized(head) is None:
        return None
    return f"scheduling plan-queue {shlex.quote(path.name)} {PRICES}"


SCENES = (requests, served)
