"""Connections to engines, of which a request can tell whether it goes out on one that has carried others."""

from contextvars import ContextVar
from typing import Any, Final, final
from weakref import WeakSet

import aiohttp

IDLE_SECONDS: Final = 3.0  # engines close idle connections after 5 s, and one that closes loses a request
REUSED: Final = ContextVar("REUSED", default=False)  # whether the connection that this task got last had carried others


@final
class Connections(aiohttp.TCPConnector):
    """As many connections as there are requests, each kept for 3 s after its last one.

    aiohttp's own traces tell the same, but are told of every part of a request, which takes a tenth of the time that
    it needs to go out.
    """

    def __init__(self) -> None:
        super().__init__(limit=0, keepalive_timeout=IDLE_SECONDS)
        self._carried: WeakSet[Any] = WeakSet()

    async def connect(self, *args: Any, **options: Any) -> Any:
        """A connection for one request; sets `REUSED` in its task."""
        REUSED.set(False)
        connection = await super().connect(*args, **options)
        REUSED.set(connection.protocol in self._carried)
        self._carried.add(connection.protocol)
        return connection
