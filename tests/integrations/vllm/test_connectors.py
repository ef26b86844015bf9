"""Engines that are started with a connector of KV cache: our host tier, and what splits prefill from decoding."""

import pytest
from vllm.config import KVTransferConfig
from vllm.distributed.kv_transfer import ensure_kv_transfer_shutdown
from vllm.v1.core.sched.scheduler import Scheduler as Stock

from tests.integrations.vllm.engines import add, close, free_blocks, make_engine, new_scheduler, run, scheduler_of
from tests.integrations.vllm.turns import HOST, Engine, two_requests, two_turns

pytestmark = pytest.mark.vllm

BLOCKS = 48
LENGTHS = [40, 5, 25, 60, 10, 30, 8, 50, 3, 20]


@pytest.fixture(scope="module")
def stock(llm):
    """What vLLM's own scheduler answers: after a call, in a session, and to requests of many lengths."""
    new_scheduler(llm, Stock, blocks=BLOCKS - 1)
    engine = Engine(llm)
    after_call, in_session = two_requests(engine, flood=False)[1], two_turns(engine, flood=False)[1]
    for number, tokens in enumerate(LENGTHS):
        add(llm, number, tokens)
    return after_call, in_session, run(llm)


def started(model, transfer, **settings):
    """An engine as a user starts it."""
    return make_engine(
        model,
        scheduler_cls="beforehand.integrations.vllm.Scheduler",
        additional_config={"beforehand": {"trust_hints": True} | settings},
        kv_transfer_config=KVTransferConfig(**transfer),
        num_gpu_blocks_override=BLOCKS,
        max_num_seqs=4,
    )


@pytest.fixture(scope="module")
def with_host_tier(model, stock):
    llm = started(
        model,
        HOST | {"kv_connector_extra_config": {"host_bytes": 1 << 22}},
        handling={"handling": "always", "action": "swap"},
        policy={"policy": "fcfs"},
    )
    yield Engine(llm)
    close(llm)
    ensure_kv_transfer_shutdown()


def test_an_engine_started_with_the_host_tier_copies_a_conversation_out_and_back(with_host_tier, stock):
    assert scheduler_of(with_host_tier.llm).pauses.host is not None
    assert two_requests(with_host_tier) == (0, stock[0])
    assert with_host_tier.computed("second") == 38
    assert two_turns(with_host_tier) == (0, stock[1])
    assert with_host_tier.computed("session") == 37
    with_host_tier.assert_nothing_is_left()


@pytest.fixture(scope="module", params=["kv_producer", "kv_consumer"])
def half(request, model, with_host_tier):
    """An engine for one half of each request, whose settings ask for a handling all the same."""
    ensure_kv_transfer_shutdown()
    llm = started(
        model,
        {
            "kv_connector": "Elsewhere",
            "kv_role": request.param,
            "kv_connector_module_path": "tests.integrations.vllm.elsewhere",
        },
        handling={"handling": "always", "action": "preserve"},
        policy={"policy": "spjf"},
    )
    yield llm
    close(llm)
    ensure_kv_transfer_shutdown()


def test_where_prefill_and_decoding_are_apart_requests_are_ordered(half, stock):
    free = free_blocks(half)
    for number, tokens in enumerate(LENGTHS):
        add(half, number, tokens, predicted_tokens=tokens)
    finished = run(half)
    assert finished == stock[2]
    assert list(finished)[:2] == ["8", "1"]
    half.llm_engine.engine_core.engine_core.step()  # in which the last blocks have been sent
    assert (free_blocks(half), scheduler_of(half).requests) == (free, {})


def test_where_prefill_and_decoding_are_apart_no_blocks_are_kept_during_calls(half, stock):
    engine = Engine(half)
    _, second = two_requests(engine)
    assert second == stock[0]
    assert scheduler_of(half).order is not None
    assert scheduler_of(half).pauses.calls.counts == {"preserve": 0, "discard": 1, "swap": 0}
    assert engine.computed("second") == 230
    engine.assert_nothing_is_left()
