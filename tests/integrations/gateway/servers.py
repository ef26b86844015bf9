"""A small engine that speaks as vLLM's server does, and servers for it and for the gateway, on real sockets."""

import asyncio
import contextlib
import json
import re
import socket
import threading
import time

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from beforehand.integrations.gateway import Gateway

CHAT = "/v1/chat/completions"


class SmallEngine:
    """Answers `tokens` words after `seconds` each; remembers the bodies it was sent."""

    def __init__(self, name="a", tokens=5, seconds=0.0):
        self.name, self.tokens, self.seconds = name, tokens, seconds
        self.bodies, self.raw, self.headers, self.dropped = [], [], [], 0
        self.calls = []  # ids of the tool calls that the next answers end in
        self.breaks = False
        self.app = Starlette(
            routes=[
                Route(CHAT, self.answer, methods=["POST"]),
                Route("/v1/completions", self.answer, methods=["POST"]),
                Route("/v1/models", self.models),
                Route("/echo", self.echo, methods=["GET", "POST", "PUT", "DELETE"]),
            ]
        )

    async def models(self, request: Request):
        return JSONResponse({"data": [{"id": self.name}]}, headers={"x-engine": self.name})

    async def echo(self, request: Request):
        body = await request.body()
        self.headers.append(request.headers)
        return PlainTextResponse(f"{request.method} {request.url.query} ".encode() + body, status_code=207)

    async def answer(self, request: Request):
        raw = await request.body()
        self.raw.append(raw)
        try:
            body = json.loads(raw)
            assert isinstance(body, dict)
        except (ValueError, AssertionError):
            return JSONResponse({"error": "not JSON"}, status_code=400)
        self.bodies.append(body)
        call = self.calls.pop(0) if self.calls else None
        prompt = sum(len(str(each.get("content"))) for each in body.get("messages", [])) // 3 + 1
        usage = {"prompt_tokens": prompt, "completion_tokens": self.tokens}
        if not body.get("stream"):
            await asyncio.sleep(self.seconds * self.tokens)
            message = {"role": "assistant", "content": " ".join(["word"] * self.tokens)}
            if call:
                message["tool_calls"] = [{"id": call[1], "function": {"name": call[0], "arguments": "{}"}}]
            answer = json.dumps({"choices": [{"message": message}], "usage": usage})  # in ASCII, whatever a name holds
            return Response(answer, media_type="application/json")
        return StreamingResponse(self.stream(call, usage, body), media_type="text/event-stream")

    async def stream(self, call, usage, body):
        event = lambda **fields: f"data: {json.dumps(fields)}\n\n".encode()  # noqa: E731
        try:
            yield event(choices=[{"delta": {"role": "assistant", "content": ""}}])
            for place in range(self.tokens):
                await asyncio.sleep(self.seconds)
                if self.breaks and place == 2:
                    raise RuntimeError("killed")
                yield event(choices=[{"delta": {"content": f"wörd{place} "}}])
            if call:
                said = {"tool_calls": [{"index": 0, "id": call[1], "function": {"name": call[0], "arguments": "{}"}}]}
                yield event(choices=[{"delta": said}])
            if (body.get("stream_options") or {}).get("include_usage"):
                yield event(choices=[], usage=usage)
            yield b"data: [DONE]\n\n"
        except asyncio.CancelledError:
            self.dropped += 1
            raise


@contextlib.contextmanager
def serving(app, **options):
    """The application on a free port, in a thread; gives its address."""
    config = uvicorn.Config(
        app, port=0, log_level="critical", access_log=False, server_header=False, date_header=False, **options
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)


def head_of(sent):
    """The lines of a request before its body, in lower case; none where the connection ends."""
    lines = []
    while (line := sent.readline()) not in (b"\r\n", b""):
        lines.append(line.lower())
    return b"".join(lines)


@contextlib.contextmanager
def bare_server(length, answer):
    """Answers one request, whose body has this length, with these bytes; gives its address and the head it was sent."""
    heads = []

    def serve():
        connection, _ = listening.accept()
        with connection, connection.makefile("rb") as sent:
            heads.append(head_of(sent))
            sent.read(length)
            connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", heads
        thread.join(10)


@contextlib.contextmanager
def closing_server(*plans):
    """A connection after another, each of which answers so many requests, takes one more and closes; gives its address
    and the bodies it was sent."""
    bodies = []
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

    def serve():
        for answers in plans:
            connection, _ = listening.accept()
            with connection, connection.makefile("rb") as sent:
                for left in range(answers, -1, -1):
                    head = head_of(sent)
                    if not head:
                        break
                    bodies.append(sent.read(int(re.search(rb"content-length: (\d+)", head)[1])))
                    if left:
                        connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", bodies
        thread.join(10)
        assert not thread.is_alive(), "it never saw its connections end"


@contextlib.contextmanager
def behind_a_gateway(*engines, **options):
    """The engines on ports, and a gateway in front of them: its address and itself."""
    with contextlib.ExitStack() as stack:
        # an engine that is to end may be in the middle of an answer that nobody waits for any more
        urls = [stack.enter_context(serving(engine.app, timeout_graceful_shutdown=1)) for engine in engines]
        gateway = Gateway(urls, **options)
        yield stack.enter_context(serving(gateway)), gateway


def until(what, seconds=10.0):
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never held"
        time.sleep(0.005)


def chat(*contents, **fields):
    """The body of a request with these messages of the user."""
    return {"model": "m", "messages": [{"role": "user", "content": each} for each in contents]} | fields


def ask(client, url, body, **options):
    """The answer to a chat request, which must succeed."""
    response = client.post(url + CHAT, json=body, **options)
    assert response.status_code == 200, response.text
    return response
