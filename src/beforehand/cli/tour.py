"""`tour`: every area on built-in workloads, with one table and one report."""

import json
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from beforehand.cli import page, render
from beforehand.cli.areas import AREAS

SCENES = tuple(scene for area in AREAS for scene in area.scenes)
STEPS = 2  # of each scene: it says when it begins to plan and to audit
LEDE = (
    "Each row is a small workload. The plan was made on one half of it, and audited on the half it never saw. "
    "All data come from seeds, so everything but the times can be repeated."
)
MAKE = "import numpy; numpy.save('weights.npy', numpy.random.default_rng(0).lognormal(size=(100, 1000)))"


def tour(
    report: Annotated[Path, typer.Option(help="Where to write the HTML report.")] = Path("report.html"),
    quick: Annotated[bool, typer.Option("--quick", help="Use smaller workloads: seconds, rougher figures.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Another seed draws other workloads of the same kind.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reports as JSON instead of the table.")] = False,
) -> None:
    """Show every area at work: plan, price, audit and verdict, in one table and an HTML report.

    Takes well under a minute. The report needs matplotlib and jinja2: pip install 'beforehand[report]'.
    """
    with render.progress(STEPS * len(SCENES) + 1) as steps:
        rows = [scene(steps.begin, quick=quick, seed=seed) for scene in SCENES]
        steps.begin("drawing the report")
        command = f"beforehand tour{' --quick' if quick else ''} --seed {seed}"
        title, after = "beforehand: the tour", next_command(Path())
        written = page.write(report, rows, title=title, lede=LEDE, command=command, after=after)
    if as_json:
        shown = [{"you_run": row.you_run, "known": row.known, "setting": row.setting} for row in rows]
        render.show_json([row | json.loads(each.report.to_json()) for row, each in zip(shown, rows, strict=True)])
        return
    page.show(rows)
    render.show("\nLower is better. All figures are of data the plan never saw.")
    render.show(f"\nThe report with its figures: {report}" if written else f"\n{page.NO_PICTURES}")
    render.show(f"\nTry your own file next:\n  {after}")


def next_command(folder: Path) -> str:
    """A command for one of the files in the folder."""
    where = "" if shutil.which("beforehand") else f"{os.path.relpath(Path(sys.executable).parent)}/"
    files = sorted(path for path in folder.iterdir() if path.is_file())
    for command in (*(area.next_command for area in AREAS), _show):
        for path in files:
            if words := command(path):
                return f"{where}beforehand {words}"
    make = f'{where}python -c "{MAKE}"'
    return f"{make} && {where}beforehand quantization encode weights.npy --levels 16 -o weights.bhq"


def _show(path: Path) -> str | None:
    return f"trace show {shlex.quote(path.name)}" if path.suffix in (".npz", ".parquet", ".jsonl") else None
