"""Requests that belong together, and the record of them."""

import json

import numpy as np
import pytest

from beforehand.core import Trace
from beforehand.integrations.gateway import RecordedRequests
from beforehand.scheduling.serving.simulator.request import check_requests
from tests.integrations.gateway.servers import CHAT, SmallEngine, ask, behind_a_gateway, chat, until

TOOLS = [{"type": "function", "function": {"name": "search"}}]


def turns(client, url, engine, user="anna", stream=False):
    """Two turns with a tool between them; what the engine was sent."""
    engine.calls.append(("search", "call-1"))
    first = chat("What is it?", tools=TOOLS, user=user, stream=stream)
    ask(client, url, first)
    said = {"role": "assistant", "content": None, "tool_calls": [{"id": "call-1"}]}
    result = {"role": "tool", "tool_call_id": "call-1", "content": "four " * 50}
    ask(client, url, first | {"messages": [*first["messages"], said, result]})
    return engine.bodies[-2:]


@pytest.mark.parametrize("stream", [False, True])
def test_two_turns_with_a_call_between_are_one_conversation_without_hints(client, stream, tmp_path):
    engine, seconds = SmallEngine(), iter(np.arange(0, 1000, 2.0))
    record = RecordedRequests(tmp_path / "seen.npz")
    with behind_a_gateway(engine, record=record, clock=lambda: 1.8e9 + next(seconds)) as (url, gateway):
        first, second = turns(client, url, engine, stream=stream)
        assert first["vllm_xargs"]["bh_conversation"] == second["vllm_xargs"]["bh_conversation"]
        assert first["vllm_xargs"]["bh_tools"] == ["search"]
        assert gateway.traffic.durations.mean("search") > 0
        other, _ = turns(client, url, engine)
        assert other["vllm_xargs"]["bh_conversation"] != first["vllm_xargs"]["bh_conversation"]
        until(lambda: len(record) == 2)
    trace = Trace.load(tmp_path / "seen.npz")
    check_requests(trace)
    assert trace["output_tokens"].tolist() == [5, 5]
    calls = trace.children["calls"]
    assert calls["tool"].tolist() == ["search", "search"]
    assert (calls["seconds"] > 0).all()
    assert (calls["return_tokens"] > 10).all()
    assert (trace["finished"] >= trace["first_token"]).all()
    assert trace["tenant"].tolist() == ["anna", "anna"]


def test_the_place_of_a_conversation_is_that_of_its_first_request(client):
    engine, seconds = SmallEngine(), iter(np.arange(0, 1e6, 500.0))
    with behind_a_gateway(engine, clock=lambda: 1.8e9 + next(seconds)) as (url, _):
        first, second = turns(client, url, engine)
        ask(client, url, chat("What is it?"))
        assert abs(second["priority"] - first["priority"]) < 300_000 < engine.bodies[-1]["priority"] - first["priority"]


def test_nobody_takes_the_place_of_another_tenants_conversation(client):
    engine = SmallEngine()
    with behind_a_gateway(engine) as (url, _):
        engine.calls.append(("search", "call-1"))
        ask(client, url, chat("x", tools=TOOLS, user="anna"))
        stolen = {"messages": [{"role": "tool", "tool_call_id": "call-1", "content": "4"}], "user": "ben"}
        ask(client, url, stolen)
        one, other = (each["vllm_xargs"]["bh_conversation"] for each in engine.bodies)
        assert one != other


def test_trusted_clients_name_their_conversations(client):
    engine = SmallEngine()
    with behind_a_gateway(engine, trust_hints=True) as (url, _):
        for _ in range(2):
            ask(client, url, chat("x", vllm_xargs={"bh_conversation": "mine"}))
        assert [each["vllm_xargs"]["bh_conversation"] for each in engine.bodies] == ["mine", "mine"]


@pytest.mark.parametrize("ending", ["npz", "jsonl", "parquet"])
def test_no_name_that_a_client_chooses_keeps_the_record_from_being_written(client, tmp_path, ending):
    engine, record = SmallEngine(), RecordedRequests(tmp_path / f"record.{ending}")
    engine.calls.append(("\ud800", "call-1"))
    with behind_a_gateway(engine, record=record) as (url, _):
        first = chat("x", user="a\ud800", tools=TOOLS)
        client.post(url + CHAT, content=json.dumps(first))
        result = {"role": "tool", "tool_call_id": "call-1", "content": "four"}
        client.post(url + CHAT, content=json.dumps(first | {"messages": [*first["messages"], result]}))
        until(lambda: len(record) == 1)
    assert Trace.load(record.path).columns["tenant"].tolist() == ["a?"]


def test_a_recording_that_cannot_be_written_stops_nothing(client, tmp_path, caplog):
    record = RecordedRequests(tmp_path / "no" / "such.npz")
    with behind_a_gateway(SmallEngine(), record=record) as (url, _):
        ask(client, url, chat("x"))
    assert "the recorded requests were lost" in caplog.text
