"""Proteus beside the filters that it was compared with, in the same memory."""

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np

from beforehand.ranges import LocalityHash, PrefixBloom, Proteus, Rosetta, SuRF, TwoPrefixBloom
from beforehand.reporting import Sheet
from beforehand.studies.proteus.workloads import Rate, Workload, rate
from beforehand.workloads import ranges

BITS: Final = (12, 16)
PAPER: Final = "Proteus, paper"
EXTENDED: Final = "Proteus, extended"
NAMES: Final = (PAPER, EXTENDED, "SuRF", "Rosetta", "prefix Bloom", "two-prefix Bloom", "locality hash")
SLOW: Final = {"Rosetta": 5_000}  # ranges it is asked: long ones take it microseconds each


@final
@dataclass(frozen=True)
class Row:
    """Every filter on one workload: its rate, and the bits per key that it took."""

    workload: str
    bits: int
    rates: dict[str, Rate]
    taken: dict[str, float]


def rows(workload: Workload) -> list[Row]:
    """Both memories."""
    made = []
    for bits in BITS:
        filters = _filters(workload.keys, workload.sample, bits)
        made.append(
            Row(
                workload.name,
                bits,
                {name: workload.measured(each, SLOW.get(name)) for name, each in filters.items()},
                {name: each.bits_per_key for name, each in filters.items()},
            )
        )
    return made


def names(asked: int) -> list[Row]:
    """Names of the standard library, on which no prefix of one length suits all keys."""
    keys = ranges.stdlib_names()
    sample = ranges.name_queries(keys, asked, seed=99)
    holdout = ranges.name_queries(keys, asked, seed=7)
    lo, hi = holdout["lo"], holdout["hi"]
    empty = np.searchsorted(keys, lo) == np.searchsorted(keys, hi, side="right")
    lo, hi = lo[empty], hi[empty]
    made = []
    for bits in BITS:
        filters: dict[str, Any] = {
            EXTENDED: Proteus.build(keys, sample, bits_per_key=bits),
            "SuRF": SuRF.build(keys, bits_per_key=bits),
            "prefix Bloom": PrefixBloom.build(keys, sample, bits_per_key=bits),
            "locality hash": LocalityHash.build(keys, bits_per_key=bits),
        }
        made.append(
            Row(
                "names of the standard library",
                bits,
                {name: rate(int(np.sum(each.may_intersect(lo, hi))), len(lo)) for name, each in filters.items()},
                {name: each.bits_per_key for name, each in filters.items()},
            )
        )
    return made


def sheet(found: list[Row]) -> Sheet:
    """Every filter on every workload."""

    def cell(row: Row, name: str) -> str:
        if name not in row.rates:
            return "-"
        more = f" [{row.taken[name]:.1f}]" if row.taken[name] > 1.01 * row.bits else ""
        return f"{row.rates[name].value:.2e}{more}"

    return Sheet(
        title="In the same memory",
        columns=["workload", "bits per key", *NAMES],
        rows=[[row.workload, str(row.bits), *(cell(row, name) for name in NAMES)] for row in found],
        below="In brackets the bits per key of a filter that needs more. SuRF stores every key's own shortest prefix, "
        "which suits names of unequal kinds; one length of prefix suits none of them.",
    )


def _filters(keys: Any, sample: Any, bits: int) -> dict[str, Any]:
    known: dict[str, Any] = {"bits_per_key": bits}
    return {
        PAPER: Proteus.build(keys, sample, space="paper", max_probes=None, **known),
        EXTENDED: Proteus.build(keys, sample, **known),
        "SuRF": SuRF.build(keys, **known),
        "Rosetta": Rosetta.build(keys, sample, **known),
        "prefix Bloom": PrefixBloom.build(keys, sample, **known),
        "two-prefix Bloom": TwoPrefixBloom.build(keys, sample, **known),
        "locality hash": LocalityHash.build(keys, **known),
    }
