"""How fast the simulated engine runs: iterations a second, with and without tool calls, and memory for each request.

Beside it stands vLLM's own scheduler in virtual time, on the same requests, where vLLM is installed.

Not for you if you wonder how well it predicts an engine: the tests inside vLLM compare decision by decision.

Run: python benchmarks/bench_serving_simulator.py [-o FILE]; a minute.
"""

import importlib.util
import math
import time
import tracemalloc
from collections.abc import Callable

from report import options, take

from beforehand.core import Trace
from beforehand.reporting import Sheet
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.serving import (
    FCFS,
    LAMPS,
    PROFILES,
    SPJF,
    SPRPT,
    TRAIL,
    Always,
    Boosted,
    InferCept,
    MinWaste,
    ShortestWork,
    simulate,
)
from beforehand.workloads.requests import NormalErrors, alpaca_like, heavy_tailed, tool_mix

LLAMA, GPTJ = PROFILES["llama3-8b-a100-80g"], PROFILES["gptj-6b-a100-40g"]
REQUESTS, CONVERSATIONS, SLOTS, REPEATS = 2000, 500, 48, 5
PLAIN, WITH_TOOLS, KILOBYTES = 50_000, 20_000, 2.0  # what is to be reached
ORDERS: dict[str, Policy] = {
    "FCFS": FCFS(),
    "SPJF": SPJF(),
    "TRAIL(0.8)": TRAIL(0.8),
    "SPRPT": SPRPT(),
    "Boosted(ShortestWork())": Boosted(ShortestWork(), boost=30.0, knee=0.08),
}


def rate(run: Callable[[], int]) -> float:
    """Iterations in a second of one thread, at best."""
    found = []
    for _ in range(REPEATS):
        began = time.thread_time()
        iterations = run()
        found.append(iterations / (time.thread_time() - began))
    return max(found)


def plain(trace: Trace, policy: Policy) -> int:
    """One run without tools; how many iterations it had."""
    result = simulate(trace, profile=LLAMA, policy=policy, lengths=NormalErrors(seed=0), max_num_seqs=SLOTS)
    return len(result.end)


def with_tools(trace: Trace, policy: Policy, handling: object) -> int:
    """One run with tool calls."""
    options = {"lengths": "exact", "max_batched_tokens": 512, "host_tokens": 400_000}
    return len(simulate(trace, profile=GPTJ, policy=policy, handling=handling, **options).end)


def speeds() -> Sheet:
    """All workloads and orders."""
    rows = []
    for name, trace in (
        ("alpaca-like, 13/s", alpaca_like(REQUESTS, rate=13.0, seed=0)),
        ("heavy-tailed, 18/s", heavy_tailed(REQUESTS, rate=18.0, seed=0)),
    ):
        for label, policy in ORDERS.items():
            found = rate(lambda trace=trace, policy=policy: plain(trace, policy))
            rows.append([name, label, f"{found:,.0f}", f"{PLAIN:,}"])
    trace = tool_mix(CONVERSATIONS, rate=4.0, seed=0)
    boosted = Boosted(LAMPS(), boost=48.0, knee=2557.0)
    for policy, handling in ((FCFS(), Always("discard")), (FCFS(), InferCept()), (boosted, MinWaste())):
        found = rate(lambda policy=policy, handling=handling: with_tools(trace, policy, handling))
        rows.append(["tool mix, 4/s", f"{policy}, {handling}", f"{found:,.0f}", f"{WITH_TOOLS:,}"])
    return Sheet(
        title="Iterations a second",
        columns=["requests", "order", "iterations/s", "target"],
        rows=rows,
        below=f"Processor time of one thread, best of {REPEATS}; {REQUESTS:,} requests, {CONVERSATIONS:,} with calls.",
    )


def memory() -> Sheet:
    """What a request takes, at the peak of a run."""
    peaks = {}
    for rows in (1000, 5000):
        trace = alpaca_like(rows, rate=13.0, seed=0)
        tracemalloc.start()
        plain(trace, FCFS())
        peaks[rows] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    each = (peaks[5000] - peaks[1000]) / 4000 / 1024
    return Sheet(
        title="Memory",
        columns=["requests", "kB for each", "target"],
        rows=[["alpaca-like", f"{each:.2f}", f"{KILOBYTES:g}"]],
        below="Python's allocations at the peak, of a request more; iterations are in it.",
    )


def beside_vllm() -> Sheet:
    """The same requests through vLLM's scheduler in virtual time."""
    from beforehand.integrations.vllm.engine_shape import EngineShape
    from beforehand.integrations.vllm.harness import run_scheduler

    trace = alpaca_like(300, rate=13.0, seed=0)
    shape = EngineShape()
    began = time.thread_time()
    theirs = run_scheduler(trace, profile=LLAMA, shape=shape)
    spent = time.thread_time() - began
    ours = rate(lambda: plain(trace, FCFS()))
    found = len(theirs.steps) / spent if spent else math.nan
    return Sheet(
        title="Beside vLLM's scheduler in virtual time",
        columns=["what", "iterations/s", "times"],
        rows=[["vLLM's scheduler", f"{found:,.0f}", "1"], ["simulate", f"{ours:,.0f}", f"{ours / found:,.0f}"]],
        below="300 requests, first come, first served; processor time of one thread.",
    )


def main() -> None:
    """Print the tables, and keep them if asked."""
    makers = [speeds, memory]
    if importlib.util.find_spec("vllm") is not None:
        makers.append(beside_vllm)
    take(makers, options(__doc__ or "").parse_args().output)


if __name__ == "__main__":
    main()
