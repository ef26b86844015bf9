"""The planner: how long it takes, and whether its choice is the best one when everything is simulated.

Not for you if jobs are nearly equal or the queue nearly always empty: then every order is alike, and so it says.

Run: python benchmarks/bench_plan.py [--data FOLDER] [-o FILE]; a few minutes. FOLDER holds the public Azure LLM traces
of 2023 (AzureLLMInferenceTrace_code.csv and _conv.csv); without it, lengths are drawn with their quantiles.
"""

from functools import partial
from pathlib import Path

import numpy as np
from report import options, take

from beforehand.reporting import Sheet, seconds
from beforehand.scheduling import Log, QueuePlan, plan_queue, simulate
from beforehand.scheduling.plan.families import families
from beforehand.scheduling.plan.search import grid
from beforehand.workloads import jobs
from beforehand.workloads.job_log import read_job_log

ROWS = 100_000
LOADS = (0.5, 0.7, 0.9)
PRICES = ((0.1, 1.0), (0.5, 2.0), (0.5, 5.0))
TRACES = {
    "code": ("AzureLLMInferenceTrace_code.csv", jobs.code),
    "conv": ("AzureLLMInferenceTrace_conv.csv", jobs.conversations),
}
SIMULATED = 500_000


def log_of(name: str, data: Path | None) -> tuple[str, Log]:
    """A log in mean sizes with cheap predictions of sigma 1 and expensive ones of sigma 0.3."""
    file, generate = TRACES[name]
    if data:
        size, source = read_job_log(data / file)["size"], f"Azure {name}"
    else:
        size, source = generate(20_000, seed=0)["size"], f"{name}, generated"
    size = size / size.mean()
    noise = {"cheap": jobs.CHEAP, "expensive": jobs.EXPENSIVE}
    drawn = {kind: jobs.predicted(size, sigma, seed=0, stream=jobs.ERRORS[kind]) for kind, sigma in noise.items()}
    return source, Log(size, **drawn)


def times() -> Sheet:
    """A log of 100,000 rows, every family."""
    random = np.random.default_rng(0)
    size = random.exponential(size=ROWS) ** 2
    log = Log(size, cheap=size * random.lognormal(0, 1, ROWS), expensive=size * random.lognormal(0, 0.3, ROWS))
    rows = []
    for preemptive in (True, False):
        for goal, bootstrap in (("mean", 0), ("mean", 200), ("p99", 0), ("p99", 200)):
            run = partial(plan_queue, log, load=0.9, cheap_cost=0.5, expensive_cost=2.0, preemptive=preemptive,
                          goal=goal, bootstrap=bootstrap)  # fmt: skip
            took = seconds(run, repeats=2)
            rows.append(["preemptive" if preemptive else "non-preemptive", goal, str(bootstrap), f"{took:.2f}"])
    return Sheet(title="Planning on 100,000 rows", columns=("orders", "goal", "resampled logs", "s"), rows=rows)


def simulated(plan: QueuePlan, log: Log) -> dict[str, float]:
    """The cost of every candidate, and of each family at thirteen other thresholds, on the same simulated jobs."""
    tried = {each.design: each.policy for each in plan.candidates if each.policy is not None}
    for family in families(log, plan.setting):
        for value in grid(family.column)[::2] if family.column is not None else ():
            policy = family.make(float(value))
            tried[str(policy)] = policy
    costs = {}
    for design, policy in tried.items():
        found = simulate(policy, log, load=plan.setting.load, jobs=SIMULATED, seed=1)
        costs[design] = plan.setting.cost(found.response_time, found.cheap_calls, found.expensive_calls, found.memory)
    return costs


def choices(name: str, data: Path | None) -> Sheet:
    """The choice at three loads and three pairs of prices, beside the best simulated one."""
    source, log = log_of(name, data)
    rows = []
    for load in LOADS:
        for cheap_cost, expensive_cost in PRICES:
            plan = plan_queue(log, load=load, cheap_cost=cheap_cost, expensive_cost=expensive_cost, preemptive=True)
            costs = simulated(plan, log)
            best = min(costs, key=lambda design: costs[design])
            above = costs[plan.design] / costs[best] - 1
            rows.append([f"{load}", f"{cheap_cost}, {expensive_cost}", plan.design, f"{plan.expected.value:.3f}",
                         f"{costs[plan.design]:.3f}", f"{best} {costs[best]:.3f}", f"{100 * above:.2f} %",
                         f"{plan.baseline.design} {plan.baseline.value:.3f}", plan.verdict])  # fmt: skip
    return Sheet(
        title=f"What is chosen: {source}, {len(log):,} jobs, sizes and prices in means",
        columns=(
            "load",
            "prices",
            "chosen",
            "expected",
            "simulated",
            "best simulated",
            "above it",
            "non-predictive",
            "verdict",
        ),
        rows=rows,
        below=f"Simulated on the same {SIMULATED:,} jobs: every candidate, and each family at 13 other thresholds. "
        "Predictions err by lognormal factors of sigma 1 (cheap) and 0.3 (expensive).",
    )


if __name__ == "__main__":
    parser = options(__doc__)
    parser.add_argument("--data", type=Path, help="a folder with the public traces")
    arguments = parser.parse_args()
    take((times, *(partial(choices, name, arguments.data) for name in TRACES)), arguments.output)
