"""Policies that pay for predictions only where they help: OneBit, SkipPredict, DelayPredict."""

import math
from dataclasses import KW_ONLY, dataclass
from typing import Literal, final, get_args

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import checked, finite, flag, one_of, settle
from beforehand.scheduling.policies.classic import wanted
from beforehand.scheduling.policies.label import label
from beforehand.scheduling.policies.stages import Stage, Stages
from beforehand.scheduling.policies.view import BANDS, FIRST, UNKNOWN, By, View

LongOrder = Literal["remaining", "size"]


def _check_works(preemptive: bool, *works: float) -> None:
    if not preemptive and any(works):
        raise InvalidInput(
            f"prediction work is {max(works)} with preemptive=False, but a server that is never preempted cannot "
            "predict in between; leave the work 0 and pass its price as cheap_cost or expensive_cost"
        )


@final
@dataclass(frozen=True, slots=True)
class OneBit:
    """One bit of advice: jobs predicted short first, each class in order of arrival.

    Args:
        threshold: A job is short if its cheap prediction is below.
        preemptive: Whether a short job may preempt a long one.
        cheap_work: Time that this server spends on a cheap prediction; jobs in that stage come after the short jobs
            and before the long ones.

    Raises:
        InvalidInput: an option is out of range.

    Example:
        >>> OneBit(1.5).rank(View(arrival=0.0, sequence=0, cheap=1.0))
        0.0

    Reference:
        Mitzenmacher: Queues with Small Advice. SIAM ACDA 2021.
    """

    threshold: float
    _: KW_ONLY
    preemptive: bool = True
    cheap_work: float = 0.0

    def __post_init__(self) -> None:
        """Validate the fields."""
        settle(
            self,
            threshold=checked("threshold", self.threshold),
            preemptive=flag("preemptive", self.preemptive),
            cheap_work=finite("cheap_work", self.cheap_work),
        )
        _check_works(self.preemptive, self.cheap_work)

    __str__ = label

    def rank(self, view: View) -> float:
        """Short jobs 0, predictions 1, long jobs 2."""
        if view.started and not self.preemptive:
            return FIRST
        if view.age < self.cheap_work:
            return 1.0
        return 0.0 if view.cheap < self.threshold else 2.0

    def review_age(self, view: View) -> float:
        """The end of the prediction work."""
        return self.cheap_work if view.age < self.cheap_work else math.inf

    def asks(self, view: View) -> By | None:
        """The cheap prediction."""
        return wanted(view, "cheap")

    def stages(self) -> Stages:
        """Two classes."""
        work = (Stage(1, "fcfs", self.cheap_work, prediction=True),) if self.cheap_work else ()
        long = Stage(2 if self.cheap_work else 1, "fcfs")
        return Stages(
            short=(*work, Stage(0, "fcfs")),
            long=(*work, long),
            threshold=self.threshold,
            start_pins=not self.preemptive,
        )


