"""Optimal levels: every solver against brute force, then time against the fastest sort and against exact k-means.

Run: python benchmarks/bench_levels.py [cases of the brute force, 10000 by default]
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from yardstick import DATA, seconds, yardstick

from beforehand.quantization import levels

ROOT = Path(__file__).parents[1]
FAMILIES = {
    **DATA,
    "LogNormal(0,3)": lambda random, size: np.exp(3 * random.standard_normal(size)),
    "Student t3": lambda random, size: random.standard_t(3, size),
    "Cauchy": lambda random, size: random.standard_cauchy(size),
    "integers": lambda random, size: np.round(20 * random.standard_normal(size)),
}


def brute_force(cases: int, console: Console) -> None:
    """Run the native test of the solvers, built for speed, on so many random inputs."""
    build = ROOT / "build" / "bench"
    tool = str(Path(sys.executable).with_name("cmake"))
    configure = [tool, "-S", str(ROOT), "-B", str(build), "-DCMAKE_BUILD_TYPE=Release", "-DBEFOREHAND_TESTS=ON"]
    for command in (configure, [tool, "--build", str(build), "--target", "solvers_test"]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([str(build / "native" / "tests" / "solvers_test"), str(cases)], check=True)
    console.print(
        f"{cases:,} inputs of 12 families, unbiased and k-means: no solver above the optimum by more than 1e-9"
    )


def times(console: Console) -> None:
    """Print the time of exact levels at 2^20 values for each family and number of levels."""
    size = 2**20
    sort = yardstick(size)
    table = Table(
        "data", *(f"s = {s}" for s in (4, 16, 64, 256)), "k-means 16", title="exact levels of 2^20 float32, ms"
    )
    for name, draw in FAMILIES.items():
        x = draw(np.random.default_rng(0), size).astype(np.float32)
        cells = []
        for s, objective in [(4, "unbiased"), (16, "unbiased"), (64, "unbiased"), (256, "unbiased"), (16, "mse")]:
            took = seconds(lambda x=x, s=s, to=objective: levels(x, s, method="exact", objective=to), 1)
            cells.append(f"{took * 1e3:.0f} ({took / sort:.0f} sorts)")
        table.add_row(name, *cells)
    console.print(table, f"np.sort, the faster of two: {sort * 1e3:.2f} ms")


def rivals(console: Console) -> None:
    """Print exact k-means beside the packages that solve it exactly too."""
    x = np.exp(np.random.default_rng(0).standard_normal(2**16))
    ours = levels(x, 16, method="exact", objective="mse")
    table = Table("2^16 float64, k = 16", "ms", "squared error")
    table.add_row(
        "beforehand",
        f"{seconds(lambda: levels(x, 16, method='exact', objective='mse')) * 1e3:.0f}",
        f"{ours.squared_error:.6f}",
    )
    try:
        import kmeans1d

        _, means = kmeans1d.cluster(x, 16)
        error = np.square(x[:, None] - np.array(means)).min(axis=1).sum()
        table.add_row("kmeans1d", f"{seconds(lambda: kmeans1d.cluster(x, 16), 1) * 1e3:.0f}", f"{error:.6f}")
    except ImportError:
        table.add_row("kmeans1d", "not installed: pip install kmeans1d", "")
    try:
        import ckwrap

        found = ckwrap.ckmeans(x, 16)
        error = np.square(x - np.asarray(found.centers)[found.labels]).sum()
        table.add_row("ckwrap", f"{seconds(lambda: ckwrap.ckmeans(x, 16), 1) * 1e3:.0f}", f"{error:.6f}")
    except ImportError:
        table.add_row("ckwrap", "not installed: pip install ckwrap", "")
    console.print(table)


if __name__ == "__main__":
    to = Console()
    brute_force(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000, to)
    times(to)
    rivals(to)
