"""One put and one get of `PredictionQueue` beside those of `asyncio.PriorityQueue`, which neither predicts nor guards.

And what it takes if thousands of callers that wait for a job, or for room, give up.

Not for you where the priority is known when a job comes and waiting needs no bound: `asyncio.PriorityQueue` does that
in less time.

Run: python benchmarks/bench_prediction_queue.py [-o FILE]; a minute.
"""

import asyncio
from collections.abc import Callable
from operator import itemgetter
from typing import Any

import numpy as np
from report import keep, options, show

from beforehand.reporting import Sheet, seconds
from beforehand.scheduling import FCFS, SPJF, FairQueue, PredictionQueue, SkipPredict

DEPTHS = (1_000, 100_000)
STEPS = 20_000
CALLERS = 10_000  # that wait and give up
ROUNDS = 5  # turns about, so that a busy moment meets all
random = np.random.default_rng(0)
JOBS = [(float(cheap), float(expensive)) for cheap, expensive in random.exponential(size=(STEPS, 2))]
QUEUES: dict[str, Callable[[], PredictionQueue[int]]] = {
    "SkipPredict, two predictors, guard": lambda: PredictionQueue(
        SkipPredict(1.0), cheap=itemgetter(0), expensive=itemgetter(1), max_wait=3600.0
    ),
    "SPJF, one predictor, guard": lambda: PredictionQueue(SPJF(), expensive=itemgetter(1), max_wait=3600.0),
    "SPJF, one predictor, guard, 10 tenants": lambda: FairQueue(
        SPJF(), tenant=lambda number: number % 10, expensive=itemgetter(1), max_wait=3600.0
    ),
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


def giving_up(make: Callable[[int], Any], blocked: str, shuffled: bool) -> Callable[[], None]:
    """Callers of `get` or `put` that wait in vain and are cancelled, in their order or in any other."""
    places = random.permutation(CALLERS) if shuffled else range(CALLERS)

    async def all_of_them() -> None:
        queue = make(1)
        if blocked == "put":
            queue.put_nowait(0)
        callers = [asyncio.create_task(queue.get() if blocked == "get" else queue.put(1)) for _ in range(CALLERS)]
        await asyncio.sleep(0)
        for place in places:
            callers[place].cancel()
        await asyncio.gather(*callers, return_exceptions=True)

    return lambda: asyncio.run(all_of_them())


def gave_up() -> list[list[str]]:
    """A row for each way to give up."""
    makes: list[Callable[[int], Any]] = [asyncio.Queue, lambda maxsize: PredictionQueue(FCFS(), maxsize=maxsize)]
    rows = []
    for blocked in ("get", "put"):
        for order, shuffled in (("as they came", False), ("at random", True)):
            works = [giving_up(make, blocked, shuffled) for make in makes]
            rounds = [[1e3 * seconds(work, repeats=1) for work in works] for _ in range(ROUNDS)]
            theirs, mine = (min(spent) for spent in zip(*rounds, strict=True))
            rows.append([blocked, order, f"{theirs:.0f}", f"{mine:.0f}", f"{mine / theirs:.2f}"])
    return rows


def main() -> None:
    """Print the tables, and keep them if asked."""
    arguments = options(__doc__ or "").parse_args()
    sheet = Sheet(
        title="Microseconds for put_nowait and get_nowait",
        columns=["jobs waiting", "queue", "best", "worst round", "times asyncio's"],
        rows=[row for depth in DEPTHS for row in measured(depth)],
        below=f"{STEPS:,} jobs a run, predictions Exp(1). The predictors look a number up: what a real one takes comes "
        "on top.",
    )
    lost = Sheet(
        title=f"Milliseconds for {CALLERS:,} callers that wait and give up",
        columns=["they wait in", "and give up", "asyncio.Queue", "PredictionQueue", "times asyncio's"],
        rows=gave_up(),
        below=f"Best of {ROUNDS} rounds; starting and ending the tasks is part of it.",
    )
    for each in (sheet, lost):
        show(each)
    if arguments.output:
        keep([sheet, lost], arguments.output)


if __name__ == "__main__":
    main()
