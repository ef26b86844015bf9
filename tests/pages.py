"""The README and the documentation, with what their examples print; `make pages` writes it anew.

Blocks of a page run one after the other in one empty folder. What a python block prints stands at its end, behind `#>`.
In a console block a line with `$` is a command, and what follows is its output. Blocks marked otherwise are not run.
Between markers stand the table of docs/tour.json, and every command with its options.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from beforehand.core import Price
from beforehand.reporting import markdown

ROOT = Path(__file__).parents[1]
TOUR = re.compile(r"(<!-- tour.*?-->\n).*?(<!-- end of tour -->)", re.DOTALL)
COMMANDS = re.compile(r"(<!-- commands.*?-->\n).*?(<!-- end of commands -->)", re.DOTALL)
BLOCK = re.compile(r"^```(python|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pages():
    """All pages that show something run, or hold what is generated."""
    every = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    return [page for page in every if any(part.search(page.read_text(encoding="utf-8")) for part in (BLOCK, COMMANDS))]


def refreshed(page):
    """The page's text with what its blocks print today."""
    text = TOUR.sub(lambda markers: markers[1] + tour_table() + markers[2], page.read_text(encoding="utf-8"))
    text = COMMANDS.sub(lambda markers: markers[1] + command_list() + markers[2], text)
    names = {}

    def run(block):
        if block[1] == "console":
            return f"```console\n{_console(block[2])}```"
        line = text.count("\n", 0, block.start(2))
        return f"```python\n{_python(block[2], names, page, line)}```"

    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        return BLOCK.sub(run, text)


def tour_table():
    """The tour's rows and the conditions that they were taken under."""
    columns = "you run, known beforehand, measured, strongest without, with it, clairvoyant, price, verdict".split(", ")
    result = json.loads((ROOT / "docs" / "tour.json").read_text(encoding="utf-8"))
    rows = []
    for row in result["rows"]:
        outcomes = [f"{row[name]['value']:.3g}" for name in ("baseline", "measured", "clairvoyant")]
        run = row["you_run"], f"{row['known']}, {row['setting']}", row["metric"]
        rows.append([*run, *outcomes, str(Price(**row["price"])), row["verdict"]])
    where = "{processor}; {versions}; commit {commit}, {date}".format(**result["conditions"])
    below = f"Lower is better. The data are simulated. {where}; `make tour` repeats it."
    return "".join(f"{line}\n" for line in [*markdown(columns, rows), "", below])


def command_list():
    """Every command with its arguments, options and example, as typer writes them."""
    command = [sys.executable, "-m", "typer", "beforehand.cli.app", "utils", "docs", "--name", "beforehand"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n## ", 1)[1]
    text = re.sub(r"\*\*Commands\*\*:\n\n(\* .*\n)+", "", text)  # cut off after 45 characters, and listed below
    text = re.sub(r"^\* `--help`: .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"\*\*(Arguments|Options)\*\*:\n\n(?=\n)|\*\*Usage\*\*:\n\n", "", text)
    text = re.sub(r"^```console\n\$ ", "```text\n", text, flags=re.MULTILINE)  # how to write it, not to be run
    text = re.sub(r"^Example: (.*)$", r"Example: `\1`", text, flags=re.MULTILINE)
    return re.sub(r"\n{3,}", "\n\n", f"## {text.rstrip()}\n")


def _python(block, names, page, line):
    source = re.sub(r"^#>.*\n", "", block, flags=re.MULTILINE)
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile("\n" * line + source, page, "exec"), names)
    return source + "".join(f"#> {line}".rstrip() + "\n" for line in printed.getvalue().splitlines())


def _console(block):
    scripts = Path(sys.executable).parent
    environment = {**os.environ, "PATH": f"{scripts}:{os.environ['PATH']}", "COLUMNS": "100", "NO_COLOR": "1"}
    shown = []
    for command in re.findall(r"^\$ (.*)\n", block, flags=re.MULTILINE):
        result = subprocess.run(
            command, shell=True, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        shown += [f"$ {command}", *(line.rstrip() for line in result.stdout.splitlines())]
    return "".join(f"{line}\n" for line in shown)


if __name__ == "__main__":
    for page in pages():
        page.write_text(refreshed(page), encoding="utf-8")
