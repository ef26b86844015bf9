"""The figures of reports, as inline SVG: each drawn once in a light and once in a dark scheme."""

import io
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, NullLocator
from numpy.typing import NDArray

from beforehand.core.report import Outcome, Report

Draw = Callable[[Axes, "Theme"], None]
FAR_APART = 4
NARROW = 5  # on a logarithmic scale with less between its ends, powers of ten are too few labels
TEXT_LINE = 0.075  # of the axes' height
SIZE = (4.4, 2.7)  # inches; narrow, so that letters stay readable on a telephone


@final
@dataclass(frozen=True)
class Theme:
    """The colors of one scheme, the same as in the page's style sheet."""

    name: str
    ink: str
    quiet: str
    line: str
    accent: str
    other: str


LIGHT = Theme("light", ink="#22262b", quiet="#6a7178", line="#d9d6cf", accent="#0b6e69", other="#b4632d")
DARK = Theme("dark", ink="#e7e5df", quiet="#9aa1a9", line="#363c44", accent="#5cc8bd", other="#e39a63")


def picture(name: str, draw: Draw) -> dict[str, str]:
    """One figure in both schemes, by scheme name; `name` keeps its ids unique on the page."""
    return {theme.name: _svg(f"{name}-{theme.name}", draw, theme) for theme in (LIGHT, DARK)}


def outcomes(report: Report) -> Draw:
    """Baseline, expected, measured and clairvoyant outcome on one scale, logarithmic if they are far apart."""

    def draw(axes: Axes, theme: Theme) -> None:
        rows: tuple[tuple[str, Outcome, str], ...] = (
            ("strongest without", report.baseline, theme.other),
            ("expected", report.expected, theme.quiet),
            ("measured", report.measured, theme.accent),
            ("clairvoyant", report.clairvoyant, theme.ink),
        )
        for place, (_, outcome, color) in enumerate(rows):
            axes.plot([outcome.low, outcome.high], [place] * 2, color=color, lw=5, alpha=0.35, solid_capstyle="round")
            axes.plot(outcome.value, place, "o", color=color, ms=6)
            axes.annotate(f"{outcome.design} {outcome.value:.3g}", (outcome.value, place), (0, 8), color=color,
                          textcoords="offset points", ha="center", fontsize=8.5)  # fmt: skip
        values = [value for _, outcome, _ in rows for value in (outcome.low, outcome.high)]
        if max(values) > FAR_APART * min(values) > 0:
            axes.set_xscale("log")
            axes.set_xlim(min(values) / 3, max(values) * 3)
        else:
            axes.set_xlim(min(0, 1.35 * min(values)), 1.35 * max(values))
            axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.set_yticks(range(len(rows)), [name for name, *_ in rows])
        axes.set_ylim(len(rows) - 0.6, -0.75)
        axes.set_xlabel(f"{report.metric}, lower is better")
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter("{x:g}")

    return draw


def levels(values: NDArray[Any], tables: Mapping[str, NDArray[Any]]) -> Draw:
    """A histogram of the values, and below it the levels of each table."""
    counts, edges = np.histogram(values, bins=120)
    height = counts / counts.max()

    def draw(axes: Axes, theme: Theme) -> None:
        axes.stairs(height, edges, fill=True, color=theme.quiet, alpha=0.35, lw=0)
        for place, ((name, table), color) in enumerate(zip(tables.items(), (theme.other, theme.accent), strict=False)):
            y = -0.36 - 0.42 * place
            axes.vlines(table, y - 0.09, y + 0.09, color=color, lw=1.4)
            axes.text(edges[0], y + 0.1, name, color=color, fontsize=8.5, va="bottom")
        axes.set_ylim(-0.42 * len(tables) - 0.1, 1.05)
        axes.set_yticks([])
        axes.set_xlabel("value; the shape shows how many")

    return draw


def curves(
    x: NDArray[Any],
    lines: Mapping[str, NDArray[Any]],
    colors: Mapping[str, str],
    *,
    across: str,
    up: str,
    marks: Mapping[str, tuple[float, float]] | None = None,
) -> Draw:
    """Lines over x on a logarithmic scale, each labeled at its right end; inf is not drawn.

    Args:
        x: Ascending.
        lines: A value for each x, by the line's name.
        colors: The lines that matter, and the name of each one's color in a `Theme`; the others are thin and quiet.
        across: What x is.
        up: What the lines are.
        marks: Single points beside the lines, by their names.
    """
    drawn = {name: np.where(np.isfinite(line), line, np.nan) for name, line in lines.items()}
    drawn = {name: line for name, line in drawn.items() if not np.isnan(line).all()}

    def draw(axes: Axes, theme: Theme) -> None:
        axes.set_yscale("log")
        ends = {}
        for name in sorted(drawn, key=lambda name: name in colors):  # those that matter on top
            color = getattr(theme, colors.get(name, "quiet"))
            axes.plot(x, drawn[name], color=color, lw=2 if name in colors else 0.8)
            ends[name] = drawn[name][~np.isnan(drawn[name])][-1]
        for name, at in (marks or {}).items():
            axes.plot(*at, "o", color=theme.ink, ms=5)
            axes.annotate(name, at, (0, 7), color=theme.ink, textcoords="offset points", ha="center", fontsize=7)
        low, high = np.log(axes.get_ylim())
        places = {name: float((np.log(end) - low) / (high - low)) for name, end in ends.items()}
        for name, place in _apart(places).items():
            color = getattr(theme, colors.get(name, "quiet"))
            axes.text(1.02, place, name, color=color, fontsize=7, va="center", transform=axes.transAxes)
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        bottom, top = axes.get_ylim()
        axes.yaxis.set_minor_formatter(NullFormatter() if top > NARROW * bottom else "{x:g}")
        axes.yaxis.set_major_formatter("{x:g}")

    return draw


def _apart(places: Mapping[str, float]) -> dict[str, float]:
    """The same order from bottom to top, at least one line of text apart, and none above the top."""
    moved: dict[str, float] = {}
    lowest = 0.0
    for name in sorted(places, key=lambda name: places[name]):
        moved[name] = max(places[name], lowest)
        lowest = moved[name] + TEXT_LINE
    highest = 1.0
    for name in reversed(list(moved)):
        moved[name] = min(moved[name], highest)
        highest = moved[name] - TEXT_LINE
    return moved


def _svg(name: str, draw: Draw, theme: Theme) -> str:
    style: Any = {
        "font.family": "DejaVu Sans",
        "font.size": 9,
        "text.color": theme.ink,
        "axes.edgecolor": theme.line,
        "axes.labelcolor": theme.quiet,
        "xtick.color": theme.quiet,
        "ytick.color": theme.quiet,
        "svg.hashsalt": name,
        "svg.fonttype": "path",
    }
    with mpl.rc_context(style):
        figure = Figure(figsize=SIZE, layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right", "left"]].set_visible(False)
        axes.tick_params(length=0)
        draw(axes, theme)
        text = io.StringIO()
        figure.savefig(
            text, format="svg", transparent=True, metadata=dict.fromkeys(("Date", "Creator", "Format", "Type"))
        )
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'(<svg[^>]*?) width="[^"]*" height="[^"]*"|(<svg[^>]*?) height="[^"]*"', r"\1\2", svg, count=1)
    svg = svg.replace("<svg", f'<svg class="{theme.name}" aria-hidden="true"', 1)
    return re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", svg)
