"""`systems` and `reproduce`: the published systems, and their claims checked."""

import importlib
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.text import Text

from beforehand.cli import render
from beforehand.studies import STUDIES, takes_data
from beforehand.systems import NOT_BUILT, NOT_RUN, SYSTEMS, System

if TYPE_CHECKING:
    from beforehand.studies.claims import Study

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
STYLES = {
    "reproduced": "bold green",
    "direction only": "bold yellow",
    "not reproduced": "bold red",
    "not run": "bold",
}


def systems(as_json: Json = False) -> None:
    """List the nine published systems: names, paper, import line, command, what our study of the paper found."""
    if as_json:
        render.show_json([asdict(system) for system in SYSTEMS])
        return
    table = render.table("system", "arXiv", "here", gap=1)
    for system in SYSTEMS:
        also = f"\n[dim]also {', '.join(system.also)}[/]" if system.also else ""
        part = f"\n[dim]{system.part}[/]" if system.part else ""
        here = f"{system.imported}\n{system.command}{part}\n[dim]study {system.study or NOT_RUN}[/]"
        table.add_row(system.name + also, system.arxiv, here if system.imported else f"{system.area}, {NOT_BUILT}")
    render.console().print(table)


def reproduce(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="A system by any of its names.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Use smaller data: seconds instead of minutes.")] = False,
    data: Annotated[
        Path | None, typer.Option(help="Real data, for studies that use them: a file, or its folder.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a paper's claims against this library, and report a verdict on each.

    Without a name this prints the table of systems, each of which has a study.
    """
    from beforehand.core.errors import InvalidInput

    named = next((system for system in SYSTEMS if name and _squashed(name) in _names(system)), None)
    if named is None:
        systems()
        if name is not None:
            raise InvalidInput(f"NAME is {name!r}, but no system has that name; take one from the table above")
        return
    study = importlib.import_module(STUDIES[named.name])
    options: dict[str, Any] = {}
    if data is not None:
        if not takes_data(study):
            raise InvalidInput(f"data is {str(data)!r}, but the study of {named.name} generates its data; leave it out")
        options["data"] = data
    with render.progress(study.steps(quick=quick)) as steps:
        found = study.run(quick=quick, begin=steps.begin, **options)
    if as_json:
        print(found.to_json(), end="")
    else:
        show_study(found)


def show_study(study: "Study") -> None:
    """The claims with their verdicts, then the sheets of figures."""
    out = render.console()
    claims = render.table("the paper says", "we require", "we find", "verdict", gap=2)
    for finding in study.findings:
        verdict = Text(finding.verdict, STYLES[finding.verdict])
        found = f"{finding.figure}\n[dim]{finding.scale}[/]"
        claims.add_row(f"{finding.says}\n[dim]{finding.source}[/]", finding.requires, found, verdict)
    out.print(claims)
    for sheet in study.sheets:
        out.print(f"\n[bold]{sheet.title}[/]")
        figures = render.table(*sheet.columns, gap=1)
        for row in sheet.rows:
            figures.add_row(*(Text(cell) for cell in row))
        out.print(figures)
        render.show(sheet.below)
    render.show(f"\n{study.name}: {study.summary}, in {study.seconds:.0f} s of processor time.")


def _names(system: System) -> set[str]:
    return {_squashed(known) for known in (system.name, *system.also)}


def _squashed(name: str) -> str:
    """Letters and digits alone, so that skip_predict, Skip-Predict and SkipPredict are one name."""
    return "".join(filter(str.isalnum, name.lower()))
