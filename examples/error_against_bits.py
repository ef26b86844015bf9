"""Draw the error against the bits that a number takes, for the best levels and for equally spaced ones."""

import argparse

import numpy as np
from matplotlib.figure import Figure

from beforehand.quantization import levels

BITS = np.arange(1, 9)
LINES = {
    "equally spaced, unbiased": {"method": "uniform"},
    "best, unbiased": {},
    "best, nearest (biased)": {"objective": "mse"},
}


def main(size: int, output: str) -> None:
    """Draw the picture for `size` numbers of each kind into the file `output`."""
    rng = np.random.default_rng(0)
    samples = {
        "normal": rng.standard_normal(size),
        "log-normal": rng.lognormal(size=size),
        "flat": rng.uniform(-1, 1, size),
    }
    figure = Figure(figsize=(11, 4), layout="constrained")
    columns = figure.subplots(1, len(samples), sharey=True)
    for column, (name, x) in zip(columns, samples.items(), strict=True):
        for label, options in LINES.items():
            errors = [levels(x, 2**bits, **options).vnmse for bits in BITS.tolist()]
            column.semilogy(BITS, errors, marker="o", markersize=3, label=label)
        column.axhline(1, color="0.8", linewidth=1, zorder=0)  # as bad as storing zeros
        column.set_title(name)
        column.set_xlabel("bits a number")
    columns[0].set_ylabel("squared error / squared norm")
    columns[0].legend()
    figure.savefig(output)
    print(f"drew {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=50_000, help="how many numbers of each kind")
    parser.add_argument("-o", "--output", default="error_against_bits.svg", help="a .svg or .png file")
    arguments = parser.parse_args()
    main(arguments.size, arguments.output)
