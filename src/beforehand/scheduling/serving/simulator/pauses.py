"""Conversations in tool calls: what becomes of their memory."""

import math
from collections.abc import Callable
from heapq import heappush
from typing import Any, Final, final

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.serving.simulator.forecasts import Forecasts
from beforehand.scheduling.serving.simulator.job import PAUSED, Job
from beforehand.scheduling.serving.simulator.memory import BlockPool

ACTIONS: Final = ("preserve", "discard", "swap")
RETURN: Final = 0  # kinds of events
DECIDE: Final = 1
COPIED: Final = 2


@final
class HostTier:
    """Memory of the host for copies of KV, and the one queue of copies to it."""

    __slots__ = ("free", "until")

    def __init__(self, tokens: int) -> None:
        self.free = tokens
        self.until = 0.0  # when the last copy will have ended


@final
class Pauses:
    """Asks the handling about every call, and does what it says.

    An action of "swap" for which the host has no room becomes "discard". A call that returns while its copy is still
    being made finds its memory in place.
    """

    def __init__(
        self,
        handling: Any,
        forecasts: Forecasts,
        pool: BlockPool,
        host: HostTier,
        engine: EngineView,
        refresh: Callable[[], None],
        copy_seconds: Callable[[float], float],
        events: list[Any],
    ) -> None:
        self._handling, self._forecasts, self._pool = handling, forecasts, pool
        self._host, self._engine, self._refresh, self._copy_seconds = host, engine, refresh, copy_seconds
        self._events = events
        self._together = hasattr(handling, "decide_all")
        self._serial = 0
        self.holders: dict[Job, None] = {}  # paused, with memory on the device
        self.due: list[Job] = []  # to be asked about now
        self.counts = dict.fromkeys(ACTIONS, 0)
        self.lost = 0  # tokens of KV that were freed and had been computed
        self.held_seconds = 0.0  # token-seconds of paused holders

    def begin(self, job: Job, now: float, seconds: float) -> None:
        """A segment has ended in a call of so many seconds; its memory is still on the device."""
        job.phase = PAUSED
        job.stamp += 1
        job.swapped = False
        view = job.view
        view.state = "paused"
        view.tool = self._forecasts.call(job)
        self.holders[job] = None
        job.held_since = now
        self.later(now + seconds, RETURN, job)
        self.due.append(job)
        if not self._together:  # at once, since what is freed first is evicted from the cache first
            self.decide(now)

    def later(self, when: float, kind: int, job: Job) -> None:
        """Note an event of this conversation, void once its stamp has changed."""
        self._serial += 1
        heappush(self._events, (when, self._serial, kind, job, job.stamp))

    def decide(self, now: float) -> None:
        """Ask about all that are due."""
        due = [job for job in self.due if job.phase == PAUSED and job in self.holders and not job.copying]
        self.due.clear()
        if not due:
            return
        self._refresh()
        for job in due:
            self._forecasts.elapse(job, now - job.held_since)
        if self._together:
            for job, (action, again) in zip(due, self._handling.decide_all([job.view for job in due]), strict=True):
                self._act(job, action, again, now)
            return
        for job in due:
            action, again = self._handling.decide(job.view)
            self._act(job, action, again, now)
            self._engine.free_host_tokens = self._host.free
            self._engine.free_tokens = self._pool.free * self._pool.size

    def _act(self, job: Job, action: str, again: float, now: float) -> None:
        if action == "swap" and self._room(job) > self._host.free:
            action = "discard"
        if action == "preserve":
            if again < math.inf:
                self.later(now + max(again, 1e-6), DECIDE, job)
        elif action == "discard":
            self.discard(job, now)
        elif action == "swap":
            self._host.free -= self._room(job)
            job.host, job.copying, job.swapped = self._room(job), True, True
            self._host.until = max(self._host.until, now) + self._copy_seconds(job.host)
            self.later(self._host.until, COPIED, job)
        else:
            raise InvalidInput(f"the handling says {action!r}, but must say one of {', '.join(ACTIONS)}")

    def _room(self, job: Job) -> int:
        return job.resident // self._pool.size * self._pool.size  # whole blocks

    def copied(self, job: Job, now: float) -> None:
        """The copy on the host is complete."""
        job.copying = False
        self._leave(job, now)

    def discard(self, job: Job, now: float) -> None:
        """Free the memory of a paused or returned holder."""
        if job.copying:
            self.forget_copy(job)
        job.swapped = False
        self._leave(job, now)

    def _leave(self, job: Job, now: float) -> None:
        del self.holders[job]
        self.held_seconds += (now - job.held_since) * job.resident
        self.free(job)

    def free(self, job: Job) -> None:
        """Take memory that will have to be computed again."""
        self.lost += job.resident
        self._pool.release(job.holding, job.resident)
        job.resident = job.view.resident = 0

    def evict(self, now: float) -> bool:
        """Take the memory of the largest paused conversation; False if there is none."""
        settled = [job for job in self.holders if not job.copying]
        if not settled:
            return False
        self.discard(max(settled, key=lambda job: job.resident), now)
        return True

    def forget_copy(self, job: Job) -> None:
        """Give the host's memory back."""
        self._host.free += job.host
        job.host = job.view.host = 0
        job.copying = False

    def end(self, job: Job, now: float) -> None:
        """The call has returned."""
        if job.copying:
            self.forget_copy(job)
            job.swapped = False
        kept = job in self.holders
        self.counts["swap" if job.swapped else "preserve" if kept else "discard"] += 1
        if kept:
            del self.holders[job]
            self.held_seconds += (now - job.held_since) * job.resident
        job.returning = kept
        job.view.host = job.host
