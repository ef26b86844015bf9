"""How often did a key come in the last 2^18 arrivals: speed and errors by memory, beside the published algorithm.

WCSS as published has as many counters as blocks and one estimate; that is the same code with `counters=blocks` and
`estimator="paper"`, planned for the same memory. No package for Python counts in windows.

Not for you where the window fits into memory: a deque and a dictionary have no error.

Run: python benchmarks/bench_streams_window.py [-o FILE]
"""

import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from report import options, take

from beforehand.reporting import Sheet
from beforehand.streams import SlidingWindow
from beforehand.studies.learned_window.runs import EVERY, counts_in_window
from beforehand.workloads.streams import code_tokens, zipf

WINDOW, KIB, REPEATS = 2**18, (16, 64, 256), 5
PAIR = 30  # bytes of a counter and a block, as SlidingWindow plans
Keys = NDArray[Any]


def streams() -> dict[str, Keys]:
    """Five windows of each."""
    tokens = np.unique(code_tokens()["key"][: 5 * WINDOW], return_inverse=True)[1]
    return {"Zipf 1.0": zipf(5 * WINDOW, 10**6, 1.0, seed=0)["key"], "tokens": tokens.astype(np.uint64)}


def seconds(make: Callable[[], SlidingWindow], keys: Keys) -> float:
    """The least time of this thread's processor for all keys, in batches of a million."""
    times = []
    for _ in range(REPEATS):
        window = make()
        begun = time.thread_time()
        for start in range(0, len(keys), 10**6):
            window.update(keys[start : start + 10**6])
        times.append(time.thread_time() - begun)
    return min(times)


def errors(window: SlidingWindow, keys: Keys, true: Any, *estimators: Any) -> list[float]:
    """On-arrival RMSE of each estimator, from the third window on, every eighth arrival."""
    found = []
    for stop in range(EVERY, len(keys) + 1, EVERY):
        window.update(keys[stop - EVERY : stop])
        if stop > 2 * WINDOW:
            found.append([window.estimate(keys[stop - 1], estimator=each) - true[stop - 1] for each in estimators])
    return np.sqrt(np.square(found).mean(axis=0)).tolist()


def published(kib: int) -> SlidingWindow:
    """As many counters as blocks."""
    pairs = 1024 * kib // PAIR
    return SlidingWindow(WINDOW, blocks=pairs, counters=pairs)


def accuracy(named: dict[str, Keys]) -> Sheet:
    """Errors of the estimates, in equal bytes."""
    rows = []
    for stream, keys in named.items():
        true = counts_in_window(keys, WINDOW)
        for kib in KIB:
            paper, equal = errors(published(kib), keys, true, "paper", "balanced")
            ours, upper = errors(SlidingWindow(WINDOW, memory=f"{kib}KiB"), keys, true, "balanced", "upper")
            door = SlidingWindow(WINDOW, memory=f"{kib}KiB", filter="doorkeeper")
            (doorkeeper,) = errors(door, keys, true, "upper")
            figures = [f"{x:,.0f}" if x >= 1000 else f"{x:.3g}" for x in (paper, equal, ours, upper, doorkeeper)]
            rows.append([stream, str(kib), *figures, f"{ours / paper:.3f}", f"{ours / equal:.2f}"])
    return Sheet(
        title="On-arrival RMSE in a window of 262,144",
        columns=[
            *("stream", "KiB", "WCSS, `paper`", "WCSS, `balanced`", "ours, `balanced`", "ours, `upper`"),
            *("doorkeeper, `upper`", "ours / WCSS", "ours / WCSS, `balanced`"),
        ],
        rows=rows,
        below="Ours has two fifths of its memory for counters, WCSS two thirds.",
    )


def speed(named: dict[str, Keys]) -> Sheet:
    """Items per second, and what is taken of the memory."""
    rows = []
    for stream, keys in named.items():
        exact = seconds_of_deque(keys)
        for kib in KIB:
            made = {
                "all": partial(SlidingWindow, WINDOW, memory=f"{kib}KiB"),
                "doorkeeper": partial(SlidingWindow, WINDOW, memory=f"{kib}KiB", filter="doorkeeper"),
                "1/4": partial(SlidingWindow, WINDOW, memory=f"{kib}KiB", sample=0.25),
            }
            taken = {name: seconds(make, keys) for name, make in made.items()}
            taken_by = []
            for window in (made["all"](), published(kib)):
                window.update(keys)
                taken_by.append(f"{window.nbytes / (1024 * kib):.2f}")
            rows.append(
                [
                    stream,
                    str(kib),
                    *(f"{len(keys) / each / 1e6:.1f}" for each in (*taken.values(), exact)),
                    f"{taken['all'] / taken['1/4']:.2f}",
                    *taken_by,
                ]
            )
    return Sheet(
        title="Million items a second in a window of 262,144",
        columns=[
            *("stream", "KiB", "ours", "doorkeeper", "sample 1/4", "deque and dict", "1/4 / ours"),
            *("memory taken", "by WCSS"),
        ],
        rows=rows,
        below="Keys are uint64 in batches of a million; one thread. Memory taken is a share of the planned. The deque "
        "holds 262,144 Python integers.",
    )


def seconds_of_deque(keys: Keys) -> float:
    """An exact window in plain Python."""
    last: deque[int] = deque()
    counts: dict[int, int] = {}
    begun = time.thread_time()
    for key in keys.tolist():
        last.append(key)
        counts[key] = counts.get(key, 0) + 1
        if len(last) > WINDOW:
            gone = last.popleft()
            if counts[gone] == 1:
                del counts[gone]
            else:
                counts[gone] -= 1
    return time.thread_time() - begun


def main() -> None:
    """Measure, print, and keep."""
    chosen = options(__doc__ or "").parse_args()
    named = streams()
    take([partial(accuracy, named), partial(speed, named)], chosen.output)


if __name__ == "__main__":
    main()
