"""A server that adds the codes of workers, and a worker's end of it: sums exact, stragglers left behind if you like."""

import hashlib
import threading
from types import TracebackType
from typing import Any, NamedTuple, Self, final, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.gradients.codec import Codec
from beforehand.gradients.exchange import Combine, Exchange, Floats, Gather, Sum
from beforehand.gradients.inputs import check_seed, one_of, real, whole
from beforehand.gradients.integer_shards import (
    ExactSum,
    OnMissing,
    check_service,
    code_tables,
    integer_shards,
    missed,
    needed,
)
from beforehand.gradients.thc_table import Table
from beforehand.gradients.wire import WireBytes, served


class AggregatorStats(NamedTuple):
    """What an aggregator has done since it started.

    Args:
        workers: Connected now.
        connections: Theirs, and those that have not said who they are.
        frames: Valid ones that were received.
        results: Chunks that were completed.
        late: Messages that were not added, as their chunk was complete: their senders got its sum.
        gone: Messages whose slot had moved on: their senders were told so.
        refused: Connections that broke a rule, and were told which.
        lost: Workers that left without a goodbye, or were silent for too long.
        received_bytes: From all.
        sent_bytes: To all.
    """

    workers: int
    connections: int
    frames: int
    results: int
    late: int
    gone: int
    refused: int
    lost: int
    received_bytes: int
    sent_bytes: int


