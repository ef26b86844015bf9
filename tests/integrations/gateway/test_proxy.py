import asyncio
import json
import logging
import math
import threading
import time

import httpx
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.integrations.gateway import Gateway, Priorities
from beforehand.integrations.gateway.budget import THREADS
from tests.integrations.gateway.servers import (
    CHAT,
    SmallEngine,
    ask,
    bare_server,
    behind_a_gateway,
    chat,
    closing_server,
    serving,
    until,
)

TOOLS = [{"type": "function", "function": {"name": "search"}}]


# Bytes


@pytest.mark.parametrize("stream", [True, False])
def test_bytes_and_heads_of_an_answer_are_the_engines(client, stream):
    engine = SmallEngine()
    with serving(engine.app) as direct, behind_a_gateway(engine) as (url, _):
        for body in (chat("hello", stream=stream), chat("x", stream=stream, stream_options={"include_usage": True})):
            one, other = ask(client, direct, body), ask(client, url, body)
            assert other.content == one.content
            assert other.headers == one.headers


def test_everything_else_passes_unchanged(client):
    engine = SmallEngine()
    with behind_a_gateway(engine) as (url, gateway):
        for method, body in (("GET", b""), ("POST", b"\x00\xff"), ("PUT", b"{}"), ("DELETE", b"")):
            found = client.request(method, f"{url}/echo?a=%20b&c", content=body, headers={"x-mine": "ü".encode()})
            assert (found.status_code, found.content) == (207, f"{method} a=%20b&c ".encode() + body)
        assert engine.headers[-1]["x-mine"].encode("latin-1").decode() == "ü"
        assert "accept-encoding" in engine.headers[-1]
        assert client.get(url + "/v1/models").headers["x-engine"] == "a"
        assert client.get(url + "/nowhere").status_code == 404
        assert gateway.failures == 0


@pytest.mark.parametrize("body", [b"not JSON", b"", b"[1, 2]", b'{"messages": 7}', b"\xff" * 100])
def test_a_body_that_is_no_request_reaches_the_engine_as_it_is(client, body):
    engine = SmallEngine()
    with behind_a_gateway(engine) as (url, gateway):
        client.post(url + CHAT, content=body)
        assert engine.raw == [body]
        assert gateway.failures == 0


def test_a_prompt_of_a_megabyte_passes(client):
    engine = SmallEngine()
    text = "longer and longer " * 60_000
    with behind_a_gateway(engine) as (url, _):
        ask(client, url, chat(text))
        assert engine.bodies[0]["messages"][0]["content"] == text


def test_a_body_without_end_is_refused(client, monkeypatch):
    monkeypatch.setattr("beforehand.integrations.gateway.proxy.MOST_BODY", 1000)
    with behind_a_gateway(SmallEngine()) as (url, _):
        assert client.post(url + "/echo", content=b"x" * 2000).status_code == 413


# Priorities and hints


def test_every_request_gets_a_priority_and_what_clients_say_is_not_believed(client):
    engine = SmallEngine()
    with behind_a_gateway(engine) as (url, _):
        ask(client, url, chat("short", user="anna", priority=-(10**9), bh_predicted_tokens=1))
        ask(client, url, chat("long " * 5000, priority=-(10**9), vllm_xargs={"bh_predicted_tokens": 1, "mine": 2}))
        short, long = engine.bodies
        assert 0 < short["priority"] < long["priority"]
        assert short["vllm_xargs"]["bh_tenant"] == "anna"
        assert long["vllm_xargs"]["mine"] == 2
        assert "bh_predicted_tokens" not in short
        assert min(each["vllm_xargs"]["bh_predicted_tokens"] for each in engine.bodies) > 1


def test_trusted_hints_count_and_a_liar_is_found_out(client):
    engine = SmallEngine(tokens=80)
    with behind_a_gateway(engine, trust_hints=True) as (url, gateway):
        for _ in range(60):
            ask(client, url, chat("x", user="liar", vllm_xargs={"bh_predicted_tokens": 10}))
        assert engine.bodies[0]["vllm_xargs"]["bh_predicted_tokens"] == 10
        known = gateway.traffic.priorities.expected_tokens(math.nan, claimed=10.0, tenant="liar")
        assert known > 20


def test_lengths_that_engines_count_are_learned_with_the_size_of_prompts(client):
    engine = SmallEngine(tokens=33)
    with behind_a_gateway(engine) as (url, gateway):
        for stream in (False, True):
            for _ in range(100):
                ask(client, url, chat("x" * 299, stream=stream, stream_options={"include_usage": True}))
        assert gateway.traffic.priorities.expected_tokens(math.nan) == 33
        assert gateway.traffic.bytes_per_token == pytest.approx(2.99, rel=0.02)
        assert engine.bodies[-1]["vllm_xargs"]["bh_predicted_tokens"] == 33


