"""The jobs of a queue that wait: by rank, by arrival, and whose time is up."""

from __future__ import annotations

import math
from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Generic

from beforehand.scheduling.queue.ticket import GONE, J, Ticket

SPARE = 64  # entries of tickets that are gone, before a clean-up is worth it


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
        # Nobody's time is up before; looked up anew only when it has passed.
        self._deadline = math.inf if max_wait == math.inf else -math.inf
        self._first = 0  # no ticket has a lower sequence, but for those handed back
        self._returned: list[int] = []  # handed back: a heap of sequences, some of them gone
        self._by_rank: list[tuple[float, int, int, Ticket[J]]] = []  # key, sequence, version
        self._left_behind = 0  # entries in there that no longer hold
        self._versions = 0

    def add(self, ticket: Ticket[J], key: float) -> None:
        """Add a ticket that was never here; equal keys go in order of arrival."""
        sequence = ticket.view.sequence
        self.tickets[sequence] = ticket
        heappush(self._by_rank, (key, sequence, 0, ticket))

    def add_again(self, ticket: Ticket[J], key: float) -> None:
        """Take back a ticket that was taken out, or rank one anew that waits."""
        if ticket.view.sequence in self.tickets:
            self._left_behind += 1
        else:
            self._take_back(ticket)
        self._versions += 1
        ticket._version = self._versions
        heappush(self._by_rank, (key, ticket.view.sequence, self._versions, ticket))
        self._tidy()

    def pop(self, now: float) -> Ticket[J]:
        """Take out the oldest ticket if its time is up, else the one of lowest key."""
        if now >= self._deadline and (overdue := self._overdue(now)) is not None:
            return overdue
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
        return self._outranks(ticket, key, now)

    def settle(self, ticket: Ticket[J], size: float) -> None:
        """Note how much service a ticket that was taken out has had; only an order by tenants goes by it."""

    def _outranks(self, ticket: Ticket[J], key: float, now: float) -> bool:
        """Whether one of those that wait would run before this one if nobody's time were up."""
        while self._by_rank[0][3]._version != self._by_rank[0][2]:
            heappop(self._by_rank)
            self._left_behind -= 1
        return self._by_rank[0][:2] < (key, ticket.view.sequence)

    def _overdue(self, now: float) -> Ticket[J] | None:
        """Take out the oldest ticket if its time is up."""
        ticket = self._oldest()
        self._deadline = ticket.view.arrival + self._max_wait
        if now < self._deadline:
            return None
        self.guarded += 1
        self.remove(ticket)
        return ticket

    def _take_back(self, ticket: Ticket[J]) -> None:
        """Put a ticket that was taken out into its place by arrival."""
        self.tickets[ticket.view.sequence] = ticket
        heappush(self._returned, ticket.view.sequence)
        self._deadline = min(self._deadline, ticket.view.arrival + self._max_wait)
        if len(self._returned) > 2 * len(self.tickets) + SPARE:
            self._returned = sorted(sequence for sequence, each in self.tickets.items() if each.view.started)

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


class TimedJobs(WaitingJobs[J]):
    """The tickets that wait, where their keys change with time: all are ranked whenever one is taken out.

    Args:
        max_wait: A ticket that has waited this long is next.
        key: The key of a ticket at a time.
    """

    __slots__ = ("_key",)

    def __init__(self, max_wait: float, key: Callable[[Ticket[J], float], float]) -> None:
        super().__init__(max_wait)
        self._key = key

    def add(self, ticket: Ticket[J], key: float) -> None:
        """Add a ticket that was never here; its key now does not count."""
        self.tickets[ticket.view.sequence] = ticket

    def add_again(self, ticket: Ticket[J], key: float) -> None:
        """Take back a ticket that was taken out; one that waits is ranked anew anyway."""
        if ticket.view.sequence not in self.tickets:
            self._take_back(ticket)

    def pop(self, now: float) -> Ticket[J]:
        """Take out the oldest ticket if its time is up, else the one whose key is lowest now."""
        if now >= self._deadline and (overdue := self._overdue(now)) is not None:
            return overdue
        return self.tickets.pop(self._least(now)[1])

    def remove(self, ticket: Ticket[J]) -> None:
        """Take out this one."""
        del self.tickets[ticket.view.sequence]

    def _outranks(self, ticket: Ticket[J], key: float, now: float) -> bool:
        return self._least(now) < (key, ticket.view.sequence)

    def _least(self, now: float) -> tuple[float, int]:
        """The lowest key, and the sequence of its ticket."""
        return min((self._key(ticket, now), sequence) for sequence, ticket in self.tickets.items())
