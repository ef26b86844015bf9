"""Tokens a second of vLLM with our scheduler in front, against its own: batches of 32, a model of 2.5 million weights.

Two engines in one process, one of them with a probe in its worker, take turns; each turn gives its engine a scheduler
of the kind that is measured. The weights are random, since only their number matters. On two cores without other work a
step takes some 4 ms, of which a large model's takes ten times as much: what we add weighs most here.

It needs vLLM: make bench-vllm.
"""

import copy
import gc
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from report import options, take

from beforehand.reporting import Sheet
from beforehand.scheduling.serving import LengthProbe

SLOTS, REQUESTS, PROMPT, ANSWER = 32, 64, 32, 64
TURNS = 4
QUIET = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
}
MODEL = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 4,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "head_dim": 32,
    "vocab_size": 384,
    "max_position_embeddings": 1024,
    "torch_dtype": "bfloat16",
    "tie_word_embeddings": True,
}
TRAIL = {"policy": {"policy": "boosted", "inner": {"policy": "trail", "fraction": 0.8}}, "trust_hints": True}
CONTENDERS: dict[str, tuple[dict[str, Any] | None, bool]] = {  # settings, None for vLLM's own; with the probe's engine
    "vLLM's own": (None, False),
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


def turn(llm: Any, settings: dict[str, Any] | None) -> tuple[float, float]:
    """Serve all requests with a fresh scheduler: seconds on the wall, and of the processor."""
    from vllm import SamplingParams, TokensPrompt
    from vllm.v1.core.sched.scheduler import Scheduler as Stock

    from beforehand.integrations.vllm import Scheduler

    core = llm.llm_engine.engine_core.engine_core
    whole = copy.copy(core.vllm_config)
    base = whole.additional_config["beforehand"]
    kept = {name: base[name] for name in ("probe",) if name in base}
    whole.additional_config = {"beforehand": {**kept, **settings}} if settings is not None else {}
    reading = getattr(core.model_executor.driver_worker.worker, "_reading", None)
    if reading is not None and settings is not None:
        reading._every = settings["refine_every"]
    core.scheduler = (Stock if settings is None else Scheduler)(
        vllm_config=whole,
        kv_cache_config=core.scheduler.kv_cache_config,
        structured_output_manager=core.structured_output_manager,
        block_size=core.scheduler.block_size,
        hash_block_size=core.scheduler.hash_block_size,
        log_stats=False,
    )
    for number in range(REQUESTS):
        tokens = ANSWER // 2 + number % ANSWER
        sampling = SamplingParams(
            max_tokens=tokens, min_tokens=tokens, ignore_eos=True, temperature=0.0, detokenize=False,
            extra_args={"bh_predicted_tokens": tokens},
        )  # fmt: skip
        prompt = [(number * 41 + place * 3) % 384 for place in range(PROMPT)]
        llm.llm_engine.add_request(f"{number}", TokensPrompt(prompt_token_ids=prompt), sampling)
    gc.collect()
    wall, processor = time.perf_counter(), time.process_time()
    while llm.llm_engine.has_unfinished_requests():
        llm.llm_engine.step()
    return time.perf_counter() - wall, time.process_time() - processor


def throughput() -> Sheet:
    """All contenders in turns."""
    folder = Path(tempfile.mkdtemp())
    (folder / "config.json").write_text(json.dumps(MODEL))
    probe().save(folder / "probe.npz")
    tokens = sum(ANSWER // 2 + number % ANSWER for number in range(REQUESTS))
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in CONTENDERS}
    worker = "beforehand.integrations.vllm.ProbeWorker"
    with engine(folder, None) as plain, engine(folder, worker) as probed:
        for place in range(TURNS + 1):
            for name, (settings, probing) in CONTENDERS.items():
                found = turn(probed if probing else plain, settings)
                if place:  # the first turn warms up
                    taken[name].append(found)
    first, rows = taken["vLLM's own"], []
    for name, times in taken.items():
        walls = [mine[0] / theirs[0] for mine, theirs in zip(times, first, strict=True)]
        processors = [mine[1] / theirs[1] for mine, theirs in zip(times, first, strict=True)]
        rate = tokens / statistics.median(wall for wall, _ in times)
        ratios = (1 / statistics.median(walls), 1 / statistics.median(processors))
        rows.append([name, f"{rate:,.0f}", *(f"{ratio:.3f}" for ratio in ratios)])
    return Sheet(
        title=f"vLLM on one core, {SLOTS} slots, {REQUESTS} requests, {tokens:,} tokens a turn",
        columns=["scheduler", "tokens/s", "of vLLM's own", "by processor time"],
        rows=rows,
        below=f"Medians of {TURNS} turns, each against the same turn of vLLM's own. Targets: FCFS 0.99; TRAIL with the "
        "probe every 8 steps 0.97, every step 0.90.",
    )


def main() -> None:
    """Print the table, and keep it if asked."""
    output = options(__doc__ or "").parse_args().output
    os.environ.update(QUIET)
    try:
        import vllm  # noqa: F401
    except ImportError:
        print("vLLM is missing: make bench-vllm has it")
        return
    take((throughput,), output)


if __name__ == "__main__":
    sys.exit(main())
