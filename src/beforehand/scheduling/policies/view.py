"""What a policy sees of a job."""

import math
from dataclasses import dataclass
from typing import Literal

By = Literal["cheap", "expensive"]

FIRST = -math.inf  # cannot be overtaken
BANDS = (-2e300, -1e300)  # two first-come-first-served classes before every job that has a key
UNKNOWN = 1e299  # a job whose prediction is not there yet; ranks made of predictions lie within +-1e299


@dataclass(slots=True)
class View:
    """What a policy may know about a job; an engine owns it and keeps it up to date.

    Args:
        arrival: When it came.
        sequence: Its place in the order of arrival, which breaks every tie.
        age: Service received so far, with prediction work where the same server does it.
        started: Whether it was ever served.
        cheap: The cheap prediction: a number, or 0 and 1 for shorter and longer; nan if not asked.
        predicted: The expensive prediction of the whole size, which stays as it was made; nan if not asked.
        remaining: A refreshed estimate of what is left; nan if there is none.
        now: The time at which the job is ranked, in the unit of `arrival`; nan unless the policy is `timed`.
    """

    arrival: float
    sequence: int
    age: float = 0.0
    started: bool = False
    cheap: float = math.nan
    predicted: float = math.nan
    remaining: float = math.nan
    now: float = math.nan

    def key(self, by: By) -> float:
        """The prediction that a policy goes by; nan if it is not there."""
        return self.predicted if by == "expensive" else self.cheap

    def left(self, by: By, work: float = 0.0) -> float:
        """What is left by the newest estimate, with `work` units of age spent on predicting; `UNKNOWN` without one."""
        if by == "expensive" and self.remaining == self.remaining:
            return self.remaining
        key = self.predicted if by == "expensive" else self.cheap
        return key - (self.age - work) if key == key else UNKNOWN
