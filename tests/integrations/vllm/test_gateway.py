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
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="module")
def servers(model, folder):
    """Two engines that order by priority, four requests at a time each; they start at the same time."""
    options = {"scheduler": "tests.integrations.vllm.held.Held", "arguments": ORDERED}
    options["HELD_ADMITTED"] = str(folder / "admitted")
    started = [running_server(model, folder / f"log{n}", **options) for n in range(2)]
    with contextlib.ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        yield [address for address, _ in pool.map(stack.enter_context, started)]


def answer(url, prompt="w5 w6 w7", tokens=12, **fields):
    body = {"model": "tiny", "prompt": prompt, "max_tokens": tokens, "temperature": 0, "ignore_eos": True} | fields
    response = httpx.post(url + "/v1/completions", json=body, trust_env=False, timeout=120)
    assert response.status_code == 200, response.text
    return response


def said(text):
    """An answer without what differs between any two: ids, times, and which tokens of a stream come as one piece."""
    pieces = [json.loads(line.removeprefix("data: ")) for line in text.splitlines() if "{" in line]
    choices = [choice for piece in pieces for choice in piece["choices"]]
    kinds = {(piece["object"], piece["model"], *sorted(piece)) for piece in pieces}
    return "".join(choice["text"] for choice in choices), choices[-1]["finish_reason"], pieces[-1].get("usage"), kinds


@pytest.mark.parametrize("stream", [False, True])
def test_answers_through_the_gateway_are_the_engines(servers, stream):
    gateway = Gateway(servers[:1])
    counted = {"stream_options": {"include_usage": True}} if stream else {}  # a busy engine joins tokens in a piece
    with serving(gateway) as url:
        direct, through = (answer(each, stream=stream, **counted) for each in (servers[0], url))
        assert said(through.text) == said(direct.text)
        assert set(through.headers) == set(direct.headers)
        assert gateway.failures == 0
        assert gateway.traffic.priorities.expected_tokens(math.nan) == 12


@pytest.mark.parametrize("stream", [False, True])
def test_answers_of_the_responses_api_are_counted(servers, stream):
    gateway = Gateway(servers[:1])
    body = {"model": "tiny", "input": "w5 w6 w7", "max_output_tokens": 9, "temperature": 0, "stream": stream}
    with serving(gateway) as url:
        response = httpx.post(url + "/v1/responses", json=body, trust_env=False, timeout=120)
        assert response.status_code == 200, response.text
    assert gateway.failures == 0
    assert gateway.traffic.priorities.expected_tokens(math.nan) == 9


def test_the_engine_serves_what_the_gateway_calls_short_before_what_came_earlier(servers, folder):
    """The engine begins when all three wait, and serves one at a time: short prompts and short answers go first."""
    gateway = Gateway(servers[:1], trust_hints=True)
    waiting = [("w9 " * 300, 60), ("w9 " * 100, 20), ("w9 " * 5, 4)]

    def one(words, tokens):
        hints = {"vllm_xargs": {"bh_predicted_tokens": tokens, "held": len(waiting)}}
        with openai.OpenAI(base_url=url + "/v1", api_key="none", max_retries=0, timeout=120) as client:
            extra = EXACT["extra_body"] | hints
            client.completions.create(prompt=words, max_tokens=tokens, **EXACT | {"extra_body": extra})

    with serving(gateway) as url, ThreadPoolExecutor(3) as pool:
        asked = []
        for number, request in enumerate(waiting):
            asked.append(pool.submit(one, *request))
            until(lambda number=number: gateway.traffic.engines[0].requests == number + 1, seconds=60)
        for each in asked:
            each.result()
    assert (folder / "admitted").read_text().split() == ["5", "100", "300"]


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
            if number % 4 == 0 and pieces == 1:  # tokens that come while the client is busy are one piece
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
        until(lambda: [each.requests for each in gateway.traffic.engines] == [0, 0], seconds=60)
        sent = [len(each.prefixes) for each in gateway.traffic.engines]
        assert min(sent) > 0
    assert 48 <= len(record) <= 64  # who left late may have had its whole answer
    for url in servers:
        until(lambda url=url: metric(url, "vllm:num_requests_running") == 0, seconds=60)


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
