"""Exact means from a log of 10^6 pairs: the sweep against NumPy's prefix sums and one np.argsort.

Not for you where a sample of the log is as good: the error of a sample is that of the log itself, of its last few jobs.

Run: python benchmarks/bench_log_formula.py [-o FILE]
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from report import options, take

from beforehand.reporting import Sheet, seconds
from beforehand.scheduling import (
    FCFS,
    LAS,
    PSPJF,
    SPJF,
    SPRPT,
    TRAIL,
    DelayPredict,
    Expectation,
    Log,
    LogFormula,
    OneBit,
    SkipPredict,
)  # fmt: skip

Floats = NDArray[np.float64]
PAIRS, ROWS, LOAD = 10**6, 10**5, 0.9


def exponential(rows: int) -> Log:
    """Exponential sizes, and two predictions with that size as their mean."""
    random = np.random.default_rng(0)
    size, expensive, cheap = random.standard_exponential((3, rows))
    return Log(size, expensive=size * expensive, cheap=size * cheap)


def with_numpy(size: Floats, key: Floats, rate: float) -> tuple[Floats, float, float]:
    """SPRPT's times, memory and interruptions by sorts, searches and prefix sums: differences that cancel."""

    def up_to(values: Floats) -> Floats:
        return np.concatenate([[0.0], np.cumsum(values)]) / len(size)

    order = np.argsort(key)
    x, y = size[order], key[order]
    start = np.maximum(y - x, 0.0)
    first, after = np.searchsorted(y, y), np.searchsorted(y, y, side="right")
    begun = np.sort(y - x)
    started = np.searchsorted(begun, y, side="right")
    weight = started / len(size) - after / len(size)
    linear = up_to(begun)[started] - up_to(y - x)[after]
    square = up_to(begun**2)[started] - up_to((y - x) ** 2)[after]
    found = up_to(x * x)[after] + y * y * weight - 2 * y * linear + square
    load = rate * up_to(x)
    old, new = 1 - load[after], 1 - load[first]
    levels = np.concatenate([[0.0], y])
    step = np.diff(levels)
    climbed = np.concatenate([[0.0], np.cumsum(step / new)])
    moments = np.concatenate([[0.0], np.cumsum((levels[1:] ** 2 - levels[:-1] ** 2) / 2 / new)])
    lighter = np.concatenate([[0.0], np.cumsum(step * first / len(size))])
    at = np.searchsorted(y, start, side="right")
    slowdown = 1 / (1 - load[at])
    part = start - levels[at]
    way = climbed[1:][first] - climbed[at] - part * slowdown
    below = np.maximum(x - y, 0.0)
    times = np.empty(len(size))
    times[order] = rate * found / (2 * old * new) + way + below
    area = moments[1:][first] - moments[at] - (start**2 - levels[at] ** 2) / 2 * slowdown
    top = x - below
    memory = np.mean(y * way - area + (x * x - top * top) / 2)
    interruptions = np.mean(lighter[1:][first] - lighter[at] - part * at / len(size))
    return times, rate * float(memory), rate * float(interruptions)


def a_million_pairs() -> Sheet:
    """One row for each way to the same numbers."""
    log = exponential(PAIRS)
    assert log.expensive is not None
    size, key, rate = log.size, log.expensive, LOAD / log.mean
    sorting = seconds(lambda: np.argsort(key))
    ready = LogFormula(log)
    exact = ready.expect(SPRPT(), rate, per_job=True)
    times, memory, interruptions = with_numpy(size, key, rate)
    assert exact.per_job is not None
    np.testing.assert_allclose(times, exact.per_job, rtol=1e-6)
    np.testing.assert_allclose([memory, interruptions], [exact.memory, exact.interruptions], rtol=1e-6)
    ways: list[tuple[str, Callable[[], object]]] = [
        ("times of all rows, memory, interruptions", lambda: LogFormula(log).expect(SPRPT(), rate, per_job=True)),
        ("the same with NumPy's prefix sums", lambda: with_numpy(size, key, rate)),
        ("means only", lambda: LogFormula(log).expect(SPRPT(), rate)),
        ("times of all rows, already sorted", lambda: ready.expect(SPRPT(), rate, per_job=True)),
        ("means only, already sorted", lambda: ready.expect(SPRPT(), rate)),
    ]
    rows = []
    for name, way in ways:
        took = seconds(way)
        rows.append([name, f"{took * 1e3:.0f}", f"{took / sorting:.2f}"])
    off = float(np.max(np.abs(times / exact.per_job - 1)))
    return Sheet(
        title="SPRPT on 10^6 pairs of size and prediction, load 0.9",
        columns=["", "ms", "of np.argsort"],
        rows=rows,
        below=f"CPU time; one np.argsort takes {sorting * 1e3:.0f} ms. Prefix sums differ by {off:.0e} at most.",
    )


def a_plan() -> Sheet:
    """What an advisor asks for: every family at 25 thresholds, and a bootstrap of two policies."""
    log = exponential(ROWS)
    assert log.cheap is not None
    cuts, rate = np.quantile(log.cheap, np.linspace(0, 1, 25)).tolist(), LOAD / log.mean
    fixed = [FCFS(), LAS(quantum=0)]
    for by in ("cheap", "expensive"):
        fixed += [SPJF(by=by), PSPJF(by=by), SPRPT(by=by), *(TRAIL(share, by=by) for share in (0, 0.2, 0.5, 0.8, 1))]
    for cut in cuts:
        fixed += [OneBit(cut), OneBit(cut, preemptive=False), SkipPredict(cut, preemptive=False)]
        for order in ("remaining", "size"):
            fixed += [SkipPredict(cut, long_order=order), DelayPredict(cut, long_order=order)]
    draws = np.random.default_rng(1).poisson(1.0, (200, ROWS)).astype(np.float64)
    ready = LogFormula(log)

    def families() -> list[Expectation]:
        formula = LogFormula(log)
        return [formula.expect(policy, rate) for policy in fixed]

    def bootstrap() -> list[Expectation]:
        drawn = (ready.reweighted(weight) for weight in draws)
        return [again.expect(policy, rate * 0.95) for again in drawn for policy in (SPRPT(), LAS(quantum=0))]

    rows = [
        [f"every family, 25 thresholds: {len(fixed)} policies", f"{seconds(families, 2):.2f}"],
        ["200 reweightings, two policies", f"{seconds(bootstrap, 1):.2f}"],
    ]
    return Sheet(title="What a plan asks of a log of 10^5 rows", columns=["", "seconds"], rows=rows, below="CPU time.")


def main() -> None:
    """Measure, print, and keep."""
    chosen = options(__doc__ or "").parse_args()
    take((a_million_pairs, a_plan), chosen.output)


if __name__ == "__main__":
    main()
