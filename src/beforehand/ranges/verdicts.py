"""Whether a range filter is worth having: against no filter, and against the simplest one."""

from typing import Final

from beforehand.core.report import Verdict
from beforehand.ranges.prefix_model import FEW_EMPTY

WORTH_IT: Final = 0.05  # of the cost of a read, saved against no filter
BETTER: Final = 0.02  # of the cost of a read, saved beyond the simplest filter


def few_empty(empty: int) -> str:
    """That so few queries are empty, in words."""
    if empty == 0:
        return "no query is empty"
    return "only 1 query is empty" if empty == 1 else f"only {empty} queries are empty"


def judged(
    *,
    saved: tuple[float, float, float],
    over_baseline: float,
    read_cost: float,
    empty: int,
    name: str,
) -> tuple[Verdict, str]:
    """The verdict on a filter, and its reason.

    Args:
        saved: Seconds for each query against no filter, and the interval of them.
        over_baseline: Seconds for each query beyond what a Bloom filter of prefixes saves.
        read_cost: Seconds of a read.
        empty: Empty queries behind these numbers.
        name: Of the filter.

    Example:
        >>> judged(saved=(6e-5, 5e-5, 7e-5), over_baseline=4e-6, read_cost=1e-4, empty=900, name="proteus")
        ('worth it', 'proteus saves 60.0% of a read for each query, 4.0% more than prefix-bloom')
    """
    value, low, high = (each / read_cost for each in saved)
    more = over_baseline / read_cost
    plain = value - more  # what prefix-bloom saves
    if high < BETTER and plain < BETTER:
        if empty == 0:
            return "don't bother", "each query holds a key, so that no filter can save a read; take none"
        return "don't bother", (
            f"{name} saves {value:z.1%} ({low:z.1%} to {high:z.1%}) of a read for each query, less than {BETTER:.0%}; "
            "take no filter"
        )
    if empty < FEW_EMPTY:
        return "unclear", f"{few_empty(empty)}, and {FEW_EMPTY} are the least that a choice rests on"
    if value < BETTER and plain < BETTER:
        return (
            "don't bother",
            f"{name} saves {value:z.1%} of a read for each query, less than {BETTER:.0%}; take no filter",
        )
    if more < BETTER and name == "prefix-bloom":
        return "don't bother", f"prefix-bloom saves {value:z.1%} of a read for each query; keep it"
    if more < BETTER:
        beyond = f"but only {more:z.1%} more than" if more > 0 else f"not more than the {plain:z.1%} of"
        return "don't bother", f"{name} saves {value:z.1%} of a read for each query, {beyond} prefix-bloom; take that"
    if low > 0 and value >= WORTH_IT:
        return "worth it", f"{name} saves {value:z.1%} of a read for each query, {more:z.1%} more than prefix-bloom"
    spread = (high - low) / 2
    needed = round(empty * (spread / max(1e-9, abs(value))) ** 2) + 1
    if value < WORTH_IT:
        return "unclear", f"{name} saves {value:z.1%} of a read for each query, less than {WORTH_IT:.0%}"
    return "unclear", (
        f"{name} saves {value:z.1%} ({low:z.1%} to {high:z.1%}) of a read for each query; about {needed:,} empty "
        "queries would settle it"
    )
