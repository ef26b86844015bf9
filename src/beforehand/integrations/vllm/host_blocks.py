"""Which blocks are held in host memory, and in which slot: the bookkeeping of the host tier."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import final

IDLE = 3600.0  # s without a sign of life after which a conversation's blocks make room


@final
@dataclass(slots=True)
class _Owned:
    hashes: tuple[bytes, ...]
    since: float


@final
@dataclass(slots=True)
class HostBlocks:
    """Slots for blocks by the hash of all tokens up to their end, so that conversations share a common start.

    Args:
        slots: How many blocks there is room for.

    Guarantee:
        A slot holds one block. A block stays until every conversation that holds it has been dropped, or has been
        idle for an hour when another needed the room.
    """

    slots: int
    _free: list[int] = field(init=False)
    _slot_of: dict[bytes, int] = field(default_factory=dict)
    _holders: dict[bytes, int] = field(default_factory=dict)
    _owned: dict[str, _Owned] = field(default_factory=dict)
    _ends: dict[bytes, str] = field(default_factory=dict)  # the last hash of an owner

    def __post_init__(self) -> None:
        """All slots are free."""
        self._free = list(range(self.slots - 1, -1, -1))

    @property
    def free(self) -> int:
        """Slots that hold nothing."""
        return len(self._free)

    def put(self, owner: str, hashes: Sequence[bytes], now: float) -> list[tuple[int, int]] | None:
        """Make room for an owner's blocks.

        Returns:
            For each block that is new its place in `hashes` and its slot; None if they do not fit, so that the owner
            has nothing here.
        """
        self.drop(owner)
        missing = [place for place, name in enumerate(hashes) if name not in self._slot_of]
        for idle in [name for name, owned in self._owned.items() if owned.since <= now - IDLE]:
            if len(missing) > len(self._free):
                self.drop(idle)
                missing = [place for place, name in enumerate(hashes) if name not in self._slot_of]
        if not hashes or len(missing) > len(self._free):
            return None
        placed = []
        for place in missing:
            self._slot_of[hashes[place]] = slot = self._free.pop()
            placed.append((place, slot))
        for name in hashes:
            self._holders[name] = self._holders.get(name, 0) + 1
        self._owned[owner] = _Owned(tuple(hashes), now)
        self._ends[hashes[-1]] = owner
        return placed

    def match(self, hashes: Sequence[bytes]) -> int:
        """How many of the first hashes are held."""
        count = 0
        while count < len(hashes) and hashes[count] in self._slot_of:
            count += 1
        return count

    def slots_of(self, hashes: Sequence[bytes]) -> list[int]:
        """The slots of hashes that are held."""
        return [self._slot_of[name] for name in hashes]

    def taken_back(self, hashes: Sequence[bytes]) -> None:
        """A request has loaded up to these hashes: drop the owner that they continue."""
        for name in reversed(hashes):
            if name in self._ends:
                self.drop(self._ends[name])
                return

    def drop(self, owner: str) -> None:
        """Forget an owner's blocks; those that no other holds leave their slots."""
        owned = self._owned.pop(owner, None)
        if owned is None:
            return
        if self._ends.get(owned.hashes[-1]) == owner:
            del self._ends[owned.hashes[-1]]
        for name in owned.hashes:
            self._holders[name] -= 1
            if not self._holders[name]:
                del self._holders[name]
                self._free.append(self._slot_of.pop(name))

    def check_invariants(self) -> None:
        """Raise AssertionError if a slot is lost or held twice."""
        held = sorted([*self._slot_of.values(), *self._free])
        assert held == list(range(self.slots)), held
        counted: dict[bytes, int] = {}
        for owned in self._owned.values():
            for name in owned.hashes:
                counted[name] = counted.get(name, 0) + 1
        assert counted == self._holders
        assert counted.keys() == self._slot_of.keys()
