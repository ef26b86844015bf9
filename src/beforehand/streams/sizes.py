"""What fits into how many bytes: counters, cells, gate, bins."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, TypeGuard, final

import numpy as np

from beforehand.core.errors import CapacityExceeded, InvalidInput

MOST_SLOTS: Final = 2**32 - 2
SHORT_SLOTS: Final = 65_534  # that an index of two bytes each can tell apart
UNITS: Final = {"": 1, "b": 1} | {
    prefix + suffix: base**power
    for suffix, base in (("ib", 1024), ("b", 1000))
    for power, prefix in enumerate("kmgt", start=1)
}
SLOT: Final = {"exact": 16, "filtered": 16, "lss": 17, "gated": 18, "calibrated": 18, "lss+": 19}
LEAST: Final = {"gated": 2048, "calibrated": 4096, "lss+": 4096}
BINS: Final = 32  # of a predictor


@final
@dataclass(frozen=True)
class Sizes:
    """The parts of a summary: how many of each."""

    capacity: int
    cells: int = 0
    gate_cells: int = 0
    registers: int = 0


def is_whole(value: object) -> TypeGuard[int]:
    """Whether it is an integer of Python or numpy, and not a bool."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_real(value: object) -> TypeGuard[float]:
    """Whether it is a number of Python or numpy, and not a bool."""
    return is_whole(value) or isinstance(value, float | np.floating)


def as_bytes(memory: int | str) -> int:
    """A number of bytes, given as such or as text like "256KiB" (1024) or "1MB" (1000).

    Raises:
        InvalidInput: It is neither, or below 1.
    """
    found = memory
    if isinstance(memory, str):
        match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", memory, re.IGNORECASE | re.ASCII)
        if match is None or match[2].lower() not in UNITS:
            raise InvalidInput(f'memory is {memory!r}, but must be bytes, or text such as "256KiB" or "1MB"')
        found = int(Decimal(match[1]) * UNITS[match[2].lower()])
    if not is_whole(found):
        raise InvalidInput(f'memory is {memory!r}, but must be bytes, or text such as "256KiB" or "1MB"')
    if not 1 <= found < 2**62:
        raise InvalidInput(f"memory is {memory!r}, but must be from 1 to 2**62 bytes")
    return int(found)


@contextmanager
def allocating(size: int) -> Iterator[None]:
    """Say how much was asked for where there is not so much.

    Raises:
        CapacityExceeded: It is more memory than there is.
    """
    try:
        yield
    except MemoryError as error:
        raise CapacityExceeded(
            f"this takes {size:,} bytes, which is more memory than there is; ask for less"
        ) from error


def sizes(memory: int | str, policy: str) -> Sizes:
    """What `memory` bytes hold under a policy.

    Raises:
        InvalidInput: They do not hold one counter, or are below what the policy takes; there is no such policy.
    """
    memory = as_bytes(memory)
    if policy not in (*SLOT, "assoc"):
        raise InvalidInput(f"policy is {policy!r}, but must be one of {', '.join(SLOT)}, assoc")
    if policy == "assoc":
        capacity, found, least = 8 * (memory // 128), Sizes(8 * (memory // 128)), 128
    else:
        found, least = _sizes(memory, policy), LEAST.get(policy, 24)
        capacity = found.capacity
    if memory < least or capacity < 1:
        raise InvalidInput(f"memory is {memory} bytes, but policy {policy!r} takes at least {least}; give it more")
    if capacity > MOST_SLOTS:
        raise InvalidInput(f"memory is {memory} bytes, which is more than 2**32 - 2 counters take; give it less")
    return found


def sizes_for(capacity: int, policy: str) -> Sizes:
    """The parts that go with that many counters: those of the least memory that holds them.

    Raises:
        InvalidInput: Policy "assoc" cannot round them up to a multiple of 8.
    """
    if policy == "exact":
        return Sizes(capacity)
    if policy == "assoc":
        if capacity > MOST_SLOTS - 6:
            raise InvalidInput(f"capacity is {capacity}, but policy 'assoc' takes at most 2**32 - 8; take fewer")
        return Sizes(-(-capacity // 8) * 8)
    memory, per = 1, SLOT[policy] + (4 if capacity <= SHORT_SLOTS else 8)
    while (missing := capacity * per - _left(memory, policy)) > 0:  # another byte of memory adds at most one
        memory += missing
    found = _sizes(memory, policy)
    return Sizes(capacity, found.cells, found.gate_cells, found.registers)


def planned_bytes(parts: Sizes, policy: str) -> int:
    """The memory that these parts take once every counter is in use."""
    per = SLOT[policy] + (4 if parts.capacity <= SHORT_SLOTS else 8)
    bins = 0 if parts.registers == 0 else 1 if policy == "gated" else BINS
    return parts.capacity * per + 2 * parts.cells + parts.gate_cells // 2 + bins * (8 + parts.registers)


def registers(memory: int, policy: str) -> int:
    """Registers of each bin."""
    if policy == "gated":
        return 256 if memory >= 16_384 else 64
    return max([16, *(r for r in (32, 64, 128, 256) if BINS * (8 + r) * 100 <= 3 * memory)])


def _parts(memory: int, policy: str) -> tuple[int, int, int]:
    """Cells, gate cells and registers."""
    match policy:
        case "exact":
            return 0, 0, 0
        case "filtered":
            return 2 * (memory // 4 // 4), 0, 0
        case "lss":
            return 0, 2 * (memory // 4), 0
        case _:
            return 2 * (memory // 10 // 4), 2 * (memory // 10), registers(memory, policy)


def _left(memory: int, policy: str) -> int:
    """Bytes for counters."""
    cells, gate_cells, per_bin = _parts(memory, policy)
    bins = 0 if per_bin == 0 else 1 if policy == "gated" else BINS
    return memory - 2 * cells - gate_cells // 2 - bins * (8 + per_bin)


def _sizes(memory: int, policy: str) -> Sizes:
    left, slot = _left(memory, policy), SLOT[policy]
    capacity = left // (slot + 4)
    if capacity > SHORT_SLOTS:
        capacity = max(SHORT_SLOTS, left // (slot + 8))
    cells, gate_cells, per_bin = _parts(memory, policy)
    return Sizes(capacity, cells, gate_cells, per_bin)
