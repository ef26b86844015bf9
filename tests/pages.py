"""The README and the documentation, with what their examples print; `make pages` writes it anew.

Blocks of a page run one after the other in one empty folder. What a python block prints stands at its end, behind `#>`.
In a console block a line with `$` is a command, and what follows is its output. A block `python torch` needs that host:
`build/torch/bin/python tests/pages.py torch` runs it, with those before it, and `make test-torch` checks it. Blocks
marked otherwise are not run. Between markers stand the table of docs/tour.json, and every command with its options.
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
BLOCK = re.compile(r"^```(python|console)(?: (\w+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pages(host=None):
    """All pages that show something run, or hold what is generated; those with blocks for a host, if it is named."""
    every = {page: page.read_text(encoding="utf-8") for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]}
    shown = {page: {block[2] for block in BLOCK.finditer(text)} for page, text in every.items()}
    return sorted(page for page in every if host in shown[page] or (host is None and COMMANDS.search(every[page])))


def refreshed(page, host=None):
    """The page's text with what its blocks print today; inside a host, those in Python, for it and for none."""
    text = page.read_text(encoding="utf-8")
    if host is None:
        text = TOUR.sub(lambda markers: markers[1] + tour_table() + markers[2], text)
        text = COMMANDS.sub(lambda markers: markers[1] + command_list() + markers[2], text)
    names = {}

    def run(block):
        if block[2] not in (None, host) or (host and block[1] == "console"):
            return block[0]
        if block[1] == "console":
            return f"```console\n{_console(block[3])}```"
        line = text.count("\n", 0, block.start(3))
        return f"```{block[1]}{f' {host}' if block[2] else ''}\n{_python(block[3], names, page, line)}```"

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
    inside = sys.argv[1] if len(sys.argv) > 1 else None
    for page in pages(inside):
        page.write_text(refreshed(page, inside), encoding="utf-8")
