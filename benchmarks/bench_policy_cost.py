"""What an order costs an LLM engine in every iteration: 10,000 requests wait and 256 run.

A step ranks and queues 4 arrivals, looks for a victim among the 256, takes the first 4 that wait, and sends as many of
those that ran away. Where ranks depend on the engine all 10,000 are ranked anew at most every half second: that is the
second table, with 25 steps between two times, so that only newcomers are read. Beside them stands what MARS as released
does in every step: score all, sort all.

Not for you where few requests wait: then any order costs nothing.

Run: python benchmarks/bench_policy_cost.py [-o FILE]; half a minute.
"""

import itertools
import time
from collections.abc import Callable, Iterator

import numpy as np
from report import options, take

from beforehand.reporting import Sheet
from beforehand.scheduling.policies.policy import Policy, rank_many
from beforehand.scheduling.serving import (
    FCFS,
    LAMPS,
    PROFILES,
    SPJF,
    TRAIL,
    Boosted,
    EngineView,
    RankQueue,
    ShortestWork,
    ToolView,
    View,
    columns_of,
    select_victims,
)
from beforehand.studies.mars_released import MarsReleased

WAITING, RUNNING, CHANGES = 10_000, 256, 4
STEPS, MARS_STEPS = 2000, 60
BETWEEN, RANKINGS = 25, 20  # steps of 20 ms between two rankings of all that wait, and how often that is measured
POLICIES: dict[str, Policy] = {
    "FCFS": FCFS(),
    "Boosted(ShortestWork())": Boosted(ShortestWork(), boost=30.0, knee=0.08),
    "Boosted(SPJF())": Boosted(SPJF(), boost=30.0, knee=265.0),
    "Boosted(TRAIL(0.8))": Boosted(TRAIL(0.8), boost=30.0, knee=265.0),
    "Boosted(LAMPS())": Boosted(LAMPS(), boost=30.0, knee=2500.0),
}
ENGINE = EngineView(profile=PROFILES["llama3-8b-a100-80g"], free_host_tokens=10**6, step_seconds=0.02)
ENGINE.update(now=0.0, decoding=RUNNING, context_tokens=250 * RUNNING)


def requests() -> Iterator[View]:
    """Requests without end, a third of which call a tool."""
    random = np.random.default_rng(0)
    while True:
        prompts, lengths = random.integers(15, 4000, 4096), random.integers(1, 1000, 4096)
        for prompt, length, calls in zip(prompts.tolist(), lengths.tolist(), random.random(4096) < 1 / 3, strict=True):
            tool = ToolView("search", seconds=2.0, return_tokens=60.0, after_tokens=100.0) if calls else None
            known = {"cheap": length, "predicted": length, "remaining": length}
            yield View(0.0, 0, **known, context=prompt, tool=tool, engine=ENGINE)


class Engine:
    """The part of an engine that an order concerns."""

    def __init__(self, policy: Policy) -> None:
        self.policy, self.queue, self.waiting = policy, RankQueue[int](), dict[int, View]()
        self.coming, self.sequence = requests(), itertools.count()
        self.running = [self._started(next(self.coming), age) for age in range(RUNNING)]
        for _ in range(WAITING):
            self.arrive()

    def arrive(self) -> None:
        """A request is ranked and queued."""
        view, number = next(self.coming), next(self.sequence)
        view.arrival, view.sequence, view.enqueued = 0.001 * number, number, 0.001 * number
        self.waiting[number] = view
        self.queue.push(number, self.policy.rank(view), number)

    def step(self) -> None:
        """What an iteration asks of the order."""
        for _ in range(CHANGES):
            self.arrive()
        select_victims(self.policy, self.waiting[self.queue.peek()], self.running, free_slots=0)
        for _ in range(CHANGES):
            self.running.append(self._started(self.waiting.pop(self.queue.pop()), 0))
        del self.running[:CHANGES]
        for view in self.running:
            view.age += 1

    def rank_all(self) -> None:
        """All that wait are ranked anew."""
        self.queue.rank_all(self.policy, ENGINE, self.waiting.__getitem__)

    def mars(self) -> None:
        """What MARS does in a step: score all that wait, one by one, and sort them."""
        scores = {number: self.policy.rank(view) for number, view in self.waiting.items()}
        sorted(scores, key=scores.__getitem__)

    @staticmethod
    def _started(view: View, age: int) -> View:
        view.started, view.state, view.age = True, "running", float(age)
        return view


