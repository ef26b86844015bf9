"""The pool of blocks, held to one that keeps every block by itself."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beforehand.scheduling.serving.simulator.memory import BlockPool, Chain, Holding
from tests.scheduling.serving.simulator.naive_engine import NaivePool

SIZE = 4


class Both:
    """A request in both pools; `prefix` tokens of its prompt are shared by all."""

    def __init__(self, number, prompt, prefix, chain):
        shared = prefix // SIZE
        self.holding = Holding(chain if shared else None, shared)
        self.contents = [("prefix", i) if (i + 1) * SIZE <= prefix else (number, i) for i in range(40)]
        self.tokens = prompt
        self.computed = 0
        self.blocks = []


@given(
    st.lists(st.tuples(st.integers(1, 30), st.integers(0, 30)), min_size=1, max_size=6),
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 12)), max_size=60),
    st.integers(8, 24),
)
@settings(max_examples=400)
def test_hits_and_free_blocks_are_those_of_a_pool_block_by_block(requests, moves, blocks):
    pool, naive, chain = BlockPool(blocks, SIZE, caching=True), NaivePool(blocks, SIZE, True), Chain(shared=True)
    known = [Both(i, prompt, min(prefix, prompt - 1), chain) for i, (prompt, prefix) in enumerate(requests)]
    for who, tokens in moves:
        partial = [each for each in known if 0 < each.computed < each.tokens]
        request = [*partial, known[who % len(known)]][0]  # an engine completes a prompt before it begins another
        holding = request.holding
        if request.computed == 0:  # admit
            hit = pool.find(holding, request.tokens)
            found = naive.hit(request.contents, request.tokens)
            assert hit == len(found)
            unused = pool.taken(holding, hit)
            assert unused == sum(not block.holders for block in found)
            if -(-request.tokens // SIZE) - hit + unused > pool.free:
                continue
            pool.reuse(holding, hit)
            naive.touch(found)
            request.blocks, request.computed = list(found), hit * SIZE
        elif request.computed == request.tokens or tokens > 9:
            pool.release(holding, request.computed)
            naive.release(request.blocks)
            # Who has computed its whole context has put out a token, and comes back with at least that one more.
            request.tokens = max(request.tokens + tokens % 3, request.computed + 1)
            request.blocks, request.computed = [], 0
            pool.check_invariants()
            assert pool.free == len(naive.free)
            continue
        new = min(tokens, request.tokens - request.computed)
        need = -(-(request.computed + new) // SIZE) - len(request.blocks)
        if need > pool.free:
            continue
        request.computed += new
        pool.grow(holding, need)
        pool.share(holding, request.computed)
        request.blocks += [naive.take() for _ in range(need)]
        for place in range(request.computed // SIZE):
            naive.fill(request.blocks[place], request.contents[place])
        pool.check_invariants()
        assert pool.free == len(naive.free)
        assert pool.used == blocks - pool.free


def test_without_a_cache_nothing_is_found_again():
    pool, holding = BlockPool(8, SIZE, caching=False), Holding()
    pool.reuse(holding, pool.find(holding, 20))
    pool.grow(holding, 5)
    pool.release(holding, 20)
    assert pool.find(holding, 21) == 0
    assert pool.free == 8


def test_the_last_token_of_a_prompt_is_computed_even_if_all_of_it_is_cached():
    pool, holding = BlockPool(8, SIZE, caching=True), Holding()
    pool.reuse(holding, 0)
    pool.grow(holding, 2)
    pool.release(holding, 8)
    assert pool.find(holding, 8) == 1
    assert pool.find(holding, 9) == 2


def test_the_integral_of_used_blocks_is_what_was_held_for_how_long():
    pool, holding = BlockPool(8, SIZE, caching=True), Holding()
    pool.reuse(holding, 0)
    pool.grow(holding, 3)
    pool.now = 2.0
    pool.release(holding, 12)
    assert pool.moments == pytest.approx(6.0)
