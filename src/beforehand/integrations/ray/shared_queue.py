"""A queue that serves in a policy's order, shared by the processes and machines of a Ray cluster."""

import asyncio
import contextlib
import itertools
import os
import socket
import uuid
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, final

from beforehand.core.errors import InvalidInput, TimedOut
from beforehand.integrations.ray.host import ray_for
from beforehand.integrations.ray.queue_server import CALL, READY, Given, QueueServer, keep_alive
from beforehand.scheduling import Health, PredictionQueue, QueueShutDown, Stats

SLOTS = 20_000  # calls that the actor serves at once, those that wait included
CONNECT_SECONDS = 30.0
OPEN: weakref.WeakSet[socket.socket] = weakref.WeakSet()  # connections of this process


@final
class SharedQueue:
    """Share a `PredictionQueue` between processes, with the interface of `ray.util.queue.Queue`.

    Needs `ray.init()` before. Pass it to tasks and actors: each gets a copy of its own. The queue lives in an actor,
    which ends with the last copy. Code for Ray's queue runs with this one, in the order of the policy, and no job is
    lost with the process that has it.

    Args:
        factory: Makes the queue in the actor, a `PredictionQueue` or a `FairQueue`: a function without arguments, which
            must survive pickling, as must the predictors in it. Times such as `max_wait` are in seconds.
        actor_options: For the actor, as `{"num_cpus": 1}`.

    Guarantee:
        A job that was put is handed out again if the process or actor that got it ends before it is done. It is done
        once the same copy gets the next one, or says `task_done()`, or is dropped, as when a task returns. So each job
        is handed out at least once, and more than once only if a process or actor ended, or a machine was cut off. An
        answer that a caller did not wait for, as it was interrupted or cancelled, is handed to another. Order and
        waiting are those of the queue that `factory` makes; jobs that come back keep their arrival. What ends the
        queue's own actor loses all that waits.

    Cost:
        `put` and `get` are one call of an actor each, as in Ray's own queue: about a millisecond. Thousands of copies
        may wait for jobs.

    Raises:
        MissingDependency: ray is not installed.
        InvalidInput: `factory` makes no `PredictionQueue`; what the factory refuses.
        TimedOut: `get` cannot connect to the actor, which listens on a port of its machine.

    Example:
        Short prompts first, and a worker that crashes costs none::

            ray.init()
            queue = SharedQueue(lambda: PredictionQueue(SPJF(), expensive=len, max_wait=30.0))
            workers = [Worker.remote(queue) for _ in range(8)]  # each calls queue.get() in a loop
            queue.put("write a poem")

    See also:
        PredictionQueue, for the coroutines of one process.
    """

    def __init__(
        self, factory: Callable[[], PredictionQueue[Any]], *, actor_options: Mapping[str, Any] | None = None
    ) -> None:
        self._ray = ray_for("SharedQueue")
        first = factory()  # what is wrong with it shows here, not in the actor
        if not isinstance(first, PredictionQueue):
            raise InvalidInput(
                f"factory makes a {type(first).__name__}, but must be a function that makes a PredictionQueue, such as "
                "lambda: PredictionQueue(FCFS())"
            )
        options = {"max_concurrency": SLOTS} | dict(actor_options or {})
        self._begin(self._ray.remote(QueueServer).options(**options).remote(factory), first.maxsize)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy shares with this one."""
        return {"actor": self.actor, "maxsize": self.maxsize}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Become a copy, in this process."""
        self._ray = ray_for("SharedQueue")
        self._begin(**state)

    def _begin(self, actor: Any, maxsize: int) -> None:
        self.actor, self.maxsize = actor, maxsize
        self._copy = uuid.uuid4().hex
        self._calls = itertools.count()
        self._held: list[int] = []  # calls whose jobs are not done
        self._leaving: weakref.finalize[..., Any] | None = None  # once it is connected to the actor

    def __len__(self) -> int:
        """How many jobs wait."""
        return self.qsize()

    def __bool__(self) -> bool:
        """True, even if no job waits."""
        return True

    def size(self) -> int:
        """How many jobs wait."""
        return self.qsize()

    def qsize(self) -> int:
        """How many jobs wait."""
        return int(self._answer(self._remote("qsize")))

    def empty(self) -> bool:
        """Whether no job waits."""
        return self.qsize() == 0

    def full(self) -> bool:
        """Whether `maxsize` jobs wait."""
        return 0 < self.maxsize <= self.qsize()

    def put(self, item: Any, block: bool = True, timeout: float | None = None, **options: Any) -> None:
        """Add a job; waits for room, never for a predictor.

        Args:
            item: The job.
            block: Wait while the queue is full.
            timeout: Seconds to wait at most; None: any time.
            options: What else `put` of the queue takes, such as `features`.

        Raises:
            ray.util.queue.Full: There is no room, or there was none in time.
            InvalidInput: `timeout` is below 0.
            QueueShutDown: The queue's actor has ended.
        """
        self._check_put(self._answer(self._putting(item, block, timeout, options)))

    async def put_async(self, item: Any, block: bool = True, timeout: float | None = None, **options: Any) -> None:
        """`put`, as a coroutine; one that is cancelled while it waits may still put its job."""
        with self._closing():
            size = await self._putting(item, block, timeout, options)
        self._check_put(size)

    def put_nowait(self, item: Any, **options: Any) -> None:
        """`put` without waiting."""
        self.put(item, block=False, **options)

    def put_nowait_batch(self, items: Iterable[Any], **options: Iterable[Any]) -> None:
        """Add all of these jobs at once, or none.

        Args:
            items: The jobs.
            options: For each job what else `put` of the queue takes, as `features=[3, 5]`.

        Raises:
            ray.util.queue.Full: They do not all fit.
            InvalidInput: There is not one option for each job.
            QueueShutDown: The queue's actor has ended.
        """
        jobs = list(items)
        given = {name: list(values) for name, values in options.items()}
        for name, values in given.items():
            if len(values) != len(jobs):
                raise InvalidInput(f"{name} are {len(values)} for {len(jobs)} jobs; pass one for each")
        each = [dict(zip(given, row, strict=True)) for row in zip(*given.values(), strict=True)] or [{}] * len(jobs)
        self._check_put(self._answer(self._remote("put", jobs, each)), len(jobs))

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """The job of lowest rank. Those that this copy got before are done then.

        Args:
            block: Wait while no job waits.
            timeout: Seconds to wait at most; None: any time.

        Raises:
            ray.util.queue.Empty: No job waits, or none came in time.
            InvalidInput: `timeout` is below 0.
            QueueShutDown: The queue's actor has ended.
        """
        return self._got(1, block, timeout)[0]

    async def get_async(self, block: bool = True, timeout: float | None = None) -> Any:
        """`get`, as a coroutine. Coroutines that get jobs at the same time need a copy each, by `copy.copy`."""
        while True:
            if self._leaving is None:
                with self._closing():
                    where = await self._remote("listen")
                await asyncio.to_thread(self._connect, where)
            call = next(self._calls)
            with self._reading(call):
                jobs = self._kept(call, await self._getting(call, 1, block, timeout))
            if jobs is not None:
                return jobs[0]

    def get_nowait(self) -> Any:
        """`get` without waiting."""
        return self.get(block=False)

    def get_nowait_batch(self, num_items: int) -> list[Any]:
        """As many jobs at once, in the order of the policy; done when this copy gets the next.

        Raises:
            ray.util.queue.Empty: Fewer jobs wait.
            InvalidInput: `num_items` is not a whole number from 0.
            QueueShutDown: The queue's actor has ended.
        """
        if isinstance(num_items, bool) or not isinstance(num_items, int) or num_items < 0:
            raise InvalidInput(f"num_items is {num_items!r}, but must be a whole number from 0")
        return self._got(num_items, False, None)

    def task_done(self, *, size: float | None = None) -> None:
        """Say that what this copy got last is done: nobody shall get it again.

        Args:
            size: Its size, for `health`, in the unit of the predictions; of a single job only.

        Raises:
            InvalidInput: This copy has no job; `size` is out of range.
            QueueShutDown: The queue's actor has ended.
        """
        self._tell("done", size)

    def requeue(self, *, served: float | None = None) -> None:
        """Hand what this copy got last back, to run again or to go on; it keeps its arrival.

        Args:
            served: The service that it has had in all, in the unit of the predictions; None: as before.

        Raises:
            InvalidInput: This copy has no job; `served` is out of range.
            QueueShutDown: The queue's actor has ended.
        """
        self._tell("requeue", served)

    def stats(self) -> Stats:
        """What the queue counted since it was made; a job that came back counts as served each time."""
        found: Stats = self._answer(self._remote("stats"))
        return found

    def health(self, *, rate: float | None = None, service_rate: float | None = None) -> Health:
        """Whether the predictions paid, on jobs whose sizes `task_done` was told; as in `PredictionQueue`."""
        found: Health = self._answer(self._remote("health", {"rate": rate, "service_rate": service_rate}))
        return found

    def shutdown(self, force: bool = False, grace_period_s: float = 5) -> None:
        """End the actor, for all copies; jobs that wait are lost.

        Args:
            force: Do not let it end what it is about.
            grace_period_s: Seconds that it may take for that.
        """
        if self.actor is None:
            return
        if not force:
            ended = self.actor.__ray_terminate__.remote()
            self._ray.wait([ended], timeout=grace_period_s)
        self._ray.kill(self.actor, no_restart=True)
        self.actor = None

    def _remote(self, method: str, *args: Any, **options: Any) -> Any:
        if self.actor is None:
            raise QueueShutDown("the queue was shut down; make another one")
        with self._closing():
            return getattr(self.actor, method).remote(*args, **options)

    def _answer(self, asked: Any) -> Any:
        with self._closing():
            return self._ray.get(asked)

    def _putting(self, item: Any, block: bool, timeout: float | None, options: Mapping[str, Any]) -> Any:
        _check_timeout(timeout)
        return self._remote("put_waiting", item, options, timeout) if block else self._remote("put", [item], [options])

    def _check_put(self, size: int | None, count: int = 1) -> None:
        if size is not None:
            full = self._ray.util.queue.Full
            raise full(f"{size} jobs wait and maxsize is {self.maxsize}, so {count} more do not fit; get some first")

    def _got(self, count: int, block: bool, timeout: float | None) -> list[Any]:
        while True:
            if self._leaving is None:
                self._connect(self._answer(self._remote("listen")))
            call = next(self._calls)
            with self._reading(call):
                jobs = self._kept(call, self._ray.get(self._getting(call, count, block, timeout)))
            if jobs is not None:
                return jobs

    def _getting(self, call: int, count: int, block: bool, timeout: float | None) -> Any:
        """The answer to be to a call that wants jobs."""
        _check_timeout(timeout)
        given = {"count": count, "wait": block, "timeout": timeout if block else None}
        asked = self._remote("get", self._copy, call, list(self._held), **given)
        self._held.clear()
        return asked

    def _kept(self, call: int, given: Given) -> list[Any] | None:
        """The jobs that came; None if the call must be made again."""
        if not given.known:  # the connection broke off
            self._leaving = None
            return None
        if given.jobs is None:
            raise self._ray.util.queue.Empty(f"{given.size} jobs wait, too few; put some first, or wait longer")
        self._held.append(call)
        return given.jobs

    def _connect(self, where: tuple[str, int]) -> None:
        """Have a connection that ends with this copy."""
        connection = _connection(where, self._copy)
        if self._leaving is not None:
            connection.close()  # another coroutine was sooner
            return
        self._leaving = weakref.finalize(self, _leave, self._ray, connection, self._held)
        self._leaving.atexit = False  # whoever exits with a job may not be through with it

    @contextlib.contextmanager
    def _reading(self, call: int) -> Iterator[None]:
        """Say so if the answer to a call was not waited for, or not taken."""
        try:
            with self._closing():
                yield
        except (QueueShutDown, self._ray.util.queue.Empty):
            raise
        except BaseException:
            with contextlib.suppress(Exception):
                self._remote("abandon", self._copy, call)
            raise

    @contextlib.contextmanager
    def _closing(self) -> Iterator[None]:
        """Say in one sentence that the actor has ended."""
        try:
            yield
        except self._ray.exceptions.RayActorError as error:
            raise QueueShutDown("the queue's actor has ended; see its log for the reason, and make another") from error

    def _tell(self, method: str, number: float | None) -> None:
        if not self._held:
            raise InvalidInput("this copy of the queue has no job that is not done; call it once after each get")
        self._answer(self._remote(method, self._copy, list(self._held), number))
        self._held.clear()


