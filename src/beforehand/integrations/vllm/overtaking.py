"""Who waits for how long, and who has been overtaken by how much."""

import heapq
import math
from collections.abc import Iterator
from typing import Final, final

from beforehand.integrations.vllm.tracked import Tracked

ROOM: Final = 1024


@final
class _Line:
    """Requests that wait, by a time that stays; each once, however often it is said to wait."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Tracked]] = []
        self._members: set[Tracked] = set()
        self._pushes = 0
        self._room = ROOM

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, time: float, tracked: Tracked) -> None:
        if tracked in self._members:
            return
        if len(self._heap) >= self._room:  # behind one that waits for long, most may be done
            self._heap = [entry for entry in self._heap if entry[2].view.state == "waiting"]
            heapq.heapify(self._heap)
            self._members = {entry[2] for entry in self._heap}
            self._room = max(ROOM, 2 * len(self._heap))
        self._pushes += 1
        self._members.add(tracked)
        heapq.heappush(self._heap, (time, self._pushes, tracked))

    def pop(self) -> Tracked:
        tracked = heapq.heappop(self._heap)[2]
        self._members.remove(tracked)
        return tracked

    def first(self) -> float:
        """The time of the first that still waits; inf without any."""
        while self._heap and self._heap[0][2].view.state != "waiting":
            self.pop()
        return self._heap[0][0] if self._heap else math.inf


@final
class Overtaking:
    """Requests that wait by their arrival.

    Args:
        max_wait: Seconds after which a request is overdue; inf means never.
    """

    def __init__(self, max_wait: float = math.inf) -> None:
        self._max_wait = max_wait
        self._by_arrival, self._by_wait = _Line(), _Line()
        self.most = 0.0  # s; by how much later one came that was served before another

    def __len__(self) -> int:
        """How many requests are kept, those that wait and some that no longer do."""
        return max(len(self._by_arrival), len(self._by_wait))

    def waits(self, tracked: Tracked) -> None:
        """The request waits, again or for the first time."""
        self._by_arrival.push(tracked.view.arrival, tracked)
        if self._max_wait < math.inf and not tracked.urgent:
            self._by_wait.push(tracked.view.enqueued, tracked)

    def starts(self, tracked: Tracked) -> None:
        """The request runs for the first time."""
        self.most = max(self.most, tracked.view.arrival - self._by_arrival.first())

    def overdue(self, now: float) -> Iterator[Tracked]:
        """Those that have waited for longer than they should, each once."""
        while now - self._by_wait.first() > self._max_wait:
            tracked = self._by_wait.pop()
            if not tracked.urgent:
                yield tracked