@final
@dataclass(frozen=True, slots=True)
class SkipPredict:
    """A cheap prediction for all jobs, an expensive one only for those that it calls long.

    Jobs predicted short run first, in order of arrival; the long ones follow by their expensive prediction.

    Args:
        threshold: A job is short if its cheap prediction is below; short jobs skip the expensive one.
        long_order: Long jobs by predicted remaining size (`"remaining"`) or by predicted size (`"size"`), which does
            better where sizes have a heavy tail and are underestimated.
        preemptive: Whether a started job may be preempted.
        cheap_work: Time that this server spends on a cheap prediction.
        expensive_work: Time that this server spends on an expensive one.

    Raises:
        InvalidInput: an option is out of range; prediction work on a server that cannot be preempted.

    Example:
        >>> policy = SkipPredict(1.5)
        >>> policy.asks(View(arrival=0.0, sequence=0, cheap=2.0))
        'expensive'
        >>> policy.asks(View(arrival=0.0, sequence=0, cheap=1.0)) is None
        True

    Reference:
        Shahout, Mitzenmacher: SkipPredict: When to Invest in Predictions for Scheduling. arXiv:2402.03564.
    """

    threshold: float
    _: KW_ONLY
    long_order: LongOrder = "remaining"
    preemptive: bool = True
    cheap_work: float = 0.0
    expensive_work: float = 0.0

    def __post_init__(self) -> None:
        """Validate the fields."""
        one_of("long_order", self.long_order, get_args(LongOrder))
        settle(
            self,
            threshold=checked("threshold", self.threshold),
            preemptive=flag("preemptive", self.preemptive),
            cheap_work=finite("cheap_work", self.cheap_work),
            expensive_work=finite("expensive_work", self.expensive_work),
        )
        _check_works(self.preemptive, self.cheap_work, self.expensive_work)

    __str__ = label

    def rank(self, view: View) -> float:
        """Known short jobs, cheap predictions, expensive predictions, long jobs by their key."""
        if not self.preemptive:
            if view.started:
                return FIRST
            if view.cheap < self.threshold:
                return BANDS[0]
            return view.predicted if view.predicted == view.predicted else UNKNOWN
        if view.age < self.cheap_work:
            return BANDS[0]
        if view.cheap < self.threshold:
            return FIRST
        works = self.cheap_work + self.expensive_work
        if view.age < works:
            return BANDS[1]
        if view.predicted != view.predicted:
            return UNKNOWN
        return view.predicted - (view.age - works) if self.long_order == "remaining" else view.predicted

    def review_age(self, view: View) -> float:
        """The ends of the prediction work."""
        if view.age < self.cheap_work:
            return self.cheap_work
        works = self.cheap_work + self.expensive_work
        return works if view.age < works and not view.cheap < self.threshold else math.inf

    def asks(self, view: View) -> By | None:
        """The cheap prediction, then the expensive one of a long job."""
        if view.cheap != view.cheap:
            return "cheap"
        return "expensive" if view.cheap >= self.threshold and view.predicted != view.predicted else None

    def stages(self) -> Stages:
        """Two classes, the long jobs by their key."""
        if not self.preemptive:
            short, long = (Stage(0, "fcfs"),), (Stage(1, "size"),)
            return Stages(short=short, long=long, threshold=self.threshold, start_pins=True)
        cheap = (Stage(1, "fcfs", self.cheap_work, prediction=True),) if self.cheap_work else ()
        expensive = (Stage(2, "fcfs", self.expensive_work, prediction=True),) if self.expensive_work else ()
        return Stages(
            short=(*cheap, Stage(0, "fcfs")),
            long=(*cheap, *expensive, Stage(3, self.long_order)),
            threshold=self.threshold,
        )


@final
@dataclass(frozen=True, slots=True)
class DelayPredict:
    """No prediction until a job has had `limit` units of service; then an expensive one decides.

    Jobs below the limit run first, in order of arrival. Needs no cheap prediction, but must be able to preempt a job.

    Args:
        limit: Service that every job gets before it is predicted.
        long_order: The others by predicted remaining size (`"remaining"`) or by predicted size (`"size"`).
        expensive_work: Time that this server spends on an expensive prediction.

    Raises:
        InvalidInput: an option is out of range.

    Example:
        >>> DelayPredict(1.0).asks(View(arrival=0.0, sequence=0)) is None
        True
        >>> DelayPredict(1.0).asks(View(arrival=0.0, sequence=0, age=1.0))
        'expensive'

    Reference:
        Shahout, Mitzenmacher: SkipPredict: When to Invest in Predictions for Scheduling. arXiv:2402.03564.
    """

    limit: float
    _: KW_ONLY
    long_order: LongOrder = "remaining"
    expensive_work: float = 0.0

    def __post_init__(self) -> None:
        """Validate the fields."""
        one_of("long_order", self.long_order, get_args(LongOrder))
        settle(
            self,
            limit=checked("limit", self.limit),
            expensive_work=finite("expensive_work", self.expensive_work),
        )

    __str__ = label

    def rank(self, view: View) -> float:
        """Jobs below the limit, expensive predictions, the others by their key."""
        if view.age < self.limit:
            return BANDS[0]
        if view.age < self.limit + self.expensive_work:
            return BANDS[1]
        if view.predicted != view.predicted:
            return UNKNOWN
        return view.predicted - (view.age - self.expensive_work) if self.long_order == "remaining" else view.predicted

    def review_age(self, view: View) -> float:
        """The limit, and the end of the prediction work."""
        if view.age < self.limit:
            return self.limit
        end = self.limit + self.expensive_work
        return end if view.age < end else math.inf

    def asks(self, view: View) -> By | None:
        """The expensive prediction, from the limit on."""
        return wanted(view, "expensive") if view.age >= self.limit else None

    def stages(self) -> Stages:
        """Before the limit, prediction work, then by the key."""
        before = (Stage(0, "fcfs", self.limit),) if self.limit else ()
        work = (Stage(1, "fcfs", self.expensive_work, prediction=True),) if self.expensive_work else ()
        return Stages(long=(*before, *work, Stage(2, self.long_order)))
