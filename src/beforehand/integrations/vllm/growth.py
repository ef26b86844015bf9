"""What those who run need before the next step: more of it than there is, and vLLM evicts somebody."""

from collections import Counter
from collections.abc import Sequence
from typing import Any


def growth(scheduler: Any) -> int:
    """Blocks that the running requests take in the next step; with speculation at least as many as vLLM asks for.

    Cost:
        A microsecond for each running request.
    """
    return _growth(scheduler, scheduler.running)[0]


def takes_all(scheduler: Any, running: Sequence[Any]) -> bool:
    """Whether these requests leave no token of the next step to others."""
    return not _growth(scheduler, running)[1]


def victims(scheduler: Any, ranked: Sequence[Any]) -> int:
    """How many requests vLLM evicts in the next step, if it takes the running ones from the end of `ranked`.

    Each of them leaves its tokens to a prompt that is still computed, which may then need a block more.

    Cost:
        That of `growth` for each of them.
    """
    manager = scheduler.kv_cache_manager
    pool, free = manager.block_pool, manager.block_pool.get_num_free_blocks()
    given_up: Counter[int] = Counter()  # a shared block is free once all that hold it are gone
    stay = list(ranked)
    while stay and _growth(scheduler, stay)[0] > free:
        for block in manager.get_block_ids(stay.pop().request_id)[0]:
            given_up[block] += 1
            free += given_up[block] == pool.blocks[block].ref_cnt
    return len(ranked) - len(stay)


def _growth(scheduler: Any, running: Sequence[Any]) -> tuple[int, int]:
    """Blocks that these requests take, those that decode first, until no token is left; and the tokens left."""
    size, budget, blocks = scheduler.block_size, scheduler.max_num_scheduled_tokens, 0
    ahead = getattr(scheduler, "num_lookahead_tokens", 0)  # of speculation
    for request in sorted(running, key=lambda each: bool(each.is_prefill_chunk)):
        computed = request.num_computed_tokens
        new = request.num_tokens_with_spec + request.num_output_placeholders - computed
        new = min(max(new, 1), budget)
        blocks += -(-(computed + new + ahead) // size) - -(-computed // size)
        budget -= new
        if not budget:
            break
    return blocks, budget