def _connection(where: tuple[str, int], copy: str) -> socket.socket:
    """A connection that tells the actor that this copy is there."""
    try:
        connection = socket.create_connection(where, CONNECT_SECONDS)
        connection.sendall(copy.encode())
        connection.recv(len(READY))
    except OSError as error:
        raise TimedOut(
            f"the queue's actor at {where[0]}:{where[1]} does not answer ({error}); let machines reach each other"
        ) from error
    connection.settimeout(None)
    keep_alive(connection)
    OPEN.add(connection)
    return connection


def _leave(ray: Any, connection: socket.socket, held: list[int]) -> None:
    """Tell the queue's actor that a copy was through with its jobs; one that goes with its own actor may not be."""
    with contextlib.suppress(Exception), contextlib.closing(connection):
        where = ray.get_runtime_context()
        if where.get_actor_id() is None or where.get_task_id() is not None:
            connection.sendall(b"".join(map(CALL.pack, held)))


def _close_in_child() -> None:
    """A forked process must not keep its parent's connections open."""
    for connection in list(OPEN):
        connection.close()


os.register_at_fork(after_in_child=_close_in_child)


def _check_timeout(timeout: float | None) -> None:
    if timeout is not None and not timeout >= 0:
        raise InvalidInput(f"timeout is {timeout}, but must be at least 0 seconds, or None")
