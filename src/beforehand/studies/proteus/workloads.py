"""The four workloads on which the released code was run, and how often a filter errs on them."""

from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from beforehand.ranges import RangeFilter
from beforehand.ranges.range_plan import wilson
from beforehand.workloads import ranges

BITS: Final = (8, 10, 12, 14, 16, 18)  # per key
SAMPLE: Final = 20_000
KINDS: Final[dict[str, tuple[str, Literal["uniform", "correlated", "split"], int]]] = {
    "uniform keys, uniform ranges to 32": ("uniform", "uniform", 32),
    "uniform keys, correlated ranges to 16": ("uniform", "correlated", 16),
    "normal keys, uniform ranges to 4096": ("normal", "uniform", 4096),
    "normal keys, split ranges to 16": ("normal", "split", 16),
}


class Rate(NamedTuple):
    """A measured share of empty ranges, with Wilson's interval of 95 %."""

    value: float
    low: float
    high: float


@final
@dataclass(frozen=True)
class Workload:
    """Keys, a sample of empty ranges for the model, and others to measure with."""

    name: str
    keys: NDArray[np.uint64]
    sample: tuple[Any, Any]
    asked: tuple[Any, Any]

    def measured(self, filter: RangeFilter, most: int | None = None) -> Rate:
        """How often the filter says yes to empty ranges: to all, or to the first of them."""
        lo, hi = (side[:most] for side in self.asked)
        return rate(int(np.sum(filter.may_intersect(lo, hi))), len(lo))


def workloads(keys: int, asked: int) -> list[Workload]:
    """All four, over so many keys, with so many ranges to measure with."""
    kept = {
        "uniform": ranges.uniform_keys(keys, seed=42),
        "normal": ranges.normal_keys(keys, seed=42, low_bits=False),  # as the released code draws them
    }
    made = []
    for name, (spread, kind, longest) in KINDS.items():
        sample, holdout = (
            ranges.queries(kept[spread], count, kind=kind, longest=longest, seed=seed)
            for count, seed in ((SAMPLE, 99), (asked, 7))
        )
        made.append(Workload(name, kept[spread], (sample["lo"], sample["hi"]), (holdout["lo"], holdout["hi"])))
    return made


def rate(wrong: int, trials: int) -> Rate:
    """A share with its interval."""
    found = wilson("rate", wrong, trials)
    return Rate(found.value, found.low, found.high)
