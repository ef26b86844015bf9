"""What those who run need before the next step: more of it than there is, and vLLM evicts somebody."""

from collections.abc import Sequence
from typing import Any


def growth(scheduler: Any) -> int:
    """Blocks that the running requests take in the next step; with speculation at least as many as vLLM asks for.

    Cost:
        A microsecond for each running request.
    """
    return sum(_growths(scheduler))


def victims(scheduler: Any, ranked: Sequence[Any]) -> int:
    """How many requests vLLM evicts in the next step, if it takes the running ones from the end of `ranked`."""
    needs = {
        request.request_id: blocks for request, blocks in zip(scheduler.running, _growths(scheduler), strict=False)
    }
    manager = scheduler.kv_cache_manager
    missing, count = sum(needs.values()) - manager.block_pool.get_num_free_blocks(), 0
    while missing > 0 and count < len(ranked):
        count += 1
        name = ranked[-count].request_id
        own = sum(manager.block_pool.blocks[block].ref_cnt == 1 for block in manager.get_block_ids(name)[0])
        missing -= needs.get(name, 0) + own
    return count


def _growths(scheduler: Any) -> list[int]:
    """By running request, until no token is left for those behind."""
    size, budget, blocks = scheduler.block_size, scheduler.max_num_scheduled_tokens, []
    ahead = getattr(scheduler, "num_lookahead_tokens", 0)  # of speculation
    for request in scheduler.running:
        computed = request.num_computed_tokens
        new = request.num_tokens_with_spec + request.num_output_placeholders - computed
        new = min(max(new, 1), budget)
        blocks.append(-(-(computed + new + ahead) // size) - -(-computed // size))
        budget -= new
        if not budget:
            break
    return blocks
