"""Our order inside a real engine."""

import pytest

from tests.integrations.vllm.engines import add, close, make_engine, make_model, run, scheduler_of

pytestmark = pytest.mark.vllm

LENGTHS = [40, 5, 25, 60, 10, 30, 8, 50, 3, 20]
SHORTEST = {"policy": {"policy": "boosted", "inner": "spjf", "boost": "inf", "knee": 100.0}, "trust_hints": True}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return make_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def stock(model):
    llm = make_engine(model, scheduler=None)
    for number, tokens in enumerate(LENGTHS):
        add(llm, number, tokens)
    finished = run(llm)
    close(llm)
    return finished


def test_the_order_changes_who_is_served_first_and_not_a_single_token(model, stock):
    llm = make_engine(model, settings={"policy": "spjf", "trust_hints": True}, max_num_seqs=1)
    for number, tokens in enumerate(LENGTHS):
        add(llm, number, tokens, predicted_tokens=tokens)
    free = scheduler_of(llm).kv_cache_manager.block_pool.get_num_free_blocks()
    finished = run(llm)
    assert list(finished) == [str(n) for n in sorted(range(10), key=lambda n: LENGTHS[n])]
    assert finished == stock
    assert scheduler_of(llm).kv_cache_manager.block_pool.get_num_free_blocks() == free
    assert not scheduler_of(llm).requests
    assert not scheduler_of(llm).order.tracked
    close(llm)
