"""Two arrays: one where adaptive levels pay, one where they cannot."""

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from beforehand.cli.page import Row

if TYPE_CHECKING:  # the area's imports wait until the tour plays
    from beforehand.cli.figures import Draw
    from beforehand.core import Trace

BITS = 4
MEANING = "Squared error divided by the squared norm: 0 is perfect, 1 is as bad as storing zeros."
SKEWED = (
    "Most values are small and a few are large. Most equally spaced levels are where hardly any value is; "
    "levels chosen from the histogram are where the values are."
)
FLAT = (
    "The values fill their range evenly, so equally spaced levels are as good as any. "
    "Knowing the histogram changes nothing, and the plan says so."
)


def embeddings(begin: Callable[[str], None], *, quick: bool, seed: int) -> Row:
    """Skewed numbers, where the histogram pays."""
    from beforehand.workloads.vectors import skewed

    return _play(begin, "embeddings", SKEWED, skewed(*_size(quick), seed=seed), seed)


def phase_angles(begin: Callable[[str], None], *, quick: bool, seed: int) -> Row:
    """Flat numbers, where knowing changes nothing."""
    from beforehand.workloads.vectors import flat

    return _play(begin, "phase angles", FLAT, flat(*_size(quick), seed=seed), seed)


def next_command(path: Path) -> str | None:
    """Encode an array."""
    if path.suffix != ".npy":
        return None
    return f"quantization encode {shlex.quote(path.name)} --levels 16 -o {shlex.quote(path.stem + '.bhq')}"


SCENES = (embeddings, phase_angles)


def _size(quick: bool) -> tuple[int, int]:
    return (8, 1024) if quick else (32, 65536)


def _play(begin: Callable[[str], None], you_run: str, story: str, trace: "Trace", seed: int) -> Row:
    from beforehand import quantization

    sample, holdout = trace.split(0.5)
    begin(f"{you_run}: planning")
    plan = quantization.plan(sample, bits=BITS, seed=seed)
    begin(f"{you_run}: auditing")
    return Row(
        you_run=you_run,
        known="histogram",
        setting=f"{BITS} bits a value",
        story=story,
        meaning=MEANING,
        report=plan.audit(holdout, seed=seed),
        draw=partial(_draw, holdout),
    )


def _draw(holdout: "Trace") -> dict[str, "Draw"]:
    from beforehand.cli import figures
    from beforehand.quantization import levels

    first = holdout["values"][0]
    tables = {
        "equally spaced": levels(first, 2**BITS, method="uniform").values,
        "chosen for these values": levels(first, 2**BITS).values,
    }
    return {"The levels, below the values of one vector.": figures.levels(first, tables)}
