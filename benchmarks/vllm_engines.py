"""What the benchmarks inside vLLM have in common: whether it is there, a small model, and schedulers that change."""

import copy
import importlib.util
from typing import Any

QUIET = {
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
}
MODEL = {  # for load_format="dummy"
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


def missing() -> str:
    """What to say where vLLM is not installed; empty where it is."""
    found = all(importlib.util.find_spec(name) is not None for name in ("vllm", "transformers"))
    return "" if found else "vLLM is missing: make bench-vllm has it"


def installed(llm: Any, settings: dict[str, Any] | None, *, probing: bool = True) -> None:
    """Give an engine in this process a fresh scheduler: ours with these settings, or vLLM's own.

    Args:
        llm: The engine, idle.
        settings: As in vLLM's `additional_config`, besides the probe, which stays; None for vLLM's own scheduler.
        probing: Whether ours listens to the probe, if there is one.
    """
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
    if settings is not None and not probing:
        core.scheduler.order.refinement = None
