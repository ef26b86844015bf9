"""One put and one get of `PredictionQueue` beside those of `asyncio.PriorityQueue`, which neither predicts nor guards.

Not for you where the priority is known when a job comes and waiting needs no bound: `asyncio.PriorityQueue` does that
in less time.

Run: python benchmarks/bench_prediction_queue.py [-o FILE]; half a minute.
"""

import asyncio
from collections.abc import Callable
from operator import itemgetter

import numpy as np
from report import keep, options, show

from beforehand.reporting import Sheet, seconds
from beforehand.scheduling import SPJF, PredictionQueue, SkipPredict

DEPTHS = (1_000, 100_000)
STEPS = 20_000
ROUNDS = 5  # turns about, so that a busy moment meets all
random = np.random.default_rng(0)
JOBS = [(float(cheap), float(expensive)) for cheap, expensive in random.exponential(size=(STEPS, 2))]
QUEUES: dict[str, Callable[[], PredictionQueue[int]]] = {
    "SkipPredict, two predictors, guard": lambda: PredictionQueue(
        SkipPredict(1.0), cheap=itemgetter(0), expensive=itemgetter(1), max_wait=3600.0
    ),
    "SPJF, one predictor, guard": lambda: PredictionQueue(SPJF(), expensive=itemgetter(1), max_wait=3600.0),
}


def ours(make: Callable[[], PredictionQueue[int]], depth: int) -> Callable[[], None]:
    """Puts and gets at this depth."""
    queue = make()
    for number in range(depth):
        queue.put_nowait(number, JOBS[number % STEPS])

    def work() -> None:
        for number, features in enumerate(JOBS):
            queue.put_nowait(number, features)
            queue.get_nowait()

    return work


def theirs(depth: int) -> Callable[[], None]:
    """The same with tuples of priority, number and job."""
    queue: asyncio.PriorityQueue[tuple[float, int, int]] = asyncio.PriorityQueue()
    for number in range(depth):
        queue.put_nowait((JOBS[number % STEPS][1], number, number))

    def work() -> None:
        for number, features in enumerate(JOBS, depth):
            queue.put_nowait((features[1], number, number))
            queue.get_nowait()

    return work


def measured(depth: int) -> list[list[str]]:
    """A row for each queue at one depth."""
    rival = theirs(depth)
    contenders = {name: ours(make, depth) for name, make in QUEUES.items()}
    times = {name: [] for name in ("asyncio.PriorityQueue", *QUEUES)}
    for _ in range(ROUNDS):
        for name, spent in times.items():
            spent.append(1e6 * seconds(contenders.get(name, rival), repeats=2) / STEPS)
    best = min(times["asyncio.PriorityQueue"])
    return [
        [f"{depth:,}", name, f"{min(spent):.2f}", f"{max(spent):.2f}", f"{min(spent) / best:.2f}"]
        for name, spent in times.items()
    ]


def main() -> None:
    """Print the table, and keep it if asked."""
    arguments = options(__doc__ or "").parse_args()
    sheet = Sheet(
        title="Microseconds for put_nowait and get_nowait",
        columns=["jobs waiting", "queue", "best", "worst round", "times asyncio's"],
        rows=[row for depth in DEPTHS for row in measured(depth)],
        below=f"{STEPS:,} jobs a run, predictions Exp(1). The predictors look a number up: what a real one takes comes "
        "on top.",
    )
    show(sheet)
    if arguments.output:
        keep([sheet], arguments.output)


if __name__ == "__main__":
    main()
