"""Which points the codes of THC stand for."""

import functools
import hashlib
import json
import math
from dataclasses import dataclass
from typing import final

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.gradients import theory
from beforehand.gradients.inputs import whole

MOST_SOLVED = 1023  # beyond, differences of moments have too few digits


@final
@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of THC: code z stands for the point `values[z]` of 0 .. granularity.

    The points are spread evenly over -half_range .. half_range standard deviations.

    Args:
        values: Strictly ascending, from 0 to the granularity.
        bits: Of a code.
        granularity: The largest point.
        truncation: Share of a standard normal beyond the range.
        half_range: In standard deviations.
        rounding_cost: Expected variance of stochastic rounding, of a standard normal coordinate.
        truncation_cost: Its expected squared distance to the range.
    """

    values: tuple[int, ...]
    bits: int
    granularity: int
    truncation: float
    half_range: float
    rounding_cost: float
    truncation_cost: float

    @property
    def digest(self) -> str:
        """The SHA-256 of points and range, by which workers see that all hold the same table."""
        return hashlib.sha256(json.dumps([self.values, self.half_range]).encode()).hexdigest()


def thc_table(bits: int, granularity: int, truncation: float, *, symmetric: bool = False) -> Table:
    """The table with the least expected variance for normal coordinates.

    Args:
        bits: Of a code, from 1 to 10.
        granularity: The largest point, at least 2**bits - 1. Then every point has its code.
        truncation: Share of coordinates beyond the range, above 0 and below 0.5.
        symmetric: Only tables that mirror themselves, as the published ones do. For an even granularity they cannot
            use the center.

    Guarantee:
        No table of this size has a smaller cost, up to 1e-13.

    Cost:
        Some 60 microseconds for 4 bits and granularity 63, 20 ms for 8 bits and 1023.

    Raises:
        InvalidInput: An argument is out of range; the granularity of a table that must be solved is above 1023.

    Example:
        >>> thc_table(3, 16, 1 / 64).values
        (0, 3, 5, 7, 9, 11, 13, 16)

    Reference:
        Li et al.: THC. NSDI 2024, arXiv:2302.08545.
    """
    for name, number in (("bits", bits), ("granularity", granularity)):
        whole(name, number)
    if not 1 <= bits <= 10:
        raise InvalidInput(f"bits is {bits}, but must be from 1 to 10")
    levels = 2**bits
    if not levels - 1 <= granularity <= 65535:
        raise InvalidInput(f"granularity is {granularity}, but must be from {levels - 1} to 65535 for {bits} bits")
    if granularity > MOST_SOLVED and granularity != levels - 1:
        raise InvalidInput(
            f"granularity is {granularity}, but a table is solved up to {MOST_SOLVED}; take fewer points or more bits"
        )
    t = theory.half_range(truncation)
    values, cost = _native.thc_table(levels, granularity, t, symmetric)
    return Table(
        values=tuple(values),
        bits=bits,
        granularity=granularity,
        truncation=truncation,
        half_range=t,
        rounding_cost=cost,
        truncation_cost=theory.truncation_energy(t),
    )


def identity_table(granularity: int, truncation: float) -> Table:
    """All points as they are: what fills the lanes of a plain sum."""
    t = theory.half_range(truncation)
    return Table(
        values=tuple(range(granularity + 1)),
        bits=math.ceil(math.log2(granularity + 1)),
        granularity=granularity,
        truncation=truncation,
        half_range=t,
        rounding_cost=theory.rounding_cost(range(granularity + 1), t),
        truncation_cost=theory.truncation_energy(t),
    )


@functools.lru_cache(maxsize=256)
def solved(bits: int, granularity: int, truncation: float) -> Table:
    """`thc_table`, solved once in a process."""
    return thc_table(bits, granularity, truncation)
