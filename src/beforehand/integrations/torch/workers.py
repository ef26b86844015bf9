"""The processes of `compare`: started once, handed one order after another, ended with this object."""

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import Pipe, connection
from types import TracebackType
from typing import IO, Any, NamedTuple, Self, final

from beforehand.core.errors import BeforehandError, TimedOut
from beforehand.integrations.torch.job import Job, Links
from beforehand.integrations.torch.orders import Method, Order, Team, Trained

PROGRAM = "beforehand.integrations.torch.worker"
STARTING, SILENCE, ENDING = 180.0, 300.0, 5.0  # seconds, of which one step or evaluation may take SILENCE
SAID = 2000  # characters at the end of what a worker wrote, in an error


class Finished(NamedTuple):
    """An order done.

    Args:
        trained: What rank 0 tells.
        wire_bytes: What a worker sent in a step, mean over workers, with headers; None where the links do not count.
    """

    trained: Trained
    wire_bytes: float | None


@final
class Loopback:
    """Processes on this machine, whose links are its memory."""

    address = "127.0.0.1"

    def start(
        self, rank: int, argv: Sequence[str], *, env: Mapping[str, str] | None = None, **options: Any
    ) -> "subprocess.Popen[Any]":
        """Start a process."""
        around = {**(os.environ if env is None else env), "GLOO_SOCKET_IFNAME": "lo"}
        return subprocess.Popen(argv, env=around, **options)


@final
class Workers:
    """n processes with a gloo group between them; a context manager.

    Args:
        job: What they train.
        methods: What orders choose from.
        workers: How many.
        links: What starts them, and counts their bytes if it can.

    Raises:
        TimedOut: They do not start or answer in time.
        BeforehandError: What a worker raised, or that it ended; all are then ended.
    """

    def __init__(self, job: Job, methods: Sequence[Method], *, workers: int, links: "Links | Loopback") -> None:
        self._job, self._methods, self._count, self._links = job, tuple(methods), workers, links
        self._processes: list[subprocess.Popen[Any]] = []
        self._pipes: list[Any] = []
        self._written: list[IO[bytes]] = []

    def __enter__(self) -> Self:
        """Start them, and bring them together."""
        try:
            self._start()
        except BaseException:
            self._stop(0.0)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End them; at once after an error, as they may wait for each other."""
        self._stop(ENDING if kind is None else 0.0)

    def run(self, order: Order, at_mark: Callable[[str], object] = lambda name: None) -> Finished:
        """Have all of them train once.

        Args:
            order: What to do.
            at_mark: Called with "counting" before the first step that counts, when all wait, and with "counted" after
                the last.
        """
        for pipe in self._pipes:
            pipe.send(order)
        sent: dict[str, int | None] = {}
        while True:
            kind, told = self._gathered()
            if kind == "trained":
                trained: list[Trained] = told
                break
            at_mark(told[0])
            sent[told[0]] = self._sent()
            for pipe in self._pipes:
                pipe.send("go")
        before, after, counted = sent.get("counting"), sent["counted"], len(trained[0].step_seconds) - order.warm
        if before is None or after is None or not counted:
            return Finished(trained[0], None)
        return Finished(trained[0], (after - before) / counted / self._count)

    def _start(self) -> None:
        around = {**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)}
        threads = max(1, (os.cpu_count() or 1) // self._count)
        around |= {"OMP_NUM_THREADS": str(threads)}
        for rank in range(self._count):
            mine, theirs = Pipe()
            self._written.append(tempfile.TemporaryFile("a+b"))
            number = theirs.fileno()
            self._pipes.append(mine)
            self._processes.append(
                self._links.start(
                    rank,
                    [sys.executable, "-m", PROGRAM, str(number)],
                    env=around,
                    pass_fds=[number],
                    stdin=subprocess.DEVNULL,
                    stdout=self._written[-1],
                    stderr=subprocess.STDOUT,
                )
            )
            theirs.close()
            mine.send(
                Team(
                    job=self._job,
                    methods=self._methods,
                    rank=rank,
                    workers=self._count,
                    address=self._links.address,
                    threads=threads,
                )
            )
        _, port = self._received(0, STARTING)
        for pipe in self._pipes[1:]:
            pipe.send(port)

    def _stop(self, patience: float) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(patience)
            process.kill()
            process.wait()
        for file in self._written:
            file.close()
        self._processes, self._pipes, self._written = [], [], []

    def _sent(self) -> int | None:
        """What all of them have sent together."""
        if isinstance(self._links, Loopback):
            return None
        return sum(self._links.sent_bytes(rank) for rank in range(self._count))

    def _gathered(self) -> tuple[str, list[Any]]:
        """The next message of every worker, of one kind for all, but for signs of life."""
        found: dict[int, tuple[str, Any]] = {}
        while len(found) < self._count:
            waiting = {pipe: rank for rank, pipe in enumerate(self._pipes) if rank not in found}
            ready = connection.wait(list(waiting), SILENCE)
            if not ready:
                missing = ", ".join(map(str, waiting.values()))
                raise TimedOut(f"worker {missing} was silent for {SILENCE:.0f} s; see what its job waits for")
            for pipe in ready:
                rank = waiting[pipe]
                message = self._received(rank, STARTING)
                if message[0] != "alive":
                    found[rank] = message
        return found[0][0], [found[rank][1] for rank in range(self._count)]

    def _received(self, rank: int, patience: float) -> tuple[str, Any]:
        pipe = self._pipes[rank]
        if not pipe.poll(patience):
            raise TimedOut(f"worker {rank} did not start in {patience:.0f} s; {self._words(rank)}")
        try:
            kind, told = pipe.recv()
        except (EOFError, ConnectionResetError, pickle.UnpicklingError):
            raise BeforehandError(f"worker {rank} ended by itself; {self._words(rank)}") from None
        if kind == "failed":
            error, trace = told
            if error is not None:
                raise error
            raise BeforehandError(f"worker {rank} failed:\n{trace}")
        return kind, told

    def _words(self, rank: int) -> str:
        """The end of what a worker wrote."""
        file = self._written[rank]
        file.seek(0)
        text = file.read().decode(errors="replace").strip()
        return f"it wrote:\n{text[-SAID:]}" if text else "it wrote nothing"
