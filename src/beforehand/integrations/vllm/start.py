"""From a scheduler that has just been made, and its user's settings, to the order of its requests."""

import os
from collections.abc import Callable
from typing import Any

from beforehand.integrations.vllm.calls import Calls
from beforehand.integrations.vllm.kv_shape import kv_shape
from beforehand.integrations.vllm.pauses import Pauses
from beforehand.integrations.vllm.recording import Recording, of_rank
from beforehand.integrations.vllm.request_order import RequestOrder
from beforehand.integrations.vllm.settings import read_settings
from beforehand.integrations.vllm.tool_tokens import tool_tokens


def new_order(scheduler: Any) -> RequestOrder:
    """The order of a scheduler's requests, as its engine's `additional_config` and the environment say.

    Raises:
        BeforehandError: a setting is out of range, or a file is damaged.
    """
    settings = read_settings(scheduler.vllm_config.additional_config, os.environ)
    parallel = scheduler.parallel_config
    recording = None
    if settings.record:
        path = of_rank(settings.record, parallel.data_parallel_index, parallel.data_parallel_size)
        recording = Recording(path, scheduler.clock(), kv_shape(scheduler))
    return RequestOrder(
        settings,
        max_model_len=scheduler.max_model_len,
        max_batched_tokens=scheduler.max_num_scheduled_tokens,
        clock=lambda: scheduler.clock(),
        cached=cached_tokens(scheduler),
        tool_tokens=settings.tool_tokens or tool_tokens(scheduler.vllm_config.model_config.model),
        recording=recording,
    )


def new_pauses(scheduler: Any, order: RequestOrder) -> Pauses | None:
    """What carries out the handling of tool calls; None where it is left to vLLM."""
    settings = order.settings
    if settings.handling is None:
        return None
    calls = Calls(
        settings.handling,
        tool_tokens=order.tools.tokens,
        trust_hints=settings.trust_hints,
        durations=settings.durations,
    )
    return Pauses(scheduler, order, calls)


def cached_tokens(scheduler: Any) -> Callable[[Any], int]:
    """From a request to the tokens of it that the prefix cache holds now; the last one is always computed."""
    if not scheduler.cache_config.enable_prefix_caching:
        return lambda request: 0
    pool, size = scheduler.kv_cache_manager.block_pool, int(scheduler.hash_block_size)

    def look_up(request: Any) -> int:
        found = 0
        for block in request.block_hashes[: (request.num_tokens - 1) // size]:
            if not pool.get_cached_block(block, [0]):
                break
            found += 1
        return found * size

    return look_up