def times(act: Callable[[], None], steps: int) -> list[float]:
    """Milliseconds of processor time of each step."""
    found = []
    for _ in range(steps):
        began = time.thread_time()
        act()
        found.append(1e3 * (time.thread_time() - began))
    return found


def shown(name: str, found: list[float], first: float) -> list[str]:
    """A row: median, 99th percentile, ratio to the first."""
    middle, high = np.quantile(found, (0.5, 0.99))
    return [name, f"{middle:.3f}", f"{high:.3f}", f"{middle / first:.1f}"]


def every_step() -> Sheet:
    """What each order costs in every iteration."""
    found = {name: times(Engine(policy).step, STEPS) for name, policy in POLICIES.items()}
    ages = times(_ages_only(), STEPS)
    found = {name: [each - float(np.median(ages)) for each in taken] for name, taken in found.items()}
    mars = Engine(MarsReleased())
    found["MARS as released"] = times(mars.mars, MARS_STEPS)
    first = float(np.median(found["FCFS"]))
    return Sheet(
        title=f"Milliseconds of an order in every iteration; {WAITING:,} wait, {RUNNING} run",
        columns=["order", "median", "99th percentile", "times FCFS"],
        rows=[shown(name, taken, first) for name, taken in found.items()],
        below=f"Processor time of one thread, {STEPS:,} iterations. Target: median 0.3, 99th percentile 1.",
    )


def _ages_only() -> Callable[[], None]:
    """What the loop over the ages takes, which is the engine's."""
    running = [next(requests()) for _ in range(RUNNING)]

    def act() -> None:
        for view in running:
            view.age += 1

    return act


def whole_queue() -> Sheet:
    """What it takes to rank the whole queue anew."""
    rows = []
    for name, policy in POLICIES.items():
        engine = Engine(policy)
        views = list(engine.waiting.values())
        read = columns_of(views)
        keep, come = np.arange(WAITING) >= BETWEEN * CHANGES, list(itertools.islice(requests(), BETWEEN * CHANGES))
        acts = [
            lambda views=views, policy=policy: rank_many(policy, columns_of(views), ENGINE),
            lambda policy=policy, read=read: rank_many(policy, read, ENGINE),
            lambda policy=policy, read=read, keep=keep, come=come: rank_many(policy, read.renewed(keep, come), ENGINE),
        ]
        parts = [*(times(act, RANKINGS) for act in acts), [_again(engine) for _ in range(RANKINGS)]]
        rows.append([name, *(f"{np.median(part):.2f}" for part in parts)])
    return Sheet(
        title=f"Milliseconds to rank {WAITING:,} waiting requests anew",
        columns=["order", "read and rank them", "of this, rank", "read newcomers, rank all", "with the queue"],
        rows=rows,
        below=f"The last two: {BETWEEN} iterations later, after {BETWEEN * CHANGES} came and as many went. Only LAMPS "
        "does so, when the engine's state has changed, at most every half second. Target: LAMPS 3.",
    )


def _again(engine: Engine) -> float:
    """Milliseconds to rank all anew, some iterations after the last time."""
    for _ in range(BETWEEN):
        engine.step()
    return times(engine.rank_all, 1)[0]


def main() -> None:
    """Print the tables, and keep them if asked."""
    take((every_step, whole_queue), options(__doc__ or "").parse_args().output)


if __name__ == "__main__":
    main()
