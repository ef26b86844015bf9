"""Draw what two summaries of equal memory say of every key: Space Saving, and the same behind a gate."""

import argparse

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from beforehand.streams import SpaceSaving
from beforehand.workloads.streams import zipf

MEMORY = "16KiB"
KEYS = 120  # drawn, evenly on the scale of ranks
TITLES = {"exact": "Space Saving", "gated": "behind a gate"}


def panel(axes: Axes, policy: str, stream: np.ndarray) -> None:
    """Bounds and estimates over the true counts."""
    summary = SpaceSaving(memory=MEMORY, policy=policy)
    summary.update(stream)
    keys, truth = np.unique(stream, return_counts=True)
    rank = np.unique(np.geomspace(1, len(keys), KEYS).astype(int))
    shown = np.argsort(-truth, kind="stable")[rank - 1]
    lower, upper = summary.bounds(keys[shown])
    estimate = summary.estimate(keys[shown], estimator="mid")
    error = np.sqrt(np.mean((summary.estimate(keys, estimator="mid") - truth) ** 2))
    axes.vlines(rank, np.maximum(lower, 0.5), np.maximum(upper, 0.5), color="0.75", label="certain bounds")
    axes.plot(rank, np.maximum(estimate, 0.5), ".", color="tab:blue", label="estimate")
    axes.plot(rank, truth[shown], color="tab:orange", label="truth")
    axes.set_title(f"{TITLES[policy]}: {summary.capacity:,} counters, RMSE {error:.1f}")
    axes.set_xlabel("rank of the key")
    axes.set_xscale("log")
    axes.set_yscale("log")


def main(size: int, output: str) -> None:
    """Draw the picture of `size` arrivals into the file `output`."""
    stream = zipf(size, max(100, size // 5), 1.0, seed=0)["key"]
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    panel(left, "exact", stream)
    panel(right, "gated", stream)
    left.set_ylabel(f"times among {size:,} arrivals")
    right.legend()
    figure.savefig(output)
    print(f"drew {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="how many arrivals")
    parser.add_argument("-o", "--output", default="bounds_of_every_key.svg", help="a .svg or .png file")
    arguments = parser.parse_args()
    main(arguments.size, arguments.output)
