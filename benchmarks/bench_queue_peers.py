"""A job in and out of a queue in which others wait: ours beside what SimPy and LiteLLM order jobs with.

Not for you if the others' work is what you need: SimPy simulates, LiteLLM routes to providers. What is timed here is
only the part that all share. `bench_prediction_queue.py` has asyncio's queues.

Run: python benchmarks/bench_queue_peers.py [-o FILE]; a minute.
Rivals: pip install simpy litellm (which brings sixty packages).
"""

import asyncio
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version

from report import options, take

from beforehand.reporting import Sheet, seconds
from beforehand.scheduling import SPJF, PredictionQueue

DEPTHS = (10, 100, 1_000, 10_000)
STEPS = 100


def ours(depth: int) -> Callable[[], None]:
    """Put a short job and get it, past longer ones."""
    queue = PredictionQueue[int](SPJF(), expensive=float, max_wait=3600.0)
    for _ in range(depth):
        queue.put_nowait(1, 1.0)

    def work() -> None:
        for _ in range(STEPS):
            queue.put_nowait(0, 0.0)
            queue.get_nowait()

    return work


def simpy(depth: int) -> Callable[[], None]:
    """The same in a PriorityStore, an event for each."""
    import simpy

    env = simpy.Environment()
    store = simpy.PriorityStore(env)
    for number in range(depth):
        store.put(simpy.PriorityItem((1, number), None))
    env.run()

    def work() -> None:
        for _ in range(STEPS):
            store.put(simpy.PriorityItem((0, 0), None))
            store.get()
            env.run()

    return work


def litellm(depth: int) -> Callable[[], None]:
    """The same in its scheduler: a request is added, and finds at its first poll that it is its turn."""
    from litellm.scheduler import FlowItem, Scheduler

    scheduler = Scheduler()
    first = FlowItem(priority=0, request_id="first", model_name="model")

    async def pass_all() -> None:
        for _ in range(STEPS):
            await scheduler.add_request(first)
            assert await scheduler.poll(first, health_deployments=[])

    waiting = [(1, f"{number:08}") for number in range(depth)]  # to add them one by one takes minutes
    asyncio.run(scheduler.save_queue(queue=waiting, model_name="model"))
    return lambda: asyncio.run(pass_all())


def measured() -> Sheet:
    """A row for each queue."""
    rows = []
    for package, make in (("beforehand", ours), ("simpy", simpy), ("litellm", litellm)):
        try:
            name = f"{package} {version(package)}"
        except PackageNotFoundError:
            rows.append([f"{package} is missing: pip install {package}", *[""] * len(DEPTHS)])
            continue
        times = [1e6 * seconds(make(depth), repeats=2) / STEPS for depth in DEPTHS]
        rows.append([name, *(f"{time:,.0f}" if time >= 100 else f"{time:.3g}" for time in times)])
    return Sheet(
        title="Microseconds for a job in and out, by how many wait",
        columns=["", *(f"{depth:,}" for depth in DEPTHS)],
        rows=rows,
        below=f"{STEPS} jobs a run, best of two. Ours asks its predictor and keeps the bound on waiting.",
    )


def main() -> None:
    """Measure, print, and keep."""
    take((measured,), options(__doc__ or "").parse_args().output)


if __name__ == "__main__":
    main()
