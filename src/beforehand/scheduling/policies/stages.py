"""A policy as data, for the native engine: the stages of a job's life."""

import math
from dataclasses import dataclass
from typing import Literal, final

from beforehand.core.deprecation import warn_renamed
from beforehand.scheduling.policies.view import By

Order = Literal["fcfs", "remaining", "size", "pinned", "attained"]
MOST_BAND = 1000


@final
@dataclass(frozen=True, slots=True)
class Row:
    """One stretch of a job's life in a `StageTable`: `fixed + per_key * key` units of service in one band.

    The lowest band runs first; within it `order` decides, then the order of arrival. A stretch of prediction work comes
    on top of the job's size; any other is capped by what is left of it.
    """

    band: int
    order: Order
    fixed: float = math.inf
    per_key: float = 0.0
    prediction: bool = False

    def __post_init__(self) -> None:
        """Read the old name of the order by size."""
        if self.order == "constant":  # type: ignore[comparison-overlap]
            warn_renamed("order 'constant'", "'size'", stacklevel=4)
            object.__setattr__(self, "order", "size")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StageTable:
    """A policy as data: the stretches that a job passes through, for shorts and for longs.

    Args:
        long: The rows of a job whose cheap prediction is at or above `threshold`, or of every job.
        short: The rows of the others.
        threshold: nan if there is only one class.
        by: The prediction that is the key.
        start_pins: Whether a job that was started runs to its end.
    """

    long: tuple[Row, ...]
    short: tuple[Row, ...] = ()
    threshold: float = math.nan
    by: By = "expensive"
    start_pins: bool = False
