"""`scheduling gateway`: a proxy that puts requests to language models in order, for engines that stay as they are."""

import asyncio
import logging
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from beforehand.integrations.gateway import Gateway

EXAMPLE: Final = (
    "Example: beforehand scheduling gateway --upstream http://127.0.0.1:8000 --plan plan.json --record requests.npz"
)


def gateway(
    upstream: Annotated[
        list[str],
        typer.Option(metavar="URL", help="An engine that orders by priority. Repeat the option for several engines."),
    ],
    plan: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="What plan-serving wrote; read anew on SIGHUP. Else shortest work first."),
    ] = None,
    listen: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where clients connect.")] = "127.0.0.1:8001",
    route: Annotated[
        Literal["work", "conversation"],
        typer.Option(help="With several engines: to the one with the least work, or to that of the conversation."),
    ] = "work",
    trust_hints: Annotated[
        bool, typer.Option("--trust-hints", help="Go by clients' own bh_ fields; lengths are corrected.")
    ] = False,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Where to write what passed, at the end and on SIGHUP: npz, jsonl, parquet."),
    ] = None,
) -> None:
    """Serve requests to a language model in a better order, without touching the engine.

    A reverse proxy that gives each request a priority by what is known of
    it beforehand, and passes all bytes on. The engine must order by it:
    vllm serve --scheduling-policy priority. Stop it with Ctrl-C.
    """
    from beforehand.core.errors import InvalidInput
    from beforehand.integrations.gateway import Gateway, Priorities, RecordedRequests
    from beforehand.integrations.gateway.planned import read_plan

    host, port = _address(listen)
    logging.basicConfig(format="%(levelname)s %(message)s")
    planned = read_plan(plan) if plan else None
    app = Gateway(
        upstream,
        Priorities(planned.policy, lengths=planned.lengths) if planned else None,
        profile=planned.profile if planned else None,
        route=route,
        trust_hints=trust_hints,
        record=RecordedRequests(record) if record else None,
    )
    if record and record.suffix not in (".npz", ".jsonl", ".parquet"):
        raise InvalidInput(f"--record is {record}, but must end in .npz, .jsonl or .parquet; rename it")
    if record and not record.resolve().parent.is_dir():
        raise InvalidInput(f"--record is {record}, but must lie in a folder that exists; make it")
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(app, host, port, plan))


def _address(listen: str) -> tuple[str, int]:
    """Host and port."""
    from beforehand.core.errors import InvalidInput

    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) >= 2**16:
        raise InvalidInput(f"--listen is {listen!r}, but must be a host and a port, such as 127.0.0.1:8001")
    return host.strip("[]"), int(port)


def _loop_factory() -> "Callable[[], asyncio.AbstractEventLoop] | None":
    """uvloop's, which takes less time for each piece; None for Python's own, where there is none."""
    try:
        import uvloop
    except ModuleNotFoundError:
        return None
    return uvloop.new_event_loop


async def _serve(app: "Gateway", host: str, port: int, plan: Path | None) -> None:
    """Serve until a signal ends it."""
    try:
        import uvicorn
    except ModuleNotFoundError as error:
        from beforehand.core.errors import MissingDependency

        raise MissingDependency("the gateway needs uvicorn; pip install 'beforehand[gateway]'") from error

    await _check_free(host, port)
    options: dict[str, Any] = {"log_level": "warning", "access_log": False, "server_header": False}
    server = uvicorn.Server(uvicorn.Config(app, host=host, port=port, date_header=False, **options))
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, reload, app, plan)
    serving = asyncio.ensure_future(server.serve())
    while not (server.started or serving.done()):
        await asyncio.sleep(0.01)
    if server.started:
        where = server.servers[0].sockets[0].getsockname()
        engines = ", ".join(engine.url for engine in app.traffic.engines)
        print(f"{app.traffic.priorities.policy} at http://{where[0]}:{where[1]}, in front of {engines}", flush=True)
    await serving


async def _check_free(host: str, port: int) -> None:
    """Raise unless one can listen there; uvicorn would end the process.

    Raises:
        InvalidInput: something else listens there, or there is no such address.
    """
    from beforehand.core.errors import InvalidInput

    try:
        (await asyncio.get_running_loop().create_server(asyncio.Protocol, host, port)).close()
    except OSError as error:
        raise InvalidInput(
            f"--listen is {host}:{port}, but nothing can listen there ({error.strerror}); take another address"
        ) from error


def reload(app: "Gateway", plan: Path | None) -> None:
    """Write what was recorded so far, and read the plan anew; one that cannot be read changes nothing."""
    from beforehand.core.errors import BeforehandError
    from beforehand.integrations.gateway.planned import read_plan

    log = logging.getLogger("beforehand.gateway")
    try:
        if app.traffic.record is not None:
            app.traffic.record.save()
    except BeforehandError as error:
        log.error("%s", error)
    if plan is None:
        return
    try:
        planned = read_plan(plan)
        app.replan(planned.policy, lengths=planned.lengths, profile=planned.profile)
    except BeforehandError as error:
        log.error("the old plan stays: %s", error)
        return
    print(f"{app.traffic.priorities.policy}, from {plan}", flush=True)
