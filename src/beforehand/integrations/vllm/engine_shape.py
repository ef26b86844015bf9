"""What vLLM's scheduler is told about a model and a machine, without either of them."""

import copy
import json
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, final

import torch
from vllm.engine.arg_utils import EngineArgs
from vllm.v1.kv_cache_interface import FullAttentionSpec, KVCacheConfig, KVCacheGroupSpec

LAYER = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "num_key_value_heads": 1,
    "vocab_size": 384,
    "max_position_embeddings": 1 << 20,
    "torch_dtype": "float32",
}


@final
@dataclass(frozen=True, kw_only=True)
class EngineShape:
    """The limits of an engine that its scheduler sees.

    Args:
        max_num_seqs: Requests that run at once.
        max_batched_tokens: New tokens of one iteration.
        kv_tokens: Tokens of the pool, rounded down to blocks. vLLM keeps one block for itself, so that a block less can
            be used.
        block_size: Tokens of a block.
        prefix_caching: Whether blocks are found again by their content.
        watermark: Share of the blocks that an admission leaves free while something runs.
        policy: vLLM's own order, "fcfs" or "priority" (the lowest first, then the earliest).
        max_model_len: Longest context.
    """

    max_num_seqs: int = 256
    max_batched_tokens: int = 2048
    kv_tokens: int = 400_000
    block_size: int = 16
    prefix_caching: bool = True
    watermark: float = 0.0
    policy: str = "fcfs"
    max_model_len: int = 1 << 18

    def configs(self, additional: dict[str, Any] | None = None) -> tuple[Any, KVCacheConfig]:
        """vLLM's own configurations of an engine of this shape, for a scheduler."""
        whole = copy.copy(_template())
        whole.scheduler_config = copy.copy(whole.scheduler_config)
        whole.cache_config = copy.copy(whole.cache_config)
        whole.model_config = copy.copy(whole.model_config)
        blocks, size = self.kv_tokens // self.block_size, self.block_size
        scheduling = {
            "max_num_seqs": self.max_num_seqs,
            "max_num_batched_tokens": self.max_batched_tokens,
            "policy": self.policy,
            "watermark": self.watermark,
        }
        caching = {
            "block_size": self.block_size,
            "enable_prefix_caching": self.prefix_caching,
            "num_gpu_blocks": blocks,
        }
        for part, values in ((whole.scheduler_config, scheduling), (whole.cache_config, caching)):
            for name, value in values.items():
                object.__setattr__(part, name, value)
        whole.model_config.max_model_len = self.max_model_len
        whole.additional_config = dict(additional or {})
        attention = FullAttentionSpec(block_size=size, num_kv_heads=1, head_size=64, dtype=torch.float32)
        return whole, KVCacheConfig(blocks, [], [KVCacheGroupSpec(["layer"], attention)])

    def with_policy(self, policy: str) -> "EngineShape":
        """The same engine under another of vLLM's orders."""
        return replace(self, policy=policy)


@cache
def _template() -> Any:
    """A configuration of the smallest model there is: ten seconds the first time, most of them vLLM's imports."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "config.json").write_text(json.dumps(LAYER))
        arguments = EngineArgs(
            model=folder,
            skip_tokenizer_init=True,
            load_format="dummy",
            max_model_len=1 << 18,
            max_num_seqs=8,
            max_num_batched_tokens=2048,
            block_size=32,
            enforce_eager=True,
            async_scheduling=False,
        )
        return arguments.create_engine_config()
