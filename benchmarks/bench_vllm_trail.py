"""TRAIL end to end in vLLM: a trained tiny Llama, its probe in the worker, 16 slots, arrivals on a clock of steps.

A request's answer is sampled with a seed of its own, so that every order serves the same answers; the oracle knows
their lengths from the first order's run. Since the clock counts steps, the machine's speed is of no account.

Not for you if you wonder what a step costs: bench_vllm_throughput.py has that.

It needs vLLM, and the model and probe of bench_vllm_probe.py: make bench-vllm.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from report import options, take
from vllm_engines import installed, missing

from beforehand.reporting import Sheet
from beforehand.scheduling.serving import PromptLength
from beforehand.studies.trail import probe as study
from beforehand.workloads.tiny_llama.model import tiny_llama

SLOTS, REQUESTS, SEEDS, LOADS, MOST = 16, 300, (0, 1, 2), (0.9, 1.0), 512
TRAIL = {"policy": {"policy": "trail", "fraction": 0.8}, "trust_hints": True, "refine_every": 8}
SPJF = {"policy": {"policy": "spjf"}, "trust_hints": True, "refine_every": 8}
FCFS = {"policy": {"policy": "fcfs"}, "refine_every": 8}
ORDERS: dict[str, tuple[dict[str, Any], str, bool]] = {  # settings, whose lengths, and whether the probe is read
    "FCFS": (FCFS, "none", False),
    "SJF by prompt length": (SPJF, "prompt", False),
    "TRAIL(0.8), predicted from the prompt": (TRAIL, "predicted", False),
    "TRAIL(0.8), probe every 8 steps": (TRAIL, "predicted", True),
    "TRAIL(0.8), oracle": (TRAIL, "oracle", False),
}
Arrays = NDArray[np.float64]


def served(llm: Any, settings: dict[str, Any], probing: bool, prompts: Any, hints: Arrays, arrival: Arrays) -> Arrays:
    """Serve all requests: a row for each with the steps to its first token and to its last, and its length."""
    from vllm import SamplingParams, TokensPrompt

    installed(llm, settings, probing=probing)
    engine, found, step, coming = llm.llm_engine, np.zeros((len(prompts), 3)), 0.0, 0
    while coming < len(prompts) or engine.has_unfinished_requests():
        if not engine.has_unfinished_requests():
            step = max(step, float(np.ceil(arrival[coming])))
        while coming < len(prompts) and arrival[coming] <= step:
            extra = {"bh_predicted_tokens": float(hints[coming])}
            sampling = SamplingParams(temperature=1.0, max_tokens=MOST, seed=coming, detokenize=False, extra_args=extra)
            engine.add_request(str(coming), TokensPrompt(prompt_token_ids=prompts[coming]), sampling)
            coming += 1
        step += 1
        for output in engine.step():
            row, tokens = int(output.request_id), len(output.outputs[0].token_ids)
            found[row, 0] = found[row, 0] or step - arrival[row]
            found[row, 1:] = step - arrival[row], tokens
    return found


def sheet(load: float, folder: Path) -> Sheet:
    """Every order at one load, over all seeds."""
    pairs = study.answered(folder)
    probe, _ = study.trained(folder, pairs)
    mean = np.mean([len(answer) for _, answer in pairs])
    known = PromptLength().fit(study.features([each[0] for each in pairs]), [len(each[1]) for each in pairs])
    found: dict[str, list[Arrays]] = {name: [] for name in ORDERS}
    llm = study.engine(folder, worker_cls=study.WORKER, scheduler_cls=study.SCHEDULER, max_num_seqs=SLOTS,
                       dtype="float32", additional_config={"beforehand": {"probe": str(probe)}})  # fmt: skip
    tokenizer = llm.get_tokenizer()
    for seed in SEEDS:
        prompts = study.held_out(tokenizer, REQUESTS, seed=study.HELD_OUT_SEED + 1 + seed)
        gaps = np.random.default_rng(seed).exponential(mean / SLOTS / load, REQUESTS)
        said = {"none": np.ones(REQUESTS), "prompt": np.array([float(len(each)) for each in prompts])}
        said["predicted"] = np.maximum(known.predict(study.features(prompts)), 1.0)
        for name, (settings, whose, probing) in ORDERS.items():
            found[name].append(served(llm, settings, probing, prompts, said[whose], np.cumsum(gaps)))
            said.setdefault("oracle", found[name][-1][:, 2])
    llm.llm_engine.engine_core.shutdown()
    rows, base = [], [each[:, 1].mean() for each in found["FCFS"]]
    for name, runs in found.items():
        figures = [np.mean([f(run) for run in runs]) for f in (_mean, _p99, _first)]
        over = [run[:, 1].mean() / first for run, first in zip(runs, base, strict=True)]
        same = np.mean([each[:, 2] == first[:, 2] for each, first in zip(runs, found["FCFS"], strict=True)])
        cells = [f"{figures[0]:.1f}", f"{figures[1]:.0f}", f"{figures[2]:.1f}"]
        rows.append([name, *cells, f"{np.mean(over):.3f} ({min(over):.3f} to {max(over):.3f})", f"{same:.1%}"])
    return Sheet(
        title=f"Steps in vLLM at load {load:g}: {SLOTS} slots, {REQUESTS} requests, {len(SEEDS)} seeds",
        columns=["order", "mean", "p99", "first token", "mean, of FCFS's (least and most)", "lengths as FCFS's"],
        rows=rows,
        below=f"Load is arrivals a step x mean answer, {mean:.0f} tokens, over {SLOTS}. No guard, few requests.",
    )


def _mean(run: Arrays) -> float:
    return float(run[:, 1].mean())


def _p99(run: Arrays) -> float:
    return float(np.quantile(run[:, 1], 0.99))


def _first(run: Arrays) -> float:
    return float(run[:, 0].mean())


def main() -> None:
    """Print the tables, and keep them if asked."""
    output = options(__doc__ or "").parse_args().output
    if lacks := missing():
        print(lacks)
        return
    folder = tiny_llama()
    take([partial(sheet, load, folder) for load in LOADS], output)


if __name__ == "__main__":
    main()
