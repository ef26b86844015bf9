"""What a queue hands out for each job, and the order of those that wait."""

from __future__ import annotations

import asyncio
import math
from heapq import heapify, heappop, heappush
from typing import Any, Generic, Literal, TypeVar, final

from beforehand.scheduling.view import View

J = TypeVar("J")
State = Literal["waiting", "running", "done", "cancelled"]
GONE = -1  # the version of a ticket that does not wait
SPARE = 64  # entries of tickets that are gone, before a clean-up is worth it


@final
class Ticket(Generic[J]):
    """One job in a `PredictionQueue`: made by `put`, returned by `get`, for reading only.

    Attributes:
        job: What was put.
        view: What the policy sees: arrival, sequence, age, predictions (nan where there is none).
        state: `"waiting"`, `"running"`, `"done"` or `"cancelled"`.
        waited: From its arrival until `get` first returned it, in the unit of the clock; nan before.
    """

    __slots__ = ("_asked", "_features", "_queue", "_task", "_version", "job", "state", "view", "waited")

    def __init__(self, queue: object, job: J, features: Any, view: View) -> None:
        self.job = job
        self.view = view
        self.state: State = "waiting"
        self.waited = math.nan
        self._queue = queue
        self._features = features
        self._asked: tuple[str, ...] = ()  # predictions that failed or are under way: not to be asked again
        self._task: asyncio.Future[Any] | None = None  # what is under way
        self._version = GONE  # of its one valid entry in the order by rank

    def __repr__(self) -> str:
        """Show the job and where it stands."""
        return f"Ticket({self.job!r}, {self.state})"


class Waiting(Generic[J]):
    """The tickets that wait, by rank and by arrival.

    The order by rank is a heap from which nothing is removed but at the top: a ticket that was ranked anew, guarded or
    cancelled leaves an entry behind, known by its version. At most half of the entries, or `SPARE`, are such.
    """

    __slots__ = ("_by_rank", "_deadline", "_first", "_max_wait", "_new", "_returned", "_versions", "count", "guarded")

    def __init__(self, max_wait: float) -> None:
        self.count = 0
        self.guarded = 0  # tickets taken because their time was up
        self._max_wait = max_wait
        self._deadline = -math.inf  # nobody's time is up before; looked up anew only when it has passed
        self._versions = 0
        self._by_rank: list[tuple[float, int, int, Ticket[J]]] = []  # key, sequence, version
        self._new: dict[int, Ticket[J]] = {}  # never started, by sequence
        self._first = 0  # no sequence in there is lower
        self._returned: list[tuple[int, Ticket[J]]] = []  # handed back: a heap by sequence, some of them gone

    def push(self, ticket: Ticket[J], key: float) -> None:
        """Add a ticket, or rank it anew; equal keys in order of arrival."""
        view = ticket.view
        sequence = view.sequence
        if ticket._version != GONE:
            self._tidy()
        else:
            self.count += 1
            if view.started:
                self._tidy()
                heappush(self._returned, (sequence, ticket))
                self._deadline = min(self._deadline, view.arrival + self._max_wait)
            else:
                self._new[sequence] = ticket
        ticket._version = self._versions = version = self._versions + 1
        heappush(self._by_rank, (key, sequence, version, ticket))

    def pop(self, now: float) -> Ticket[J]:
        """Take out the oldest ticket if its time is up, else the one of lowest key."""
        if now >= self._deadline:
            ticket = self._oldest()
            self._deadline = ticket.view.arrival + self._max_wait
            if now >= self._deadline:
                self.guarded += 1
                self.remove(ticket)
                return ticket
        while True:
            _, sequence, version, ticket = heappop(self._by_rank)
            if ticket._version == version:
                break
        ticket._version = GONE
        self._new.pop(sequence, None)
        self.count = count = self.count - 1
        if len(self._by_rank) > 2 * count + SPARE:
            self._tidy()
        return ticket

    def remove(self, ticket: Ticket[J]) -> None:
        """Take out this one."""
        ticket._version = GONE
        self._new.pop(ticket.view.sequence, None)
        self.count = count = self.count - 1
        if len(self._by_rank) > 2 * count + SPARE:
            self._tidy()

    def passes(self, ticket: Ticket[J], key: float, now: float) -> bool:
        """Whether `pop` would prefer one of those that wait to this one, were it pushed."""
        if self.count == 0:
            return False
        first, view = self._oldest().view, ticket.view
        if view.sequence < first.sequence:
            first = view
        if now >= first.arrival + self._max_wait:
            return first is not view
        while self._by_rank[0][3]._version != self._by_rank[0][2]:
            heappop(self._by_rank)
        return self._by_rank[0][:2] < (key, view.sequence)

    def _oldest(self) -> Ticket[J]:
        new, returned = self._new, self._returned
        while returned and returned[0][1]._version == GONE:
            heappop(returned)
        while new and self._first not in new:
            self._first += 1
        if returned and not (new and self._first < returned[0][0]):
            return returned[0][1]
        return new[self._first]

    def _tidy(self) -> None:
        most = 2 * self.count + SPARE
        if len(self._by_rank) > most or len(self._returned) > most:
            self._by_rank = [entry for entry in self._by_rank if entry[3]._version == entry[2]]
            heapify(self._by_rank)
            self._returned = [(entry[1], entry[3]) for entry in self._by_rank if entry[3].view.started]
            heapify(self._returned)
