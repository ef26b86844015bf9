"""Logs of jobs: reading a million rows, and planning on them, against an older commit, pandas and pyarrow.

Not for you where a log has a few thousand rows: whatever reads it, starting Python takes longer.

Run: python benchmarks/bench_job_logs.py [--against FOLDER] [-o FILE]; two minutes. FOLDER is a checkout of an older
commit where `make dev` was run. The file has the columns of BurstGPT, and lies in the folder for temporary files.
"""

import os
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Sequence
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import Process
from pathlib import Path
from typing import NamedTuple

import numpy as np
from report import options, take

from beforehand.reporting import Sheet

ROWS = 1_000_000
RUNS = 3
COLUMNS = ("Timestamp", "Response tokens")
PLAN = (
    "scheduling", "plan-queue", "--size", COLUMNS[1], "--arrival", COLUMNS[0], "--load", "0.8", "--assume-cheap", "1",
    "--assume-expensive", "0.3", "--cheap-cost", "0.1", "--expensive-cost", "1", "--cost-unit", "mean", "--json",
)  # fmt: skip
WITHOUT = "from beforehand.workloads.reading import arrow_csv; arrow_csv.installed = lambda: False; "
MAIN = "from beforehand.__main__ import main; main()"
OURS = (
    "import sys; from beforehand.workloads.reading import read_table; "
    f"table = read_table(sys.argv[1], {COLUMNS}); table.times({COLUMNS[0]!r}); table.numbers({COLUMNS[1]!r})"
)
BEFORE = "import sys; from beforehand.core import Trace; Trace.load(sys.argv[1], kind='jobs')"
PANDAS = f"import pandas, sys; pandas.read_csv(sys.argv[1], usecols={COLUMNS}).to_numpy()"
ARROW = (
    f"import sys; from pyarrow import csv; only = csv.ConvertOptions(include_columns={list(COLUMNS)}); "
    "[column.to_numpy() for column in csv.read_csv(sys.argv[1], convert_options=only).columns]"
)


class Ran(NamedTuple):
    """What a command took."""

    seconds: float
    processor: float  # seconds of all threads
    memory: int  # resident at most, in bytes


def write_log(path: str) -> None:
    """A million requests in the columns of BurstGPT."""
    random = np.random.default_rng(0)
    arrival = np.cumsum(random.exponential(5.0, ROWS)).astype(int)
    tokens = [random.lognormal(mean, 1.0, ROWS).astype(int) + 1 for mean in (6.0, 5.0)]
    models = np.array(["ChatGPT", "GPT-4"])[random.integers(2, size=ROWS)]
    kinds = np.array(["Conversation log", "API log"])[random.integers(2, size=ROWS)]
    columns = [column.tolist() for column in (arrival, models, *tokens, tokens[0] + tokens[1], kinds)]
    with open(path, "w") as stream:
        stream.write("Timestamp,Model,Request tokens,Response tokens,Total tokens,Log Type\n")
        stream.writelines("{},{},{},{},{},{}\n".format(*row) for row in zip(*columns, strict=True))


def run(command: Sequence[str]) -> Ran:
    """Run a command to its end; the figures hold all that it starts."""
    start = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    took = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {child.returncode}")
    return Ran(took, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def commit(folder: Path) -> str:
    """The commit that is checked out there."""
    shown = subprocess.run(["git", "log", "-1", "--format=%h"], cwd=folder, capture_output=True, text=True, check=True)
    return shown.stdout.strip()


def compared(title: str, commands: dict[str, list[str]], reference: str, below: str) -> Sheet:
    """One row for each command: the best of several runs that take turns."""
    ran: dict[str, list[Ran]] = {name: [] for name in commands}
    for _ in range(RUNS):
        for name, command in commands.items():
            ran[name].append(run(command))
    best = {name: Ran(*map(min, zip(*each, strict=True))) for name, each in ran.items()}
    rows = []
    for name, took in best.items():
        share, memory = took.seconds / best[reference].seconds, took.memory / best[reference].memory
        figures = f"{took.seconds:.2f}", f"{took.processor:.2f}", f"{took.memory / 2**20:,.0f}"
        rows.append([name, *figures, f"{share:.2f}", f"{memory:.2f}"])
    columns = ["who", "s", "processor s", "resident MiB", "time", "memory"]
    return Sheet(
        title=title, columns=columns, rows=rows,
        below=f"{below} The best of {RUNS} runs that take turns, each a process with all that it imports; the last two "
        f"columns are shares of {reference}.",
    )  # fmt: skip


def reading(path: str, arguments: Namespace) -> Sheet:
    """Two columns as arrays."""
    commands = {"beforehand": [sys.executable, "-c", OURS, path]}
    commands["beforehand without pyarrow"] = [sys.executable, "-c", WITHOUT + OURS, path]
    reference = "beforehand"
    if arguments.against:
        reference = f"commit {commit(arguments.against)}"
        commands[reference] = [str(arguments.against / ".venv/bin/python"), "-c", BEFORE, path]
    for name, program in (("pandas", PANDAS), ("pyarrow", ARROW)):
        if find_spec(name):
            commands[f"{name} {version(name)}"] = [sys.executable, "-c", program, path]
    return compared(
        f"Reading {ROWS:,} rows, {os.path.getsize(path) / 1e6:.0f} MB", commands, reference,
        "Two columns of six, as arrays. pyarrow takes all processors there are, beforehand one.",
    )  # fmt: skip


def planning(path: str, arguments: Namespace) -> Sheet:
    """The command `scheduling plan-queue` on the same file."""
    words = [*PLAN, path]
    commands = {"beforehand": [sys.executable, "-c", MAIN, *words]}
    commands["beforehand without pyarrow"] = [sys.executable, "-c", WITHOUT + MAIN, *words]
    reference = "beforehand"
    if arguments.against:
        reference = f"commit {commit(arguments.against)}"
        commands[reference] = [str(arguments.against / ".venv/bin/python"), "-c", MAIN, *words]
    return compared(
        f"Reading {ROWS:,} rows and planning on them", commands, reference,
        "Both predictions drawn, intervals by 200 resampled logs, an audit on the last 30 %.",
    )  # fmt: skip


def main() -> None:
    """Measure, print, and keep."""
    parser = options(__doc__ or "")
    parser.add_argument("--against", type=Path, help="a checkout of an older commit where make dev was run")
    arguments = parser.parse_args()
    with tempfile.NamedTemporaryFile(suffix=".csv") as stream:
        writer = Process(target=write_log, args=(stream.name,))  # whose memory would count as that of every command
        writer.start()
        writer.join()
        take((partial(each, stream.name, arguments) for each in (reading, planning)), arguments.output)


if __name__ == "__main__":
    main()
