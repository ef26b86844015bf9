"""What the next step takes of memory, and who has to go for it, on a scheduler of a few fields."""

from types import SimpleNamespace

import pytest

from beforehand.integrations.vllm.growth import growth, takes_all, victims

pytestmark = pytest.mark.vllm


def running(name, computed, tokens):
    return SimpleNamespace(
        request_id=name, num_computed_tokens=computed, num_tokens_with_spec=tokens, num_output_placeholders=0,
        is_prefill_chunk=tokens > computed + 1,
    )  # fmt: skip


def scheduler(*requests, budget=64, ahead=0, free=0, shared="", together=""):
    """Blocks of 16 tokens; each request holds two: those of `shared` with somebody who stays, `together` the same."""
    own = {request.request_id: place for place, request in enumerate(requests)}
    blocks = {name: [2 * own[together[0] if name in together else name] + each for each in (0, 1)] for name in own}
    counts = [1 + (name in shared) + (len(together) - 1) * (name in together) for name in own for _ in range(2)]
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
    assert growth(scheduler(prompt, running("a", 32, 33))) == 1 + 4  # who decodes comes first


def test_as_many_go_as_free_what_is_missing():
    full = [running(name, 32, 33) for name in "abc"]
    assert victims(scheduler(*full, free=3), full) == 0
    assert victims(scheduler(*full), full) == 1  # its own two blocks, and the one that it no longer takes
    assert victims(scheduler(*full, shared="c"), full) == 2
    assert victims(scheduler(*full, shared="abc"), full) == 3


def test_a_block_is_free_once_all_that_share_it_are_gone():
    full = [running(name, 32, 33) for name in "abcd"]
    assert victims(scheduler(*full, free=1, together="cd"), full) == 2
    assert victims(scheduler(*full, free=2, together="bc", shared="d"), full) == 2
    assert victims(scheduler(*full, free=1, together="bc", shared="d"), full) == 3


def test_a_prompt_that_gets_the_token_of_who_goes_may_need_a_block_more():
    one, prompt, other = running("a", 32, 33), running("long", 32, 1000), running("b", 32, 33)
    assert victims(scheduler(one, prompt, other, free=2, budget=17, shared="b"), [one, prompt, other]) == 1
    assert victims(scheduler(one, prompt, other, free=2, budget=18, shared="b"), [one, prompt, other]) == 2


def test_a_long_prompt_takes_all_tokens_that_others_leave():
    one, prompt, other = running("a", 32, 33), running("long", 32, 1000), running("b", 32, 33)
    assert takes_all(scheduler(one, prompt, other), [one, prompt])
    assert not takes_all(scheduler(one, prompt, other, budget=970), [one, prompt])
    assert not takes_all(scheduler(one, prompt, other), [one, other])
