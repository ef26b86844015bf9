"""A reverse proxy that gives each request to a language model its priority, and passes all bytes on unchanged."""

import asyncio
import io
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from typing import Any, Final, final

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from beforehand.core.errors import InvalidInput
from beforehand.integrations.gateway.answered import Answered
from beforehand.integrations.gateway.asked import read_body, with_fields
from beforehand.integrations.gateway.budget import WithinBudget
from beforehand.integrations.gateway.connections import REUSED, Connections
from beforehand.integrations.gateway.engines import DOWN_SECONDS, Engine, Route, choose, engines_at
from beforehand.integrations.gateway.exchange import Exchange
from beforehand.integrations.gateway.priorities import EPOCH, Priorities
from beforehand.integrations.gateway.recorded import RecordedRequests
from beforehand.integrations.gateway.traffic import Traffic
from beforehand.scheduling.engine_profile import EngineProfile
from beforehand.scheduling.inputs import flag, one_of
from beforehand.scheduling.policies.policy import Policy

log = logging.getLogger("beforehand.gateway")

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

HOP_BY_HOP: Final = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding "
    b"upgrade".split()
)
OURS_TO_SAY: Final = (
    b"host",
    b"content-length",
    b"expect",
)  # we have the whole body, so nobody is asked to wait for it
MOST_BODY: Final = 256 * 2**20
LARGE: Final = 2**19
CONNECT_SECONDS: Final = 5.0


@final
class Gateway:
    """An ASGI application in front of one or several engines that order their queues by the field `priority`.

    Requests to `/v1/chat/completions`, `/v1/completions` and `/v1/responses` get a priority, whatever the client said,
    and hints for the vLLM plug-in in `vllm_xargs`, which stock engines ignore. All other requests, and all answers,
    pass unchanged.

    Args:
        upstreams: Addresses of the engines, such as `["http://127.0.0.1:8000"]`.
        priorities: The order; None for the default, `ShortestWork` with its guard.
        profile: What an iteration of an engine costs; None for a published one.
        route: With several engines: `"work"` sends a request to the one that will be done with it first, by the
            predicted work of what it has, and by what its prefix cache saves; `"conversation"` to the one that had the
            conversation's last request.
        trust_hints: Whether clients' `bh_...` fields are used. Predicted lengths are corrected by how far the tenant's
            earlier ones were off.
        record: Where to record what passes.
        clock: Seconds since 1970 that never go back; None for the machine's.

    Guarantee:
        The bytes of an answer are the engine's. No request fails because a prediction failed, was late or was wrong: it
        is then ordered by the mean. A client that goes away ends its request at the engine, too. A request whose engine
        refuses the connection goes to another one; a completion that is sent on a connection which the engine had just
        closed is sent once more.

    Raises:
        InvalidInput: an address or an option is out of range.

    Example:
        >>> gateway = Gateway(["http://127.0.0.1:8000"])  # uvicorn.run(gateway, port=8001) serves it
        >>> str(gateway.traffic.priorities.policy)
        'Boosted(ShortestWork, boost=30, knee=0.08)'
    """

    def __init__(
        self,
        upstreams: Sequence[str],
        priorities: Priorities | None = None,
        *,
        profile: EngineProfile | None = None,
        route: Route = "work",
        trust_hints: bool = False,
        record: RecordedRequests | None = None,
        clock: Callable[[], float] | None = None,
    ) -> None:
        one_of("route", route, ("work", "conversation"))
        self.traffic = Traffic(
            engines_at(upstreams, profile),
            priorities or Priorities(),
            route=route,
            trust_hints=flag("trust_hints", trust_hints),
            record=record,
        )
        self.failures = 0  # requests whose priority was not found, and which went by their arrival
        since = time.time() - time.monotonic()
        self._clock = clock or (lambda: since + time.monotonic())
        self._session: aiohttp.ClientSession | None = None

    def replan(self, policy: Policy | None, *, lengths: Any = None, profile: EngineProfile | None = None) -> None:
        """Order by another policy from now on; what was learned and what is under way stays.

        Raises:
            InvalidInput: see `Priorities`; nothing has changed then.
        """
        self.traffic.priorities = self.traffic.priorities.planned_anew(policy, lengths=lengths)
        self.traffic.budget = WithinBudget()  # the old predictor may hang in all threads of the old one
        for engine in self.traffic.engines:
            engine.view.profile = profile

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the server."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:  # a websocket: no engine speaks it
            await send({"type": "websocket.close", "code": 1003})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._session is not None:
            await self._session.close()
        if self.traffic.record is not None:
            try:
                self.traffic.record.save()
            except InvalidInput:
                log.exception("the recorded requests were lost")
        await send({"type": "lifespan.shutdown.complete"})

    @property
    def session(self) -> aiohttp.ClientSession:
        """The connections to all engines."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=Connections(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
                auto_decompress=False,
                max_line_size=2**17,
                max_field_size=2**17,
            )
        return self._session

    async def _http(self, scope: Message, receive: Receive, send: Send) -> None:
        if not _target(scope).startswith(b"/"):
            await _refuse(
                send, 400, f"the request is for {_target(scope)!r}, but must be for a path that begins with /"
            )
            return
        body = await _body(receive)
        if body is None:
            return  # the client has gone
        if len(body) > MOST_BODY:
            await _refuse(send, 413, f"the body has more than {MOST_BODY} bytes; send less")
            return
        exchange = None
        if scope["method"] == "POST" and (read := read_body(scope["path"], body)) is not None:
            fields, asked = read
            now, trusted = self._clock(), self.traffic.trust_hints
            try:
                exchange = await self.traffic.begin(asked, now)
                body = with_fields(body, fields, exchange.priority, exchange.hints, keep=trusted)
            except Exception:  # whatever goes wrong here must not cost the client its answer
                if not self.failures:
                    log.exception("a priority could not be found; the request goes by its arrival")
                self.failures += 1
                body = with_fields(body, fields, int(1000 * (now - EPOCH)), {}, keep=trusted)
        passing = asyncio.current_task()
        assert passing is not None
        gone = asyncio.ensure_future(_end_when_gone(receive, passing))
        try:
            await self._pass(scope, body, exchange, send)
        except asyncio.CancelledError:
            if not gone.done() or gone.cancelled() or passing.uncancel():
                raise  # somebody else ends it
        finally:
            gone.cancel()
            if exchange is not None:
                self.traffic.end(exchange, self._clock())

    async def _pass(self, scope: Message, body: bytes, exchange: Exchange | None, send: Send) -> None:
        """Send a request on, and its answer back."""
        try:
            response = await self._sent(scope, body, exchange)
        except aiohttp.ClientError as error:
            if exchange is not None:
                self.traffic.end(exchange, self._clock())
            await _refuse(send, 502, f"no engine answers ({type(error).__name__}); see whether it runs")
            return
        try:
            kept = _end_to_end((name.lower(), value) for name, value in response.raw_headers)
            await send({"type": "http.response.start", "status": response.status, "headers": kept})
            if exchange is not None and response.status == 200 and "content-encoding" not in response.headers:
                stream = response.headers.get("content-type", "").startswith("text/event-stream")
                length = response.headers.get("content-length", "")
                exchange.answered = Answered(stream=stream, left=int(length) if length.isdigit() else -1)
            async for data in response.content.iter_any():
                if exchange is not None:
                    self._read(exchange, data)
                await send({"type": "http.response.body", "body": data, "more_body": True})
            if exchange is not None:
                self._over(exchange)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except (
            aiohttp.ClientError
        ) as error:  # the engine broke off: so does this answer, for nobody to take it for whole
            log.warning("an engine broke off its answer (%s)", type(error).__name__)
        finally:
            response.close()

    def _read(self, exchange: Exchange, data: bytes) -> None:
        """Look at bytes on their way; whoever gets the last of them may answer before we come to think of it."""
        answered = exchange.answered
        if answered is None:
            return
        if answered.feed(data) and not exchange.began:
            self.traffic.piece(exchange, self._clock())
        if answered.complete or not answered.left:
            self._over(exchange)

    def _over(self, exchange: Exchange) -> None:
        """All bytes of the answer are here."""
        if exchange.answered is not None:
            exchange.answered.finish()
        self.traffic.end(exchange, self._clock())

    async def _sent(self, scope: Message, body: bytes, exchange: Exchange | None) -> aiohttp.ClientResponse:
        """The head of an engine's answer; engines that refuse the connection are passed over."""
        now = self._clock()
        left = list(self.traffic.engines)
        engine = exchange.engine if exchange else choose(left, (), 1, 1, now=now, route="work")
        again = False
        while True:
            try:
                return await self.session.request(
                    scope["method"],
                    _address(engine, scope),
                    headers=_headers(scope),
                    data=_data(body),
                    allow_redirects=False,
                )
            except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
                engine.down_until = self._clock() + DOWN_SECONDS
                log.warning("%s refuses connections", engine.url)
                left.remove(engine)
                if not left or again:  # it may have died of this request: no other one shall
                    raise
                engine = choose(left, (), 1, 1, now=self._clock(), route="work")
                if exchange is not None:
                    self.traffic.moved(exchange, engine)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                # The engine closed an idle connection, as after an error of its own, while this request was on its way.
                # A completion may be asked for twice; of other requests that are no GET nobody knows.
                if exchange is None or again or not REUSED.get():
                    raise
                again = True


