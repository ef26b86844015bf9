"""Requests of the public Azure traces, whole hours cut into slices, at loads around what the engine can serve."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core import Trace
from beforehand.core.errors import InvalidInput
from beforehand.reporting import Sheet
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.serving import SPJF, SPRPT, Boosted, ShortestWork
from beforehand.studies.claims import Found
from beforehand.studies.trail.credited import Credited
from beforehand.studies.trail.setting import ASSUMED, KEYS, PROFILE, Setting, capacity, interval, ratios
from beforehand.studies.uniboost import UniBoost, UniBoostPaper
from beforehand.workloads.draws import uniforms
from beforehand.workloads.requests import azure_code_like, azure_conv_like, read_request_log

LOADS: Final = (0.95, 1.05)
SLICES: Final = 4
SLOTS: Final = {"code": (256,), "conv": (48, 256)}
ARRIVALS: Final = 7  # purpose of random numbers


def hours(data: str | PathLike[str] | None, *, rows: int | None = None) -> dict[str, Trace]:
    """The requests of code completion and of conversation: those of the traces at `data`, or generated alike.

    Raises:
        InvalidInput: `data` is neither a folder with both csv files nor one of them.
    """
    if data is None:
        return {
            "code": azure_code_like(rows or 8819, rate=2.6, seed=0),
            "conv": azure_conv_like(rows or 19366, rate=5.5, seed=0),
        }
    path = Path(data)
    files = sorted(path.glob("*.csv")) if path.is_dir() else [path]
    found = {name: read_request_log(file) for file in files for name in SLOTS if name in file.name.lower()}
    if not found:
        raise InvalidInput(
            f"data is {str(data)!r}, but names no csv of the Azure LLM trace with code or conv in its name"
        )
    return found


def settings(traces: dict[str, Trace], *, slices: int = SLICES, rows: int | None = None) -> Iterator[Setting]:
    """Every slice of every trace, with its own arrivals and with Poisson's, at both loads."""
    for name, trace in traces.items():
        size = len(trace) // slices
        for slots in SLOTS[name]:
            for part in range(slices):
                chosen = slice(part * size, part * size + min(size, rows or size))
                columns = {key: trace[key][chosen] for key in ("arrival", "prompt_tokens", "output_tokens")}
                requests = Trace("requests", columns | {"arrival": columns["arrival"] - columns["arrival"][0]})
                most = capacity(requests, slots)
                for kind in ("real", "Poisson"):
                    for load in LOADS:
                        times = _arrivals(requests, load * most, kind, seed=part)
                        yield Setting(
                            name=f"{name}, {slots} slots, slice {part + 1}, {kind}, {load:g}",
                            requests=Trace("requests", dict(requests.columns) | {"arrival": times}),
                            slots=slots,
                            seed=part,
                        )


def _arrivals(requests: Trace, rate: float, kind: str, *, seed: int) -> NDArray[np.float64]:
    """The trace's own arrivals, stretched to the rate, or Poisson's."""
    rows = len(requests)
    if kind == "real":
        arrival = requests["arrival"]
        return np.asarray(arrival * ((rows - 1) / rate / (arrival[-1] - arrival[0])))
    gaps = -np.log1p(-uniforms(np.arange(rows), seed, ARRIVALS)) / rate
    return np.cumsum(gaps)


GAMMAS: Final = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
RELEASED: Final = 10.0


def policies(quick: bool) -> dict[str, tuple[Policy, Any]]:
    """By name an order, and the lengths that it is told; None for those with errors."""
    orders: dict[str, tuple[Policy, Any]] = {
        "SRPT, exact lengths": (SPRPT(), "exact"),
        "Boosted(ShortestWork)": (Boosted(ShortestWork()), None),
        "Boosted(ShortestWork), exact": (Boosted(ShortestWork()), "exact"),
        "Boosted(ShortestWork(decode=0))": (Boosted(ShortestWork(decode=0)), None),
    }
    guard = Boosted(ShortestWork(decode=0))
    orders["the same, answers credited"] = Credited(guard, float(PROFILE.step_seconds(1))), None
    gammas = (0.1, RELEASED) if quick else GAMMAS
    orders |= {f"UniBoost({gamma:g})": (UniBoost(gamma), None) for gamma in gammas}
    if not quick:
        orders |= {
            "Boosted(SPJF)": (Boosted(SPJF()), None),
            "UniBoostPaper(0.1)": (UniBoostPaper(0.1), None),
            "UniBoost, gamma-Ada": (UniBoost(RELEASED, ada=True), None),
        }
    return orders


