"""Packets in virtual time, which get lost, doubled, reordered and delayed, always the same way for the same seed."""

import heapq
from collections.abc import Callable, Mapping
from typing import TypeAlias, final

import numpy as np

Act: TypeAlias = Callable[[], None]


@final
class Network:
    """The way between each worker and a switch.

    Args:
        loss, duplicate, reorder: Shares of packets that get lost, arrive twice, are held back.
        delay: Shortest and longest time of a packet.
        hold: The longest time that one is held back.
        slow: Factors on the time of packets of these workers.
        seed: Of all that happens.
    """

    def __init__(
        self,
        *,
        loss: float,
        duplicate: float,
        reorder: float,
        delay: tuple[float, float],
        hold: float,
        slow: Mapping[int, float],
        seed: int,
    ) -> None:
        self.now = 0.0
        self._loss, self._duplicate, self._reorder = loss, duplicate, reorder
        self._delay, self._hold, self._slow = delay, hold, slow
        self._random = np.random.Generator(np.random.Philox(seed))
        self._due: list[tuple[float, int, Act]] = []
        self._events = 0

    def send(self, worker: int, deliver: Act) -> None:
        """Put a packet of this worker on its way: `deliver` is called never, once or twice."""
        copies = 1 + (self._random.random() < self._duplicate)
        for _ in range(copies):
            lost, held, share = self._random.random(3).tolist()
            seconds = self._delay[0] + share * (self._delay[1] - self._delay[0])
            if held < self._reorder:
                seconds += self._random.random() * self._hold
            if lost >= self._loss:
                self.after(seconds * self._slow.get(worker, 1.0), deliver)

    def after(self, seconds: float, act: Act) -> None:
        """Call `act` at that time from now; what is due at one time happens in the order of these calls."""
        heapq.heappush(self._due, (self.now + seconds, self._events, act))
        self._events += 1

    def step(self) -> None:
        """Let the next thing happen, of which there is one."""
        self.now, _, act = heapq.heappop(self._due)
        act()
