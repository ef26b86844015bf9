"""Draw how a burst of one key shows: in a window of the last arrivals, and in a summary of all of them."""

import argparse

import numpy as np
from matplotlib.figure import Figure

from beforehand.streams import SlidingWindow, SpaceSaving
from beforehand.workloads.streams import zipf

MEMORY = "32KiB"
LOOKS = 100
KEY = 0  # the heaviest key of all would hide the burst, so this one is none of the stream's
SHARE = 0.2  # of the arrivals in the burst


def arrivals(size: int) -> np.ndarray:
    """Zipf's keys, and in the fourth tenth a burst of one more."""
    keys = zipf(size, max(100, size // 5), 1.0, seed=0)["key"] + np.uint64(1)
    burst = slice(3 * size // 10, 4 * size // 10)
    struck = np.random.default_rng(0).random(size)[burst] < SHARE
    keys[burst][struck] = KEY
    return keys


def main(size: int, output: str) -> None:
    """Draw the picture of `size` arrivals into the file `output`."""
    keys = arrivals(size)
    length = max(1, size // 10)
    window = SlidingWindow(length, memory=MEMORY)
    whole = SpaceSaving(memory=MEMORY, policy="gated")
    came = np.concatenate(([0], np.cumsum(keys == KEY)))
    ends = np.linspace(0, size, min(LOOKS, size) + 1).astype(int)[1:]
    rows = []
    for first, last in zip([0, *ends[:-1]], ends, strict=True):
        window.update(keys[first:last])
        whole.update(keys[first:last])
        recent = min(length, last) / last
        truth = came[last] - came[max(0, last - length)]
        rows.append((truth, *window.bounds(KEY), window.estimate(KEY), whole.estimate(KEY) * recent))
    truth, lower, upper, estimate, share = np.array(rows, float).T
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    axes = figure.subplots()
    axes.fill_between(ends, lower, upper, color="0.85", label="certain bounds of the window")
    axes.plot(ends, truth, color="tab:orange", label="truth")
    axes.plot(ends, estimate, ".", color="tab:blue", label="the window's estimate")
    axes.plot(ends, share, "--", color="tab:green", label="a summary of all arrivals, scaled to the window")
    axes.set_xlabel("arrivals so far")
    axes.set_ylabel(f"times among the last {length:,} arrivals")
    axes.legend()
    figure.savefig(output)
    print(f"drew {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="how many arrivals")
    parser.add_argument("-o", "--output", default="window_over_a_burst.svg", help="a .svg or .png file")
    arguments = parser.parse_args()
    main(arguments.size, arguments.output)
