"""What the actor of a shared queue is: a queue of asyncio, and who holds which of its jobs."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, Final, NamedTuple

from beforehand.scheduling.queue.health import Health, Stats
from beforehand.scheduling.queue.prediction_queue import PredictionQueue
from beforehand.scheduling.queue.ticket import Ticket

NAME: Final = 32  # letters of a copy's name, the first that it sends
READY: Final = b"+"  # the answer: from now on it may get jobs
CALL: Final = struct.Struct("<Q")  # its last words: the calls whose jobs are done
MOST_WORDS: Final = 2**16
SILENCE: Final = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 3}  # until a machine that is gone is noticed


class Given(NamedTuple):
    """The answer to a call that wants jobs: these; or None, with how many wait, and whether the caller is known."""

    jobs: list[Any] | None
    size: int = 0
    known: bool = True


class Holder:
    """One copy of a `SharedQueue`, in some process, as the actor knows it."""

    def __init__(self) -> None:
        self.held: dict[int, list[Ticket[Any]]] = {}  # jobs that are not done, by the call that got them
        self.waiting: dict[int, asyncio.Task[Ticket[Any]]] = {}  # calls that wait for a job
        self.abandoned: set[int] = set()  # calls whose answer nobody will read


class QueueServer:
    """An actor of Ray, all of whose methods run in one event loop.

    Each copy has a name of its own, and a TCP connection to this actor while it may hold jobs. However its process
    ends, the kernel closes that connection; so no heartbeat is needed. A reference that the process owns would do as
    well, but Ray lets no process exit by itself while others hold such references, or results of its calls are open.
    """

    def __init__(self, factory: Callable[[], PredictionQueue[Any]]) -> None:
        self._queue = factory()
        self._holders: dict[str, Holder] = {}
        self._listening = asyncio.Lock()
        self._listener: asyncio.Server | None = None

    async def listen(self) -> tuple[str, int]:
        """Host and port to which copies connect."""
        async with self._listening:
            if self._listener is None:
                host = import_module("ray").util.get_node_ip_address()
                self._listener = await asyncio.start_server(self._connected, host, 0)
        found: tuple[str, int] = self._listener.sockets[0].getsockname()[:2]
        return found

    async def put(self, jobs: Sequence[Any], options: Sequence[Mapping[str, Any]]) -> int | None:
        """Put all of these jobs and return None, or none of them and return how many wait."""
        tickets = []
        try:
            for job, given in zip(jobs, options, strict=True):
                tickets.append(self._queue.put_nowait(job, **given))
        except BaseException as error:
            for ticket in tickets:
                self._queue.cancel(ticket)
            if not isinstance(error, asyncio.QueueFull):
                raise
            return self._queue.qsize()
        return None

    async def put_waiting(self, job: Any, options: Mapping[str, Any], timeout: float | None) -> int | None:
        """Put a job as soon as there is room; if there was none in time, return how many wait."""
        size = await self.put([job], [options])
        if size is None:
            return None
        try:
            await asyncio.wait_for(self._queue.put(job, **options), timeout)
        except TimeoutError:
            return self._queue.qsize()
        return None

    async def get(
        self,
        copy: str,
        call: int,
        done: Sequence[int],
        *,
        count: int,
        wait: bool,
        timeout: float | None,
    ) -> Given:
        """Give a copy jobs, after those that its earlier calls got are done.

        Args:
            copy: Its name.
            call: The number of this call.
            done: Numbers of calls whose jobs are done.
            count: How many jobs, all or none.
            wait: Wait for them; then just one.
            timeout: Seconds to wait at most.
        """
        holder = self._holders.get(copy)
        if holder is None:
            return Given(None, known=False)
        self._finish(holder, done)
        tickets = self._take(count)
        if tickets is None and wait and call not in holder.abandoned:
            tickets = await self._wait(holder, call, timeout)
        if tickets is None:
            return Given(None, self._queue.qsize())
        if call in holder.abandoned or copy not in self._holders:
            self._hand_back(tickets)
            return Given(None)
        holder.held[call] = tickets
        return Given([ticket.job for ticket in tickets])

    async def done(self, copy: str, calls: Sequence[int], size: float | None) -> None:
        """The jobs of these calls have run to their end."""
        if copy in self._holders:
            self._finish(self._holders[copy], calls, size)

    async def requeue(self, copy: str, calls: Sequence[int], served: float | None) -> None:
        """The jobs of these calls are to run again, or to go on."""
        for call in calls if copy in self._holders else ():
            self._hand_back(self._holders[copy].held.get(call, []), served)

    async def abandon(self, copy: str, call: int) -> None:
        """Nobody will read the answer to this call: its job is another's."""
        if copy not in self._holders:
            return
        holder = self._holders[copy]
        holder.abandoned.add(call)
        if call in holder.waiting:
            holder.waiting[call].cancel()
        self._hand_back(holder.held.pop(call, []))

    async def qsize(self) -> int:
        """How many jobs wait."""
        return self._queue.qsize()

    async def stats(self) -> Stats:
        """What the queue counted."""
        return self._queue.stats

    async def health(self, options: Mapping[str, float | None]) -> Health:
        """Whether its predictions paid."""
        return self._queue.health(**options)

    def _take(self, count: int) -> list[Ticket[Any]] | None:
        """As many jobs, if they wait."""
        tickets: list[Ticket[Any]] = []
        try:
            while len(tickets) < count:
                tickets.append(self._queue.get_nowait())
        except asyncio.QueueEmpty:
            self._hand_back(tickets)
            return None
        return tickets

    async def _wait(self, holder: Holder, call: int, timeout: float | None) -> list[Ticket[Any]] | None:
        """One job, unless none comes in time, or the call is abandoned before."""
        waiting = holder.waiting[call] = asyncio.create_task(self._queue.get())
        try:
            await asyncio.wait({waiting}, timeout=timeout)
        except asyncio.CancelledError:  # by ray.cancel of the task that called
            holder.abandoned.add(call)
        waiting.cancel()
        await asyncio.wait({waiting})  # it may have a job by now all the same
        del holder.waiting[call]
        return None if waiting.cancelled() else [waiting.result()]

    def _finish(self, holder: Holder, calls: Iterable[int], size: float | None = None) -> None:
        for call in calls:
            for ticket in holder.held.get(call, ()):
                self._queue.done(ticket, size=size)
            holder.held.pop(call, None)

    def _hand_back(self, tickets: list[Ticket[Any]], served: float | None = None) -> None:
        while tickets:
            self._queue.requeue(tickets[-1], tickets[-1].view.age if served is None else served)
            tickets.pop()  # only now: requeue may refuse `served`

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Know a copy for as long as its connection lasts; then hand back what it holds."""
        with contextlib.closing(writer):
            keep_alive(writer.get_extra_info("socket"))
            try:
                copy = (await reader.readexactly(NAME)).decode()
            except (asyncio.IncompleteReadError, OSError, UnicodeDecodeError):
                return  # no copy of ours
            if copy in self._holders:
                return
            holder = self._holders[copy] = Holder()
            writer.write(READY)
            last_words = b""
            with contextlib.suppress(OSError):  # of a connection that broke off
                last_words = await reader.read(MOST_WORDS)
            self._finish(holder, (call for (call,) in CALL.iter_unpack(last_words[: len(last_words) // 8 * 8])))
        del self._holders[copy]
        for waiting in holder.waiting.values():
            waiting.cancel()
        for tickets in holder.held.values():
            self._hand_back(tickets)


def keep_alive(connection: socket.socket) -> None:
    """Notice a machine that is gone in some ten seconds."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in SILENCE.items():
        if hasattr(socket, name):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
