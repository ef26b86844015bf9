"""Workers that train together: over a slow link, where fewer bytes pay, and over a fast one, where they do not."""

import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from beforehand.cli.page import Row

if TYPE_CHECKING:  # the area's imports wait until the tour plays
    from beforehand.cli.figures import Draw
    from beforehand.gradients import GradientPlan

WORKERS = 4
COMPUTE = 0.05  # seconds of a step
LATENCY = 1e-4
SLOW, FAST = 50.0, 10_000.0  # Mbit/s
MEANING = (
    "Seconds of a training step: computing, then exchanging gradients. Codecs are timed here, on gradients that the "
    "plan never saw; computing and the link are those given. No step can be shorter than its computing."
)
SLOW_STORY = (
    "Four machines train one model over an office network, and wait for its bytes. How much their gradients agree, and "
    "how fast each codec is here, says beforehand what a step will take and how far off its mean will be."
)
FAST_STORY = (
    "The same training in a data center. The link carries 16 bits in next to no time, so that nothing is left to gain, "
    "and the plan says so."
)
POINTS = 25


def office(begin: Callable[[str], None], *, quick: bool, seed: int) -> Row:
    """A slow link."""
    return _play(begin, "slow cluster", SLOW_STORY, SLOW, quick, seed)


def data_center(begin: Callable[[str], None], *, quick: bool, seed: int) -> Row:
    """A fast link."""
    return _play(begin, "fast cluster", FAST_STORY, FAST, quick, seed)


def next_command(path: Path) -> str | None:
    """Run codecs on recorded gradients."""
    if path.suffix != ".npz" or "gradient" not in path.stem:
        return None
    return f"gradients bench {shlex.quote(path.name)} --workers {WORKERS}"


SCENES = (office, data_center)


def _play(begin: Callable[[str], None], you_run: str, story: str, mbits: float, quick: bool, seed: int) -> Row:
    from beforehand.gradients import THC, BlockInt, Link, TopKChunked, plan
    from beforehand.workloads.gradient_samples import gradients

    recorded = gradients("layers", size=2**16 if quick else 2**19, workers=WORKERS, steps=6, seed=seed)
    sample, holdout = recorded.split(0.5)
    begin(f"{you_run}: planning")
    chosen = plan(
        sample,
        link=Link(LATENCY, mbits * 1e6 / 8),
        workers=WORKERS,
        compute_seconds=COMPUTE,
        candidates=[THC(bits=4), THC(bits="lane"), BlockInt(bits=8), TopKChunked(bits_per_coordinate=2.0)],
        seed=seed,
    )
    begin(f"{you_run}: auditing")
    return Row(
        you_run=you_run,
        known="link, agreement",
        setting=f"{WORKERS} workers, {mbits:,.0f} Mbit/s",
        story=story,
        meaning=MEANING,
        report=chosen.audit(holdout),
        draw=partial(_draw, chosen),
    )


def _draw(chosen: "GradientPlan") -> dict[str, "Draw"]:
    """Seconds of a step by the rate of the link."""
    import numpy as np

    from beforehand.cli import figures

    rates = np.geomspace(1e7, 1e10, POINTS)
    lines = {}
    for each in chosen.candidates:
        fixed = each.step.value - each.exchange
        latencies = each.exchange - each.sent.total / chosen.link.bytes_per_second
        lines[each.design] = np.array([fixed + latencies + each.sent.total * 8 / rate for rate in rates])
    colors = {chosen.baseline.design: "other", chosen.gain.design: "accent"}
    caption = f"A step by the rate of the link, {LATENCY * 1e3:g} ms for each message."
    return {caption: figures.curves(np.log10(rates), lines, colors, across="bits a second, as a power of ten", up="s")}
