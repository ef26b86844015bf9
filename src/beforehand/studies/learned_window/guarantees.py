"""What is guaranteed of windows: two arrivals lost at most, the paper's error, intervals of sampled counts."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from beforehand.reporting import Sheet
from beforehand.streams import LearnedSlidingWindow, SlidingWindow
from beforehand.studies.claims import Found
from beforehand.studies.learned_window.predictors import Contrary, NextGaps, RandomGaps
from beforehand.studies.learned_window.runs import EVERY, Keys, arrive, counts_in_window
from beforehand.workloads.streams import zipf

UNIVERSE: Final = 200
PREDICTORS: Final[Mapping[str, Callable[[Keys, int], Any]]] = {
    "exact": lambda keys, window: NextGaps(keys),
    "random": lambda keys, window: RandomGaps(2 * window),
    "contrary": lambda keys, window: Contrary(keys),
}
SAMPLES: Final = (1.0, 0.25, 1 / 16, 1 / 64)
CONFIDENCE: Final = 0.99


@final
@dataclass(frozen=True)
class Sampled:
    """One sample: how fast, how far off on arrival, and how often the interval held."""

    sample: float
    items_per_second: float
    rmse: float
    held: float


def at_most_two(checks: int) -> Found:
    """Undercounts of a learned window: by the paper's estimate, and of the certified bound."""
    random, done, exceptions, most = np.random.default_rng(0), 0, 0, 0
    while done < checks:
        window = int(random.integers(1, 500))
        blocks = int(random.integers(1, min(window, 60) + 1))
        keys = (UNIVERSE * random.random(8 * (window // 2 + 20)) ** 3).astype(np.uint64)
        for make in PREDICTORS.values():
            seen = LearnedSlidingWindow(
                make(keys, window), window, blocks=blocks, counters=blocks, filter_share=0.3, seed=done
            )
            for stop in range(EVERY, len(keys) + 1, EVERY):
                arrive(seen, keys, stop)
                true = np.bincount(keys[max(0, stop - window) : stop].astype(np.int64), minlength=UNIVERSE)
                asked = np.unique(random.integers(0, UNIVERSE, 8))
                lower, upper = seen.bounds(asked.astype(np.uint64))
                exceptions += int(((true[asked] < lower) | (true[asked] > upper)).sum())
                paper = seen.estimate(asked.astype(np.uint64), estimator="paper")
                most = max(most, int(np.max(true[asked] - paper)))
                done += len(asked)
    return Found(
        scale=f"{done:,} random checks, W up to 500, as many counters as blocks; exact, random and contrary next gaps",
        figure=f"{exceptions} bounds violated; the estimate of WCSS at most {max(0, most)} too low",
        holds=exceptions == 0 and most <= 2,
    )


def error_of_wcss(window: int) -> Found:
    """The paper's estimate with k = 4 / eps counters and blocks."""
    eps = 1 / 64
    seen = SlidingWindow(window, blocks=4 * 64, counters=4 * 64)
    keys = zipf(4 * window, 100_000, 1.0, seed=1)["key"]
    true, off = counts_in_window(keys, window), []
    for stop in range(EVERY, len(keys) + 1, EVERY):
        arrive(seen, keys, stop)
        off.append(seen.estimate(keys[stop - 1], estimator="paper") - true[stop - 1])
    return Found(
        scale=f"Zipf 1.0, W 2^{window.bit_length() - 1}, eps 1/64, every {EVERY}th of 4 W arrivals",
        figure=f"from {min(off):.0f} to {max(off):.0f} too high, where eps W is {eps * window:.0f}",
        holds=min(off) >= 0 and max(off) <= eps * window,
    )


def sampling(window: int) -> list[Sampled]:
    """Every sample on Zipf's stream, with 256 KiB."""
    keys = zipf(8 * window, 1_000_000, 1.0, seed=2)["key"]
    true, found = counts_in_window(keys, window), []
    for sample in SAMPLES:
        judged, seconds, squares, held = 0, 1e9, 0.0, 0
        for _ in range(3):
            fast = SlidingWindow(window, memory="256KiB", sample=sample)
            begun = time.thread_time()
            fast.update(keys)
            seconds = min(seconds, time.thread_time() - begun)
        seen = SlidingWindow(window, memory="256KiB", sample=sample, confidence=CONFIDENCE)
        for stop in range(EVERY, len(keys) + 1, EVERY):
            arrive(seen, keys, stop)
            if stop <= 2 * window:
                continue
            lower, upper = seen.bounds(keys[stop - 1])
            judged += 1
            held += lower <= true[stop - 1] <= upper
            squares += (seen.estimate(keys[stop - 1]) - float(true[stop - 1])) ** 2
        found.append(Sampled(sample, len(keys) / seconds, (squares / judged) ** 0.5, held / judged))
    return found


def sampling_is_faster(found: list[Sampled], window: int) -> Found:
    """How much, and whether the intervals hold."""
    speed = {each.sample: each.items_per_second / found[0].items_per_second for each in found}
    listed = ", ".join(f"{speed[sample]:.1f} at q = 1/{1 / sample:.0f}" for sample in SAMPLES[1:])
    held = min(each.held for each in found)
    return Found(
        scale=f"Zipf 1.0, W 2^{window.bit_length() - 1}, 256 KiB",
        figure=f"items per second against q = 1: {listed}; intervals of confidence {CONFIDENCE} held in "
        f"{100 * held:.2f} % of the arrivals or more; the error of `balanced` grows from {found[0].rmse:.3g} to "
        f"{found[-1].rmse:.3g}",
        holds=held >= CONFIDENCE and speed[SAMPLES[-1]] >= 3,
        direction=speed[SAMPLES[-1]] > 1,
    )


def sheet(found: list[Sampled]) -> Sheet:
    """Speed and error of each sample."""
    return Sheet(
        title="Counting a sample",
        columns=["q", "million items a second", "on-arrival RMSE, `balanced`", "intervals held, %"],
        rows=[
            [
                f"1/{1 / each.sample:.0f}",
                f"{each.items_per_second / 1e6:.0f}",
                f"{each.rmse:.3g}",
                f"{100 * each.held:.2f}",
            ]
            for each in found
        ],
        below="Sampling buys speed dearly. At q = 1 the bounds are certain.",
    )
