"""The simulator: jobs in a second beside others, what known means are worth, and whether intervals hold.

Not for you if you need networks of queues, blocking or customers that give up: SimPy and Ciw have them, ours does not.

Run: python benchmarks/bench_simulator.py [-o FILE]; four minutes.
Rivals: pip install simpy ciw numba.
"""

import time
from collections.abc import Callable, Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from report import options, take

from beforehand.reporting import Sheet, seconds
from beforehand.scheduling import (
    FCFS,
    PSPJF,
    SPJF,
    SPRPT,
    TRAIL,
    DelayPredict,
    ExactError,
    Exponential,
    ExponentialError,
    Hyperexponential,
    JobDistribution,
    Log,
    LogNormal,
    OneBit,
    SkipPredict,
    Weibull,
    expect,
    replay,
    simulate,
)
from beforehand.scheduling.simulation.draws import draw, together

LAW = JobDistribution(Exponential(), expensive=ExponentialError(), cheap=ExponentialError())
VARIED: dict[str, JobDistribution | Log] = {
    "exponential": JobDistribution(Exponential(), ExactError()),
    "hyperexponential, SCV 10": JobDistribution(Hyperexponential((0.525, 10.5), (0.952, 0.048)), ExactError()),
    "Weibull(1/2)": JobDistribution(Weibull(0.5), ExactError()),
    "lognormal, SCV 4.6": JobDistribution(LogNormal(scv=4.6), ExactError()),
    "999 of 1, one of 3,000": Log([1.0] * 999 + [3000.0], expensive=[1.0] * 999 + [3000.0]),
}
LOAD = 0.9
JOBS = 2_000_000
RIVAL_JOBS = 100_000
POLICIES = {
    "FCFS": FCFS(),
    "PSPJF": PSPJF(),
    "SPRPT": SPRPT(),
    "TRAIL(0.5)": TRAIL(0.5),
    "1-bit(1)": OneBit(1.0),
    "SkipPredict(1)": SkipPredict(1.0),
    "DelayPredict(1)": DelayPredict(1.0),
}
ON_SERVER = {
    "SPRPT, works .05": SPRPT(work=0.05),
    "SkipPredict(1), works .01, .05": SkipPredict(1.0, cheap_work=0.01, expensive_work=0.05),
    "DelayPredict(1), work .05": DelayPredict(1.0, expensive_work=0.05),
}

Rival = Callable[[np.ndarray, np.ndarray], float]  # gaps and sizes to the mean response time


def run_simpy(env: Any, customer: Callable[[float], Iterator[Any]], gaps: np.ndarray, sizes: np.ndarray) -> None:
    """Let the customers come, until the last has left."""

    def source() -> Iterator[Any]:
        for gap, size in zip(gaps.tolist(), sizes.tolist(), strict=True):
            yield env.timeout(gap)
            env.process(customer(size))

    env.process(source())
    env.run()


def simpy_first_come(gaps: np.ndarray, sizes: np.ndarray) -> float:
    """FCFS as SimPy's documentation has it: one process for each customer."""
    import simpy

    env, times = simpy.Environment(), []
    server = simpy.Resource(env, capacity=1)

    def customer(size: float) -> Iterator[Any]:
        arrival = env.now
        with server.request() as turn:
            yield turn
            yield env.timeout(size)
        times.append(env.now - arrival)

    run_simpy(env, customer, gaps, sizes)
    return float(np.mean(times))


def simpy_shortest_first(gaps: np.ndarray, sizes: np.ndarray) -> float:
    """PSJF: whoever is interrupted asks again for what is left, with the priority it had."""
    import simpy

    env, times = simpy.Environment(), []
    server = simpy.PreemptiveResource(env, capacity=1)

    def customer(size: float) -> Iterator[Any]:
        arrival, left = env.now, size
        while left:
            with server.request(priority=size) as turn:
                yield turn
                since = env.now
                try:
                    yield env.timeout(left)
                    left = 0.0
                except simpy.Interrupt:
                    left -= env.now - since
        times.append(env.now - arrival)

    run_simpy(env, customer, gaps, sizes)
    return float(np.mean(times))


