"""How the error falls with workers, what lanes they need, and how long adding takes."""

from typing import Final, NamedTuple

import numpy as np

from beforehand import _native
from beforehand.gradients import THC, Adaptive, simulate
from beforehand.gradients.lanes import LANES
from beforehand.reporting import Sheet, seconds
from beforehand.studies.claims import Found
from beforehand.studies.thc.errors import RANGES
from beforehand.workloads.gradient_samples import gradients

KNOWN: Final = {  # by workers: THC's best table, its lanes, the published table, its lanes, Adaptive, as measured once
    2: (0.0120, 8, 0.0142, 8, 0.0145),
    4: (0.0074, 8, 0.0097, 8, 0.0087),
    8: (0.0046, 8, 0.0064, 8, 0.0049),
    16: (0.0028, 8, 0.0040, 9, 0.0026),
    32: (0.0016, 9, 0.0030, 10, 0.0014),
    64: (0.0009, 10, 0.0026, 12, 0.0008),
}


class Scaled(NamedTuple):
    """One number of workers."""

    workers: int
    lanes: int
    best: float
    wider: int  # lanes of the published table
    published: float
    adaptive: float
    adding: float  # seconds of an aggregator for all coordinates


def narrowest(workers: int, granularity: int) -> int:
    """The narrowest lanes of 8 bits or more that hold so many workers."""
    return min(width for width in LANES if width >= 8 and workers * granularity < 2**width)


def scaled(quick: bool) -> list[Scaled]:
    """Normal gradients whose coordinates correlate with .5."""
    found, size = [], 2**14 if quick else 2**16
    for workers in list(KNOWN)[: 4 if quick else None]:
        rows = gradients("normal", size=size, workers=workers, correlation=0.5, seed=4)["gradient"]
        lanes, wider = narrowest(workers, 15), narrowest(workers, 30)
        best = min(float(simulate(THC(truncation=p, lanes=lanes), rows, rounds=2).vnmse) for p in RANGES)
        published = simulate(THC(granularity=30, truncation=1 / 32, lanes=wider), rows, rounds=2).vnmse
        adaptive = simulate(Adaptive(), rows).vnmse
        adding = _adding(workers, 10**6 if quick else 10**7)
        found.append(Scaled(workers, lanes, best, wider, float(published), float(adaptive), adding))
    return found


def _adding(workers: int, coordinates: int) -> float:
    """Seconds to add the codes of all workers to sums of as many coordinates."""
    coordinates -= coordinates % 512
    random = np.random.default_rng(0)
    packed = random.integers(0, 256, coordinates // 2, np.uint8)
    points, sums = np.arange(16, dtype=np.uint16), np.zeros(coordinates, np.uint16)

    def add() -> None:
        for rank in range(workers):
            _native.thc_accumulate(packed, points, bits=4, first=rank == 0, sums=sums)

    return seconds(add, 5)


def sheet(found: list[Scaled]) -> Sheet:
    """All of them."""
    return Sheet(
        title="By the number of workers",
        columns=["workers", "THC's best table", "lanes", "published table", "its lanes", "Adaptive", "ms of adding"],
        rows=[
            [str(each.workers), f"{each.best:.4f}", str(each.lanes), f"{each.published:.4f}", str(each.wider),
             f"{each.adaptive:.4f}", f"{1e3 * each.adding:.1f}"]
            for each in found
        ],
        below="vNMSE on normal gradients whose coordinates correlate with .5; the time is that of an aggregator's one "
        "thread for all coordinates, 10 million or, at the scale of a test, one.",
    )  # fmt: skip


def scales(found: list[Scaled]) -> Found:
    """Errors beside the known ones, lanes, and the growth of time."""
    off = []
    for each in found:
        best, lanes, published, wider, adaptive = KNOWN[each.workers]
        pairs = ((each.best, best), (each.published, published), (each.adaptive, adaptive))
        off += [abs(ours / known - 1) for ours, known in pairs]
        assert (each.lanes, each.wider) == (lanes, wider)
    workers, times = np.log([each.workers for each in found]), np.log([each.adding for each in found])
    slope = float(np.polyfit(workers, times, 1)[0])
    first, last = found[0], found[-1]
    return Found(
        scale=f"{first.workers} to {last.workers} workers",
        figure=f"vNMSE of the best table falls from {first.best:.4f} to {last.best:.4f} in {first.lanes} to "
        f"{last.lanes} bits a lane, of the published one from {first.published:.4f} to {last.published:.4f}; all "
        f"within {100 * max(off):.0f} % of what was measured before; adding takes {1e3 * first.adding:.1f} to "
        f"{1e3 * last.adding:.1f} ms and grows as n^{slope:.2f}",
        holds=max(off) <= 0.15 and 0.8 <= slope <= 1.2,
        direction=last.best < first.best / 3 and slope <= 1.5,
    )
