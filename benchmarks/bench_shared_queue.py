"""SharedQueue beside Ray's own queue: jobs a second through an actor, put by this process and got by one or two others.

Needs Ray. Both take turns in one run. Three minutes.

Not for you where one process serves all jobs: PredictionQueue takes microseconds, a call of an actor a millisecond.
"""

import statistics
import time
from collections.abc import Callable
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

from report import options, take

from beforehand.integrations.ray import SharedQueue
from beforehand.reporting import Sheet
from beforehand.scheduling import SPJF, PredictionQueue

JOBS, REPEATS = 1500, 5


def queues(ray: Any) -> dict[str, Callable[[], Any]]:
    """Ours and theirs, empty."""
    return {
        f"ray {version('ray')} Queue": ray.util.queue.Queue,
        "SharedQueue, SPJF": lambda: SharedQueue(lambda: PredictionQueue(SPJF(), expensive=len)),
    }


def drain(queue: Any, count: int) -> None:
    """What another process does."""
    for _ in range(count):
        queue.get()


def alone(ray: Any, queue: Any) -> tuple[float, float]:
    """Seconds in which this process puts all jobs, then gets them."""
    began = time.perf_counter()
    for number in range(JOBS):
        queue.put(f"job {number}")
    between = time.perf_counter()
    drain(queue, JOBS)
    return between - began, time.perf_counter() - between


def together(ray: Any, queue: Any, consumers: int) -> float:
    """Seconds in which other processes get what this one puts meanwhile."""
    draining = [ray.remote(num_cpus=0)(drain).remote(queue, JOBS // consumers) for _ in range(consumers)]
    time.sleep(1.0)  # they wait
    began = time.perf_counter()
    for number in range(JOBS // consumers * consumers):
        queue.put(f"job {number}")
    ray.get(draining)
    return time.perf_counter() - began


def table(ray: Any) -> Sheet:
    """A row for each queue."""
    found: dict[str, list[list[float]]] = {name: [] for name in queues(ray)}
    for _ in range(REPEATS):
        for name, make in queues(ray).items():
            queue = make()
            queue.put("the first call waits for the actor")
            queue.get()
            found[name].append([*alone(ray, queue), *(together(ray, queue, consumers) for consumers in (1, 2))])
            queue.shutdown(force=True)
    rows = []
    for name, runs in found.items():
        rates = [[JOBS / seconds for seconds in column] for column in zip(*runs, strict=True)]
        rows.append(
            [name, *(f"{statistics.median(each):,.0f} ({min(each):,.0f} to {max(each):,.0f})" for each in rates)]
        )
    return Sheet(
        title="Jobs a second: median, least and most",
        columns=["", "put", "get", "put here, got by 1 process", "by 2"],
        rows=rows,
        below=f"{JOBS} jobs, {REPEATS} runs in turns.",
    )


def main() -> None:
    """Measure, where there is Ray."""
    asked = options(__doc__ or "").parse_args()
    if not find_spec("ray"):
        print("ray is not installed; make bench-ray runs this where it is")
        return
    import ray
    import ray.util.queue

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    take([lambda: table(ray)], asked.output)


if __name__ == "__main__":
    main()
