"""What a policy may look at, what it answers, and how it is told to the native engine."""

import math
from dataclasses import dataclass
from typing import Any, Literal, Protocol, final, get_args, runtime_checkable

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import checked, flag, kind_of, listed, one_of, whole

By = Literal["cheap", "expensive"]
Order = Literal["fcfs", "remaining", "constant", "pinned", "attained"]

FIRST = -math.inf  # cannot be overtaken
BANDS = (-2e300, -1e300)  # two first-come-first-served classes before every job that has a key
MOST_BAND = 1000
UNKNOWN = 1e299  # a job whose prediction is not there yet; ranks made of predictions lie within +-1e299


@dataclass(slots=True)
class View:
    """What a policy may know of a job; an engine owns it and keeps it up to date.

    Args:
        arrival: When it came.
        sequence: Its place in the order of arrival, which breaks every tie.
        age: Service received so far, with prediction work where the same server does it.
        started: Whether it was ever served.
        cheap: The cheap prediction: a number, or 0 and 1 for shorter and longer; nan if not asked.
        predicted: The expensive prediction of the whole size, which stays as it was made; nan if not asked.
        remaining: A refreshed estimate of what is left; nan if there is none.
    """

    arrival: float
    sequence: int
    age: float = 0.0
    started: bool = False
    cheap: float = math.nan
    predicted: float = math.nan
    remaining: float = math.nan

    def key(self, by: By) -> float:
        """The prediction that a policy goes by; nan if it is not there."""
        return self.predicted if by == "expensive" else self.cheap

    def left(self, by: By, work: float = 0.0) -> float:
        """What is left by the newest estimate, with `work` units of age spent on predicting; `UNKNOWN` without one."""
        if by == "expensive" and self.remaining == self.remaining:
            return self.remaining
        key = self.predicted if by == "expensive" else self.cheap
        return key - (self.age - work) if key == key else UNKNOWN


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


@runtime_checkable
class Policy(Protocol):
    """An order in which jobs are served; any object with these four methods is one.

    Guarantee:
        Engines and `PredictionQueue` serve the lowest rank first, and of equal ranks the one that arrived first.
    """

    def rank(self, view: View) -> float:
        """The job's rank now; never nan."""

    def review_age(self, view: View) -> float:
        """The next age at which the rank may jump, inf if never; until then it may only fall as the job is served."""

    def asks(self, view: View) -> By | None:
        """The prediction wanted next, given those that the view holds."""

    def stages(self) -> StageTable | None:
        """The same order as data, or None: then only the Python engine can run it."""


def check_policy(policy: Any) -> None:
    """Nothing, if it is a policy.

    Raises:
        InvalidInput: it is a name, a class or anything else.
    """
    if isinstance(policy, type) or not isinstance(policy, Policy):
        raise InvalidInput(f"policy is {policy!r}, but must be an object such as SPJF(); see Policy")


def stages_of(policy: Any) -> StageTable | None:
    """What the policy's `stages` tells.

    Raises:
        InvalidInput: it is no policy, or its stages are no table of rows, or hold what is no number.
    """
    check_policy(policy)
    table: StageTable | None = policy.stages()
    if table is None:
        return None
    kind_of("stages()", table, StageTable, "one, or None")
    if table.threshold == table.threshold:  # no nan
        checked("threshold", table.threshold)
    one_of("by", table.by, get_args(By))
    flag("start_pins", table.start_pins)
    if not table.long:
        raise InvalidInput(f"stages() of {policy!r} have no rows for long jobs; give at least one")
    for row in listed("long", table.long, "rows") + listed("short", table.short, "rows"):
        kind_of("a row of stages()", row, Row, "such as Row(0, 'fcfs')")
        whole("band", row.band, least=-MOST_BAND, most=MOST_BAND)
        one_of("order", row.order, get_args(Order))
        checked("fixed", row.fixed)
        checked("per_key", row.per_key)
        flag("prediction", row.prediction)
    return table
