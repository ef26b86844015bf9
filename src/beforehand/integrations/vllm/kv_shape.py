"""How much a scheduler's KV cache holds."""

from typing import Any


def kv_shape(scheduler: Any) -> dict[str, int]:
    """Tokens that the cache holds, bytes of a token in all layers, and tokens of a block."""
    config, size = scheduler.kv_cache_config, int(scheduler.block_size)
    each = sum(
        len(group.layer_names) * group.kv_cache_spec.page_size_bytes / group.kv_cache_spec.block_size
        for group in config.kv_cache_groups
    )
    tokens = (config.num_blocks - 1) * size  # one block is the engine's own
    return {"kv_tokens": tokens, "kv_bytes_per_token": max(round(each), 1), "block_size": size}
