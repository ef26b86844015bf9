"""Whether the simulator decides what vLLM's own scheduler decides, and how much faster it does.

Random traces are served by vLLM's scheduler and block pool in virtual time, without a model, and by `simulate`. What is
compared: admissions, preemptions, new tokens of every request, used blocks and the end of every iteration.

Run: build/vllm/bin/python benchmarks/bench_vllm_differential.py [--traces N] [-o FILE]; 1,000 traces take ten minutes.
"""

import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
from report import options, take
from vllm_engines import missing

from beforehand.reporting import Sheet

FIRST = 1_000  # seed; tests take those from 0
KINDS = {
    "first come, first served": {"ranked": False},
    "the same, with tool calls": {"ranked": False, "calls": True},
    "static priorities, memory lasts": {"ranked": True, "tight": False},
    "a static order of ours, little memory": {"ranked": True, "tight": True, "most": 60},
}


def identical(traces: int) -> Sheet:
    """How many traces of each kind are scheduled alike in every iteration."""
    from tests.integrations.vllm.differential import first_difference, random_case, served, served_by_us, simulated

    rows, notes = [], []
    for kind, drawn in KINDS.items():
        same = iterations = 0
        ours = theirs = 0.0
        for seed in range(FIRST, FIRST + traces // len(KINDS)):
            case = random_case(seed, **drawn)
            began = time.perf_counter()
            one = simulated(case)
            middle = time.perf_counter()
            other = served_by_us(case) if drawn.get("tight") else served(case)
            ours += middle - began
            theirs += time.perf_counter() - middle
            iterations += len(other)
            difference = first_difference(one, other)
            same += not difference
            if difference:
                notes.append(f"{kind}, seed {seed}: {difference}")
        speeds = f"{iterations / ours:,.0f}", f"{iterations / theirs:,.0f}"
        rows.append([kind, f"{same} of {traces // len(KINDS)}", f"{iterations:,}", *speeds])
    return Sheet(
        title="Random traces scheduled as vLLM does",
        columns=["traces", "identical", "iterations", "ours, iterations/s", "vLLM's, iterations/s"],
        rows=rows,
        below="\n".join(notes[:12]),
    )


def rest(traces: int) -> Sheet:
    """How far latencies are off where vLLM's schedule is not followed: its own priorities, with little memory."""
    from tests.integrations.vllm.differential import latencies, random_case

    cases = [random_case(seed, ranked=True, tight=True, most=60) for seed in range(FIRST, FIRST + traces // len(KINDS))]
    ours, theirs = np.array([latencies(case) for case in cases]).transpose(1, 2, 0)
    off = ours / theirs - 1
    rows = [
        [
            name,
            f"{100 * each.mean():+.2f} %",
            f"{100 * np.mean(abs(each) <= 0.005):.0f} %",
            f"{100 * abs(each).max():.1f} %",
        ]
        for name, each in zip(("mean latency", "mean time to first token", "p99 latency"), off, strict=True)
    ]
    return Sheet(
        title="Static priorities of vLLM's own, little memory",
        columns=["of a trace", "off, mean", "traces within 0.5 %", "off, at most"],
        rows=rows,
        below=f"Of {len(cases)} traces. Schedules differ here: who evicts itself ends vLLM's loop over those that "
        "run, and whoever stands behind it gets no token in that iteration; in the simulator it does.",
    )


def main() -> None:
    """Print the table, and keep it if asked."""
    parser = options(__doc__ or "")
    parser.add_argument("--traces", type=int, default=1_000, help="a quarter of each kind")
    chosen = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1]))  # of the tests, whose traces these are
    if lacks := missing():
        print(lacks)
        return
    take([partial(identical, chosen.traces), partial(rest, chosen.traces)], chosen.output)


if __name__ == "__main__":
    main()