@final
class Aggregator:
    """Add the codes of n workers on a TCP port, knowing nothing but integers.

    One thread of its own, in this process, which serves one job at a time: when all its workers have left, the next
    may begin. There is no encryption, and no authentication but the token: for private networks.

    Args:
        bind: Host and port to listen at; port 0 takes a free one.
        workers: Of a job, from 1.
        quorum: Share of workers that completes a chunk, above 0 and at most 1. Below 1 a worker may leave or lag.
        slots: Chunks that a worker has on the way at most.
        chunk: Coordinates of a message, a multiple of 512.
        lanes: Bits of a coordinate's sum, 8 or 16.
        max_bytes: For slots and norms; all of it is allocated at the start.
        timeout: Seconds of silence after which those who are waited for are given up; longer than the pauses of a
            worker while others wait, as for a checkpoint.
        token: That workers must know; None admits all.

    Guarantee:
        A sum counts each worker at most once, and all who get one get the same: means have the bits of `drive_local`
        over the workers in it. Bytes that break a rule end their connection and no other, and allocate nothing. When
        fewer workers remain than complete a chunk, all who wait get `Closed`, or `TimedOut` after `timeout`.

    Cost:
        Memory as said, and for each worker some `2 * slots` messages. One thread adds far faster than a network brings.

    Raises:
        InvalidInput: An option is out of range, or nothing can listen there.
        CapacityExceeded: The slots need more than `max_bytes`.

    Example:
        >>> import numpy as np
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> from beforehand.gradients import THC, Layout, drive
        >>> codec, layout = THC(truncation=1 / 32), Layout([("weight", (4096,))])
        >>> rows = np.random.default_rng(0).normal(size=(3, 4096)).astype(np.float32)
        >>> def worker(rank):  # in a process of its own elsewhere
        ...     encoder = codec.open(layout, rank=rank, workers=3, reduction="combine")
        ...     with AggregatorClient(server.address, codec, rank=rank, workers=3) as client:
        ...         return drive(encoder, rows[rank], client)
        >>> with Aggregator(workers=3) as server, ThreadPoolExecutor() as pool:
        ...     means = list(pool.map(worker, range(3)))
        >>> all(np.array_equal(mean, means[0]) for mean in means)
        True

    See also:
        Switch, which simulates the same protocol over packets that get lost.

    Reference:
        Li et al.: THC. NSDI 2024, arXiv:2302.08545. The protocol is this library's own.
    """

    def __init__(
        self,
        *,
        bind: str = "127.0.0.1:0",
        workers: int,
        quorum: float = 1.0,
        slots: int = 256,
        chunk: int = 1024,
        lanes: int = 8,
        max_bytes: int = 256 * 2**20,
        timeout: float = 30.0,
        token: str | None = None,
    ) -> None:
        check_service(workers=workers, slots=slots, chunk=chunk, lanes=lanes, quorum=quorum)
        whole("max_bytes", max_bytes)
        _check_timeout(timeout)
        self._host, port = _host_and_port("bind", bind)
        self._native = _native.Aggregator(
            self._host,
            port,
            workers=workers,
            needed=needed(quorum, workers),
            slots=slots,
            chunk=chunk,
            lanes=lanes,
            max_bytes=min(max(max_bytes, 0), 2**63),
            timeout=timeout,
            token=_hash(token),
        )
        self._port = self._native.port

    @property
    def address(self) -> str:
        """Host and port, as clients take it."""
        return f"{self._host}:{self._port}"

    def stats(self) -> AggregatorStats:
        """Counts so far."""
        return AggregatorStats(**self._native.stats())

    def close(self) -> None:
        """End all connections, and listen no more."""
        self._native.stop()

    def __enter__(self) -> Self:
        """The server itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()


@final
class AggregatorClient:
    """Carry one worker's exchanges to an aggregator.

    Connects at once. The first exchange waits until all workers have come.

    Args:
        address: Of the aggregator, as `"host:port"`.
        codec: Of all encoders whose rounds are carried: `THC` with bits of 2, 3 or 4, or `TernGrad`.
        rank: Of this worker.
        workers: How many there are.
        job: A number that all workers share.
        token: The aggregator's.
        on_missing: What stands for the mean of a chunk whose sum is gone: `"zero"`, `"own"` this worker's values, or
            `"raise"` TimedOut.
        exact: Sums an array over all workers by other means, as `dist.all_reduce` does; for rounds with what is not
            finite. None refuses those.
        tables: Of THC, those that rank 0 solved, if its encoders are opened with them; None solves them here.
        timeout: Seconds after which a wait for the aggregator ends; None is ten more than the aggregator's own, which
            says who is missing.

    Guarantee:
        Every wait ends. After an error the connection is closed.

    Cost:
        `sent` counts what was sent and received, without headers.

    Raises:
        InvalidInput: The codec sends no integers; with a quorum below 1 it would choose its table by sums that differ
            between workers; the token, job, rank or number of workers is not the aggregator's.
        CapacityExceeded: Sums of the codec do not fit the aggregator's lanes.
        Closed: Nothing answers there, or too many workers have left.
        TimedOut: Nothing came in time.

    Example:
        >>> from beforehand.gradients import THC
        >>> with Aggregator(workers=2) as server, AggregatorClient(server.address, THC(), rank=0, workers=2) as client:
        ...     client.sent
        WireBytes(up=0, down=0)
    """

    def __init__(
        self,
        address: str,
        codec: Codec,
        *,
        rank: int,
        workers: int,
        job: int = 0,
        token: str | None = None,
        on_missing: OnMissing = "zero",
        exact: ExactSum | None = None,
        tables: tuple[Table, ...] | None = None,
        timeout: float | None = None,
    ) -> None:
        for name, number in (("workers", workers), ("rank", rank)):
            whole(name, number)
        if not 0 <= rank < workers <= 65535:
            raise InvalidInput(f"rank is {rank} of {workers} workers, but must be below them, and they at most 65535")
        one_of("on_missing", on_missing, get_args(OnMissing))
        check_seed(job, "job")
        if timeout is not None:
            _check_timeout(timeout)
        self._tables = code_tables(codec, workers, tables)
        self._rank, self._workers = rank, workers
        self._on_missing: OnMissing = on_missing
        self._exact = exact
        self.sent = WireBytes(0, 0)
        host, port = _host_and_port("address", address)
        self._native = _native.AggregatorClient(
            host,
            port,
            rank=rank,
            job=job,
            timeout=timeout or 0.0,
            workers=workers,
            bits=len(self._tables[0]).bit_length() - 1,
            tables=[table.tolist() for table in self._tables],
            token=_hash(token),
            on_main_thread=_on_main_thread(),
        )
        if self.partial and len(self._tables) > 1:
            self.close()
            raise InvalidInput(
                f"the aggregator completes sums with {self._native.needed} of {workers} workers, but with "
                'truncation="auto" these would choose different tables; take a fixed one, as truncation=1 / 128'
            )

    @property
    def partial(self) -> bool:
        """Whether sums may lack workers, so that replicas can differ."""
        needed_here: int = self._native.needed
        return needed_here < self._workers

    def answer(self, exchange: Exchange) -> NDArray[Any]:
        """Take part in an exchange with the other workers.

        Raises:
            InvalidInput: It is a `Sum`, and there is no `exact`.
            Closed, TimedOut: As above.
        """
        if isinstance(exchange, Sum):
            if self._exact is None:
                raise InvalidInput(
                    "this round must be summed exactly, which an aggregator of integers cannot do; pass exact=, a sum "
                    "over all workers by other means"
                )
            return self._exact(exchange.values)
        try:
            return self._gather(exchange) if isinstance(exchange, Gather) else self._combine(exchange)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Leave the job."""
        self._native.close()

    def __enter__(self) -> Self:
        """The client itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Leave the job."""
        self.close()

    def _gather(self, exchange: Gather) -> NDArray[np.uint8]:
        rows = np.empty((self._workers, 1 + exchange.payload.nbytes), np.uint8)
        self._native.gather(np.ascontiguousarray(exchange.payload), rows.reshape(-1), _on_main_thread())
        self.sent = self.sent.plus(served(exchange.payload.nbytes, self._workers))
        return np.ascontiguousarray(rows[:, 1:])  # zeros of a worker that has left

    def _combine(self, exchange: Combine) -> Floats:
        shards, native = integer_shards(exchange), self._native
        table = next((i for i, each in enumerate(self._tables) if np.array_equal(each, shards.points)), None)
        if table is None:
            raise InvalidInput("the encoder has another table than the client's codec; open both with one codec")
        size = shards.size
        packed = np.ascontiguousarray(shards.encode(0, size))
        sums = np.empty(size, np.uint8 if native.lanes == 8 else np.uint16)
        counts = np.empty(-(-size // native.chunk), np.uint16)
        native.combine(table, packed, sums, counts, _on_main_thread())
        self.sent = self.sent.plus(WireBytes(packed.nbytes, sums.nbytes))
        ends = [*(np.flatnonzero(np.diff(counts)) + 1).tolist(), len(counts)]
        parts, begin = [], 0
        for end in ends:  # chunks with equal counts are decoded together
            first, last, count = begin * native.chunk, min(end * native.chunk, size), int(counts[begin])
            if count:
                parts.append(shards.mean_of(sums[first:last], first, count))
            else:
                parts.append(missed(shards, first, last, self._on_missing, self._rank))
            begin = end
        return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _on_main_thread() -> bool:
    """Whether signals, as of Ctrl-C, are for this thread to see."""
    return threading.current_thread() is threading.main_thread()


def _hash(token: str | None) -> bytes:
    if not isinstance(token, str | None):
        raise InvalidInput(f"token is a {type(token).__name__}, but must be a string, or None")
    return bytes(32) if token is None else hashlib.sha256(token.encode()).digest()


def _check_timeout(timeout: float) -> None:
    real("timeout", timeout)
    if not 0 < timeout <= 86400:
        raise InvalidInput(f"timeout is {timeout}, but must be above 0 and at most a day of 86400 seconds")


def _host_and_port(name: str, address: str) -> tuple[str, int]:
    host, _, port = str(address).rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise InvalidInput(f"{name} is {address!r}, but must be a host and a port, as 127.0.0.1:5000")
    return host.removeprefix("[").removesuffix("]"), int(port)
