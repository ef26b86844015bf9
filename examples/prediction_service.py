"""Plan a service of two workers on a log, run it first come, first served and as planned, and compare with the plan.

A request's work is awaited sleep. A cheap guess of its length comes at once, a better one from a side-car that takes
its time and that nobody waits for. `simulate` predicts beforehand, for the long run. `replay` does so afterwards, from
the arrivals and service times that this run had: these are a little longer than asked for, as timers are late.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure

from beforehand.scheduling import (
    FCFS,
    Log,
    Policy,
    PredictionQueue,
    QueuePlan,
    QueueShutDown,
    Ticket,
    plan_queue,
    replay,
    simulate,
)

WORKERS = 2
LOAD = 0.85
UNIT = 0.02  # seconds for a request of size 1, the mean
LATENCY = 0.01  # seconds that the side-car takes
CHEAP, EXPENSIVE = 0.05, 0.3  # prices of the guesses, in mean requests


class Request(NamedTuple):
    """What is known of a request, in units of size, and what only serving it will tell."""

    size: float
    cheap: float
    expensive: float


def requests(count: int, seed: int) -> list[Request]:
    """Skewed sizes of mean 1, a guess within a factor of three or so, and one within a third."""
    rng = np.random.default_rng(seed)
    size = rng.weibull(0.6, count) + 0.05
    size /= size.mean()
    cheap, expensive = (size * rng.lognormal(sigma=sigma, size=count) for sigma in (1.0, 0.3))
    return [Request(*row) for row in np.column_stack([size, cheap, expensive]).tolist()]


def log_of(sample: list[Request]) -> Log:
    """The requests as a log of finished jobs."""
    size, cheap, expensive = np.array(sample).T
    return Log(size, cheap=cheap, expensive=expensive)


def plan(sample: list[Request]) -> QueuePlan:
    """What order such requests should be served in; a request that a worker has begun cannot be set aside."""
    return plan_queue(
        log_of(sample), load=LOAD, servers=WORKERS, cheap_cost=CHEAP, expensive_cost=EXPENSIVE, bootstrap=0
    )


async def side_car(request: Request) -> float:
    """The better guess, from elsewhere."""
    await asyncio.sleep(LATENCY)
    return request.expensive


async def serve(policy: Policy, coming: list[Request], arrivals: list[float]) -> np.ndarray:
    """Rows of arrival, start and end under one policy, in units of size."""
    loop = asyncio.get_running_loop()
    begin = loop.time()

    def clock() -> float:
        return (loop.time() - begin) / UNIT

    queue = PredictionQueue[int](policy, cheap=lambda request: request.cheap, expensive=side_car, clock=clock)
    rows = np.empty((len(coming), 3))

    async def work() -> None:
        async for ticket in tickets(queue):
            start = clock()
            await asyncio.sleep(coming[ticket.job].size * UNIT)
            rows[ticket.job] = ticket.view.arrival, start, clock()
            queue.done(ticket)

    workers = [asyncio.create_task(work()) for _ in range(WORKERS)]
    for number, arrival in enumerate(arrivals):
        await asyncio.sleep((arrival - clock()) * UNIT)
        await queue.put(number, coming[number])
    queue.shutdown()
    await asyncio.gather(*workers)
    return rows


async def tickets(queue: PredictionQueue[int]) -> AsyncIterator[Ticket[int]]:
    """What the queue hands out until it is closed and empty."""
    with suppress(QueueShutDown):
        while True:
            yield await queue.get()


async def serve_all(policies: list[Policy], coming: list[Request], arrivals: list[float]) -> list[np.ndarray]:
    """The rows under each policy; all run at once, each with its own workers."""
    return await asyncio.gather(*(serve(policy, coming, arrivals) for policy in policies))


def main(size: int, output: str) -> None:
    """Serve `size` requests in both orders, and draw the picture into the file `output`."""
    planned = plan(requests(5000, seed=0))
    policies = {"first come,\nfirst served": FCFS(), f"planned:\n{planned.design}": planned.policy}
    coming = requests(size, seed=1)
    arrivals = np.cumsum(np.random.default_rng(2).exponential(1 / (LOAD * WORKERS), size))
    measured = asyncio.run(serve_all(list(policies.values()), coming, arrivals.tolist()))
    log = log_of(coming)
    figure = Figure(figsize=(11, 4), layout="constrained")
    mean, tail = figure.subplots(1, 2)
    for place, (policy, rows) in enumerate(zip(policies.values(), measured, strict=True)):
        arrival, start, end = rows.T
        before = simulate(policy, log, load=LOAD, servers=WORKERS, jobs=200_000, quantiles=(0.99,))
        after = replay(
            policy,
            Log(end - start, cheap=log.cheap, expensive=log.expensive, arrival=arrival),
            servers=WORKERS,
        )
        taken, again = end - arrival, after.completion - arrival
        bars = {
            mean: (before.response_time, taken.mean(), again.mean()),
            tail: (before.quantiles[0.99], np.quantile(taken, 0.99), np.quantile(again, 0.99)),
        }
        for name, heights in zip(("mean", "p99"), bars.values(), strict=True):
            told = zip(("predicted", "measured", "replayed"), heights, strict=True)
            print(f"{policy}, {name}:", ", ".join(f"{word} {height:.2f}" for word, height in told))
        for axis, heights in bars.items():
            for shift, height in enumerate(heights):
                axis.bar(place + 0.27 * (shift - 1), height, width=0.25, color=f"C{shift}")
    for axis, title in ((mean, "mean"), (tail, "99th percentile")):
        axis.set_title(f"response time, {title}")
        axis.set_ylabel("mean service times")
        axis.set_xticks(range(len(policies)), policies)
    mean.legend(mean.patches[:3], ["predicted beforehand", "measured", "replayed"])
    figure.savefig(output)
    print(f"drew {output}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1000, help="how many requests")
    parser.add_argument("-o", "--output", default="prediction_service.svg", help="a .svg or .png file")
    arguments = parser.parse_args()
    main(arguments.size, arguments.output)
