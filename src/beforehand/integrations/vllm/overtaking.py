"""Who waits for how long, and who has been overtaken by how much."""

import heapq
import math
from collections.abc import Iterator
from typing import final

from beforehand.integrations.vllm.tracked import Tracked


@final
class Overtaking:
    """Requests that wait by their arrival.

    Args:
        max_wait: Seconds after which a request is overdue; inf means never.
    """

    def __init__(self, max_wait: float = math.inf) -> None:
        self._max_wait = max_wait
        self._by_arrival: list[tuple[float, int, Tracked]] = []
        self._by_wait: list[tuple[float, int, Tracked]] = []
        self._pushes = 0
        self.most = 0.0  # s; by how much later one came that was served before another

    def waits(self, tracked: Tracked) -> None:
        """The request waits, again or for the first time."""
        self._pushes += 1
        heapq.heappush(self._by_arrival, (tracked.view.arrival, self._pushes, tracked))
        if self._max_wait < math.inf and not tracked.urgent:
            heapq.heappush(self._by_wait, (tracked.view.enqueued, self._pushes, tracked))

    def starts(self, tracked: Tracked) -> None:
        """The request runs for the first time."""
        waiting = self._by_arrival
        while waiting and waiting[0][2].view.state != "waiting":
            heapq.heappop(waiting)
        if waiting:
            self.most = max(self.most, tracked.view.arrival - waiting[0][0])

    def overdue(self, now: float) -> Iterator[Tracked]:
        """Those that have waited for longer than they should, each once."""
        waiting = self._by_wait
        while waiting and now - waiting[0][0] > self._max_wait:
            tracked = heapq.heappop(waiting)[2]
            if tracked.view.state == "waiting" and not tracked.urgent:
                yield tracked
