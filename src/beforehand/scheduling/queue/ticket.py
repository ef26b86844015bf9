"""What a queue hands out for each job."""

from __future__ import annotations

import asyncio
from math import nan
from typing import Any, Generic, Literal, TypeVar, final

from beforehand.scheduling.policies.view import View

J = TypeVar("J")
State = Literal["waiting", "running", "done", "cancelled"]
GONE = -1  # the version of a ticket that does not wait


@final
class Ticket(Generic[J]):
    """One job in a `PredictionQueue`: made by `put`, returned by `get`, for reading only.

    Attributes:
        job: What was put.
        view: What the policy sees: arrival, sequence, age, predictions (nan where there is none).
        state: `"waiting"`, `"running"`, `"done"` or `"cancelled"`.
        waited: From its arrival until `get` first returned it, in the unit of the clock; nan before.
    """

    __slots__ = (
        "_asked",
        "_began",
        "_charged",
        "_features",
        "_queue",
        "_task",
        "_tenant",
        "_version",
        "job",
        "state",
        "view",
        "waited",
    )
    _began: float  # from `get` on: when its service would have begun without a break; while it waits, how long it took
    _tenant: Any  # these two are set by a queue of several tenants only
    _charged: float

    def __init__(self, queue: object, job: J, features: Any, view: View) -> None:
        self.job = job
        self.view = view
        self.state: State = "waiting"
        self.waited = nan
        self._queue = queue
        self._features = features
        self._asked: tuple[str, ...] = ()  # predictions that failed or are under way: not to be asked again
        self._task: asyncio.Future[Any] | None = None  # what is under way
        self._version = 0  # of its one valid entry in the order by rank; the first has 0

    def __repr__(self) -> str:
        """Show the job and where it stands."""
        return f"Ticket({self.job!r}, {self.state})"
