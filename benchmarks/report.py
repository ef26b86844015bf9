"""How a benchmark shows its tables, keeps them in a file, and how the pages on performance take them from there.

`python benchmarks/report.py` writes the pages anew from the kept files.
"""

import json
import os
import re
import shlex
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from beforehand.reporting import Sheet, conditions, markdown

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "performance"
BLOCK = re.compile(r"(<!-- (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def options(words: str) -> ArgumentParser:
    """The command line that every benchmark has."""
    parser = ArgumentParser(description=words)
    parser.add_argument("-o", "--output", type=Path, help="keep the tables in this JSON file as well")
    return parser


def show(sheet: Sheet) -> None:
    """Print one table as soon as it is measured."""
    table = Table(*sheet.columns, title=sheet.title, title_justify="left")
    for row in sheet.rows:
        table.add_row(*(Text(cell) for cell in row))
    Console().print(table, Text(sheet.below))


def keep(sheets: Sequence[Sheet], path: Path) -> None:
    """Write the tables with where they were measured."""
    _, given = options("").parse_known_args()  # all but -o
    where = {"command": shlex.join(["python", str(Path(sys.argv[0]).resolve().relative_to(ROOT)), *given])}
    where |= conditions() | {
        "memory": _memory(),
        "compiler": first_line("c++", "--version"),
        "commit": first_line("git", "log", "-1", "--format=%h", "--", "native"),
    }
    path.write_text(json.dumps({"where": where, "sheets": [asdict(sheet) for sheet in sheets]}, indent=2) + "\n")


def take(makers: Iterable[Callable[[], Sheet]], path: Path | None) -> None:
    """Measure tables one after the other, print each at once, and keep all in a file if one is named."""
    sheets = []
    for make in makers:
        sheets.append(make())
        show(sheets[-1])
    if path:
        keep(sheets, path)


def filled(text: str, folder: Path) -> str:
    """The page with the tables of each file between `<!-- stem -->` and `<!-- end -->`."""

    def block(found: re.Match[str]) -> str:
        kept = json.loads((folder / f"{found[2]}.json").read_text(encoding="utf-8"))
        where = kept["where"]
        listed = ", ".join(f"{name} {value}" for name, value in where.items() if name != "command")
        lines = ["", f"`{where['command']}`: {listed}."]
        for sheet in kept["sheets"]:
            lines += ["", f"**{sheet['title']}**", "", *markdown(sheet["columns"], sheet["rows"])]
            lines += ["", sheet["below"]] if sheet["below"] else []
        joined = "\n".join(lines)
        return f"{found[1]}{joined}\n\n{found[3]}"

    return BLOCK.sub(block, text)


def _memory() -> str:
    return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.0f} GiB"


def first_line(*command: str) -> str:
    """What a command prints first, run in the repository's folder; nothing if it fails."""
    ran = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    return ran.stdout.splitlines()[0] if ran.returncode == 0 and ran.stdout else ""


if __name__ == "__main__":
    for page in FOLDER.glob("*.md"):
        page.write_text(filled(page.read_text(encoding="utf-8"), FOLDER), encoding="utf-8")
