"""Narrow ranges over keys that lie in no order: beside the keys, where most filters fail, and far from them."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from beforehand.cli.page import Row

if TYPE_CHECKING:  # the area's imports wait until the tour plays
    from beforehand.cli.figures import Draw
    from beforehand.core import Trace
    from beforehand.ranges import RangePlan
    from beforehand.workloads.ranges import Keys

BITS_PER_KEY = 8
MEANING = "Reads of a file for nothing, for each range query. Without a filter every empty range is one. 0 is perfect."
BESIDE = (
    "The ranges begin just behind a key, as the next page of a list does: nothing lies there, but keys do nearby. "
    "Where most filters say yes, the model knows beforehand which prefixes still tell such ranges from the keys."
)
FAR = (
    "The ranges begin anywhere, far from most keys. A plain Bloom filter of prefixes spares nearly every read already, "
    "and the plan says so."
)


def beside(begin: Callable[[str], None], *, quick: bool, seed: int) -> Row:
    """Ranges just behind a key."""
    return _play(begin, "next page", BESIDE, "correlated", quick=quick, seed=seed)


def far(begin: Callable[[str], None], *, quick: bool, seed: int) -> Row:
    """Ranges anywhere."""
    return _play(begin, "look-up", FAR, "uniform", quick=quick, seed=seed)


def next_command(path: Path) -> str | None:
    """Nothing: a plan takes two files."""
    return None


SCENES = (beside, far)


def _play(begin: Callable[[str], None], you_run: str, story: str, kind: str, *, quick: bool, seed: int) -> Row:
    from beforehand import ranges
    from beforehand.workloads import ranges as workloads

    keys = workloads.uniform_keys(50_000 if quick else 1_000_000, seed=seed)
    asked = workloads.queries(keys, 20_000 if quick else 40_000, kind=kind, longest=256, hits=0.2, seed=seed + 1)  # type: ignore[arg-type]
    sample, holdout = asked.split(0.5)
    begin(f"{you_run}: planning")
    plan = ranges.plan(keys, sample, bits_per_key=BITS_PER_KEY, read_cost=30e-3, seed=seed)
    begin(f"{you_run}: auditing")
    return Row(
        you_run=you_run,
        known="ranges asked before",
        setting=f"{BITS_PER_KEY} bits a key",
        story=story,
        meaning=MEANING,
        report=plan.audit(holdout, keys=keys),
        draw=partial(_draw, plan, keys, sample),
    )


def _draw(plan: "RangePlan", keys: "Keys", sample: "Trace") -> dict[str, "Draw"]:
    """What the model expects of more memory."""
    import numpy as np

    from beforehand.cli import figures
    from beforehand.ranges import Design, PrefixModel
    from beforehand.ranges.prefix_bloom import best_length

    model = PrefixModel(keys, sample)
    bits = np.arange(4, 21)
    lines: dict[str, list[float]] = {"Bloom filter of prefixes": [], "Proteus": []}
    for each in bits.tolist():
        plain = Design(approx="bloom", approx_bits=best_length(model, each))
        best = model.best(bits_per_key=each)
        for name, design in zip(lines, (plain, best), strict=True):
            lines[name].append(model.expected(design, bits_per_key=each))
    shown = {name: np.array(line) for name, line in lines.items()}
    colors = {"Bloom filter of prefixes": "other", "Proteus": "accent"}
    caption = "Empty ranges that are read for nothing, as the model expects them for each memory."
    return {caption: figures.curves(bits, shown, colors, across="bits per key", up="share")}
