"""A workload that shifts twice: filters are built anew, one after the other, from what a recorder saw last."""

from dataclasses import dataclass
from typing import Final, Literal, final

import numpy as np
from numpy.typing import NDArray

from beforehand.ranges import Proteus, QueryRecorder
from beforehand.reporting import Sheet
from beforehand.workloads import ranges

PIECES: Final = 8
STEPS: Final = 20  # in a phase; each rebuilds a piece, so that all are new after 8
BITS: Final = 12
CAPACITY: Final = 4_000
PHASES: Final[tuple[tuple[Literal["correlated", "uniform"], int], ...]] = (
    ("correlated", 16),
    ("uniform", 4096),
    ("correlated", 16),
)


@final
@dataclass(frozen=True)
class Phase:
    """Rates at its first step, at its worst, over its last quarter, and of filters tuned to it."""

    name: str
    first: float
    worst: float
    last: float
    tuned: float


def phases(keys: int, operations: int) -> list[Phase]:
    """All three, of so many queries each."""
    every = ranges.uniform_keys(keys, seed=42)
    pieces = np.array_split(every, PIECES)
    recorder = QueryRecorder(capacity=CAPACITY, every=max(1, operations // (3 * CAPACITY)), seed=0)
    warm = ranges.queries(every, CAPACITY, kind="correlated", longest=16, seed=1)
    recorder.record(warm["lo"], warm["hi"])
    filters = [Proteus.build(piece, recorder, bits_per_key=BITS) for piece in pieces]
    found = []
    for number, (kind, longest) in enumerate(PHASES):
        asked = ranges.queries(every, operations, kind=kind, longest=longest, seed=10 + number)
        tuned = [Proteus.build(piece, asked, bits_per_key=BITS) for piece in pieces]
        rates = []
        for step in range(STEPS):
            part = slice(step * operations // STEPS, (step + 1) * operations // STEPS)
            lo, hi = asked["lo"][part], asked["hi"][part]
            rates.append(_rate(filters, pieces, lo, hi))
            recorder.record(lo, hi)
            at = step % PIECES
            filters[at] = Proteus.build(pieces[at], recorder, bits_per_key=BITS)
        found.append(
            Phase(
                f"{kind} ranges to {longest}",
                rates[0],
                max(rates),
                float(np.mean(rates[-STEPS // 4 :])),
                _rate(tuned, pieces, asked["lo"], asked["hi"]),
            )
        )
    return found


def sheet(found: list[Phase]) -> Sheet:
    """A phase a row."""
    return Sheet(
        title="While the workload shifts",
        columns=["phase", "its first step", "its worst step", "its last quarter", "tuned to it"],
        rows=[
            [each.name, *(f"{value:.2e}" for value in (each.first, each.worst, each.last, each.tuned))]
            for each in found
        ],
        below=f"{PIECES} pieces of the keys with a filter each, {BITS} bits per key; of {STEPS} steps each builds one "
        f"piece's filter anew from a recorder of {CAPACITY:,} queries, as a compaction would.",
    )


def _rate(
    filters: list[Proteus], pieces: list[NDArray[np.uint64]], lo: NDArray[np.uint64], hi: NDArray[np.uint64]
) -> float:
    """The share of empty ranges to which the piece where they begin says yes."""
    firsts = np.array([piece[0] for piece in pieces])
    at = np.maximum(np.searchsorted(firsts, lo, side="right") - 1, 0)
    wrong = sum(
        int(np.sum(each.may_intersect(lo[at == number], hi[at == number]))) for number, each in enumerate(filters)
    )
    return wrong / len(lo)
