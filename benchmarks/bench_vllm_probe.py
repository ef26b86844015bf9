"""How far off a length probe is, live in vLLM, on prompts that did not train it, beside a predictor of prompts alone.

A tiny Llama is trained on a language whose law of lengths is known (6 minutes on one core), answers 3,000 prompts, and
a probe is trained on its hidden states (another 10); all are kept in build/. Then vLLM answers 600 other prompts with
the probe in its worker, read at every token and at every eighth. The law's own error stands beside; the model follows
it only roughly.

It needs vLLM: make bench-vllm.
"""

import os
import statistics
import subprocess
import sys
import time

import numpy as np
from report import options, take
from rivals import ONE_THREAD
from vllm_engines import missing

from beforehand.reporting import Sheet
from beforehand.scheduling.serving import LengthProbe
from beforehand.studies.trail import probe as study
from beforehand.workloads.tiny_llama.model import tiny_llama

ROWS, REPEATS, MOST = 32, 200, 0.3  # ms


def errors() -> Sheet:
    """Everybody's errors."""
    return study.sheet(study.measure())


def milliseconds(path: str) -> float:
    """The median time of a refresh, with smoothing, by the probe in a file."""
    probe = LengthProbe.load(path)
    states = np.random.default_rng(0).standard_normal((ROWS, probe.hidden)).astype(np.float32)
    before, times = probe.probabilities(states), []
    for _ in range(REPEATS):
        start = time.perf_counter()
        probe.expected(probe.smooth(before, probe.probabilities(states), 1))
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def refresh() -> Sheet:
    """The time of a refresh, in a process of its own: numpy counts its threads when it is imported."""
    model = tiny_llama()
    path = study.trained(model, study.answered(model))[0]
    ran = subprocess.run(
        [sys.executable, __file__, "--refresh", str(path)],
        env={**os.environ, **ONE_THREAD}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return Sheet(
        title=f"A refresh of {ROWS} rows of {LengthProbe.load(path).hidden} numbers with smoothing",
        columns=["ms, median", "target"],
        rows=[[f"{float(ran.stdout):.3f}", f"{MOST:g}"]],
        below=f"One core, {REPEATS} times.",
    )


def main() -> None:
    """Train what is not there yet, measure and print, and keep the tables if asked; or time a refresh."""
    if sys.argv[1:2] == ["--refresh"]:
        print(milliseconds(sys.argv[2]))
        return
    output = options(__doc__ or "").parse_args().output
    if lacks := missing():
        print(lacks)
        return
    take((errors, refresh), output)


if __name__ == "__main__":
    main()
