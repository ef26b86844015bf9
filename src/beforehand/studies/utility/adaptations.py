"""What saturating sums and partial rotation do to errors, on gradients with and without structure."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np

from beforehand.gradients import THC, Table, simulate, thc_table, vnmse
from beforehand.gradients.exchange import Floats
from beforehand.reporting import Sheet
from beforehand.studies.claims import Found
from beforehand.studies.utility.utility_schemes import Levels, SaturatingSum, padded, partly_rotated, safe
from beforehand.workloads.gradient_samples import Structure, gradients

TABLE: Final[Table] = thc_table(4, 30, 1 / 32)  # the published one
POWER: Final = 20
SAMPLES: Final[dict[str, tuple[Structure, int]]] = {  # with the length of a row, where there are rows
    "normal": ("normal", 1024),
    "16 layers": ("layers", 1024),
    "hot layer": ("hot_layer", 1024),
    "columns, rows of 1024": ("columns", 1024),
    "columns, rows of 256": ("columns", 256),
    "hot row of 1024": ("hot_row", 1024),
}
BITS: Final = (4, 6, 8)
KNOWN: Final = {  # vNMSE with the best fixed factor, as measured once
    (4, 4): 0.062, (8, 4): 0.10, (16, 4): 0.14, (4, 6): 0.0062, (8, 6): 0.011, (16, 6): 0.0195, (4, 8): 0.0006,
    (8, 8): 0.0010, (16, 8): 0.0019,
}  # fmt: skip


def choices(power: int) -> dict[str, Levels]:
    """Which levels of 2^power coordinates are mixed: the groups of a million, whatever the power."""
    return {
        "full": ((0, power),),
        "blocks of 2^10": ((0, 10),),
        "blocks of 2^13": ((0, 13),),
        "all but 10 strides": ((10, power),),
        "all but 7 strides": ((7, power),),
        "all but 7 in the middle": ((0, 6), (13, power)),
    }


class Turned(NamedTuple):
    """One gradient under one choice of levels."""

    data: str
    levels: str
    error: float
    passes: bool  # the guard


def turned(real: Mapping[str, Floats], *, seed: int = 3) -> list[Turned]:
    """Every sample, and what is given of real gradients, (workers, d), under each choice of levels."""
    found: list[Turned] = []
    for name, (structure, row) in SAMPLES.items():
        found += _each(name, gradients(structure, size=2**POWER, row=row, seed=1)["gradient"], seed)
    for name, rows in real.items():
        found += _each(name, padded(rows), seed)
    return found


def _each(name: str, rows: Floats, seed: int) -> list[Turned]:
    true = rows.mean(axis=0, dtype=np.float64)
    return [
        Turned(
            name,
            label,
            vnmse(partly_rotated(rows, TABLE, levels, seed=seed), true),
            safe(rows, levels, TABLE.half_range),
        )
        for label, levels in choices(rows.shape[1].bit_length() - 1).items()
    ]


def turned_sheet(found: list[Turned]) -> Sheet:
    """All of them; what the guard stops in brackets."""
    labels = list(choices(POWER))
    rows = []
    for data in dict.fromkeys(each.data for each in found):
        cells = [each for each in found if each.data == data]
        rows.append([data, *(f"{each.error:.4f}" if each.passes else f"[{each.error:.4f}]" for each in cells)])
    return Sheet(
        title="Rotating only in part",
        columns=["vNMSE", *labels],
        rows=rows,
        below="THC with 4 bits, granularity 30, p = 1/32; 4 workers whose coordinates correlate with .5. In brackets: "
        "the guard foretells that some group lies beyond the range, and would rotate fully. Noise alone shows nothing.",
    )


def partial_rotation(found: list[Turned]) -> Found:
    """Errors over those of the whole rotation, with and without the guard."""
    full = {each.data: each.error for each in found if each.levels == "full"}
    ratios = {(each.data, each.levels): each.error / full[each.data] for each in found}
    strides = [each for each in found if each.levels == "all but 7 strides"]
    passed = [ratios[each.data, each.levels] for each in strides if each.passes]
    stopped = [each for each in strides if not each.passes]
    worst = max(found, key=lambda each: each.error)
    layers, columns = ratios["16 layers", "blocks of 2^10"], ratios["columns, rows of 256", "all but 7 strides"]
    halted = "; ".join(f"{each.data} ({ratios[each.data, each.levels]:.1f} times)" for each in stopped)
    return Found(
        scale=f"4 workers, 2^{POWER} coordinates: {'; '.join(full)}",
        figure=f"of {len(strides)} gradients the guard lets {len(passed)} through, at most {max(passed):.2f} times the "
        f"error of all levels, and stops {halted}; blocks err {layers:.0f} times as much on layers, strides "
        f"{columns:.0f} times on columns; at worst {worst.error:.2f} of the gradient is lost "
        f"({worst.levels}, {worst.data})",
        holds=max(passed) <= 1.5 and layers >= 10 and columns >= 5 and bool(stopped),
        direction=layers >= 10 or columns >= 5,
    )


class Saturated(NamedTuple):
    """A saturating sum beside filled lanes of as many bits."""

    workers: int
    correlation: float
    bits: int
    error: float
    at_limit: float
    filled: float | None  # None where lanes of so few bits cannot be filled


def saturated(quick: bool) -> list[Saturated]:
    """Normal gradients that correlate or not, when the controller has settled."""
    found = []
    rounds, size = 80, 2**12 if quick else 2**14
    for workers in (4, 16) if quick else (4, 8, 16):
        for correlation in (0.0, 1.0):
            rows = gradients("normal", size=size, workers=workers, correlation=correlation, seed=1)["gradient"]
            true = rows.mean(axis=0, dtype=np.float64)
            for bits in BITS:
                scheme, errors, limits = SaturatingSum(bits), [], []
                for _ in range(rounds):
                    errors.append(vnmse(scheme.reduce(rows), true))
                    limits.append(scheme.at_limit)
                half = rounds // 2
                filled = _filled(rows, bits)
                error, at_limit = float(np.mean(errors[half:])), float(np.mean(limits[half:]))
                found.append(Saturated(workers, correlation, bits, error, at_limit, filled))
    return found


def _filled(rows: Floats, bits: int) -> float | None:
    if bits < 5 or (2**bits - 1) // len(rows) < 3:
        return None
    return float(simulate(THC(bits="lane", lanes=bits), rows, rounds=12).per_round[6:].mean())


def saturated_sheet(found: list[Saturated]) -> Sheet:
    """All of them."""
    return Sheet(
        title="Sums that saturate",
        columns=["workers", "correlation", "bits", "vNMSE", "lanes at a limit", "filled lanes"],
        rows=[
            [str(each.workers), f"{each.correlation:g}", str(each.bits), f"{each.error:.4f}", f"{each.at_limit:.4f}",
             "-" if each.filled is None else f"{each.filled:.4f}"]
            for each in found
        ],
        below="Normal gradients, when the controller of the range has settled. Filled lanes need no adder that "
        "saturates. Five bits are the narrowest lanes that a sum collective here carries.",
    )  # fmt: skip


def saturation(found: list[Saturated]) -> Found:
    """Errors beside the best known, and beside filled lanes of 8 bits."""
    off = max(abs(each.error / KNOWN[each.workers, each.bits] - 1) for each in found)
    eight = [each for each in found if each.bits == 8]
    apart = [(each.workers, each.correlation, each.filled / each.error) for each in eight if each.filled is not None]
    listed = ", ".join(f"{ratio:.1f} (n = {n}, r = {r:g})" for n, r, ratio in apart)
    best = {workers: ratio for workers, correlation, ratio in apart if correlation == 0}
    return Found(
        scale=f"normal gradients of {', '.join(str(n) for n in best)} workers",
        figure=f"the controller settles within {100 * off:.0f} % of the best fixed ranges; error of filled lanes of 8 "
        f"bits over that of saturating ones: {listed}",
        holds=off <= 0.25 and best[4] < best[16] and best[16] > 1,
        direction=best[16] > 1,
    )
