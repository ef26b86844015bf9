"""What a queue hands out for each job, and the order of those that wait."""

from __future__ import annotations

import asyncio
import math
from heapq import heapify, heappop, heappush
from typing import Any, Generic, Literal, TypeVar, final

from beforehand.scheduling.policies.view import View

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


class WaitingJobs(Generic[J]):
    """The tickets that wait, by rank and by arrival.

    The order by rank is a heap from which nothing is removed but at the top: a ticket that was ranked anew, guarded or
    cancelled leaves an entry behind, known by its version. At most half of the entries, or `SPARE`, are such.
    """

    __slots__ = (
        "_by_rank",
        "_deadline",
        "_first",
        "_left_behind",
        "_max_wait",
        "_returned",
        "_versions",
        "guarded",
        "tickets",
    )

    def __init__(self, max_wait: float) -> None:
        self.tickets: dict[int, Ticket[J]] = {}  # by sequence
        self.guarded = 0  # how many were taken because their time was up
        self._max_wait = max_wait
        self._deadline = -math.inf  # nobody's time is up before; looked up anew only when it has passed
        self._first = 0  # no ticket has a lower sequence, but for those handed back
        self._returned: list[int] = []  # handed back: a heap of sequences, some of them gone
        self._by_rank: list[tuple[float, int, int, Ticket[J]]] = []  # key, sequence, version
        self._left_behind = 0  # entries in there that no longer hold
        self._versions = 0

    def add(self, ticket: Ticket[J], key: float) -> None:
        """Add a ticket that was never here; equal keys go in order of arrival."""
        sequence = ticket.view.sequence
        self.tickets[sequence] = ticket
        ticket._version = 0
        heappush(self._by_rank, (key, sequence, 0, ticket))

    def add_again(self, ticket: Ticket[J], key: float) -> None:
        """Take back a ticket that was taken out, or rank one anew that waits."""
        sequence = ticket.view.sequence
        if sequence in self.tickets:
            self._left_behind += 1
        else:
            self.tickets[sequence] = ticket
            heappush(self._returned, sequence)
            self._deadline = min(self._deadline, ticket.view.arrival + self._max_wait)
        self._versions += 1
        ticket._version = self._versions
        heappush(self._by_rank, (key, sequence, self._versions, ticket))
        self._tidy()

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
            self._left_behind -= 1
        ticket._version = GONE
        del self.tickets[sequence]
        if self._left_behind > SPARE:
            self._tidy()
        return ticket

    def remove(self, ticket: Ticket[J]) -> None:
        """Take out this one."""
        ticket._version = GONE
        del self.tickets[ticket.view.sequence]
        self._left_behind += 1
        self._tidy()

    def passes(self, ticket: Ticket[J], key: float, now: float) -> bool:
        """Whether `pop` would prefer one of those that wait to this one, were it pushed."""
        if not self.tickets:
            return False
        first, view = self._oldest().view, ticket.view
        if view.sequence < first.sequence:
            first = view
        if now >= first.arrival + self._max_wait:
            return first is not view
        while self._by_rank[0][3]._version != self._by_rank[0][2]:
            heappop(self._by_rank)
            self._left_behind -= 1
        return self._by_rank[0][:2] < (key, view.sequence)

    def _oldest(self) -> Ticket[J]:
        tickets, returned = self.tickets, self._returned
        while returned and returned[0] not in tickets:
            heappop(returned)
        last = returned[0] if returned else math.inf
        while self._first < last and self._first not in tickets:
            self._first += 1
        return tickets[min(self._first, returned[0]) if returned else self._first]

    def _tidy(self) -> None:
        """Drop what does not hold any more once it is the greater part."""
        if self._left_behind > max(SPARE, len(self.tickets)):
            self._by_rank = [entry for entry in self._by_rank if entry[3]._version == entry[2]]
            heapify(self._by_rank)
            self._left_behind = 0
        if len(self._returned) > 2 * len(self.tickets) + SPARE:
            self._returned = sorted(sequence for sequence, ticket in self.tickets.items() if ticket.view.started)
