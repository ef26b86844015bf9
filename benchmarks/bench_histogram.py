"""Near-optimal levels from a histogram: time against the fastest sort and rivals, and error against the optimum.

Not for you where equally spaced levels are as good (flat data), or where rounding may be biased and speed is all.

Run: python benchmarks/bench_histogram.py [-o FILE]
"""

import numpy as np
import rivals
from report import options, take
from yardstick import DATA, memory, yardstick

from beforehand.quantization import levels
from beforehand.reporting import Sheet, seconds

SIZE, LEVELS = 2**20, 16


def families() -> Sheet:
    """One row for each of the five distributions of the paper."""
    sort, rows = yardstick(SIZE), []
    for name, draw in DATA.items():
        x = draw(np.random.default_rng(0), SIZE).astype(np.float32)
        took = seconds(lambda x=x: levels(x, LEVELS, method="histogram"), 15)
        near = levels(x, LEVELS, method="histogram").squared_error
        best = levels(x, LEVELS, method="exact").squared_error
        rows.append([name, f"{took * 1e3:.2f}", f"{took / sort:.2f}", f"{near / best:.6f}"])
    return Sheet(
        title=f"Levels from a histogram: 2^20 unsorted float32, s = {LEVELS}",
        columns=["data", "ms", "of the sort", "error / optimum"],
        rows=rows,
        below=f"The sort is the faster of two np.sort, {sort * 1e3:.2f} ms. Memory above the input: at most "
        f"{memory(SIZE, LEVELS, 'histogram') / 2**20:.2f} MiB.",
    )


def main() -> None:
    """Measure, print, and keep."""
    chosen = options(__doc__ or "").parse_args()
    take((
        lambda: rivals.defaults("near unbiased", "round trip"), families,
        lambda: rivals.beside("near unbiased"), lambda: rivals.beside("round trip"),
    ), chosen.output)  # fmt: skip


if __name__ == "__main__":
    main()
