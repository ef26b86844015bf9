"""What the next step takes of memory, and who has to go for it, on a scheduler of a few fields."""

from types import SimpleNamespace

import pytest

from beforehand.integrations.vllm.growth import growth, victims

pytestmark = pytest.mark.vllm


def running(name, computed, tokens):
    return SimpleNamespace(
        request_id=name, num_computed_tokens=computed, num_tokens_with_spec=tokens, num_output_placeholders=0
    )


def scheduler(*requests, budget=64, ahead=0, free=0, shared=()):
    """Blocks of 16 tokens; each request holds two, which those named in `shared` share with others."""
    blocks = {request.request_id: [2 * place, 2 * place + 1] for place, request in enumerate(requests)}
    counts = [1 + (request.request_id in shared) for request in requests for _ in range(2)]
    pool = SimpleNamespace(get_num_free_blocks=lambda: free, blocks=[SimpleNamespace(ref_cnt=each) for each in counts])
    return SimpleNamespace(
        running=list(requests), block_size=16, max_num_scheduled_tokens=budget, num_lookahead_tokens=ahead,
        kv_cache_manager=SimpleNamespace(block_pool=pool, get_block_ids=lambda name: (blocks[name],)),
    )  # fmt: skip


def test_a_request_takes_a_block_when_its_last_one_is_full():
    assert growth(scheduler(running("a", 32, 33))) == 1
    assert growth(scheduler(running("a", 31, 32))) == 0
    assert growth(scheduler(running("a", 31, 32), ahead=1)) == 1


def test_nobody_takes_blocks_for_tokens_beyond_the_budget_of_a_step():
    prompt = running("long", 0, 1000)
    assert growth(scheduler(running("a", 32, 33), prompt)) == 1 + 4
    assert growth(scheduler(prompt, running("a", 32, 33))) == 4


def test_as_many_go_as_free_what_is_missing():
    full = [running(name, 32, 33) for name in "abc"]
    assert victims(scheduler(*full, free=3), full) == 0
    assert victims(scheduler(*full), full) == 1  # its own two blocks, and the one that it no longer takes
    assert victims(scheduler(*full, shared="c"), full) == 2
    assert victims(scheduler(*full, shared="abc"), full) == 3
