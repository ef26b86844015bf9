"""What the gateway adds to each piece of an answer: 64 streams at once through it and straight to the engine, in turns.

The engine is a small server in a process of its own that sends a piece of each answer every 20 ms, as one that decodes
would, with the time in it; gateway and client are processes, too. The rival is a proxy of starlette and httpx that only
passes bytes on, under the same server and event loop, uvloop, which is the command's where it is installed. Processor
time is that of the proxy's process. Two minutes.

Not for you where a millisecond counts: put the order into the engine, by the plug-in.
"""

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from report import options, take

from beforehand.reporting import Sheet

STREAMS, PIECES, EVERY, REPEATS = 64, 50, 0.02, 5
PROMPT = "word " * 400


async def engine() -> Any:
    """An engine that does nothing but send the time."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
                await reader.readexactly(int(length.split(b":")[1]))
                writer.write(
                    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
                )
                for _ in range(PIECES):
                    await asyncio.sleep(EVERY)
                    piece = {"choices": [{"delta": {"content": f"{time.monotonic():.7f}"}}]}
                    data = f"data: {json.dumps(piece)}\n\n".encode()
                    writer.write(b"%x\r\n%s\r\n" % (len(data), data))
                writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")

    return await asyncio.start_server(answer, "127.0.0.1", 0)


def serve(app: Any) -> None:
    """An application under uvicorn, which prints its port."""
    import uvicorn
    import uvloop

    config = uvicorn.Config(app, port=0, log_level="error", access_log=False, server_header=False, date_header=False)
    server = uvicorn.Server(config)

    async def run() -> None:
        serving = asyncio.ensure_future(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        print(server.servers[0].sockets[0].getsockname()[1], flush=True)
        await serving

    uvloop.run(run())


def plain(upstream: str) -> Any:
    """A proxy that only passes bytes on."""
    import httpx
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.requests import Request
    from starlette.responses import StreamingResponse
    from starlette.routing import Route

    client = httpx.AsyncClient(limits=httpx.Limits(max_connections=None), timeout=None, trust_env=False)

    async def passed(request: Request) -> StreamingResponse:
        sent = client.build_request("POST", upstream + request.url.path, content=await request.body())
        response = await client.send(sent, stream=True)
        kind = response.headers["content-type"]
        return StreamingResponse(response.aiter_raw(), media_type=kind, background=BackgroundTask(response.aclose))

    return Starlette(routes=[Route("/v1/chat/completions", passed, methods=["POST"])])


def role(name: str, upstream: str) -> None:
    """What a child process does."""
    if name == "engine":

        async def run() -> None:
            server = await engine()
            print(server.sockets[0].getsockname()[1], flush=True)
            await server.serve_forever()

        asyncio.run(run())
    elif name == "gateway":
        from beforehand.integrations.gateway import Gateway

        serve(Gateway([upstream]))
    else:
        serve(plain(upstream))


@contextlib.contextmanager
def child(name: str, upstream: str = "") -> Iterator[tuple[int, int]]:
    """A process in a role: its port, and its number."""
    process = subprocess.Popen([sys.executable, __file__, "--role", name, upstream], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline()), process.pid
    finally:
        process.terminate()
        process.wait(10)


async def stream(port: int, number: int) -> tuple[float, list[float]]:
    """One answer: milliseconds to its first piece, and how old each piece was when it came."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps({"messages": [{"role": "user", "content": f"{number} {PROMPT}"}], "stream": True}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(body)}\r\n\r\n"
    began = time.monotonic()
    writer.write(head.encode() + body)
    ages: list[float] = []
    first = 0.0
    while not (line := await reader.readline()).startswith(b"data: [DONE]"):
        if line.startswith(b"data: "):
            now = time.monotonic()
            first = first or now - began
            ages.append(1e3 * (now - float(json.loads(line[6:])["choices"][0]["delta"]["content"])))
    writer.close()
    assert len(ages) == PIECES
    return 1e3 * (first - EVERY), ages


async def client(port: int, number: int) -> tuple[float, list[float]]:
    """Three answers one after the other, begun at another time than those of other clients; the one in the middle."""
    await asyncio.sleep(PIECES * EVERY * number / STREAMS)
    return [await stream(port, number) for _ in range(3)][1]


async def streams(port: int) -> tuple[float, float, float]:
    """Medians over 64 streams, and the 99th percentile of the age of pieces, all in milliseconds."""
    found = await asyncio.gather(*(client(port, number) for number in range(STREAMS)))
    ages = np.array([each for _, many in found for each in many])
    return statistics.median(first for first, _ in found), float(np.median(ages)), float(np.quantile(ages, 0.99))


def processor_seconds(process: int) -> float:
    """What a process has taken of the processor."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def table() -> Sheet:
    """A row for each way to the engine."""
    with child("engine") as (port, _):
        upstream = f"http://127.0.0.1:{port}"
        with child("plain", upstream) as other, child("gateway", upstream) as ours:
            ways = {"straight to the engine": (port, 0), "a proxy that only passes bytes on": other, "Gateway": ours}
            found: dict[str, list[list[float]]] = {name: [] for name in ways}
            for repeat in range(REPEATS + 1):
                for name, (where, process) in ways.items():
                    before = processor_seconds(process) if process else 0.0
                    seen = asyncio.run(streams(where))
                    took = processor_seconds(process) - before if process else 0.0
                    if repeat:
                        found[name].append([*seen, 1e6 * took / (3 * STREAMS * PIECES)])
    middle = {name: np.median(np.array(runs), axis=0) for name, runs in found.items()}
    direct = middle["straight to the engine"]
    rows = []
    for name, figures in middle.items():
        added = figures - direct
        rows.append([name, *(f"{each:.2f}" for each in figures[:3]), f"{added[0]:+.2f}", f"{added[1]:+.2f}"])
        rows[-1].append(f"{figures[3]:.0f} us" if figures[3] else "")
    return Sheet(
        title="Milliseconds, medians of the runs",
        columns=[
            "", "to the first piece", "age of a piece", "99 % of pieces", "added to the first", "added to a piece",
            "processor a piece",
        ],
        rows=rows,
        below=f"{STREAMS} streams at once, {PIECES} pieces each, {1e3 * EVERY:.0f} ms apart; {REPEATS} runs in turns.",
    )  # fmt: skip


def main() -> None:
    """Measure, or play a part."""
    if sys.argv[1:2] == ["--role"]:
        role(*sys.argv[2:4])
        return
    take([table], options(__doc__ or "").parse_args().output)


if __name__ == "__main__":
    main()
