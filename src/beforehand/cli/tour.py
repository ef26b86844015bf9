"""`tour`: every area on a built-in workload, one table, one report."""

import json
import os
import platform
import shlex
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, final

import typer

from beforehand import __version__
from beforehand.cli import render

if TYPE_CHECKING:
    from beforehand.core import Report, Trace

COLUMNS = ("you run", "known beforehand", "strongest without", "with it", "clairvoyant", "price", "verdict")
BITS = 4
MAKE = "import numpy; numpy.save('weights.npy', numpy.random.default_rng(0).lognormal(size=(100, 1000)))"


@final
@dataclass(frozen=True)
class Scene:
    """A workload and what it stands for."""

    you_run: str
    known: str
    story: str
    workload: str  # in beforehand.workloads.vectors


@final
@dataclass(frozen=True)
class Row:
    """A scene that was played: its report, and the audited half for the pictures."""

    scene: Scene
    report: "Report"
    holdout: "Trace"


SCENES = (
    Scene(
        "embeddings",
        "histogram",
        "Most values are small and a few are large. Equally spaced levels stand where hardly any value is; "
        "levels chosen from the histogram stand where the values are.",
        "skewed",
    ),
    Scene(
        "phase angles",
        "histogram",
        "The values fill their range evenly, so equally spaced levels are as good as any. "
        "Knowing the histogram changes nothing, and the plan says so.",
        "flat",
    ),
)


def tour(
    report: Annotated[Path, typer.Option(help="Where to write the HTML report.")] = Path("report.html"),
    vectors: Annotated[int, typer.Option(min=4, help="Vectors in a workload.")] = 32,
    length: Annotated[int, typer.Option(min=64, help="Values in a vector.")] = 65536,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other workloads of the same kind.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON instead of the table.")] = False,
) -> None:
    """Show every area at work: plan, price, audit, verdict; one table, and a report in HTML.

    Takes well under a minute. The report needs matplotlib and jinja2: pip install 'beforehand[report]'.
    """
    with render.progress(2 * len(SCENES) + 1) as steps:
        rows = [_play(scene, vectors, length, seed, steps.begin) for scene in SCENES]
        steps.begin("drawing the report")
        command = f"beforehand tour --vectors {vectors} --length {length} --seed {seed}"
        written = _write(rows, report, command)
    if as_json:
        render.show_json([{"you_run": row.scene.you_run} | json.loads(row.report.to_json()) for row in rows])
        return
    _show(rows)
    if written:
        render.show(f"\nThe report with its pictures: {report}")
    else:
        render.show("\nFor the report with its pictures: pip install 'beforehand[report]', then run this again.")
    render.show(f"\nYour own file next:\n  {next_command(Path())}")


def next_command(folder: Path) -> str:
    """One command for the reader's own file, by what lies in the folder."""
    where = "" if shutil.which("beforehand") else f"{os.path.relpath(Path(sys.executable).parent)}/"
    names = sorted(path.name for path in folder.iterdir() if path.is_file())
    for name in names:
        if name.endswith(".npy"):
            output = name.removesuffix(".npy") + ".bhq"
            return f"{where}beforehand quantization encode {shlex.quote(name)} --levels 16 -o {shlex.quote(output)}"
    for name in names:
        if name.endswith((".npz", ".parquet", ".jsonl")):
            return f"{where}beforehand trace show {shlex.quote(name)}"
    make = f'{where}python -c "{MAKE}"'
    return f"{make} && {where}beforehand quantization encode weights.npy --levels 16 -o weights.bhq"


def _play(scene: Scene, vectors: int, length: int, seed: int, begin: Callable[[str], None]) -> Row:
    from beforehand import quantization
    from beforehand.workloads import vectors as workloads

    begin(f"{scene.you_run}: planning")
    sample, holdout = getattr(workloads, scene.workload)(vectors, length, seed=seed).split(0.5)
    plan = quantization.plan(sample, bits=BITS, seed=seed)
    begin(f"{scene.you_run}: auditing")
    return Row(scene, quantization.audit(plan, holdout, seed=seed), holdout)


def _show(rows: Sequence[Row]) -> None:
    table = render.table(*COLUMNS, gap=1)
    for row in rows:
        report = row.report
        outcomes = (report.baseline, report.measured, report.clairvoyant)
        told = [f"{render.number(outcome.value)}\n[dim]{outcome.design}[/]" for outcome in outcomes]
        time, per = str(replace(report.price, bytes=0)).split(" per ")
        table.add_row(row.scene.you_run, row.scene.known, *told, f"{time}\n[dim]per {per}[/]", render.verdict(report))
    render.console().print(table)
    render.show(f"\nThe numbers are {rows[0].report.metric} with {BITS} bits a value, on data that the plan never saw.")


def _write(rows: Sequence[Row], path: Path, command: str) -> bool:
    try:
        import jinja2
        from markupsafe import Markup

        from beforehand.cli import figures
    except ImportError:
        return False
    from beforehand.core.files import writing

    told: list[dict[str, Any]] = []
    for number, row in enumerate(rows):
        drawn = {
            "Where the levels stand, over the values of one vector.": figures.levels(*_levels(row)),
            "What was promised, and what came.": figures.outcomes(row.report),
        }
        pictures = [
            {"caption": caption} | {k: Markup(svg) for k, svg in figures.picture(f"p{number}{i}", draw).items()}
            for i, (caption, draw) in enumerate(drawn.items())
        ]
        slug = row.report.verdict.replace("'", "").replace(" ", "-")
        told.append({"you_run": row.scene.you_run, "known": row.scene.known, "story": row.scene.story,
                     "report": row.report, "pictures": pictures, "slug": slug})  # fmt: skip
    environment = jinja2.Environment(autoescape=True, trim_blocks=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(files("beforehand.cli").joinpath("report.html.j2").read_text("utf-8"))
    machine = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    page = template.render(
        rows=told, columns=COLUMNS, command=command, next=next_command(Path()), version=__version__, machine=machine
    )
    with writing(path) as stream:
        stream.write(page.encode())
    return True


def _levels(row: Row) -> tuple[Any, dict[str, Any]]:
    from beforehand.quantization import levels

    first = row.holdout["values"][0]
    names = {"uniform": "equally spaced", "auto": "chosen for these values"}
    return first, {name: levels(first, 2**BITS, method=method).values for method, name in names.items()}  # type: ignore[arg-type]