def ciw_first_come(gaps: np.ndarray, sizes: np.ndarray) -> float:
    """FCFS: a network of one node."""
    import ciw

    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Sequential([*gaps.tolist(), float("inf")])],
        service_distributions=[ciw.dists.Sequential(sizes.tolist())],
        number_of_servers=[1],
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_customers(len(sizes), method="Finish")
    return float(np.mean([record.waiting_time + record.service_time for record in simulation.get_all_records()]))


@cache
def compiled_heap() -> Callable[[np.ndarray, np.ndarray], float]:
    """SRPT as one loop over arrivals and a binary heap, compiled by numba; it knows mean response times only."""
    import numba

    @numba.njit
    def serve(gaps, sizes):  # type: ignore[no-untyped-def]
        keys, came = np.empty(len(sizes)), np.empty(len(sizes))
        waiting, busy, left, arrival = 0, False, 0.0, 0.0
        now, instant, total = 0.0, 0.0, 0.0
        for i in range(len(sizes) + 1):
            instant = instant + gaps[i] if i < len(sizes) else np.inf
            while busy and now + left <= instant:
                now += left
                total += now - arrival
                busy = waiting > 0
                if busy:
                    left, arrival = keys[0], came[0]
                    waiting -= 1
                    key, at, place = keys[waiting], came[waiting], 0
                    while 2 * place + 1 < waiting:
                        child = 2 * place + 1
                        if child + 1 < waiting and keys[child + 1] < keys[child]:
                            child += 1
                        if keys[child] >= key:
                            break
                        keys[place], came[place] = keys[child], came[child]
                        place = child
                    keys[place], came[place] = key, at
            if i == len(sizes):
                break
            if busy:
                left -= instant - now
            now, key, at = instant, sizes[i], instant
            if not busy:
                busy, left, arrival = True, key, at
                continue
            if key < left:
                left, key, arrival, at = key, left, at, arrival
            place = waiting
            waiting += 1
            while place > 0 and keys[(place - 1) // 2] > key:
                keys[place], came[place] = keys[(place - 1) // 2], came[(place - 1) // 2]
                place = (place - 1) // 2
            keys[place], came[place] = key, at
        return total / len(sizes)

    return serve  # type: ignore[no-any-return]


def numba_shortest_remaining(gaps: np.ndarray, sizes: np.ndarray) -> float:
    """SRPT by hand."""
    return compiled_heap()(gaps, sizes)


ORDERS: list[tuple[str, Any, dict[str, Rival]]] = [
    ("FCFS", FCFS(), {"simpy": simpy_first_come, "ciw": ciw_first_come}),
    ("PSJF", PSPJF(), {"simpy": simpy_shortest_first}),
    ("SRPT", SPRPT(), {"numba": numba_shortest_remaining}),
]


def speeds() -> Sheet:
    """One row for each policy, drawing included."""
    rows = []
    for name, policy in (POLICIES | ON_SERVER).items():
        took = seconds(lambda policy=policy: simulate(policy, LAW, load=LOAD, jobs=JOBS), 3)
        found, true = simulate(policy, LAW, load=LOAD, jobs=JOBS), expect(policy, LAW, load=LOAD).response_time
        rows.append(
            [name, f"{JOBS / took / 1e6:.1f}", f"{found.response_time:.4f}", f"{found.interval:.4f}", f"{true:.4f}"]
        )
    return Sheet(
        title=f"{JOBS:,} jobs of M/M/1 at load {LOAD}, exponential errors",
        columns=("policy", "million jobs/s", "mean", "+-", "formula"),
        rows=rows,
        below="FCFS has no noise left: the control variates explain all of it.",
    )


def beside() -> Sheet:
    """The same jobs everywhere; ours is timed with drawing them, the rivals without."""
    exact = JobDistribution(Exponential(), expensive=ExactError())
    jobs = together(draw(exact, LOAD, RIVAL_JOBS, 0, {"expensive"}))
    log = Log(jobs.size, expensive=jobs.expensive, arrival=jobs.arrival)
    rows = []
    for order, policy, rivals in ORDERS:
        ours = JOBS / seconds(lambda policy=policy: simulate(policy, exact, load=LOAD, jobs=JOBS), 3)
        mean = float((replay(policy, log).completion - jobs.arrival).mean())
        rows.append([order, "beforehand", f"{ours / 1e6:.2f}", "1", f"{mean:.6f}"])
        for package, rival in rivals.items():
            try:
                label = f"{package} {version(package)}"
            except PackageNotFoundError:
                rows.append([order, f"{package} is missing: pip install {package}", "", "", ""])
                continue
            gaps = np.diff(jobs.arrival, prepend=0.0)
            rival(gaps[:10], jobs.size[:10])  # imports and compiles
            start = time.thread_time()
            found = rival(gaps, jobs.size)
            speed = RIVAL_JOBS / (time.thread_time() - start)
            rows.append([order, label, f"{speed / 1e6:.4f}", f"{float(f'{ours / speed:.2g}'):g}", f"{found:.6f}"])
    return Sheet(
        title=f"Beside others: M/M/1 at load {LOAD}, means over the same {RIVAL_JOBS:,} jobs",
        columns=("order", "simulator", "million jobs/s", "ours is faster", "mean"),
        rows=rows,
    )


def known_means() -> Sheet:
    """What the control variates save."""
    rows = []
    for name in ("SPRPT", "SkipPredict(1)", "DelayPredict(1)"):
        row = [name]
        for load in (0.8, 0.9, 0.95):
            found = [
                simulate(POLICIES[name], LAW, load=load, jobs=500_000, seed=seed).variance_reduction
                for seed in range(20)
            ]
            row.append(f"{np.median(found):.0f}")
        rows.append(row)
    return Sheet(
        title="Variance reduction by control variates: 500,000 jobs, median of 20 seeds",
        columns=("policy", "load .8", "load .9", "load .95"),
        rows=rows,
    )


def coverage() -> Sheet:
    """How often the interval holds the truth."""
    rows = []
    for load in (0.8, 0.9, 0.95):
        true, runs = expect(SPRPT(), LAW, load=load).response_time, 500
        found = [simulate(SPRPT(), LAW, load=load, jobs=100_000, seed=seed) for seed in range(runs)]
        held = np.mean([abs(one.response_time - true) <= one.interval for one in found])
        rows.append([f"{load}", f"{held:.3f}", f"{np.mean([one.interval for one in found]) / true:.2%}"])
    return Sheet(
        title="95 % intervals of SPRPT, 500 runs of 100,000 jobs",
        columns=("load", "share that holds the truth", "mean half-width"),
        rows=rows,
    )


def coverage_of_short_runs() -> Sheet:
    """How often it does with no more jobs than it needs."""
    rows = []
    for sizes, law in VARIED.items():
        for policy in (SPJF(), SPRPT()):
            jobs = int(simulate(policy, law, load=0.8, jobs=100).jobs_needed)
            true, runs = expect(policy, law, load=0.8).response_time, min(400, 30_000_000 // jobs)
            found = [simulate(policy, law, load=0.8, jobs=jobs, seed=seed) for seed in range(runs)]
            held = np.mean([abs(one.response_time - true) <= one.interval for one in found])
            half = np.median([one.interval for one in found]) / true
            rows.append([sizes, type(policy).__name__, f"{jobs:,}", f"{runs}", f"{held:.3f}", f"{half:.1%}"])
    return Sheet(
        title="95 % intervals at load 0.8 with as many jobs as they need",
        columns=("sizes", "policy", "jobs", "runs", "share that holds the truth", "median half-width"),
        rows=rows,
    )


def main() -> None:
    """Measure, print, and keep."""
    take((speeds, beside, known_means, coverage, coverage_of_short_runs), options(__doc__ or "").parse_args().output)


if __name__ == "__main__":
    main()
