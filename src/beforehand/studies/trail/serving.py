"""TRAIL's own setting: short prompts, answers of Alpaca's lengths or with a heavy tail, below and above the knee."""

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.reporting import Sheet
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.serving import SPJF, SPRPT, TRAIL, Boosted, ShortestWork
from beforehand.studies.claims import Found
from beforehand.studies.trail.setting import ASSUMED, KEYS, Setting, interval, ratios
from beforehand.workloads.requests import alpaca_like, heavy_tailed

SLOTS: Final = 48
FRACTIONS: Final = (0.0, 0.2, 0.5, 0.8, 1.0)
HEAVY_MEAN: Final = 183.0  # of the sample for which the rates below were chosen
# Targets for the guard, all automatic: workload, rate, policy, then mean, first token and p99 at most.
TARGETS: Final = (
    ("alpaca", 13.0, "SPJF", 0.81, 0.59, 1.21),
    ("alpaca", 13.0, "ShortestWork", 0.81, 0.59, 1.25),
    ("alpaca", 14.0, "SPJF", 0.73, 0.60, 1.15),
    ("alpaca", 14.0, "ShortestWork", 0.73, 0.60, 1.17),
    ("heavy", 17.8, "SPJF", 0.75, 0.42, 1.08),
    ("heavy", 17.8, "ShortestWork", 0.75, 0.42, 1.10),
    ("heavy", 18.7, "SPJF", 0.69, 0.40, 1.10),
    ("heavy", 18.7, "ShortestWork", 0.69, 0.40, 1.13),
)
POLICIES: Final[dict[str, tuple[Policy, Any]]] = {
    "SPJF": (SPJF(), None),
    "TRAIL(0.8)": (TRAIL(0.8), None),
    "SRPT, exact lengths": (SPRPT(), "exact"),
    "Boosted(SPJF)": (Boosted(SPJF()), None),
    "Boosted(ShortestWork)": (Boosted(ShortestWork()), None),
}


@final
@dataclass(frozen=True)
class Point:
    """One workload at one rate: by policy a row for each seed, a column for each of `KEYS`."""

    workload: str
    rate: float
    found: dict[str, NDArray[np.float64]]

    def mean(self, policy: str, key: str) -> float:
        """The mean ratio to first come, first served."""
        return float(self.found[policy][:, KEYS.index(key)].mean())


def requests(workload: str, rate: float, rows: int, seed: int) -> Trace:
    """The workload at a rate; that of heavy tails is scaled to the mean length of this sample."""
    if workload == "alpaca":
        return alpaca_like(rows, rate=rate, seed=seed)
    trace = heavy_tailed(rows, rate=1.0, seed=seed)
    scaled = rate * HEAVY_MEAN / trace["output_tokens"].mean()
    return Trace("requests", dict(trace.columns) | {"arrival": trace["arrival"] / scaled})


def settings(workload: str, rate: float, rows: int, seeds: int) -> list[Setting]:
    """One for each seed."""
    return [
        Setting(name=f"{workload} {rate:g}/s", requests=requests(workload, rate, rows, seed), slots=SLOTS, seed=seed)
        for seed in range(seeds)
    ]


def curve(quick: bool) -> list[Point]:
    """All policies over the load."""
    rates = {"alpaca": (14.0,), "heavy": (18.7,)} if quick else {"alpaca": (10, 12, 13, 14), "heavy": (14, 17.8, 18.7)}
    rows, seeds = (600, 3) if quick else (2000, 10)
    return [
        Point(name, rate, ratios(settings(name, rate, rows, seeds), POLICIES))
        for name, each in rates.items()
        for rate in each
    ]


def latency_falls(points: list[Point]) -> Found:
    """How much faster than first come, first served TRAIL is, where it is most."""
    best = min(points, key=lambda point: point.mean("TRAIL(0.8)", "mean_latency"))
    factor, first = (1 / best.mean("TRAIL(0.8)", key) for key in ("mean_latency", "ttft"))
    late = best.mean("TRAIL(0.8)", "p99_latency")
    return Found(
        scale=_scale(points),
        figure=f"at most {factor:.2f} times ({best.workload}, {best.rate:g}/s), the first token {first:.2f} times, "
        f"at a p99 {late:.2f} times as high",
        holds=factor >= 1.66,
        direction=factor > 1 and first > 1,
    )


