"""Near-optimal levels from a histogram: their time against the fastest sort, and their error against the optimum.

Run: python benchmarks/bench_histogram.py
"""

import subprocess
import sys

import numpy as np
from rich.console import Console
from rich.table import Table
from yardstick import DATA, seconds, yardstick

from beforehand.quantization import levels

SIZE, LEVELS = 2**20, 16
MEMORY = """
import numpy as np
from beforehand.quantization import levels

def status(field):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(field))

x = np.exp(np.random.default_rng(0).standard_normal({size})).astype(np.float32)
levels(x[:8], {levels}, method="histogram")  # all code is loaded
open("/proc/self/clear_refs", "w").write("5")  # forget the peak so far
before = status("VmRSS")
levels(x, {levels}, method="histogram")
print(status("VmHWM") - before)
"""


def main() -> None:
    """Print one row for each of the five distributions of the paper."""
    sort = yardstick(SIZE)
    table = Table(
        "data", "ms", "of the sort", "error / optimum", title=f"2^20 float32, unsorted, {LEVELS} levels, one thread"
    )
    for name, draw in DATA.items():
        x = draw(np.random.default_rng(0), SIZE).astype(np.float32)
        took = seconds(lambda x=x: levels(x, LEVELS, method="histogram"), 15)
        near = levels(x, LEVELS, method="histogram").squared_error
        best = levels(x, LEVELS, method="exact").squared_error
        table.add_row(name, f"{took * 1e3:.2f}", f"{took / sort:.2f}", f"{near / best:.6f}")
    console = Console()
    console.print(table)
    console.print(f"np.sort, the faster of two: {sort * 1e3:.2f} ms")
    grown = subprocess.run(
        [sys.executable, "-c", MEMORY.format(size=SIZE, levels=LEVELS)], capture_output=True, text=True, check=True
    )
    console.print(f"memory above the input: {int(grown.stdout) / 1024:.2f} MiB at most")


if __name__ == "__main__":
    main()
