"""Two streams of keys: one whose keys tell how heavy they will be, one whose keys tell nothing."""

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from beforehand.cli.page import Row

if TYPE_CHECKING:  # the area's imports wait until the tour plays
    from beforehand.cli.figures import Draw
    from beforehand.core import Trace
    from beforehand.streams import StreamPlan

MEMORY = "24KiB"
BUCKETS = 512
SHARED_BY = 1000
HORIZON = 1_000_000
MEANING = (
    "How far the count of a key is off: the root of the mean square over all distinct keys, scaled to a million "
    "arrivals. 0 is perfect."
)
FLOWS = (
    "Most flows of a network have a packet or two, and no memory has a counter for each. The networks that its "
    "addresses belong to tell how heavy a flow will be, also one that was never seen. A thousand links share the "
    "model, so that its bytes cost each of them next to nothing."
)
QUERIES = (
    "The queries of a search engine, numbered at random. The number tells nothing, so there is nothing to learn: a "
    "gate that lets no key in before its sixteenth arrival does all that can be done, and the plan says so."
)
POINTS = 40


def flows(begin: Callable[[str], None], *, quick: bool, seed: int) -> Row:
    """Packets, whose addresses tell how heavy a flow will be."""
    from beforehand.workloads import streams

    n, count = (600_000, 150_000) if quick else (1_000_000, 200_000)
    trace = streams.flows(n, count, seed=seed, predictability=0.9)
    return _play(begin, "flows", "network", FLOWS, trace, seed)


def queries(begin: Callable[[str], None], *, quick: bool, seed: int) -> Row:
    """Keys whose names tell nothing."""
    from beforehand.workloads import streams

    n, universe = (100_000, 50_000) if quick else (1_000_000, 200_000)
    return _play(begin, "queries", "numbers", QUERIES, streams.zipf(n, universe, 1.0, seed=seed), seed)


def next_command(path: Path) -> str | None:
    """Find the heaviest lines of a log."""
    return f"streams top {shlex.quote(path.name)} --k 20" if path.suffix == ".log" else None


SCENES = (flows, queries)


def _play(begin: Callable[[str], None], you_run: str, known: str, story: str, trace: "Trace", seed: int) -> Row:
    from beforehand import streams

    sample, holdout = trace.split(0.5)
    begin(f"{you_run}: planning")
    plan = streams.plan(
        sample,
        memory=MEMORY,
        metric="rmse",
        predictors=[streams.KeyBits(buckets=BUCKETS)],
        shared_by=SHARED_BY,
        horizon=HORIZON,
        seed=seed,
    )
    begin(f"{you_run}: auditing")
    return Row(
        you_run=you_run,
        known=known,
        setting=f"{MEMORY}",
        story=story,
        meaning=MEANING,
        report=plan.audit(holdout),
        draw=partial(_draw, plan, holdout),
    )


def _draw(plan: "StreamPlan", holdout: "Trace") -> dict[str, "Draw"]:
    """The mean error of keys of like rank."""
    import numpy as np

    from beforehand.cli import figures
    from beforehand.streams import SpaceSaving

    keys, truth = np.unique(holdout["key"], return_counts=True)
    order = np.argsort(-truth, kind="stable")
    edges = np.unique(np.geomspace(1, len(keys) + 1, POINTS).astype(int))
    summaries = {"Space Saving": SpaceSaving(memory=MEMORY), plan.design: plan.build()}
    lines = {"true count": truth}
    for name, summary in summaries.items():
        summary.update(holdout["key"])
        lines[name] = np.abs(summary.estimate(keys) - truth)
    means = {
        name: np.add.reduceat(line[order].astype(float), edges[:-1] - 1) / np.diff(edges)
        for name, line in lines.items()
    }
    shown = {name: np.where(mean > 0, mean, np.nan) for name, mean in means.items()}  # no error has no place here
    caption = "Mean error of keys of about the same rank, and how heavy they are."
    colors = {"Space Saving": "other", plan.design: "accent"}
    return {
        caption: figures.curves(np.log10(edges[:-1]), shown, colors, across="rank, as a power of ten", up="arrivals")
    }
