"""Preserve, discard and swap inside a real engine: what a return computes, that tokens stay the same, what is left."""

import copy

import pytest
from vllm.config import KVTransferConfig
from vllm.distributed.kv_transfer import (
    ensure_kv_transfer_initialized,
    ensure_kv_transfer_shutdown,
    get_kv_transfer_group,
)
from vllm.v1.core.sched.scheduler import Scheduler as Stock

from beforehand.integrations.vllm import Scheduler
from beforehand.integrations.vllm.queue import RankedRequestQueue
from tests.integrations.vllm.engines import new_scheduler, prompt_of
from tests.integrations.vllm.turns import HOST, PROMPT, RESULT, Engine, two_requests, two_turns

pytestmark = pytest.mark.vllm

BLOCKS = 47


@pytest.fixture(scope="module")
def transfer(llm, answers):
    """A connector in the engine's worker, as the engine makes it at its start; its configuration."""
    config = KVTransferConfig(**HOST, kv_connector_extra_config={"host_bytes": 1 << 22})
    runner = llm.llm_engine.engine_core.engine_core.model_executor.driver_worker.worker.model_runner
    whole = copy.copy(runner.vllm_config)
    whole.kv_transfer_config = config
    ensure_kv_transfer_initialized(whole, runner.kv_cache_config)
    names = runner.kv_cache_config.kv_cache_groups[0].layer_names
    get_kv_transfer_group().register_kv_caches(dict(zip(names, runner.kv_caches, strict=True)))
    yield config
    ensure_kv_transfer_shutdown()


@pytest.fixture
def engine(request, llm, transfer):
    """The engine whose handling is what the test is called with: an action, and whether there is a host tier."""
    action, host = request.param
    settings = {"handling": {"handling": "always", "action": action}, "policy": {"policy": "fcfs"}, "trust_hints": True}
    scheduler = new_scheduler(llm, Scheduler, settings=settings, blocks=BLOCKS, transfer=transfer)
    if not host:
        scheduler.pauses.host = scheduler.pauses.sessions._host = None
    chosen = Engine(llm)
    yield chosen
    chosen.assert_nothing_is_left()


@pytest.fixture(scope="module")
def answers(llm):
    """What vLLM's own scheduler answers, to a request and in a session."""
    new_scheduler(llm, Stock, blocks=BLOCKS)
    stock = Engine(llm)
    asked, turned = two_requests(stock, flood=False)[1], two_turns(stock, flood=False)[1]
    assert asked != turned  # a session leaves out the last token of its answer
    return asked, turned


@pytest.mark.parametrize(
    ("engine", "held", "computed"),
    [(("preserve", False), 7, 38), (("discard", False), 0, 230), (("swap", True), 0, 38), (("swap", False), 0, 230)],
    indirect=["engine"],
)
def test_a_request_after_a_call_computes_what_was_not_kept(engine, answers, held, computed):
    assert two_requests(engine) == (held, answers[0])
    assert engine.computed("second") == computed


@pytest.mark.parametrize(
    ("engine", "held", "computed"),
    [(("preserve", False), 7, 20), (("discard", False), 0, 229), (("swap", True), 0, 37), (("swap", False), 0, 229)],
    indirect=["engine"],
)
def test_a_session_computes_at_its_next_turn_what_was_not_kept(engine, answers, held, computed):
    assert two_turns(engine) == (held, answers[1])
    assert engine.computed("session") == computed


ACTIONS = [("preserve", False), ("discard", False), ("swap", True)]


@pytest.mark.parametrize("engine", ACTIONS, indirect=True)
def test_a_session_aborted_between_two_turns_leaves_nothing(engine):
    engine.add("session", PROMPT, 10, resumable=True, conversation="c")
    engine.run()
    assert engine.scheduler.num_waiting_for_streaming_input == 1
    engine.core.abort_requests(["session"])
    assert engine.scheduler.num_waiting_for_streaming_input == 0
    assert engine.scheduler.pauses.sessions.paused == {}
    if engine.scheduler.pauses.host is not None:
        host = engine.scheduler.pauses.host.host
        assert host.free == host.slots


