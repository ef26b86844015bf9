"""Plans and their audits as rows: a table in the terminal, and an HTML page with figures."""

import platform
import shlex
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, final

import typer

from beforehand import __version__
from beforehand.cli import render

if TYPE_CHECKING:  # matplotlib, which few commands need
    from beforehand.cli.figures import Draw
    from beforehand.core import Report

COLUMNS = ("you run", "known beforehand", "strongest without", "with it", "clairvoyant", "price", "verdict")
NO_PICTURES = "For the page with its figures: pip install 'beforehand[report]', then run this again."


@final
@dataclass(frozen=True, kw_only=True)
class Row:
    """An audited plan, and what a reader needs to understand it.

    Args:
        you_run: What the reader would run, in a word or two.
        known: What is known beforehand.
        setting: What was given, such as a budget or a load.
        story: Why the knowledge helps here, or does not.
        meaning: What the report's metric stands for.
        report: What the audit found.
        draw: Figures by caption, besides the one of the outcomes.
        details: More for the page, as preformatted text.
    """

    you_run: str
    known: str
    setting: str
    story: str
    meaning: str
    report: "Report"
    draw: Callable[[], Mapping[str, "Draw"]]
    details: str = ""


def command(context: typer.Context) -> str:
    """The command line that is running, without the options that have their defaults."""
    words = [context.command_path]
    for parameter in context.command.params:
        value = context.params.get(parameter.name or "")
        if value is None or value == parameter.default:
            continue
        for each in value if isinstance(value, list | tuple) else [value]:
            if parameter.param_type_name == "option":
                words.append(parameter.opts[0])
            if not isinstance(each, bool):
                words.append(shlex.quote(str(each)))
    return " ".join(words)


def show(rows: Sequence[Row]) -> None:
    """Print the table."""
    table = render.table(*COLUMNS, gap=1)
    for column in table.columns[3:6]:  # the others can wrap between words
        column.no_wrap = True
    for column in table.columns[:2]:
        column.min_width = len("beforehand")
    for row in rows:
        report = row.report
        outcomes = (report.baseline, report.measured, report.clairvoyant)
        designs = [textwrap.fill(outcome.design.replace("(", " ("), 11, break_long_words=False) for outcome in outcomes]
        cells = [f"{render.number(each.value)}\n[dim]{name}[/]" for each, name in zip(outcomes, designs, strict=True)]
        amount, per, unit = str(report.price).partition(" per ")
        price = amount.replace(" and ", "\n") + (f"\n[dim]{per.strip()} {unit}[/]" if per else "")
        you_run, known = f"{row.you_run}\n[dim]{report.metric}[/]", f"{row.known}\n[dim]{row.setting}[/]"
        table.add_row(you_run, known, *cells, price, render.verdict(report))
    render.console().print(table)


def write(path: Path, rows: Sequence[Row], *, title: str, lede: str, command: str, after: str) -> bool:
    """Write the page; False if matplotlib or jinja2 is not installed.

    Args:
        path: Where to.
        rows: Its content, one section each.
        title: The title in the browser.
        lede: What all rows have in common.
        command: The command that writes the same page.
        after: A command to try next.
    """
    try:
        from beforehand.cli import figures
    except ImportError:
        return False
    sections: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        drawn = {**row.draw(), "Expected and measured.": figures.outcomes(row.report)}
        slug = row.report.verdict.replace("'", "").replace(" ", "-")
        sections.append({"row": row, "report": row.report, "pictures": pictures(f"p{number}", drawn), "slug": slug})
    return fill(
        path,
        "report.html.j2",
        title=title,
        lede=lede,
        rows=sections,
        columns=COLUMNS,
        metrics={row.report.metric: row.meaning for row in rows},
        command=command,
        next=after,
    )


def pictures(name: str, drawn: "Mapping[str, Draw]") -> list[dict[str, str]]:
    """Figures by caption as a page holds them; `name` keeps their ids unique on it."""
    from beforehand.cli import figures

    return [
        {"caption": caption} | figures.picture(f"{name}{i}", draw) for i, (caption, draw) in enumerate(drawn.items())
    ]


def fill(path: Path, name: str, **content: Any) -> bool:
    """Write a page from its template; False if jinja2 is not installed.

    Args:
        path: Where to.
        name: The file of the template, beside this one.
        content: What it shows.
    """
    try:
        import jinja2
    except ImportError:
        return False
    from beforehand.core.files import writing

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda file: files("beforehand.cli").joinpath(file).read_text("utf-8")),
        autoescape=True,
        trim_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    page = environment.get_template(name).render(
        **content,
        version=__version__,
        machine=f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
    )
    with writing(path) as stream:
        stream.write(page.encode())
    return True