@final
@dataclass(frozen=True)
class Runs:
    """All settings, and by order a row for each of them with a column for each of `KEYS`."""

    names: list[str]
    found: dict[str, NDArray[np.float64]]
    generated: bool

    def mean(self, policy: str, key: str) -> float:
        """The mean ratio to first come, first served, over all settings."""
        return float(self.found[policy][:, KEYS.index(key)].mean())

    @property
    def best_gamma(self) -> str:
        """The UniBoost with the lowest p99."""
        names = [name for name in self.found if name.startswith("UniBoost(")]
        return min(names, key=lambda name: self.mean(name, "p99_latency"))


def measure(quick: bool, data: str | PathLike[str] | None, begin: Callable[[str], None]) -> Runs:
    """Every order in every setting; at the scale of a test one short slice of each trace."""
    traces = hours(data, rows=1200 if quick else None)
    names: list[str] = []
    parts: list[dict[str, NDArray[np.float64]]] = []
    for name in SLOTS:
        begin(f"requests of {name}")
        if name in traces:
            chosen = list(settings({name: traces[name]}, slices=2 if quick else SLICES, rows=400 if quick else None))
            chosen = chosen[:2] if quick else chosen
            names += [each.name for each in chosen]
            parts.append(ratios(chosen, policies(quick)))
    return Runs(names, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}, data is None)


def beats_exact_srpt(runs: Runs) -> Found:
    """UniBoost at its best gamma beside shortest remaining first with exact lengths."""
    best = runs.best_gamma
    late, exact = runs.mean(best, "p99_latency"), runs.mean("SRPT, exact lengths", "p99_latency")
    mean = runs.mean(best, "mean_latency")
    ours, ours_late = (runs.mean("Boosted(ShortestWork)", key) for key in ("mean_latency", "p99_latency"))
    released = runs.mean(f"UniBoost({RELEASED:g})", "mean_latency")
    return Found(
        scale=_scale(runs),
        figure=f"{best}: p99 {late / exact:.2f} of SRPT's, {late:.3f} of FCFS's, mean {mean:.3f}; the released gamma "
        f"({RELEASED:g}): mean {released:.3f}; ours, nothing tuned: mean {ours:.3f}, p99 {ours_late:.3f}",
        holds=late <= 0.65 * exact and late <= 1.0,
        direction=late < exact,
    )


def needs_no_prediction(runs: Runs, falls: dict[str, float]) -> Found:
    """Work of the prompt alone beside work of prompt and answer; `falls` has the ratios of their means elsewhere."""
    with_it = runs.mean("Boosted(ShortestWork)", "mean_latency")
    without = runs.mean("Boosted(ShortestWork(decode=0))", "mean_latency")
    elsewhere = ", ".join(f"{name}: {ratio:.2f}" for name, ratio in falls.items())
    return Found(
        scale=_scale(runs),
        figure=f"mean {without:.3f} of FCFS's without a prediction, {with_it:.3f} with one; elsewhere the mean with a "
        f"prediction over that without: {elsewhere}",
        holds=abs(with_it / without - 1) <= 0.01 and max(falls.values()) <= 0.8,
        direction=abs(with_it / without - 1) <= 0.05 and max(falls.values()) < 0.95,
    )


def sheet(runs: Runs) -> Sheet:
    """All orders, over all settings."""
    rows = [[name, *(interval(values[:, place]) for place in range(len(KEYS)))] for name, values in runs.found.items()]
    origin = "generated alike, not the traces" if runs.generated else "the traces themselves"
    return Sheet(
        title="Requests of the Azure traces",
        columns=["order", "mean", "p99", "first token", "its p99"],
        rows=rows,
        below=f"Ratios to first come, first served, mean over {len(runs.names)} settings ({origin}). {ASSUMED}",
    )


def _scale(runs: Runs) -> str:
    return f"{len(runs.names)} settings, {'generated alike' if runs.generated else 'the Azure traces'}"
