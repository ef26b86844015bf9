"""The slot protocol: what whoever adds keeps, and what it answers to each message, however late or often that comes."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias, final

from numpy.typing import NDArray

Add: TypeAlias = Callable[[NDArray[Any] | None], NDArray[Any]]  # the sums with this message, of those before it


class Verdict(Enum):
    """What becomes of a message."""

    ADDED = "added"  # the chunk still waits for others
    COMPLETE = "complete"  # added, and enough: all get the result
    DUPLICATE = "duplicate"  # added before, and the chunk still waits
    REPEAT = "repeat"  # known before, and complete: its sender gets the result once more
    LATE = "late"  # complete without it: its sender gets the result, and the message is not added
    GONE = "gone"  # the slot has moved on: its sender is told so


@dataclass
class Bank:
    """One chunk's sums; a bank without an epoch has seen none."""

    epoch: int = -1
    workers: set[int] = field(default_factory=set)
    count: int = 0
    sums: NDArray[Any] | None = None
    done: bool = False


@final
class Slots:
    """Slots of two banks each, chosen by the parity of the epoch.

    Chunk c of the run lies in slot `c % slots`, at epoch `c // slots`. A worker has one chunk outstanding in each slot,
    and goes on in that slot once it is answered.

    Args:
        slots: How many.
        quorum: Workers whose messages complete a chunk.

    Guarantee:
        Each worker is counted at most once in each chunk, and the sums of a complete one never change.
    """

    def __init__(self, slots: int, quorum: int) -> None:
        self._quorum = quorum
        self._banks = [(Bank(), Bank()) for _ in range(slots)]

    def receive(self, worker: int, slot: int, epoch: int, add: Add) -> Verdict:
        """Take one message, which `add` adds.

        Why two banks are enough: nobody can send epoch e + 2 before epoch e + 1 was complete, for which as many workers
        as complete a chunk must have had the result of e.
        """
        bank = self.bank(slot, epoch)
        if epoch < bank.epoch:
            return Verdict.GONE
        if epoch > bank.epoch:
            bank.epoch, bank.workers, bank.count, bank.sums, bank.done = epoch, set(), 0, None, False
        known = worker in bank.workers
        bank.workers.add(worker)
        if bank.done:
            return Verdict.REPEAT if known else Verdict.LATE
        if known:
            return Verdict.DUPLICATE
        bank.sums = add(bank.sums)
        bank.count += 1
        bank.done = bank.count >= self._quorum
        return Verdict.COMPLETE if bank.done else Verdict.ADDED

    def bank(self, slot: int, epoch: int) -> Bank:
        """Where this epoch is kept, or was."""
        return self._banks[slot][epoch % 2]
