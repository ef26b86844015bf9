"""What those who run need before the next step: more of it than there is, and vLLM evicts somebody."""

from typing import Any


def growth(scheduler: Any) -> int:
    """Blocks that the running requests take in the next step; with speculation at least as many as vLLM asks for.

    Cost:
        A microsecond for each running request.
    """
    size, budget, blocks = scheduler.block_size, scheduler.max_num_scheduled_tokens, 0
    ahead = getattr(scheduler, "num_lookahead_tokens", 0)  # of speculation
    for request in scheduler.running:
        computed = request.num_computed_tokens
        new = request.num_tokens_with_spec + request.num_output_placeholders - computed
        new = min(max(new, 1), budget)
        blocks += -(-(computed + new + ahead) // size) - -(-computed // size)
        budget -= new
        if not budget:
            break  # those behind get no token
    return blocks