def test_the_same_prompt_again_is_cheaper(client):
    engine = SmallEngine()
    with behind_a_gateway(engine, clock=lambda: 1.8e9) as (url, _):
        for text in ("first " * 3000, "other " * 3000, "first " * 3000):
            ask(client, url, chat(text))
        first, other, again = (each["priority"] for each in engine.bodies)
        assert again < other < first  # the first was expected to have 256 tokens, before any was seen


# Predictors that fail


class Hanging:
    def __init__(self):
        self.release = threading.Event()

    def predict(self, features):
        self.release.wait(30)
        return [1.0]


class Seven:
    def predict(self, features):
        return [7.0]


class Failing:
    def predict(self, features):
        raise OSError("no model")


def test_no_request_fails_or_waits_because_a_prediction_does(client, caplog):
    engine, hanging = SmallEngine(), Hanging()
    with caplog.at_level(logging.ERROR):
        for lengths in (hanging, Failing()):
            with behind_a_gateway(engine, priorities=Priorities(lengths=lengths)) as (url, gateway):
                began = time.monotonic()
                for _ in range(8):
                    ask(client, url, chat("x"))
                assert time.monotonic() - began < 8 * 2.0
                assert gateway.failures == 0
                assert gateway.traffic.budget.late == (8 if lengths is hanging else 0)
    hanging.release.set()
    assert {each["vllm_xargs"]["bh_predicted_tokens"] for each in engine.bodies} <= {256.0, 5.0}
    assert len(caplog.records) == 2


def test_a_new_plan_is_asked_although_the_old_ones_predictor_hangs(client):
    engine, hanging = SmallEngine(), Hanging()
    with behind_a_gateway(engine, priorities=Priorities(lengths=hanging)) as (url, gateway):
        for _ in range(THREADS):
            ask(client, url, chat("x"))
        gateway.replan(None, lengths=Seven())
        ask(client, url, chat("x"))
    hanging.release.set()
    assert engine.bodies[-1]["vllm_xargs"]["bh_predicted_tokens"] == 7.0


def test_a_fault_of_ours_costs_the_client_nothing(client, monkeypatch):
    engine = SmallEngine()
    monkeypatch.setattr("beforehand.integrations.gateway.traffic.choose", lambda *args, **more: 1 / 0)
    with behind_a_gateway(engine) as (url, gateway):
        ask(client, url, chat("x", priority=-5))
        assert gateway.failures == 1
        assert engine.bodies[0]["priority"] > 0


# Connections


def test_headers_about_a_connection_end_with_it(client):
    """An engine that never says "100 Continue" would keep a client waiting for ever."""
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close, X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\n\r\n{}"
    with bare_server(10, answer) as (upstream, heads), serving(Gateway([upstream])) as url:
        sent = {"Connection": "keep-alive, X-Mine", "X-Mine": "1", "X-Theirs": "2", "Expect": "100-continue"}
        found = client.post(url + "/echo", content=b"x" * 10, headers=sent, timeout=5)
        assert found.content == b"{}"
    assert found.headers["x-end"] == "2"
    assert "x-hop" not in found.headers
    assert b"x-theirs: 2" in heads[0]
    assert not any(each in heads[0] for each in (b"x-mine", b"expect", b"connection"))


@pytest.mark.parametrize("target", [b"@127.0.0.2/", b"*", b"http://127.0.0.2/", b".example/"])
def test_no_request_is_sent_to_another_host_than_the_engine(target):
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "raw_path": target, "headers": []}
    asyncio.run(Gateway(["http://127.0.0.1:9"])(scope, None, send))
    assert sent[0]["status"] == 400
    assert b"must be for a path that begins with /" in sent[1]["body"]


def test_an_answer_that_the_engine_breaks_off_is_broken_off(client):
    engine = SmallEngine()
    engine.breaks = True
    with behind_a_gateway(engine) as (url, gateway):
        with client.stream("POST", url + CHAT, json=chat("x", stream=True)) as response:
            parts = response.iter_raw()
            got = [next(parts)]
            with pytest.raises(httpx.RemoteProtocolError):
                got.extend(parts)
        assert b"rd1" in b"".join(got)
        assert b"DONE" not in b"".join(got)
        until(lambda: gateway.traffic.engines[0].requests == 0)
        assert gateway.traffic.priorities.expected_tokens(math.nan) == 256  # nothing was learned from it


def test_a_client_that_goes_away_ends_its_request_at_the_engine(client):
    engine = SmallEngine(tokens=10_000, seconds=0.01)
    with behind_a_gateway(engine) as (url, gateway):
        for _ in range(3):
            with client.stream("POST", url + CHAT, json=chat("x", stream=True)) as response:
                next(response.iter_raw())
        until(lambda: engine.dropped == 3)
        until(lambda: gateway.traffic.engines[0].requests == 0)
        assert gateway.traffic.engines[0].work == 0