async def _body(receive: Receive) -> bytes | None:
    """A request's body, or its beginning if it is too long; None if the client goes before it is complete."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MOST_BODY or not message.get("more_body", False):
            return b"".join(parts) if len(parts) > 1 else parts[0]


async def _end_when_gone(receive: Receive, passing: "asyncio.Task[Any]") -> None:
    """Wait until the client has gone, and end the task that serves it.

    The request does not run in a task of its own instead, which would begin a turn of the event loop later.
    """
    try:
        while (await receive())["type"] != "http.disconnect":
            pass
    except Exception:  # of the server, which has lost the client then, too
        log.exception("a connection to a client failed")
    passing.cancel()


async def _refuse(send: Send, status: int, message: str) -> None:
    body = json.dumps({"error": {"message": message, "type": "gateway", "code": status}}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _target(scope: Message) -> bytes:
    """The path as the client wrote it; what does not begin with / could name another host than the engine's."""
    path: bytes = scope.get("raw_path") or scope["path"].encode()
    return path


def _address(engine: Engine, scope: Message) -> URL:
    query: bytes = scope.get("query_string", b"")
    return URL(engine.url + (_target(scope) + (b"?" + query if query else b"")).decode("latin-1"), encoded=True)


def _data(body: bytes) -> Any:
    """A body as aiohttp takes it: a large one in parts, lest the event loop wait for it."""
    return io.BytesIO(body) if len(body) > LARGE else body or None


def _headers(scope: Message) -> CIMultiDict[str]:
    kept = [(name, value) for name, value in _end_to_end(scope["headers"]) if name not in OURS_TO_SAY]
    return CIMultiDict((name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in kept)


def _end_to_end(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Those headers, with names in lower case, that are not only about the connection on which they came."""
    every = list(headers)
    named = {each.strip().lower() for name, value in every if name == b"connection" for each in value.split(b",")}
    return [(name, value) for name, value in every if name not in HOP_BY_HOP and name not in named]
