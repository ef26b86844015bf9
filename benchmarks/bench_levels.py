"""Optimal levels: every solver against brute force, then time against the fastest sort and against all rivals.

Not for you where equally spaced levels are as good (flat data): faiss's scalar quantiser needs no solving. Nor for
bell-shaped vectors at 4 bits that are only ever read as a whole: there a random rotation has the smaller error.

Run: python benchmarks/bench_levels.py [--cases 10000] [-o FILE]; some ten minutes.
"""

from functools import partial

import native_tests
import numpy as np
import rivals
from report import options, take
from rivals import OURS, RIVALS
from yardstick import DATA, memory, yardstick

from beforehand.quantization import levels
from beforehand.reporting import Sheet, seconds

FAMILIES = {
    **DATA,
    "LogNormal(0,3)": lambda random, size: np.exp(3 * random.standard_normal(size)),
    "Student t3": lambda random, size: random.standard_t(3, size),
    "Cauchy": lambda random, size: random.standard_cauchy(size),
    "integers": lambda random, size: np.round(20 * random.standard_normal(size)),
}
ROWS, COLUMNS = 10_000, 1024


def brute_force(cases: int) -> None:
    """Run the native test of the solvers, built for speed, on so many random inputs."""
    native_tests.run("solvers", cases)
    print(f"{cases:,} inputs of 17 families, unbiased and k-means: no solver above the optimum by more than 1e-9")


def families() -> Sheet:
    """The time of exact levels at 2^20 values for each family and number of levels."""
    size = 2**20
    sort, rows = yardstick(size), []
    for name, draw in FAMILIES.items():
        x = draw(np.random.default_rng(0), size).astype(np.float32)
        cells = [name]
        for s, objective in [(4, "unbiased"), (16, "unbiased"), (64, "unbiased"), (256, "unbiased"),
                             (1024, "unbiased"), (16, "mse"), (256, "mse")]:  # fmt: skip
            took = seconds(lambda x=x, s=s, to=objective: levels(x, s, method="exact", objective=to), 2)
            cells.append(f"{took * 1e3:.0f} ({took / sort:.1f})")
        rows.append(cells)
    return Sheet(
        title="Exact levels of 2^20 unsorted float32: ms (times the sort)",
        columns=["data", "s = 4", "16", "64", "256", "1024", "k-means 16", "k-means 256"],
        rows=rows,
        below=f"The sort is the faster of two np.sort, {sort * 1e3:.2f} ms. Memory above the input, LogNormal(0,1), in "
        f"bytes a value: at most {memory(size, 16, 'exact') / size:.1f} (s = 16), "
        f"{memory(size, 64, 'exact') / size:.1f} (64).",
    )


def by_levels() -> Sheet:
    """The exact solvers at 2^20 values for each number of levels, and at 2^24 for 16."""
    names = [name for name, rival in RIVALS.items() if rival.solves in ("unbiased", "k-means") and name != "jenkspy"]
    cases = [(2**20, 4), (2**20, 16), (2**20, 64), (2**20, 256), (2**24, 16)]
    rows = [[name, *map(rivals.milliseconds, rivals.in_turn(name, cases))] for name in names]
    sorts = {size: f"{yardstick(size) * 1e3:.3g}" for size in (2**20, 2**24)}
    rows.append(["np.sort, the faster of two", *(sorts[size] for size, _ in cases)])
    return Sheet(
        title="LogNormal(0,1), exact, by the number of levels: ms",
        columns=["", "2^20, s = 4", "16", "64", "256", "2^24, s = 16"],
        rows=rows,
    )


def by_row() -> Sheet:
    """One table for each row of a matrix; the rival goes row by row, over a tenth of the rows."""
    x = np.exp(np.random.default_rng(0).standard_normal((ROWS, COLUMNS))).astype(np.float32)
    exact = seconds(lambda: levels(x, 16, method="exact", axis=0), 2)
    means = seconds(lambda: levels(x, 16, method="exact", objective="mse", axis=0), 2)
    rows = [[f"{OURS} exact", f"{exact:.2f}", ""], [f"{OURS} k-means", f"{means:.2f}", "1"]]
    if absent := rivals.missing(RIVALS["ckwrap"]):
        rows.append(["ckwrap", absent, ""])
    else:
        few = x[: ROWS // 10]
        jobs = [rivals.ckwrap(row, 16) for row in few]
        took = 10 * seconds(lambda: [job() for job in jobs], 1)
        rows.append(["ckwrap, row by row: a tenth of the rows, times ten", f"{took:.2f}", f"{took / means:.3g}"])
    return Sheet(title=f"{ROWS:,} rows of {COLUMNS:,} float32, s = 16", columns=["", "s", "times ours"], rows=rows)


def main() -> None:
    """Measure, print, and keep."""
    parser = options(__doc__ or "")
    parser.add_argument("--cases", type=int, default=10_000, help="of the brute force; 0 leaves it out")
    chosen = parser.parse_args()
    if chosen.cases:
        brute_force(chosen.cases)
    solved = ("unbiased", "k-means", "near k-means")
    take((
        partial(rivals.defaults, *solved), *(partial(rivals.beside, solves) for solves in solved),
        by_levels, families, by_row,
    ), chosen.output)  # fmt: skip


if __name__ == "__main__":
    main()
