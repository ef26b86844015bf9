"""A policy as data, for the native engine: the stages of a job's life."""

import math
from dataclasses import dataclass
from typing import Final, Literal, final, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.deprecation import warn_renamed
from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import checked, flag, kind_of, listed, one_of, settle, whole
from beforehand.scheduling.policies.view import By

Order = Literal["fcfs", "remaining", "size", "pinned", "attained"]
MOST_BAND: Final = _native.Stage.MOST_BAND


@final
@dataclass(frozen=True, slots=True)
class Stage:
    """One stretch of a job's life: `fixed + per_key * key` units of service in one band.

    The lowest band runs first; within it `order` decides, then the order of arrival. A stretch of prediction work comes
    on top of the job's size; any other is capped by what is left of it.

    Args:
        band: From -1000 to 1000.
        order: `"fcfs"`, by arrival; `"remaining"`, by what is left of the key; `"size"`, by the key; `"pinned"`, not to
            be preempted; `"attained"`, by completed quanta of `fixed`.
        fixed: Units of service, from 0 to inf.
        per_key: Further ones for each unit of the key.
        prediction: Whether the stretch is the server's own work on a prediction.
    """

    band: int
    order: Order
    fixed: float = math.inf
    per_key: float = 0.0
    prediction: bool = False

    def __post_init__(self) -> None:
        """Accept the earlier name of an order."""
        if self.order == "constant":  # type: ignore[comparison-overlap]
            warn_renamed("the order 'constant'", "'size'", stacklevel=4)
            settle(self, order="size")

    @property
    def keyed(self) -> bool:
        """Whether the job's key matters here."""
        return self.order in ("remaining", "size") or self.per_key > 0


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """A policy as data: the stages that a job passes through, for short jobs and for long ones.

    Args:
        long: The stages of a job whose cheap prediction is at or above `threshold`, or of every job.
        short: The stages of the others.
        threshold: nan if no cheap prediction divides the jobs.
        by: The prediction that is the key.
        start_pins: Whether a job runs to its end once started.
    """

    long: tuple[Stage, ...]
    short: tuple[Stage, ...] = ()
    threshold: float = math.nan
    by: By = "expensive"
    start_pins: bool = False

    @property
    def all(self) -> tuple[Stage, ...]:
        """Those of short and of long jobs."""
        return (*self.short, *self.long)

    @property
    def by_threshold(self) -> bool:
        """Whether a cheap prediction decides which jobs are short."""
        return not math.isnan(self.threshold)

    @property
    def limit(self) -> float:
        """The size up to which jobs are short because they end in a first stage by arrival; nan if none does so."""
        first = self.long[0]
        limited = not self.by_threshold and len(self.long) > 1 and first.order == "fcfs" and not first.prediction
        return first.fixed if limited else math.nan

    @property
    def has_classes(self) -> bool:
        """Whether jobs are short or long."""
        return self.by_threshold or not math.isnan(self.limit)

    @property
    def predicts(self) -> bool:
        """Whether the server itself works on predictions."""
        return any(stage.prediction for stage in self.all)

    @property
    def quanta(self) -> tuple[float, ...]:
        """The quanta of service after which a job's rank rises."""
        return tuple(stage.fixed for stage in self.all if stage.order == "attained")

    @property
    def wanted(self) -> tuple[By, ...]:
        """The predictions that some job needs, the cheap one first."""
        keyed = any(stage.keyed for stage in self.all)
        needed = {by for by, needs in (("cheap", self.by_threshold), (self.by, keyed)) if needs}
        return tuple(by for by in get_args(By) if by in needed)

    def called_long(self, cheap: NDArray[np.float64] | None, jobs: int) -> NDArray[np.bool_]:
        """Which of the jobs are long as far as their cheap predictions say; nan counts as long."""
        return ~(cheap < self.threshold) if self.by_threshold and cheap is not None else np.ones(jobs, np.bool_)

    def is_short(self, size: NDArray[np.float64], cheap: NDArray[np.float64] | None) -> NDArray[np.bool_]:
        """Which of the jobs are short; none where all are of one class."""
        return ~self.called_long(cheap, len(size)) | (size <= self.limit)

    def needs(self, by: By, size: NDArray[np.float64], cheap: NDArray[np.float64] | None) -> NDArray[np.bool_]:
        """Which of the jobs need this prediction; those that end before it is asked for do not."""
        needed = np.ones(len(size), np.bool_)
        if by == "cheap" and self.by_threshold:
            return needed
        if not any(stage.keyed for stage in self.short):
            needed &= self.called_long(cheap, len(size))
        return needed if math.isnan(self.limit) else needed & (size > self.limit)

    def validate(self) -> None:
        """Check the types and ranges of all fields.

        Raises:
            InvalidInput: there is no stage for long jobs; a field is of another type or out of range.
        """
        if self.threshold == self.threshold:  # not nan
            checked("threshold", self.threshold)
        one_of("by", self.by, get_args(By))
        flag("start_pins", self.start_pins)
        long, short = listed("long", self.long, "stages"), listed("short", self.short, "stages")
        if not long:
            raise InvalidInput("stages() has no stage for long jobs; give at least one")
        for stage in (*long, *short):
            kind_of("a stage of stages()", stage, Stage, "one such as Stage(0, 'fcfs')")
            whole("band", stage.band, least=-MOST_BAND, most=MOST_BAND)
            one_of("order", stage.order, get_args(Order))
            checked("fixed", stage.fixed)
            checked("per_key", stage.per_key)
            flag("prediction", stage.prediction)
