"""`systems` and `reproduce`: the published systems, and what became of their claims."""

from dataclasses import asdict
from typing import Annotated

import typer

from beforehand.cli import render
from beforehand.systems import NOT_BUILT, NOT_RUN, SYSTEMS

Json = Annotated[bool, typer.Option("--json", help="Print JSON for a machine to read.")]


def systems(as_json: Json = False) -> None:
    """List the nine published systems: names, paper, import line, command, what our study of the paper found."""
    if as_json:
        render.show_json([asdict(system) for system in SYSTEMS])
        return
    table = render.table("system", "arXiv", "here", gap=1)
    for system in SYSTEMS:
        also = f"\n[dim]also {', '.join(system.also)}[/]" if system.also else ""
        here = f"{system.imported}\n{system.command}\n[dim]study {system.study or NOT_RUN}[/]"
        table.add_row(system.name + also, system.arxiv, here if system.imported else f"{system.area}, {NOT_BUILT}")
    render.console().print(table)


def reproduce(name: Annotated[str | None, typer.Argument(help="A system by any of its names.")] = None) -> None:
    """Check a paper's claims against this library.

    A study comes with its area; there is none yet, so this prints the table of systems.
    """
    systems()
    known = {name.lower() for system in SYSTEMS for name in (system.name, *system.also)}
    if name is not None and name.lower() not in known:
        from beforehand.core.errors import InvalidInput

        raise InvalidInput(f"NAME is {name!r}, but no system goes by it; take a name from the table above")
    render.show("\nNo study can be run yet: studies come with their areas.")
