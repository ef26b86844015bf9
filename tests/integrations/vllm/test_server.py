"""The OpenAI server as a process with our scheduler, and the official client."""

import asyncio
import random
import time

import openai
import pytest

from beforehand.core.trace import Trace
from tests.integrations.vllm.servers import PATIENCE, metric, running_server

pytestmark = pytest.mark.vllm

SETTINGS = {"policy": {"policy": "boosted", "inner": {"policy": "trail", "fraction": 0.8}}, "trust_hints": True}


@pytest.fixture(scope="module")
def server(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    (folder / "metrics").mkdir()
    settings = SETTINGS | {"record": str(folder / "trace.npz")}
    metrics = {"PROMETHEUS_MULTIPROC_DIR": str(folder / "metrics")}
    with running_server(model, folder / "log", settings=settings, **metrics) as (address, _):
        yield address, folder
    trace = Trace.load(folder / "trace.npz")
    assert trace.kind == "requests"
    assert len(trace) >= 48
    assert Trace.load(folder / "trace.steps.npz", kind="steps")["seconds"].min() > 0


def client(address):
    return openai.AsyncOpenAI(base_url=f"{address}/v1", api_key="none", timeout=120, max_retries=0)


def settle(address):
    """Wait until the engine holds nothing: the requests it then still knows."""
    deadline = time.monotonic() + PATIENCE
    while True:
        left = metric(address, "vllm:num_requests_running") + metric(address, "vllm:num_requests_waiting")
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.2)


def test_64_clients_that_stream_get_their_tokens_though_a_quarter_disconnects(server):
    address, _ = server
    draw = random.Random(3)

    async def ask(openai_client, number):
        tokens = draw.randint(2, 40)
        leaves = number % 4 == 0
        stream = await openai_client.completions.create(
            model="tiny",
            prompt=[3 + (number * 7 + place) % 380 for place in range(10 + number)],
            max_tokens=tokens,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
            extra_body={
                "ignore_eos": True,
                "vllm_xargs": {"bh_predicted_tokens": tokens, "bh_tenant": f"t{number % 3}"},
            },
        )
        used = None
        async for part in stream:
            if leaves:
                await stream.close()
                return None
            used = part.usage or used
        return used.completion_tokens == tokens

    async def all_of_them():
        async with client(address) as openai_client:
            return await asyncio.gather(*(ask(openai_client, number) for number in range(64)))

    answers = asyncio.run(all_of_them())
    assert [answer for answer in answers if answer is not None] == [True] * 48
    assert answers.count(None) == 16
    assert settle(address) == 0
    assert metric(address, "vllm:kv_cache_usage_perc") == 0
    assert metric(address, "beforehand_policy_active") == 1
    assert metric(address, "beforehand_hook_seconds_total") > 0
    assert not metric(address, "beforehand_ignored_hints_total")


def test_an_answer_is_the_same_with_and_without_hints_and_a_bad_hint_costs_nothing(server):
    address, _ = server

    async def texts():
        async with client(address) as openai_client:
            every = []
            for hints in ({}, {"bh_predicted_tokens": 3}, {"bh_predicted_tokens": "soon", "bh_tools": "a,b"}):
                answer = await openai_client.chat.completions.create(
                    model="tiny",
                    messages=[{"role": "user", "content": "w10 w20 w30"}],
                    max_tokens=20,
                    temperature=0,
                    extra_body={"ignore_eos": True, "vllm_xargs": hints},
                )
                every.append(answer.choices[0].message.content)
            return every

    found = asyncio.run(texts())
    assert found[0]
    assert found == [found[0]] * 3


def test_a_request_that_vllm_refuses_is_refused_as_without_us(server):
    address, _ = server

    async def ask(**arguments):
        async with client(address) as openai_client:
            await openai_client.completions.create(model="tiny", **arguments)

    with pytest.raises(openai.BadRequestError):
        asyncio.run(ask(prompt=[5] * 600, max_tokens=3))
    with pytest.raises(openai.BadRequestError):
        asyncio.run(ask(prompt=[5], max_tokens=3, extra_body={"vllm_xargs": {"bh_tool": {"nested": "object"}}}))
    assert settle(address) == 0
