"""Tokens a second of vLLM with our scheduler in front, against its own: batches of 32, a model of 2.5 million weights.

Two engines in one process serve the same requests and take turns of 8 steps, one with vLLM's own scheduler and one with
ours, so that whatever else the machine does slows both down alike. Without a probe they change places from round to
round. The weights are random, since only their number matters. A step takes some 4 ms, of which a large model's takes
ten times as much: what we add weighs most here.

It needs vLLM: make bench-vllm.
"""

import gc
import json
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from report import options, take
from vllm_engines import MODEL, QUIET, installed, missing

from beforehand.reporting import Sheet
from beforehand.scheduling.serving import LengthProbe

SLOTS, REQUESTS, PROMPT, ANSWER = 32, 64, 32, 96
ROUNDS, STEPS, RESAMPLED = 4, 8, 2000
TOKENS = sum(ANSWER // 2 + number % ANSWER for number in range(REQUESTS))
TRAIL = {"policy": {"policy": "boosted", "inner": {"policy": "trail", "fraction": 0.8}}, "trust_hints": True}
CONTENDERS: dict[str, tuple[dict[str, Any], bool]] = {  # settings, and whether the engine has a probe in its worker
    "FCFS through us": ({"policy": "fcfs"}, False),
    "Boosted(ShortestWork)": ({}, False),
    "Boosted(TRAIL(0.8)), hints": (TRAIL, False),
    "the same, probe every 8 steps": (TRAIL | {"refine_every": 8}, True),
    "the same, probe every step": (TRAIL | {"refine_every": 1}, True),
}


def probe() -> LengthProbe:
    """One of the usual size with random weights."""
    draw = np.random.default_rng(1)
    shapes = ((256, 512), (512,), (512, 16), (16,))
    weights = tuple(draw.normal(0, 0.05, shape).astype(np.float32) for shape in shapes)
    edges = np.concatenate([[0.0], np.unique(np.round(np.geomspace(8, 512, 16)))])
    return LengthProbe(layer=3, bins=edges[:17], weights=weights)  # type: ignore[arg-type]


@contextmanager
def engine(folder: Path, worker: str | None) -> Iterator[Any]:
    """An engine in this process."""
    from vllm import LLM

    settings = TRAIL | ({"probe": str(folder / "probe.npz"), "refine_every": 8} if worker else {})
    more = {"worker_cls": worker} if worker else {}
    llm = LLM(
        str(folder), load_format="dummy", skip_tokenizer_init=True, enforce_eager=True, max_model_len=512,
        block_size=32,
        max_num_seqs=SLOTS, max_num_batched_tokens=1024, kv_cache_memory_bytes=1 << 26,
        scheduler_cls="beforehand.integrations.vllm.Scheduler", additional_config={"beforehand": settings}, **more,
    )  # fmt: skip
    yield llm
    llm.llm_engine.engine_core.shutdown()
    del llm
    gc.collect()


def begin(llm: Any, settings: dict[str, Any] | None) -> None:
    """Give the engine a fresh scheduler, vLLM's own without settings, and all requests."""
    from vllm import SamplingParams, TokensPrompt

    installed(llm, settings)
    for number in range(REQUESTS):
        tokens = ANSWER // 2 + number % ANSWER
        sampling = SamplingParams(
            max_tokens=tokens, min_tokens=tokens, ignore_eos=True, temperature=0.0, detokenize=False,
            extra_args={"bh_predicted_tokens": tokens},
        )  # fmt: skip
        prompt = [(number * 41 + place * 3) % 384 for place in range(PROMPT)]
        llm.llm_engine.add_request(f"{number}", TokensPrompt(prompt_token_ids=prompt), sampling)


def steps(llm: Any) -> tuple[float, float]:
    """Eight steps, or as many as there are: seconds on the wall, and of the processor."""
    engine, wall, processor = llm.llm_engine, time.perf_counter(), time.process_time()
    for _ in range(STEPS):
        if engine.has_unfinished_requests():
            engine.step()
    return time.perf_counter() - wall, time.process_time() - processor


def together(stock: Any, ours: Any, settings: dict[str, Any]) -> list[NDArray[np.float64]]:
    """Both serve all requests in turns: by turn a row for vLLM's own and one for ours, seconds of both clocks."""
    begin(stock, None)
    begin(ours, settings)
    gc.collect()
    took = []
    while stock.llm_engine.has_unfinished_requests() or ours.llm_engine.has_unfinished_requests():
        took.append(np.array([steps(stock), steps(ours)]))
    return took


def hooks(llm: Any) -> float:
    """Milliseconds that our methods took in a step of the last round."""
    telemetry = llm.llm_engine.engine_core.engine_core.scheduler.telemetry
    return 1e3 * telemetry.hook_seconds * SLOTS / TOKENS


def row(name: str, turns: Sequence[NDArray[np.float64]], hook: float) -> list[str]:
    """Tokens a second, and the share of vLLM's own with its 95 % interval, from turns drawn anew."""
    taken = np.stack(turns)
    drawn = np.random.default_rng(0).integers(len(taken), size=(RESAMPLED, len(taken)))
    cells = []
    for clock in range(2):
        stock, ours = taken[:, 0, clock], taken[:, 1, clock]
        low, high = np.quantile(stock[drawn].sum(1) / ours[drawn].sum(1), (0.025, 0.975))
        cells.append(f"{stock.sum() / ours.sum():.3f} ({low:.3f} to {high:.3f})")
    rate = TOKENS * ROUNDS / taken[:, 1, 0].sum()
    return [name, f"{rate:,.0f}", *cells, f"{hook:.3f}"]


def throughput() -> Sheet:
    """All contenders, each beside vLLM's own."""
    folder = Path(tempfile.mkdtemp())
    (folder / "config.json").write_text(json.dumps(MODEL))
    probe().save(folder / "probe.npz")
    taken: dict[str, list[NDArray[np.float64]]] = {name: [] for name in CONTENDERS}
    hook: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    worker = "beforehand.integrations.vllm.ProbeWorker"
    with engine(folder, None) as one, engine(folder, None) as two, engine(folder, worker) as probed:
        for place in range(ROUNDS + 1):
            for name, (settings, probing) in CONTENDERS.items():
                stock, ours = (one, two) if place % 2 else (two, one)
                found = together(stock, probed if probing else ours, settings)
                if place:  # the first round warms up
                    taken[name] += found
                    hook[name].append(hooks(probed if probing else ours))
    return Sheet(
        title=f"vLLM on one core, {SLOTS} slots, {REQUESTS} requests, {TOKENS:,} tokens a round",
        columns=["scheduler", "tokens/s", "of vLLM's own", "by processor time", "our methods, ms a step"],
        rows=[row(name, rounds, statistics.median(hook[name])) for name, rounds in taken.items()],
        below=f"{ROUNDS} rounds in turns of {STEPS} steps, with 95 % intervals. Targets: FCFS 0.99; TRAIL with the "
        "probe every 8 steps 0.97, every step 0.90.",
    )


def main() -> None:
    """Print the table, and keep it if asked."""
    output = options(__doc__ or "").parse_args().output
    if lacks := missing():
        print(lacks)
        return
    os.environ.update(QUIET)
    take((throughput,), output)


if __name__ == "__main__":
    main()
