"""LowRank beside torch's PowerSGD hook: seconds of an exchange of gradients, and the loss after equal steps.

Two processes on this machine take turns with both. Two minutes. Needs torch.
"""

import itertools
import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import torch_hooks
from bare_job import Bare
from report import options, take

from beforehand.gradients import LowRank
from beforehand.integrations.torch.orders import Method, Order
from beforehand.integrations.torch.workers import Loopback, Workers
from beforehand.reporting import Sheet
from beforehand.workloads.training_jobs import CharLM

RANKS, WARM = (1, 4, 8), 5
METHODS = [
    method
    for rank in RANKS
    for method in (
        Method(f"LowRank {rank}", LowRank(rank=rank, start_step=torch_hooks.START), warmup_steps=2),
        Method(f"torch {rank}", None, attach=partial(torch_hooks.power_sgd, rank=rank)),
    )
]


def trained(job: Any, *, steps: int, repeats: int) -> dict[str, list[Any]]:
    """Trainings of each method, in turns."""
    runs: dict[str, list[Any]] = {method.label: [] for method in METHODS}
    with Workers(job, METHODS, workers=2, links=Loopback()) as team:
        for repeat, (number, method) in itertools.product(range(repeats), enumerate(METHODS)):
            order = Order(method=number, seed=repeat, target=None, steps=steps, seconds=600, warm=WARM)
            runs[method.label].append(team.run(order).trained)
            print(f"{job.name}, {method.label}: {sum(runs[method.label][-1].step_seconds):.1f} s", flush=True)
    return runs


def beside(runs: dict[str, list[Any]], value: Callable[[Any], float]) -> list[tuple[list[float], list[float]]]:
    """Ours and torch's values for each rank."""
    return [([value(each) for each in runs[f"LowRank {rank}"]], [value(each) for each in runs[f"torch {rank}"]])
            for rank in RANKS]  # fmt: skip


def exchanges() -> Sheet:
    """Without anything to compute."""
    found = beside(trained(Bare(), steps=80, repeats=5), lambda run: 1e3 * statistics.median(run.step_seconds[WARM:]))
    rows = []
    for rank, (ours, theirs) in zip(RANKS, found, strict=True):
        cells = [f"{statistics.median(each):.1f} ({min(each):.1f} to {max(each):.1f})" for each in (ours, theirs)]
        rows.append([str(rank), *cells, f"{statistics.median(theirs) / statistics.median(ours):.2f}"])
    return Sheet(
        title="2 workers, no slow link, 1,396,544 parameters: milliseconds of a step that computes next to nothing",
        columns=["rank", "LowRank", "torch", "torch's over ours"],
        rows=rows,
        below="Median of each of 5 repeats: their median (least to most).",
    )


def losses() -> Sheet:
    """Of the model of characters."""
    found = beside(trained(CharLM(), steps=40, repeats=1), lambda run: run.curve[-1].metrics["loss"])
    rows = [[str(rank), *(f"{statistics.mean(each):.4f}" for each in pair)]
            for rank, pair in zip(RANKS, found, strict=True)]  # fmt: skip
    return Sheet(title="Loss after 40 steps", columns=["rank", "LowRank", "torch"], rows=rows)


def main() -> None:
    """Measure."""
    asked = options(__doc__).parse_args()
    if lacks := torch_hooks.missing():
        print(lacks)
    else:
        take([exchanges, losses], asked.output)


if __name__ == "__main__":
    main()
