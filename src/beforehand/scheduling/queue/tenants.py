"""The jobs of a queue that wait, where tenants share the workers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from heapq import heapify, heappop, heappush
from typing import Any, Generic

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import finite
from beforehand.scheduling.queue.ticket import GONE, J, Ticket
from beforehand.scheduling.queue.waiting_jobs import SPARE, WaitingJobs


class Tenant(Generic[J]):
    """One tenant: its jobs that wait, and the work that was handed out to it, divided by its weight."""

    __slots__ = ("entry", "jobs", "level", "name", "turn", "weight")

    def __init__(self, name: Hashable, weight: float, jobs: WaitingJobs[J]) -> None:
        self.name = name
        self.weight = weight
        self.jobs = jobs
        self.level = 0.0
        self.turn = 0  # the first sequence of its jobs since it had none waiting, which decides among equal levels
        self.entry = GONE  # its one valid entry among those that have jobs waiting


class TenantJobs(WaitingJobs[J]):
    """The tickets that wait, of the tenant with the lowest level first; those of one tenant in an order of their own.

    A tenant is charged for a job when it is taken out: its prediction, or the mean charge so far. What was charged is
    set right as soon as the size is known. A tenant that had no job waiting comes back at no lower level than that at
    which the last one was chosen, so that nobody saves up a right to be served; once no job waits at all, all start
    again at one level.

    The tenants that have jobs waiting stand in a heap by level. One whose level changes gets a new entry there, and
    leaves the old one behind.

    Args:
        max_wait: A ticket that has waited this long is next, whoever its tenant is.
        tenant_of: The tenant of a job.
        weights: Those other than 1.
        order: Makes the order of one tenant's tickets.
    """

    __slots__ = (
        "_by_level",
        "_charges",
        "_entries",
        "_floor",
        "_known",
        "_limit",
        "_order",
        "_queued",
        "_tenant_of",
        "_top",
        "_weights",
        "_work",
    )

    def __init__(
        self,
        max_wait: float,
        tenant_of: Callable[[J], Hashable],
        weights: Mapping[Any, float],
        order: Callable[[], WaitingJobs[J]],
    ) -> None:
        super().__init__(max_wait)
        self._tenant_of = tenant_of
        self._weights = {name: finite(f"weights[{name!r}]", weight, above=True) for name, weight in weights.items()}
        self._order = order
        self._known: dict[Hashable, Tenant[J]] = {}
        self._queued: set[Tenant[J]] = set()  # those with tickets that wait
        self._by_level: list[tuple[float, int, int, Tenant[J]]] = []  # level, turn, entry
        self._entries = 0
        self._floor = 0.0  # the level at which a tenant comes back at least
        self._top = 0.0  # no level was ever higher
        self._limit = SPARE  # known tenants, before those are forgotten that would come back at the floor anyway
        self._charges, self._work = 0, 0.0  # how many jobs were taken out, and what was charged for them

    def add(self, ticket: Ticket[J], key: float) -> None:
        """Add a ticket that was never here."""
        if not self.tickets:
            self._floor = self._top
            self._known.clear()
        tenant = self._tenant(self._tenant_of(ticket.job))
        self._enter(tenant, ticket.view.sequence)
        ticket._tenant, ticket._charged = tenant, 0.0
        self.tickets[ticket.view.sequence] = ticket
        tenant.jobs.add(ticket, key)

    def add_again(self, ticket: Ticket[J], key: float) -> None:
        """Take back a ticket that was taken out, for which only its service so far is charged; or rank one anew."""
        if ticket.view.sequence not in self.tickets:
            self.settle(ticket, ticket.view.age)
            self._enter(ticket._tenant, ticket.view.sequence)
            self._take_back(ticket)
        ticket._tenant.jobs.add_again(ticket, key)

    def pop(self, now: float) -> Ticket[J]:
        """Take out the oldest ticket if its time is up, else the first one of the tenant with the lowest level."""
        ticket = self._overdue(now) if now >= self._deadline else None
        if ticket is None:
            tenant = self._lowest()
            self._floor = max(self._floor, tenant.level)
            ticket = tenant.jobs.pop(now)
            del self.tickets[ticket.view.sequence]
            self._leave(tenant)
        view = ticket.view
        known = view.predicted == view.predicted  # not nan
        charge = view.predicted if known else self._work / self._charges if self._charges else 1.0
        self._charges += not view.started
        self.settle(ticket, max(charge, view.age))
        return ticket

    def remove(self, ticket: Ticket[J]) -> None:
        """Take out this one."""
        del self.tickets[ticket.view.sequence]
        ticket._tenant.jobs.remove(ticket)
        self._leave(ticket._tenant)

    def settle(self, ticket: Ticket[J], size: float) -> None:
        """Charge a ticket that was taken out this much in all."""
        ticket._tenant = tenant = self._known.setdefault(ticket._tenant.name, ticket._tenant)  # it may be forgotten
        more = size - ticket._charged
        tenant.level += more / tenant.weight
        self._top = max(self._top, tenant.level)
        self._work += more
        ticket._charged = size
        if tenant in self._queued:
            self._place(tenant)

    def _outranks(self, ticket: Ticket[J], key: float, now: float) -> bool:
        mine: Tenant[J] = self._known.get(ticket._tenant.name, ticket._tenant)
        level, turn = mine.level + (ticket.view.age - ticket._charged) / mine.weight, ticket.view.sequence
        if mine in self._queued:
            turn = min(turn, mine.turn)
            mine.entry = GONE  # the others alone
            first = self._lowest() if len(self._queued) > 1 else None
            self._place(mine)
        else:
            level, first = max(level, self._floor), self._lowest()
        if first is not None and (first.level, first.turn) < (level, turn):
            return True
        return bool(mine.jobs.tickets) and mine.jobs._outranks(ticket, key, now)

    def _tenant(self, name: Hashable) -> Tenant[J]:
        try:
            tenant = self._known.get(name)
        except TypeError as error:
            raise InvalidInput(f"tenant is {name!r}, but must be hashable; return a name or a number") from error
        if tenant is None:
            if len(self._known) >= self._limit:
                self._forget()
            tenant = self._known[name] = Tenant(name, self._weights.get(name, 1.0), self._order())
        return tenant

    def _enter(self, tenant: Tenant[J], sequence: int) -> None:
        """A tenant gets a ticket that waits."""
        if tenant not in self._queued:
            self._queued.add(tenant)
            tenant.level, tenant.turn = max(tenant.level, self._floor), sequence
            self._place(tenant)
        elif sequence < tenant.turn:
            tenant.turn = sequence
            self._place(tenant)

    def _leave(self, tenant: Tenant[J]) -> None:
        """A tenant may have lost its last ticket that waits."""
        if not tenant.jobs.tickets:
            self._queued.remove(tenant)
            tenant.entry = GONE

    def _place(self, tenant: Tenant[J]) -> None:
        """Give a tenant an entry that holds; the one before does no longer."""
        self._entries += 1
        tenant.entry = self._entries
        heappush(self._by_level, (tenant.level, tenant.turn, self._entries, tenant))
        if len(self._by_level) > 2 * len(self._queued) + SPARE:
            self._by_level = [entry for entry in self._by_level if entry[3].entry == entry[2]]
            heapify(self._by_level)

    def _lowest(self) -> Tenant[J]:
        """Of the tenants that have tickets waiting, the one of lowest level."""
        while self._by_level[0][3].entry != self._by_level[0][2]:
            heappop(self._by_level)
        return self._by_level[0][3]

    def _forget(self) -> None:
        """Drop the tenants that have no ticket waiting and would come back at the floor."""
        self._known = {
            name: tenant for name, tenant in self._known.items() if tenant.jobs.tickets or tenant.level > self._floor
        }
        self._limit = max(SPARE, 2 * len(self._known))
