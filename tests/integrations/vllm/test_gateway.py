"""The gateway in front of two of vLLM's own servers, driven over HTTP by OpenAI's client."""

import asyncio
import contextlib
import json
import math
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import openai
import pytest

from beforehand.integrations.gateway import Gateway, RecordedRequests
from tests.integrations.gateway.servers import serving, until
from tests.integrations.vllm.servers import metric, running_server

pytestmark = pytest.mark.vllm
EXACT = {"model": "tiny", "temperature": 0.0, "extra_body": {"ignore_eos": True}}


ORDERED = ("--scheduling-policy", "priority", "--max-num-seqs", "4", "--dtype", "float32")


@pytest.fixture(scope="module")
def servers(model, tmp_path_factory):
    """Two engines that order by priority, four requests at a time each; they start at the same time."""
    folder = tmp_path_factory.mktemp("servers")
    started = [running_server(model, folder / f"log{n}", scheduler=None, arguments=ORDERED) for n in range(2)]
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        yield [address for address, _ in pool.map(stack.enter_context, started)]


def answer(url, prompt="w5 w6 w7", tokens=12, **fields):
    body = {"model": "tiny", "prompt": prompt, "max_tokens": tokens, "temperature": 0, "ignore_eos": True} | fields
    response = httpx.post(url + "/v1/completions", json=body, trust_env=False, timeout=120)
    assert response.status_code == 200, response.text
    return response


def without_names(text):
    """Lines of an answer without what differs between any two: ids and times."""
    lines = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith(("data: {", "{"))]
    return [{k: v for k, v in json.loads(line).items() if k not in ("id", "created")} for line in lines]


@pytest.mark.parametrize("stream", [False, True])
def test_answers_through_the_gateway_are_the_engines(servers, stream):
    gateway = Gateway(servers[:1])
    with serving(gateway) as url:
        direct, through = (answer(each, stream=stream) for each in (servers[0], url))
        assert without_names(through.text) == without_names(direct.text)
        assert set(through.headers) == set(direct.headers)
        assert gateway.failures == 0
        assert gateway.traffic.priorities.expected_tokens(math.nan) == 12


def test_the_engine_serves_what_the_gateway_calls_short_before_what_came_earlier(servers):
    """Four requests fill the slots; of those that wait, short prompts and short answers go first."""
    gateway = Gateway(servers[:1], trust_hints=True)
    finished = []

    async def one(client, name, prompt, tokens, claimed):
        body = {"vllm_xargs": {"bh_predicted_tokens": claimed}}
        await client.completions.create(
            prompt=prompt, max_tokens=tokens, **EXACT | {"extra_body": EXACT["extra_body"] | body}
        )
        finished.append(name)

    async def all_of(url):
        async with openai.AsyncOpenAI(base_url=url + "/v1", api_key="none", max_retries=0, timeout=120) as client:
            waiting = [asyncio.ensure_future(one(client, "first", f"w{n}", 500, 500)) for n in range(4)]
            while await asyncio.to_thread(metric, servers[0], "vllm:num_requests_running") < 4:
                await asyncio.sleep(0.01)
            for name, words, tokens in (("long", 300, 60), ("middle", 100, 20), ("short", 5, 4)):
                waiting.append(asyncio.ensure_future(one(client, name, "w9 " * words, tokens, tokens)))
                await asyncio.sleep(0.05)
            await asyncio.gather(*waiting)

    with serving(gateway) as url:
        asyncio.run(all_of(url))
    assert next(each for each in finished if each != "first") == "short"
    assert finished.index("short") < finished.index("long")


def test_two_engines_share_sixty_four_clients_a_quarter_of_which_disconnects(servers, tmp_path):
    record = RecordedRequests(tmp_path / "seen.jsonl")
    gateway = Gateway(servers, record=record)

    async def one(client, number):
        tokens = 400 if number % 4 == 0 else 10 + number % 5  # those who leave have much to come
        stream = await client.completions.create(
            prompt=f"w{number + 5} " * (1 + number % 7), max_tokens=tokens, stream=True, **EXACT
        )
        pieces = 0
        async for piece in stream:
            pieces += bool(piece.choices[0].text)
            if number % 4 == 0 and pieces == 3:
                await stream.close()
                return None
        return pieces

    async def all_of(url):
        async with openai.AsyncOpenAI(base_url=url + "/v1", api_key="none", max_retries=0, timeout=120) as client:
            return await asyncio.gather(*(one(client, number) for number in range(64)))

    with serving(gateway) as url:
        pieces = asyncio.run(all_of(url))
        assert pieces.count(None) == 16
        assert min(each for each in pieces if each is not None) >= 1
        until(lambda: [each.requests for each in gateway.traffic.engines] == [0, 0])
        sent = [len(each.prefixes) for each in gateway.traffic.engines]
        assert min(sent) > 20
    assert 48 <= len(record) <= 64  # who left late may have had its whole answer
    for url in servers:
        until(lambda url=url: metric(url, "vllm:num_requests_running") == 0, seconds=30)


def test_two_turns_around_a_call_are_one_conversation_without_hints(servers):
    """The model is too small to call a tool, so the call is made up; the engine takes its result all the same."""
    gateway = Gateway(servers)
    with serving(gateway) as url:
        client = openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0, timeout=120)
        traffic = gateway.traffic
        first = [{"role": "user", "content": "w5 w6"}]
        client.chat.completions.create(messages=first, max_tokens=5, user="anna", **EXACT)
        conversation = traffic.conversations.returning("anna", (), time.time())
        traffic.conversations.called(conversation, ("call-1",))
        said = {"role": "assistant", "content": "w7", "tool_calls": [
            {"id": "call-1", "type": "function", "function": {"name": "search", "arguments": "{}"}}
        ]}  # fmt: skip
        result = {"role": "tool", "tool_call_id": "call-1", "content": "w8 w9"}
        client.chat.completions.create(messages=[*first, said, result], max_tokens=5, user="anna", **EXACT)
        assert conversation.turn == 1
        client.close()
    assert gateway.failures == 0
