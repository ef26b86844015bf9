"""The heaviest lines of a large text file: `beforehand streams top` against what one would type otherwise.

Not for you where all distinct lines fit in memory and you need exact counts of them, as "DuckDB, exact" gives.

Run: python benchmarks/bench_streams_text.py [-o FILE]; it writes a file of half a gigabyte to the folder for temporary
files, and reads it once before the clock starts.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import Process
from typing import NamedTuple

import numpy as np
from report import options, take

from beforehand.reporting import Sheet

LINES, PATHS, ALPHA = 30_000_000, 1_000_000, 1.1
PARTS, K = 30, 20
RUNS = 3
DUCKDB = """
import duckdb, sys
query = "SELECT {what} FROM read_csv(?, header=false, columns={{'k': 'VARCHAR'}}, delim='\\x01', quote='', escape='')"
rows = duckdb.connect(config={{"threads": {threads}}}).execute(query + "{end}", [sys.argv[1]]).fetchall()
print("\\n".join({names}))
"""


class Ran(NamedTuple):
    """What a command printed, and what it took."""

    output: str
    seconds: float  # of processors
    memory: int  # resident, of its largest process, in bytes


def write_log(path: str) -> None:
    """Paths of a web site, a line for each request, as often as Zipf's law says."""
    random = np.random.default_rng(0)
    shares = 1 / np.arange(1, PATHS + 1) ** ALPHA
    cumulative = np.cumsum(shares / shares.sum())
    paths = [f"/articles/{random.integers(10**6)}/{i}" for i in range(PATHS)]
    with open(path, "w") as stream:
        for _ in range(PARTS):
            drawn = np.minimum(np.searchsorted(cumulative, random.random(LINES // PARTS)), PATHS - 1)
            stream.write("\n".join([paths[i] for i in drawn]) + "\n")


def run(command: Sequence[str]) -> Ran:
    """Run a command to its end; the figures hold all of its processes."""
    with tempfile.TemporaryFile("w+") as output:
        child = subprocess.Popen(command, stdout=output, env=os.environ | {"LC_ALL": "C"})
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise RuntimeError(f"{command[0]} ended with {child.returncode}")
        output.seek(0)
        return Ran(output.read(), used.ru_utime + used.ru_stime, used.ru_maxrss * 1024)


def duckdb(what: str, end: str, names: str, threads: int) -> list[str]:
    """A query in a process of its own."""
    return [sys.executable, "-c", DUCKDB.format(what=what, end=end, names=names, threads=threads)]


def contenders() -> dict[str, list[str]]:
    """Commands that take the file as their last argument, and print the heaviest keys, one a line or a row of csv."""
    ours = [sys.executable, "-m", "beforehand", "streams", "top", "--k", str(K), "--output", "csv"]
    shell = {"sort, uniq, sort": f'sort "$0" | uniq -c | sort -rn | head -n {K} | sed "s/^ *[0-9]* //"',
             "awk": f'awk \'{{ n[$0]++ }} END {{ for (k in n) print n[k], k }}\' "$0" | sort -rn | head -n {K} | '
                    'sed "s/^[0-9]* //"'}  # fmt: skip
    found = {f"streams top, {policy}": [*ours, "--policy", policy] for policy in ("gated", "assoc")}
    found |= {name: ["sh", "-c", words] for name, words in shell.items()}
    if find_spec("duckdb"):
        approximate = (f"approx_top_k(k, {K})", "", "rows[0][0]")
        name = f"DuckDB {version('duckdb')}"
        found[f"{name}, approx_top_k"] = duckdb(*approximate, threads=1)
        found[f"{name}, exact"] = duckdb(
            "k, count(*) AS n", f" GROUP BY k ORDER BY n DESC LIMIT {K}", "(k for k, _ in rows)", threads=1
        )
    else:
        print("DuckDB is left out; pip install duckdb", file=sys.stderr)
    return found


def first_line(*command: str) -> str:
    """What a command says first."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.partition("\n")[0]


def keys(output: str) -> set[str]:
    """The keys that a command printed."""
    lines = output.splitlines()
    return {line.split(",")[1] for line in lines[1:]} if lines[0].startswith("rank,") else set(lines)


def logs() -> Sheet:
    """One row for each command."""
    with tempfile.NamedTemporaryFile(suffix=".log") as stream:
        path = stream.name
        writer = Process(target=write_log, args=(path,))  # whose memory would count as that of every command
        writer.start()
        writer.join()
        size = os.path.getsize(path)
        commands = contenders()
        ran: dict[str, list[Ran]] = {name: [] for name in commands}
        for _ in range(RUNS):
            for name, command in commands.items():
                ran[name].append(run([*command, path]))
    exact = keys(ran["sort, uniq, sort"][0].output)
    ours = min(each.seconds for each in ran["streams top, gated"])
    rows = []
    for name, all_runs in ran.items():
        best = min(all_runs, key=lambda each: each.seconds)
        figures = (
            f"{best.seconds:.2f}", f"{best.seconds / ours:.1f}",
            f"{LINES / best.seconds / 1e6:.1f}", f"{best.memory / 2**20:,.0f}",
        )  # fmt: skip
        rows.append([name, *figures, f"{len(keys(best.output) & exact)} of {K}"])
    tools = f"{first_line('sort', '--version')}; {first_line('awk', '-W', 'version')}"
    return Sheet(
        title=f"The {K} heaviest of {LINES:,} lines, {size / 1e6:,.0f} MB",
        columns=["command", "processor s", "of ours", "M lines/s", "resident MiB", "right"],
        rows=rows,
        below=f"Zipf of {ALPHA} over {PATHS:,} paths. The best of {RUNS} runs that take turns; all processes of a "
        f"command together, its start included. {tools}; both with LC_ALL=C. DuckDB with one thread.",
    )


def main() -> None:
    """Measure, print, and keep."""
    take((logs,), options(__doc__ or "").parse_args().output)


if __name__ == "__main__":
    main()
