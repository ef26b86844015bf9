"""TRAIL's rule: shortest predicted remaining time, but a job that is far enough along is not preempted."""

import math
from dataclasses import KW_ONLY, dataclass
from typing import final, get_args

from beforehand.scheduling.inputs import checked, one_of, settle
from beforehand.scheduling.policies.classic import wanted
from beforehand.scheduling.policies.label import label
from beforehand.scheduling.policies.stages import Stage, Stages
from beforehand.scheduling.policies.view import FIRST, By, View


@final
@dataclass(frozen=True, slots=True)
class TRAIL:
    """SPRPT with limited preemption: a started job that has had `fraction` of its predicted size is pinned.

    A preempted job keeps its memory; pinning late jobs saves that memory for a little latency.

    Args:
        fraction: From 0 (never preempt a started job: SPJF) to 1 (SPRPT).
        by: Which prediction is the key.

    Raises:
        InvalidInput: an option is out of range.

    Example:
        >>> TRAIL(0.5).rank(View(arrival=0.0, sequence=0, age=1.0, started=True, predicted=4.0))
        3.0
        >>> TRAIL(0.5).rank(View(arrival=0.0, sequence=0, age=2.0, started=True, predicted=4.0))
        -inf

    Reference:
        Shahout, Malach, Liu, Jiang, Yu, Mitzenmacher: Don't Stop Me Now: Embedding Based Scheduling for LLMs.
        arXiv:2410.01035.
    """

    fraction: float
    _: KW_ONLY
    by: By = "expensive"

    def __post_init__(self) -> None:
        """Validate the fields."""
        settle(self, fraction=checked("fraction", self.fraction, most=1.0))
        one_of("by", self.by, get_args(By))

    __str__ = label

    def rank(self, view: View) -> float:
        """What is left by the newest estimate, until the job is pinned."""
        if view.started and view.age >= self.fraction * view.key(self.by):
            return FIRST
        return view.left(self.by)

    def review_age(self, view: View) -> float:
        """The age that pins."""
        pins = self.fraction * view.key(self.by)
        return pins if view.age < pins else math.inf

    def asks(self, view: View) -> By | None:
        """The key."""
        return wanted(view, self.by)

    def stages(self) -> Stages:
        """By what is left, then pinned; a first stage of length 0 ends with the start."""
        return Stages(long=(Stage(0, "remaining", 0.0, self.fraction), Stage(-1, "pinned")), by=self.by)
