"""The classic orders, with predictions in place of sizes: FCFS, SPJF, PSPJF, SPRPT, LAS."""

import math
from dataclasses import dataclass
from typing import final, get_args

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import finite, one_of, settle
from beforehand.scheduling.policies.label import label
from beforehand.scheduling.policies.stages import Stage, Stages
from beforehand.scheduling.policies.view import BANDS, FIRST, UNKNOWN, By, View


def wanted(view: View, by: By) -> By | None:
    """The prediction `by`, unless the view holds it."""
    key = view.key(by)
    return by if key != key else None  # nan


@final
@dataclass(frozen=True, slots=True)
class FCFS:
    """First come, first served: the order that needs no knowledge.

    Example:
        >>> FCFS().rank(View(arrival=0.0, sequence=0))
        0.0
    """

    __str__ = label

    def rank(self, view: View) -> float:
        """The same for all: arrival decides."""
        return 0.0

    def review_age(self, view: View) -> float:
        """Never."""
        return math.inf

    def asks(self, view: View) -> None:
        """Nothing."""
        return None

    def stages(self) -> Stages:
        """One stage."""
        return Stages(long=(Stage(0, "fcfs"),))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SPJF:
    """Shortest predicted job first, non-preemptive (SJF if predictions are exact).

    Args:
        by: Which prediction is the key.

    Raises:
        InvalidInput: an option is out of range.

    Example:
        >>> SPJF().rank(View(arrival=0.0, sequence=0, predicted=3.0))
        3.0
    """

    by: By = "expensive"

    def __post_init__(self) -> None:
        """Validate the fields."""
        one_of("by", self.by, get_args(By))

    __str__ = label

    def rank(self, view: View) -> float:
        """The predicted size, until it is started."""
        key = view.key(self.by)
        return FIRST if view.started else key if key == key else UNKNOWN

    def review_age(self, view: View) -> float:
        """Never."""
        return math.inf

    def asks(self, view: View) -> By | None:
        """The key."""
        return wanted(view, self.by)

    def stages(self) -> Stages:
        """One stage, pinned by the start."""
        return Stages(long=(Stage(0, "size"),), by=self.by, start_pins=True)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class PSPJF:
    """Shortest predicted job first, preemptive: by predicted size, whatever the age (PSJF if exact).

    Guarantee:
        Degrades gracefully where sizes are underestimated, as a job never gains by service; SPRPT does not.

    Args:
        by: Which prediction is the key.

    Raises:
        InvalidInput: an option is out of range.

    Example:
        >>> PSPJF().rank(View(arrival=0.0, sequence=0, age=2.0, predicted=3.0))
        3.0
    """

    by: By = "expensive"

    def __post_init__(self) -> None:
        """Validate the fields."""
        one_of("by", self.by, get_args(By))

    __str__ = label

    def rank(self, view: View) -> float:
        """The predicted size."""
        key = view.key(self.by)
        return key if key == key else UNKNOWN

    def review_age(self, view: View) -> float:
        """Never."""
        return math.inf

    def asks(self, view: View) -> By | None:
        """The key."""
        return wanted(view, self.by)

    def stages(self) -> Stages:
        """One stage."""
        return Stages(long=(Stage(0, "size"),), by=self.by)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SPRPT:
    """Shortest predicted remaining processing time first (SRPT if predictions are exact).

    Args:
        by: Which prediction is the key.
        work: Time that this server spends on predicting a job, before it serves it; jobs in that stage come before all
            others, in order of arrival. 0: others predict.

    Raises:
        InvalidInput: an option is out of range.

    Example:
        >>> SPRPT().rank(View(arrival=0.0, sequence=0, age=2.0, predicted=3.0))
        1.0

    Reference:
        Mitzenmacher: Scheduling with Predictions and the Price of Misprediction. ITCS 2020.
    """

    by: By = "expensive"
    work: float = 0.0

    def __post_init__(self) -> None:
        """Validate the fields."""
        one_of("by", self.by, get_args(By))
        settle(self, work=finite("work", self.work))

    __str__ = label

    def rank(self, view: View) -> float:
        """What is left by the prediction; negative once it was too low."""
        return BANDS[0] if view.age < self.work else view.left(self.by, self.work)

    def review_age(self, view: View) -> float:
        """The end of the prediction work."""
        return self.work if view.age < self.work else math.inf

    def asks(self, view: View) -> By | None:
        """The key."""
        return wanted(view, self.by)

    def stages(self) -> Stages:
        """Prediction work, then by what is left."""
        if not self.work:
            return Stages(long=(Stage(0, "remaining"),), by=self.by)
        return Stages(long=(Stage(0, "fcfs", self.work, prediction=True), Stage(1, "remaining")), by=self.by)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LAS:
    """Least attained service first, in quanta (foreground-background; a multilevel feedback queue with equal quanta).

    Needs no predictions; for sizes with a heavy tail it beats bad ones.

    Args:
        quantum: Service before the next level; 0 is the limit of ever smaller ones, which has a formula but no engine.

    Raises:
        InvalidInput: an option is out of range.

    Example:
        >>> LAS(quantum=0.5).rank(View(arrival=0.0, sequence=0, age=1.2))
        2.0
    """

    quantum: float

    def __post_init__(self) -> None:
        """Validate the fields."""
        settle(self, quantum=finite("quantum", self.quantum))

    def _level(self, age: float) -> float:
        # The largest k with k * quantum <= age as floats have it; a floor division alone may give one less.
        level = float(age // self.quantum)
        while (level + 1) * self.quantum <= age and level < level + 1:  # from 2**53 on floats have no next level
            level += 1
        return level

    __str__ = label

    def rank(self, view: View) -> float:
        """Quanta completed; the age itself in the limit."""
        return self._level(view.age) if self.quantum else view.age

    def review_age(self, view: View) -> float:
        """The end of the quantum.

        Raises:
            InvalidInput: the quantum is 0.
        """
        self.stages()
        return (self._level(view.age) + 1) * self.quantum

    def asks(self, view: View) -> None:
        """Nothing."""
        return None

    def stages(self) -> Stages:
        """One stage, repeated.

        Raises:
            InvalidInput: the quantum is 0.
        """
        if not self.quantum:
            raise InvalidInput("quantum is 0, but an engine needs one above 0; take a small share of the mean size")
        return Stages(long=(Stage(0, "attained", self.quantum),))
