"""Draw 16 levels of skewed numbers: the best ones follow the histogram, equally spaced ones follow its range."""

import argparse

import numpy as np
from matplotlib.figure import Figure

from beforehand.quantization import levels


def main(size: int, output: str) -> None:
    """Draw the picture of `size` numbers into the file `output`."""
    x = np.random.default_rng(0).lognormal(size=size).astype(np.float32)
    figure = Figure(figsize=(8, 5), layout="constrained")
    rows = figure.subplots(2, 1, sharex=True)
    for row, method in zip(rows, ["exact", "uniform"], strict=True):
        found = levels(x, 16, method=method)
        row.hist(x, bins=np.geomspace(x.min(), x.max(), 80), color="0.8")
        for level in found.values:
            row.axvline(level, color="tab:blue" if method == "exact" else "tab:orange", linewidth=1)
        name = "best" if method == "exact" else "equally spaced"
        row.set_title(f"{name}: squared error {found.vnmse:.3f} of the squared norm")
        row.set_yticks([])
    rows[-1].set_xscale("log")
    rows[-1].set_xlabel(f"{size:,} log-normal numbers and the 16 levels that they are rounded to")
    figure.savefig(output)
    print(f"drew {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=100_000, help="how many numbers")
    parser.add_argument("-o", "--output", default="levels_over_histogram.svg", help="a .svg or .png file")
    arguments = parser.parse_args()
    main(arguments.size, arguments.output)
