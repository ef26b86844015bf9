"""Two drawn arrays: one where knowing the numbers pays, one where it cannot."""

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from beforehand.cli.page import Row

if TYPE_CHECKING:  # the area's imports wait until the tour plays
    from beforehand.cli.figures import Draw
    from beforehand.core import Trace
    from beforehand.quantization import QuantizationPlan
    from beforehand.quantization.options import Objective

BITS = 4.25
MEANING = "Squared error divided by the squared norm: 0 is perfect, 1 is as bad as storing zeros."
SKEWED = (
    "Most values are small and a few are large, as prices, counts and durations are; these are drawn, lognormal. "
    "Equally spaced levels lie where hardly any value is. Of what knows nothing of the data, random rotation does "
    "best; one table found for these values, with a scale for each block, does better."
)
FLAT = (
    "The values fill their range evenly, so equally spaced levels are as good as any. "
    "They will be averaged, so rounding is unbiased. Knowing the numbers changes nothing, and the plan says so."
)


def skewed_columns(begin: Callable[[str], None], *, quick: bool, seed: int) -> Row:
    """Skewed numbers, where the histogram pays."""
    from beforehand.workloads.vectors import skewed

    return _play(begin, "skewed columns", SKEWED, skewed(*_size(quick), seed=seed), "mse", seed)


def phase_angles(begin: Callable[[str], None], *, quick: bool, seed: int) -> Row:
    """Flat numbers, where knowing changes nothing."""
    from beforehand.workloads.vectors import flat

    return _play(begin, "phase angles", FLAT, flat(*_size(quick), seed=seed), "unbiased", seed)


def next_command(path: Path) -> str | None:
    """Encode an array."""
    if path.suffix != ".npy":
        return None
    return f"quantization encode {shlex.quote(path.name)} --levels 16 -o {shlex.quote(path.stem + '.bhq')}"


SCENES = (skewed_columns, phase_angles)


def _size(quick: bool) -> tuple[int, int]:
    return (64, 512) if quick else (1024, 1024)


def _play(
    begin: Callable[[str], None], you_run: str, story: str, trace: "Trace", objective: "Objective", seed: int
) -> Row:
    from beforehand import quantization

    sample, holdout = trace.split(0.5)
    begin(f"{you_run}: planning")
    plan = quantization.plan(sample, bits=BITS, objective=objective, seed=seed)
    begin(f"{you_run}: auditing")
    return Row(
        you_run=you_run,
        known="a sample",
        setting=f"{BITS} bits a value",
        story=story,
        meaning=MEANING,
        report=plan.audit(holdout, seed=seed),
        draw=partial(_draw, plan, holdout),
    )


def _draw(plan: "QuantizationPlan", holdout: "Trace") -> dict[str, "Draw"]:
    from beforehand.cli import figures
    from beforehand.cli.quantization_plan import drawn
    from beforehand.quantization import levels

    first = holdout["values"][0]
    tables = {
        "equally spaced": levels(first, 16, method="uniform").values,
        "chosen for these values": levels(first, 16, objective="mse").values,
    }
    return {"The levels, below the values of one vector.": figures.levels(first, tables)} | drawn(plan)