def test_a_client_that_goes_away_before_its_answer_begins_is_not_counted_for_ever(client):
    engine = SmallEngine(tokens=10_000, seconds=0.01)
    with behind_a_gateway(engine) as (url, gateway):
        for _ in range(3):
            with pytest.raises(httpx.ReadTimeout):
                client.post(url + CHAT, json=chat("x"), timeout=0.2)
        until(lambda: len(engine.bodies) == 3)
        until(lambda: gateway.traffic.engines[0].requests == 0)
        assert gateway.traffic.engines[0].work == 0


def request_of(body):
    """A request as a server hands it over: its scope, and messages of which the last never comes."""
    headers = [(b"content-length", str(len(body)).encode())]
    scope = {"type": "http", "method": "POST", "path": CHAT, "headers": headers}
    messages = asyncio.Queue()
    messages.put_nowait({"type": "http.request", "body": body, "more_body": False})
    return scope, messages


@pytest.mark.parametrize("end", ["the client goes", "the server loses it", "the server ends"])
def test_whoever_ends_a_request_hears_of_it_and_nobody_else_does(end):
    """Only a server that ends it itself sees a cancelled task."""
    engine = SmallEngine(tokens=10_000, seconds=0.01)

    async def ended(url):
        gateway, began = Gateway([url]), asyncio.Event()
        scope, messages = request_of(json.dumps(chat("x", stream=True)).encode())

        async def receive():
            message = await messages.get()
            if isinstance(message, Exception):
                raise message
            return message

        async def send(message):
            if message.get("body"):
                began.set()

        task = asyncio.ensure_future(gateway(scope, receive, send))
        await began.wait()
        if end == "the server ends":
            task.cancel()
        else:
            messages.put_nowait({"type": "http.disconnect"} if end == "the client goes" else OSError("lost"))
        await asyncio.wait({task}, timeout=10)
        await gateway.session.close()
        assert gateway.traffic.engines[0].requests == 0
        return task.cancelled(), task.cancelling()

    with serving(engine.app) as url:
        assert asyncio.run(ended(url)) == ((True, 1) if end == "the server ends" else (False, 0))
        until(lambda: engine.dropped == 1)


def test_a_request_on_a_connection_that_the_engine_had_just_closed_is_sent_once_more(client):
    with closing_server(1, 1) as (upstream, bodies), serving(Gateway([upstream])) as url:
        assert [client.post(url + CHAT, json=chat(f"{each}")).status_code for each in range(2)] == [200, 200]
    assert [json.loads(body)["messages"][0]["content"] for body in bodies] == ["0", "1", "1"]


def test_an_engine_that_dies_of_a_request_gets_it_twice_at_most_and_no_other_engine_does(client):
    other = SmallEngine("b")
    with closing_server(1, 0) as (upstream, bodies), serving(other.app) as spare:
        gateway = Gateway([upstream, spare])
        gateway.traffic.engines[1].down_until = math.inf  # until the first has a connection to keep
        with serving(gateway) as url:
            assert client.post(url + CHAT, json=chat("0")).status_code == 200
            found = client.post(url + CHAT, json=chat("1"))
            assert found.status_code == 502
            assert "no engine answers" in found.json()["error"]["message"]
    assert len(bodies) == 3
    assert other.bodies == []


def test_what_is_no_completion_is_never_sent_twice(client):
    with closing_server(1) as (upstream, bodies), serving(Gateway([upstream])) as url:
        found = [client.post(url + "/v1/files", content=b"x").status_code for _ in range(2)]
        assert found == [200, 502]
    assert len(bodies) == 2


def test_without_an_engine_the_client_is_told(client):
    gateway = Gateway(["http://127.0.0.1:9"])
    with serving(gateway) as url:
        found = client.post(url + CHAT, json=chat("x"))
        assert found.status_code == 502
        assert "no engine answers (ClientConnectorError)" in found.json()["error"]["message"]
        assert gateway.traffic.engines[0].requests == 0


def test_sixty_four_streams_with_a_quarter_disconnecting_leave_nothing_behind():
    engine = SmallEngine(tokens=20, seconds=0.005)

    async def one(client, url, number):
        got = b""
        async with client.stream("POST", url + CHAT, json=chat(f"{number}", stream=True)) as response:
            async for data in response.aiter_raw():
                got += data
                if number % 4 == 0 and len(got) > 200:
                    return b""
        return got

    async def all_of(url):
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(trust_env=False, timeout=60, limits=limits) as client:
            return await asyncio.gather(*(one(client, url, number) for number in range(64)))

    with behind_a_gateway(engine) as (url, gateway):
        answers = asyncio.run(all_of(url))
        assert sum(each.endswith(b"data: [DONE]\n\n") for each in answers) == 48
        assert len(set(answers)) == 2
        until(lambda: gateway.traffic.engines[0].requests == 0)
        assert gateway.traffic.engines[0].context == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [({"route": "luck"}, "route is 'luck', but must be one of work"), ({"trust_hints": 1}, "trust_hints is 1")],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(InvalidInput, match=message):
        Gateway(["http://a:1"], **options)
