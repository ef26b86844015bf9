"""The chunks of one exchange on their way through a simulated switch and back."""

from collections.abc import Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from beforehand.gradients.exchange import Floats
from beforehand.gradients.integer_shards import IntegerShards, OnMissing, missed
from beforehand.gradients.packets import Network
from beforehand.gradients.slots import Slots, Verdict


def cut(size: int, chunk: int) -> list[tuple[int, int]]:
    """First and last coordinate of each chunk; the last one may be shorter."""
    return [(first, min(first + chunk, size)) for first in range(0, size, chunk)]


@final
class Run:
    """One exchange: each worker has `window` chunks on the way, and sends again what is not answered in time.

    Packets of earlier exchanges may still arrive: they change nothing here, and no sum.
    """

    def __init__(
        self,
        shards: Sequence[IntegerShards],
        slots: Slots,
        network: Network,
        *,
        chunk: int,
        window: int,
        position: int,
        timeout: float,
        on_missing: OnMissing,
    ) -> None:
        self._shards, self._slots, self._network = shards, slots, network
        self._window, self._position = window, position
        self._timeout, self._on_missing = timeout, on_missing
        self._begin = network.now
        self.chunks = cut(shards[0].size, chunk)
        self.means: list[Floats] = [np.zeros(shards[0].size, np.float32) for _ in shards]
        self.counts = np.zeros(len(self.chunks), np.uint16)
        self.packets = self.retransmissions = self.gone = self.late = 0
        self._waiting: list[set[int]] = [set() for _ in shards]
        self._left = len(shards) * len(self.chunks)

    def finish(self) -> float:
        """Let things happen until each worker has an answer to each chunk; returns how long that took."""
        for rank in range(len(self._shards)):
            for chunk in range(min(self._window, len(self.chunks))):
                self._send(rank, chunk)
        while self._left:
            self._network.step()
        return self._network.now - self._begin

    def _send(self, rank: int, chunk: int) -> None:
        self._waiting[rank].add(chunk)
        self._transmit(rank, chunk)

    def _transmit(self, rank: int, chunk: int) -> None:
        self.packets += 1
        self._network.send(rank, lambda: self._receive(rank, chunk))
        self._network.after(self._timeout, lambda: self._expire(rank, chunk))

    def _expire(self, rank: int, chunk: int) -> None:
        if chunk in self._waiting[rank]:
            self.retransmissions += 1
            self._transmit(rank, chunk)

    def _receive(self, rank: int, chunk: int) -> None:
        """What the switch does with a worker's packet."""
        first, last = self.chunks[chunk]
        shards = self._shards[rank]
        epoch, slot = divmod(self._position + chunk, self._window)
        verdict = self._slots.receive(
            rank, slot, epoch, lambda sums: shards.accumulate(sums, shards.encode(first, last))
        )
        bank = self._slots.bank(slot, epoch)
        self.late += verdict is Verdict.LATE
        if verdict is Verdict.COMPLETE:
            self.counts[chunk] = bank.count
            for each in range(len(self._shards)):
                self._answer(each, chunk, bank.sums, bank.count)
        elif verdict in (Verdict.REPEAT, Verdict.LATE):
            self._answer(rank, chunk, bank.sums, bank.count)
        elif verdict is Verdict.GONE:
            self._answer(rank, chunk, None, 0)

    def _answer(self, rank: int, chunk: int, sums: NDArray[Any] | None, count: int) -> None:
        self.packets += 1
        self._network.send(rank, lambda: self._deliver(rank, chunk, sums, count))

    def _deliver(self, rank: int, chunk: int, sums: NDArray[Any] | None, count: int) -> None:
        """What a worker does with an answer."""
        if chunk not in self._waiting[rank]:
            return
        self._waiting[rank].remove(chunk)
        first, last = self.chunks[chunk]
        shards = self._shards[rank]
        if sums is None:
            self.gone += 1
            self.means[rank][first:last] = missed(shards, first, last, self._on_missing, rank)
        else:
            self.means[rank][first:last] = shards.mean_of(sums, first, count)
        self._left -= 1
        if chunk + self._window < len(self.chunks):
            self._send(rank, chunk + self._window)