@pytest.mark.parametrize("engine", [("preserve", False)], indirect=True)
def test_a_pin_is_freed_when_the_conversations_next_request_is_aborted(engine):
    engine.add("first", PROMPT, 10, conversation="c", tool="search", hold_seconds=100.0)
    first = engine.run()["first"]
    assert engine.free_blocks() == engine.free - 7
    engine.add("second", PROMPT + first + RESULT, 6, conversation="c")
    engine.core.abort_requests(["second"])
    assert engine.free_blocks() == engine.free


@pytest.mark.parametrize("engine", [("preserve", False)], indirect=True)
def test_a_pin_expires_although_its_conversation_has_the_name_of_its_request(engine):
    now = 0.0
    engine.scheduler.clock = lambda: now
    engine.add("c", PROMPT, 10, conversation="c", tool="search", hold_seconds=5.0)
    engine.run()
    assert engine.free_blocks() == engine.free - 7
    now = 5.0
    engine.add("other", RESULT, 2)
    engine.run()
    assert engine.free_blocks() == engine.free


@pytest.mark.parametrize("engine", [("preserve", False)], indirect=True)
def test_tenants_whose_conversations_have_one_name_keep_their_own_pins(engine):
    named = {"conversation": "c", "tool": "search", "hold_seconds": 100.0}
    engine.add("first", PROMPT, 10, tenant="anna", **named)
    first = engine.run()["first"]
    assert engine.free_blocks() == engine.free - 7
    engine.add("other", prompt_of(3, 100), 10, tenant="ben", **named)
    engine.run()
    assert engine.free_blocks() == engine.free - 7 - 4
    engine.add("second", PROMPT + first + RESULT, 6, conversation="c", tenant="anna")
    engine.run()
    assert engine.free_blocks() == engine.free - 4
    engine.add("third", RESULT, 6, conversation="c", tenant="ben")
    engine.run()


@pytest.mark.parametrize("engine", [("preserve", False)], indirect=True)
def test_a_pin_costs_no_sort_of_the_queue_in_each_step(engine, monkeypatch):
    engine.add("first", PROMPT, 10, conversation="c", tool="search", hold_seconds=100.0)
    engine.run()
    sorts = []
    with monkeypatch.context() as patch:
        patch.setattr(RankedRequestQueue, "__iter__", lambda self: sorts.append(1) or iter(()))
        for number in range(20):
            engine.add(f"other {number}", prompt_of(number + 50, 100), 5)
        engine.run()
    assert sorts == []
    engine.scheduler.reset_prefix_cache()


@pytest.mark.parametrize("engine", [("preserve", False)], indirect=True)
def test_a_session_that_waits_for_input_costs_no_memory_and_is_overtaken_by_nobody(engine):
    engine.add("session", PROMPT, 10, resumable=True, conversation="c")
    engine.run()
    engine.add("other", RESULT, 100)
    engine.run()
    overtaking = engine.scheduler.order.overtaking
    assert overtaking.most == 0
    assert len(overtaking) < 5
    engine.core.abort_requests(["session"])


@pytest.mark.parametrize("engine", [("discard", False), ("swap", True)], indirect=True)
def test_a_session_without_its_blocks_resumes_as_before_although_our_code_has_failed(engine, answers):
    engine.add("session", PROMPT, 10, resumable=True, conversation="c")
    engine.run()
    engine.flood()
    engine.scheduler.order.failure = ValueError("a fault")
    engine.add("other", RESULT, 2)
    engine.run()
    assert engine.scheduler.order is None
    engine.add("session", RESULT, 6, resumable=True)
    assert engine.run()["session"] == answers[1]
    engine.add("session", [5], 1)
    engine.core.step()


@pytest.mark.parametrize("engine", [("preserve", False)], indirect=True)
def test_a_request_may_have_the_name_of_one_whose_blocks_are_pinned(engine):
    engine.add("again", PROMPT, 10, conversation="c", tool="search", hold_seconds=100.0)
    engine.run()
    engine.add("again", PROMPT, 10)
    assert len(engine.run()["again"]) == 10


@pytest.mark.parametrize("engine", ACTIONS, indirect=True)
def test_a_prefix_cache_without_requests_can_be_reset(engine):
    engine.add("first", PROMPT, 10, conversation="c", tool="search", hold_seconds=100.0)
    engine.run()
    assert engine.scheduler.reset_prefix_cache()
