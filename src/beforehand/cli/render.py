"""Output in a terminal; JSON for programs goes through `show_json`."""

import json
import math
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:  # the areas' imports wait until a command needs them
    from beforehand.core import Outcome, Report

WIDE = 1 << 20  # columns: no cell is folded
STYLES = {"worth it": "bold green", "don't bother": "bold", "unclear": "bold yellow", "no predictions": "bold yellow"}


def console() -> Console:
    """Where results go."""
    return Console(highlight=False)


def show(text: str) -> None:
    """Print plain text as it is, however wide."""
    console().print(Text(text), soft_wrap=True)


def show_table(made: Table) -> None:
    """Print a table; where it goes into a pipe or a file, a row is a line, and no line ends in blanks.

    COLUMNS folds all the same where it is set.
    """
    out = console()
    if out.is_terminal:
        out.print(made)
        return
    wide = Console(highlight=False, width=None if "COLUMNS" in os.environ else WIDE)
    with wide.capture() as captured:
        wide.print(made)
    print("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")))


def show_json(value: Any) -> None:
    """Print JSON."""
    print(json.dumps(value, indent=2))


def finite(value: Any) -> Any:
    """The same with nan as null and infinity as "inf", which JSON has no numbers for."""
    if isinstance(value, dict):
        return {name: finite(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [finite(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def table(*columns: str, gap: int = 2) -> Table:
    """An empty table as all commands print it: no lines, and `gap` blanks between columns."""
    made = Table(box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="dim")
    for column in columns:
        made.add_column(column, overflow="fold")  # a name may break, but is never cut off
    return made


def facts(pairs: Sequence[tuple[str, object]]) -> Table:
    """Names on the left, values on the right."""
    made = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in pairs:
        made.add_row(name, Text(str(value)))
    return made


def verdict(report: "Report") -> Text:
    """The verdict in its color."""
    return Text(report.verdict, STYLES[report.verdict])


def number(value: float) -> str:
    """Three significant digits; thousands are written out."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.3g}"


def change(share: float) -> str:
    """How much more or less, in whole percents with their sign; what rounds to nothing has none."""
    return "0%" if round(100 * share) == 0 else f"{share:+.0%}"


def show_report(report: "Report") -> None:
    """The four outcomes side by side, the price, and the verdict with its reason."""
    out = console()
    outcomes = table("", "design", report.metric, "interval")
    rows: tuple[tuple[str, Outcome], ...] = (
        ("strongest without", report.baseline),
        ("expected", report.expected),
        ("measured", report.measured),
        ("clairvoyant", report.clairvoyant),
    )
    for name, outcome in rows:
        interval = f"{number(outcome.low)} to {number(outcome.high)}"
        outcomes.add_row(Text(name, "dim"), outcome.design, number(outcome.value), interval)
    out.print(outcomes)
    out.print()
    kept = "came true" if report.came_true else "did not come true: plan again on new data"
    if report.measured.high < report.expected.low:
        kept = "did not come true: what was measured is better"
    elif report.came_true and report.measured.high - report.measured.low > 2 * report.expected.high > 0:
        kept = "open: too little was measured to tell"
    out.print(
        facts([("expectation", kept), ("price", report.price), ("verdict", f"{report.verdict}: {report.why}")]),
    )


@contextmanager
def progress(total: int | None) -> Iterator["Steps"]:
    """A progress bar on stderr for `total` steps; it disappears at the end, and is only drawn in a terminal.

    None, where nobody knows how many steps there will be.
    """
    columns = (BarColumn(24), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    out = Console(stderr=True)
    with Progress(*columns, console=out, transient=True, disable=not out.is_terminal) as bar:
        yield Steps(bar, total)


class Steps:
    """Advances the bar as steps begin."""

    def __init__(self, bar: Progress, total: int | None) -> None:
        self._bar = bar
        self._task = bar.add_task("", total=total)
        self._begun = False

    def begin(self, what: str) -> None:
        """Begin the next step; the one before it is done."""
        self._bar.update(self._task, advance=int(self._begun), description=what)
        self._begun = True