def meets_targets(points: list[Point]) -> list[list[str]]:
    """Beside each target what came out."""
    rows = []
    for workload, rate, name, mean, first, late in TARGETS:
        for point in points:
            if (point.workload, point.rate) == (workload, rate):
                found = point.found[f"Boosted({name})"]
                cells = [interval(found[:, KEYS.index(key)]) for key in ("mean_latency", "ttft", "p99_latency")]
                wanted = [f"{each:.2f}" for each in (mean, first, late)]
                met = [
                    point.mean(f"Boosted({name})", key) <= most
                    for key, most in (("mean_latency", mean), ("ttft", first), ("p99_latency", late))
                ]
                pairs = [f"{cell} (at most {most})" for cell, most in zip(cells, wanted, strict=True)]
                rows.append([f"{workload} {rate:g}/s", f"Boosted({name})", *pairs, "yes" if all(met) else "no"])
    return rows


def fractions(quick: bool) -> list[Point]:
    """Every C, with errors and exact, with the margin and without."""
    rows, seeds = (600, 3) if quick else (2000, 10)
    policies: dict[str, tuple[Policy, Any]] = {
        f"{name} C = {fraction:g}": (TRAIL(fraction), lengths)
        for fraction in FRACTIONS
        for name, lengths in (("errors", None), ("exact", "exact"))
    }
    points = []
    for margin in (0.7,) if quick else (0.0, 0.7):
        found = ratios(settings("alpaca", 13.0, rows, seeds), policies, margin=margin)
        points.append(Point(f"margin {margin:g}", 13.0, found))
    return points


def best_fraction(points: list[Point]) -> Found:
    """C = .8 beside C = 0 and C = 1, with errors and the margin."""
    point = points[-1]
    mean = {fraction: point.mean(f"errors C = {fraction:g}", "mean_latency") for fraction in FRACTIONS}
    first = {fraction: point.mean(f"errors C = {fraction:g}", "ttft") for fraction in FRACTIONS}
    return Found(
        scale=f"alpaca-like, 13/s, {len(next(iter(point.found.values())))} seeds",
        figure=f"mean over FCFS for C = 0, .8, 1: {mean[0.0]:.3f}, {mean[0.8]:.3f}, {mean[1.0]:.3f}; first token "
        f"{first[0.0]:.3f}, {first[0.8]:.3f}, {first[1.0]:.3f}",
        holds=mean[0.8] < 0.99 * min(mean[0.0], mean[1.0]),
        direction=first[0.8] < first[0.0] and mean[0.8] <= 1.01 * mean[0.0],
    )


def burst(quick: bool) -> Found:
    """All requests there at once: C = .8 beside C = 1."""
    rows = 600 if quick else 2000
    worst = 0.0
    for seed in range(3 if quick else 10):
        trace = requests("alpaca", 14.0, rows, seed)
        at_once = Trace("requests", dict(trace.columns) | {"arrival": np.zeros(rows)})
        setting = Setting(name="burst", requests=at_once, slots=SLOTS, seed=seed)
        some, all_of_it = (setting.run(TRAIL(fraction))["mean_latency"] for fraction in (0.8, 1.0))
        worst = max(worst, abs(some / all_of_it - 1))
    return Found(
        scale=f"{rows} requests at one instant",
        figure=f"means differ by at most {worst:.2%}",
        holds=worst <= 0.01,
        direction=worst <= 0.03,
    )


def sheet(points: list[Point], title: str) -> Sheet:
    """Ratios to first come, first served, with intervals over seeds."""
    rows = [
        [f"{point.workload} {point.rate:g}/s", name, *(interval(values[:, place]) for place in range(len(KEYS)))]
        for point in points
        for name, values in point.found.items()
    ]
    columns = ["requests", "order", "mean", "p99", "first token", "its p99"]
    below = f"Ratios to first come, first served, mean over seeds. {ASSUMED}"
    return Sheet(title=title, columns=columns, rows=rows, below=below)


def target_sheet(points: list[Point]) -> Sheet:
    """What the guard had to reach."""
    columns = ["requests", "order", "mean", "first token", "p99", "met"]
    return Sheet(
        title="Targets of the guard, nothing tuned", columns=columns, rows=meets_targets(points), below=ASSUMED
    )


def _scale(points: list[Point]) -> str:
    seeds = len(next(iter(points[0].found.values())))
    return f"{len(points)} settings, {seeds} seeds, {SLOTS} slots, errors as the paper's probe has"
