"""One gateway in front of several engines."""

import asyncio
import logging
import math

import httpx
import pytest

from beforehand.integrations.gateway import Gateway
from beforehand.integrations.gateway.conversations import Conversations
from tests.integrations.gateway.servers import CHAT, SmallEngine, ask, behind_a_gateway, chat, serving


def test_conversations_that_never_end_are_forgotten_at_last(monkeypatch):
    monkeypatch.setattr("beforehand.integrations.gateway.conversations.KEPT", 8)
    kept = Conversations()
    for number in range(20):
        first = kept.named("anna", f"{number}", now=float(number))
        assert kept.named("anna", f"{number}", now=float(number)) is first
    assert len(kept) <= 8
    kept.named("ben", "a day later", now=86_400.0)
    assert len(kept) == 1


def test_two_engines_share_the_work(client):
    engines = [SmallEngine("a", tokens=30, seconds=0.02), SmallEngine("b", tokens=30, seconds=0.02)]

    async def all_of(url):
        async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
            await asyncio.gather(*(client.post(url + CHAT, json=chat(f"{n} " * 500)) for n in range(20)))

    with behind_a_gateway(*engines) as (url, gateway):
        asyncio.run(all_of(url))
        assert sorted(len(each.bodies) for each in engines) == [10, 10]
        assert [each.requests for each in gateway.traffic.engines] == [0, 0]


@pytest.mark.parametrize("route", ["work", "conversation"])
def test_a_conversation_goes_where_its_memory_is(client, route):
    engines = [SmallEngine("a"), SmallEngine("b")]
    with behind_a_gateway(*engines, route=route) as (url, _):
        for number in range(6):
            messages = [{"role": "user", "content": f"{number} " * 1000}]
            for turn in range(3):
                ask(client, url, {"messages": messages})
                messages += [{"role": "assistant", "content": "yes"}, {"role": "user", "content": f"and {turn}?"}]
        for engine in engines:
            firsts = [each["messages"][0]["content"] for each in engine.bodies]
            assert all(firsts.count(each) == 3 for each in firsts)


def test_an_engine_that_goes_away_is_passed_over(client, caplog):
    engines = [SmallEngine("a"), SmallEngine("b")]
    with serving(engines[1].app) as second:
        with serving(engines[0].app) as first:
            pass  # it was here a moment ago
        gateway = Gateway([first, second])
        with serving(gateway) as url, caplog.at_level(logging.WARNING):
            for _ in range(5):
                ask(client, url, chat("x"))
            assert len(engines[1].bodies) == 5
            assert [each.requests for each in gateway.traffic.engines] == [0, 0]
            assert client.get(url + "/v1/models").headers["x-engine"] == "b"


def test_every_engine_is_tried_before_a_request_is_given_up(client):
    """Also one that refused a connection a moment ago, and is back."""
    engine = SmallEngine("b")
    with serving(engine.app) as second:
        with serving(SmallEngine("a").app) as first:
            pass
        gateway = Gateway([first, second])
        gateway.traffic.engines[1].down_until, gateway.traffic.engines[1].work = math.inf, 100.0
        with serving(gateway) as url:
            ask(client, url, chat("x"))
    assert len(engine.bodies) == 1
