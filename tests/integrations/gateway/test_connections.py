import asyncio

import aiohttp

from beforehand.integrations.gateway.connections import REUSED, Connections
from tests.integrations.gateway.servers import SmallEngine, serving


def test_a_request_knows_whether_its_connection_has_carried_others():
    async def asked(url):
        async with aiohttp.ClientSession(connector=Connections()) as session:

            async def one():
                async with session.get(url + "/v1/models") as response:
                    await response.read()
                return REUSED.get()

            apart = [await asyncio.ensure_future(one()) for _ in range(3)]
            return apart, list(await asyncio.gather(one(), one())), REUSED.get()

    with serving(SmallEngine().app) as url:
        apart, at_once, outside = asyncio.run(asked(url))
    assert apart == [False, True, True]
    assert sorted(at_once) == [False, True]
    assert not outside


def test_a_connection_that_cannot_be_made_has_carried_nothing():
    async def asked(url):
        async with aiohttp.ClientSession(connector=Connections()) as session:
            REUSED.set(True)
            try:
                await session.get(url)
            except aiohttp.ClientConnectorError:
                return REUSED.get()

    assert asyncio.run(asked("http://127.0.0.1:9")) is False
