"""A queue of requests to a language model: is it worth predicting how much each will write?"""

import shlex
from collections.abc import Callable
from pathlib import Path

from beforehand.cli import queue_plans
from beforehand.cli.page import Row

LOAD = 0.9
CHEAP, EXPENSIVE = 0.5, 2.0  # prices, in mean jobs
PRICES = f"--load 0.8 --cheap-cost {CHEAP:g} --expensive-cost {EXPENSIVE:g} --cost-unit mean"
STORY = (
    "Most requests are short; a few are fifty times as long and delay all those behind them. A cheap predictor is off "
    "by a factor of about three, an expensive one by a third; calls cost half a mean job and two mean jobs. The plan "
    "picks the policy, and which predictor to ask about which request."
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


SCENES = (requests,)
