"""An asyncio queue that hands out jobs in the order of a policy, with a bound on how long any job waits."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Generic, Protocol

from beforehand.core.deprecation import warn_renamed
from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Predictor
from beforehand.scheduling.inputs import MOST, checked, finite, whole
from beforehand.scheduling.policies.policy import Policy, is_timed
from beforehand.scheduling.policies.view import UNKNOWN, View
from beforehand.scheduling.queue.callers import Callers
from beforehand.scheduling.queue.errors import QueueFull, QueueShutDown
from beforehand.scheduling.queue.health import KEPT, Finished, Health, Stats, health_of
from beforehand.scheduling.queue.predictions import Predict, Predictions
from beforehand.scheduling.queue.ticket import J, State, Ticket
from beforehand.scheduling.queue.waiting_jobs import TimedJobs, WaitingJobs


class Recorder(Protocol):
    """Whatever keeps rows of finished jobs, such as a list."""

    def append(self, row: dict[str, float], /) -> object:
        """Keep one row."""


class PredictionQueue(Generic[J]):
    """Hand out jobs shortest predicted first, or in any other policy's order, and let none wait forever.

    `put` never waits for a predictor: a job whose prediction is under way stands behind those of its class that have
    one, and moves up when it comes. The expensive predictor is asked only where the policy asks for it.

    Args:
        policy: Ranks the jobs, lowest first. A preemptive policy preempts only for callers that ask `should_yield` and
            `requeue`.
        cheap: A `Predictor`, or a function of the features, plain or `async`; called as soon as a job is put. Its
            answer is a number, or an array of one. A future or a task that it answers is cancelled as soon as its job
            is handed out or cancelled: where several jobs share one, answer `asyncio.shield(future)`.
        expensive: Likewise; called when the policy asks for it.
        max_wait: A job that has waited this long is served next, oldest first; in the unit of `clock`. None: no bound.
        ageing: Units of rank that a job gains for each unit of waiting. It acts between jobs that have a key; jobs that
            a policy puts before all keys, such as the short ones of `SkipPredict`, stay there.
        maxsize: How many jobs may wait; 0 means any number. A job that is handed back always finds room.
        clock: Tells the time.
        recorder: Gets `append({"arrival", "size", "cheap", "expensive", "wait"})` for each finished job of known size.

    Guarantee:
        Every job is handed out once, unless it is cancelled or handed back; equal ranks in order of arrival. With
        `max_wait`, one worker that runs jobs to their end, V the unfinished work that a job finds when it arrives (its
        wait under FCFS) and R what is left of the job in service when its time is up, it waits at most
        `max_wait + V + R`; with k workers and a longest job x, at most `max_wait + V / k + x`. Waiting callers of
        `get` and of `put` are served in order; one that is cancelled passes its turn on. A predictor that fails,
        hangs or is late costs a job its place among the predicted ones, never more; the first failure of each is
        logged. All methods of an `asyncio.Queue` are here, and its truth value: a queue is true, even if it is empty.

    Cost:
        `put`, `get` and giving up on them take O(log n), two to three times as long as with an `asyncio.PriorityQueue`;
        a waiting job takes some 600 bytes. `get` takes O(n) under a policy that is `timed`, as it ranks all jobs. For
        one event loop: not thread-safe.

    Raises:
        InvalidInput: An option is out of range; the policy wants a prediction that nobody makes, spends the
            server's time on predictions, is one for LLM engines, or a `Boosted` without numbers.

    Example:
        >>> import asyncio
        >>> from beforehand.scheduling import PredictionQueue, SPJF
        >>> async def serve():
        ...     queue = PredictionQueue(SPJF(), expensive=len, max_wait=30.0)
        ...     for job in ("a long request", "short"):
        ...         await queue.put(job)
        ...     while len(queue):
        ...         ticket = await queue.get()
        ...         print(ticket.job)
        ...         queue.done(ticket, size=len(ticket.job))
        >>> asyncio.run(serve())
        short
        a long request

    Reference:
        Mitzenmacher, Shahout: Queueing, Predictions, and LLMs: Challenges and Open Problems. Stochastic Systems 15(3),
        2025; arXiv:2503.07545.
    """

    def __init__(
        self,
        policy: Policy,
        *,
        cheap: Predictor | Predict | None = None,
        expensive: Predictor | Predict | None = None,
        max_wait: float | None = None,
        ageing: float = 0.0,
        maxsize: int = 0,
        clock: Callable[[], float] = time.monotonic,
        recorder: Recorder | None = None,
    ) -> None:
        self._predictions = Predictions(policy, cheap, expensive, self._learned)
        self._policy = policy
        self._ageing = finite("ageing", ageing)
        self._maxsize = whole("maxsize", maxsize)
        self._clock = clock
        self._recorder = recorder
        self._timed = is_timed(policy)
        self._rank: Callable[[View], float] = self._rank_now if self._timed else policy.rank
        self._max_wait = math.inf if max_wait is None else checked("max_wait", max_wait)
        self._waiting = self._order(self._max_wait)
        self._getters, self._putters = Callers(), Callers()
        self._rows: deque[Finished] = deque(maxlen=KEPT)
        self._put = self._handed_back = self._cancelled = self._finished = 0
        self._preempted = False
        self._idle = asyncio.Event()
        self._shut_down = False

    def __repr__(self) -> str:
        """Show the policy and how many jobs wait."""
        return f"PredictionQueue({self._policy}, {len(self)} waiting)"

    def __len__(self) -> int:
        """How many jobs wait."""
        return len(self._waiting.tickets)

    def __bool__(self) -> bool:
        """True, as an `asyncio.Queue` is, even if no job waits."""
        return True

    def qsize(self) -> int:
        """How many jobs wait."""
        return len(self._waiting.tickets)

    def empty(self) -> bool:
        """Whether no job waits."""
        return not self._waiting.tickets

    def full(self) -> bool:
        """Whether `maxsize` jobs wait."""
        return 0 < self._maxsize <= len(self)

    @property
    def maxsize(self) -> int:
        """How many jobs may wait; 0 means any number."""
        return self._maxsize

    @property
    def stats(self) -> Stats:
        """What was counted since the queue was made."""
        return Stats(
            put=self._put,
            served=self._put + self._handed_back - self._cancelled - len(self),
            guarded=self._waiting.guarded,
            cancelled=self._cancelled,
            predictor_errors=self._predictions.errors,
        )

    async def put(self, job: J, features: Any = None) -> Ticket[J]:
        """Add a job, after waiting for room if the queue is full; never for a predictor.

        Args:
            job: Anything.
            features: What the predictors are asked about; None: the job itself.

        Raises:
            QueueShutDown: the queue was shut down before, or while this call waited.
        """
        if self._room() <= self._putters.promised:
            await self._putters.wait(self._room)
        return self._admit(job, features)

    def put_nowait(self, job: J, features: Any = None) -> Ticket[J]:
        """The same, without waiting.

        Raises:
            QueueFull: `maxsize` jobs wait, or the room that is left was promised to waiting callers of `put`.
            QueueShutDown: the queue was shut down.
        """
        if self._maxsize and self._room() <= self._putters.promised:
            raise QueueFull(f"{len(self)} jobs wait and maxsize is {self._maxsize}; serve some first, or await put")
        return self._admit(job, features)

    async def get(self) -> Ticket[J]:
        """The job of lowest rank, or one whose time is up; waits while there is none.

        Raises:
            QueueShutDown: the queue was shut down and no job waits.
        """
        if len(self._waiting.tickets) <= self._getters.promised:
            if not self._shut_down:
                await self._getters.wait(self._ready)
            self._check_drained()
        return self._take()

    def get_nowait(self) -> Ticket[J]:
        """The same, without waiting.

        Raises:
            asyncio.QueueEmpty: no job waits, or only such as were promised to waiting callers of `get`.
            QueueShutDown: the queue was shut down and no job waits.
        """
        if len(self._waiting.tickets) <= self._getters.promised:
            if not self._shut_down:
                raise asyncio.QueueEmpty
            self._check_drained()
        return self._take()

    def done(self, ticket: Ticket[J], *, size: float | None = None) -> None:
        """Report that a job has just run to its end, and how long it is, for `health` and the recorder.

        Args:
            ticket: From `get`.
            size: Its size, above 0 and at most 1e100, in the unit of the predictions, such as seconds or tokens.

        Raises:
            InvalidInput: the job is not running, or is of another queue; `size` is out of range. What the recorder
                raises; the job then counts as running, and can be reported again.
        """
        self._check_running(ticket)
        if size is not None:
            view, size = ticket.view, checked("size", size, most=MOST, above=True)
            spent = max(self._clock() - ticket._began, 0.0)
            if self._recorder is not None:  # first, as it may raise
                row = {"arrival": view.arrival, "size": size, "cheap": view.cheap, "expensive": view.predicted}
                self._recorder.append(row | {"wait": ticket.waited})
            self._rows.append(Finished(view.arrival, size, view.cheap, view.predicted, spent))
            self._waiting.settle(ticket, size)
        ticket.state = "done"
        self._predictions.renounce(ticket)
        self._finish()

    def task_done(self) -> None:
        """Report that one of the jobs handed out has run to its end, whichever, as code for an `asyncio.Queue` does.

        `done` says which one, and is what `health` and the recorder need. Use one of the two.

        Raises:
            InvalidInput: no job runs; it is a `ValueError`, as in asyncio.
        """
        if not self._running():
            raise InvalidInput("task_done() was called though no job runs; call it once for each get")
        self._finish()

    def cancel(self, ticket: Ticket[J]) -> bool:
        """Take a waiting job out; False if it already runs or is finished.

        Raises:
            InvalidInput: the ticket is of another queue.
        """
        self._check(ticket, "waiting", "running", "done", "cancelled")
        if ticket.state != "waiting":
            return False
        self._waiting.remove(ticket)
        ticket.state = "cancelled"
        self._predictions.renounce(ticket)
        self._putters.wake(self._room())
        self._cancelled += 1
        self._finish()
        return True

    def update(self, ticket: Ticket[J], *, cheap: float | None = None, predicted: float | None = None) -> None:
        """Set predictions of a job from outside; if it waits, it is ranked anew.

        Raises:
            InvalidInput: a prediction is not from 0 to 1e100; the job is finished, or of another queue.
        """
        self._check(ticket, "waiting", "running")
        view = ticket.view
        new_cheap = view.cheap if cheap is None else checked("cheap", cheap, most=MOST)
        view.predicted = view.predicted if predicted is None else checked("predicted", predicted, most=MOST)
        view.cheap = new_cheap
        if ticket.state == "waiting":
            self._predictions.renounce(ticket, unless_wanted=True)
            self._rank_anew(ticket)

    def should_yield(self, ticket: Ticket[J], served: float) -> bool:
        """Whether another job would run next if this one were handed back now.

        A prediction that is due by then is asked for; while an async predictor takes its time, the job counts as
        unknown.

        Args:
            ticket: A running job.
            served: The service that it has had in all, in the unit of the predictions.

        Raises:
            InvalidInput: the job is not running, or is of another queue; `served` fell, or is not finite.
        """
        self._serve(ticket, served)
        return self._waiting.passes(ticket, self._key(ticket), self._clock())

    def requeue(self, ticket: Ticket[J], served: float) -> None:
        """Hand a running job back; it keeps its arrival and its place among equals, and finds room in a full queue too.

        Args:
            ticket: A running job.
            served: The service that it has had in all, in the unit of the predictions.

        Raises:
            InvalidInput: the job is not running, or is of another queue; `served` fell, or is not finite.
        """
        self._serve(ticket, served)
        self._rank_anew(ticket)
        ticket.state = "waiting"
        ticket._began = self._clock() - ticket._began
        self._handed_back += 1
        self._preempted = self._preempted or ticket.view.age > 0
        self._getters.wake(len(self))

    def health(self, *, rate: float | None = None, service_rate: float | None = None) -> Health:
        """Whether the predictions paid, on the last 4096 jobs that were `done` with their size.

        Policies are judged as the workers ran them: one that preempts, by what it does where no job that was begun is
        ever handed back. `max_wait`, `ageing` and weights of tenants are left out.

        Args:
            rate: Arrivals for one server, in a unit of `clock`: with k workers, all arrivals divided by k. None: as
                measured, for one worker.
            service_rate: Units of size that a worker does in a unit of `clock`, such as 50 tokens in a second. None: as
                measured, from `get` to `done`; 1 if the clock stood still meanwhile.

        Cost:
            Some 20 ms.

        Raises:
            InvalidInput: `rate` or `service_rate` is not above 0 and finite.
        """
        return health_of(
            self._policy,
            self._rows,
            rate=rate,
            service_rate=service_rate,
            preemptive=self._preempted,
            predictor_errors=self._predictions.errors,
        )

    async def join(self) -> None:
        """Wait until every job that was put is `done` or cancelled."""
        if self._finished < self._put:
            self._idle.clear()
            await self._idle.wait()

    def shutdown(self, immediate: bool = False) -> None:
        """Take no more jobs: `put` raises `QueueShutDown`, even if it already waits, and so does `get` once none waits.

        Args:
            immediate: Also cancel all jobs that wait.
        """
        self._shut_down = True
        if immediate:
            for ticket in list(self._waiting.tickets.values()):
                self.cancel(ticket)
        self._putters.wake(math.inf)
        self._getters.wake(math.inf)

    def close(self) -> None:
        """The earlier name of `shutdown`."""
        warn_renamed("PredictionQueue.close", "shutdown")
        self.shutdown()

    def _room(self) -> float:
        """How many more jobs may wait; after a shutdown any number, so that each caller learns of it."""
        return math.inf if self._shut_down or not self._maxsize else self._maxsize - len(self)

    def _ready(self) -> float:
        """How many callers of `get` may go on; all of them after a shutdown, once no job waits."""
        return len(self) or (math.inf if self._shut_down else 0)

    def _order(self, max_wait: float) -> WaitingJobs[J]:
        """An order in which jobs can wait."""
        return TimedJobs(max_wait, self._key_at) if self._timed else WaitingJobs(max_wait)

    def _running(self) -> int:
        """How many jobs were handed out and not reported as ended."""
        return self._put - self._finished - len(self)

    def _admit(self, job: J, features: Any) -> Ticket[J]:
        if self._shut_down:
            raise QueueShutDown("the queue was shut down and takes no more jobs; make another one")
        ticket = Ticket(self, job, job if features is None else features, View(self._clock(), self._put))
        try:
            self._waiting.add(ticket, self._key(ticket))
        except BaseException:
            ticket.state = "cancelled"  # a predictor that was asked before shall not bring it back
            self._predictions.renounce(ticket)
            self._putters.wake(self._room())  # the next caller may have more luck
            raise
        self._put += 1
        if self._getters.waiting:
            self._getters.wake(len(self))
        return ticket

    def _check_drained(self) -> None:
        if not self._waiting.tickets:
            raise QueueShutDown("the queue was shut down, and no job waits any more")

    def _take(self) -> Ticket[J]:
        now = self._clock()
        try:
            ticket = self._waiting.pop(now)
        except BaseException:  # of a timed policy that ranks nan
            self._getters.wake(len(self))
            raise
        ticket.state = "running"
        view = ticket.view
        if view.started:
            ticket._began = now - ticket._began
        else:
            view.started = True
            ticket.waited = now - view.arrival
            ticket._began = now
        if ticket._task is not None:
            self._predictions.renounce(ticket)
        if self._putters.waiting:
            self._putters.wake(self._room())
        return ticket

    def _finish(self) -> None:
        self._finished += 1
        if self._finished == self._put:
            self._idle.set()

    def _rank_anew(self, ticket: Ticket[J]) -> None:
        self._waiting.add_again(ticket, self._key(ticket))

    def _learned(self, ticket: Ticket[J]) -> None:
        """An async predictor has answered; a job that runs is ranked when it is handed back."""
        if ticket.state == "waiting":
            self._rank_anew(ticket)

    def _key(self, ticket: Ticket[J]) -> float:
        """The key by which a ticket waits, after asking for the predictions that the policy wants."""
        self._predictions.ask(ticket)
        rank = self._rank(ticket.view)
        return self._aged(rank, ticket.view) if self._ageing or rank != rank else rank

    def _key_at(self, ticket: Ticket[J], now: float) -> float:
        """The key at a time, under a policy that is timed."""
        ticket.view.now = now
        return self._aged(self._policy.rank(ticket.view), ticket.view)

    def _rank_now(self, view: View) -> float:
        view.now = self._clock()
        return self._policy.rank(view)

    def _aged(self, rank: float, view: View) -> float:
        """The rank minus `ageing` for each unit of waiting; as all wait alike, the current time cancels out."""
        if rank != rank:
            raise InvalidInput(
                f"{self._policy} ranked a job nan, but ranks must be numbers; fix its rank(), or set timed = True if "
                "it goes by the time"
            )
        return rank + self._ageing * view.arrival if abs(rank) <= UNKNOWN else rank

    def _check(self, ticket: Ticket[J], *states: State) -> None:
        if not isinstance(ticket, Ticket) or ticket._queue is not self:
            raise InvalidInput(f"ticket is {ticket!r}, but must be of this queue; pass what its get or put returned")
        if ticket.state not in states:
            raise InvalidInput(f"{ticket!r} must be {' or '.join(states)} for this")

    def _check_running(self, ticket: Ticket[J]) -> None:
        self._check(ticket, "running")
        if not self._running():
            raise InvalidInput(f"{ticket!r} was reported by task_done() already; report each job once")

    def _serve(self, ticket: Ticket[J], served: float) -> None:
        self._check_running(ticket)
        ticket.view.age = checked("served", served, least=ticket.view.age, most=MOST)
