"""Whether the first that waits could take the slot of anybody who runs: a bound, in place of a look at all of them."""

import math
from collections.abc import Iterable
from typing import Final, final

from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.classic import PSPJF, SPRPT
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.policies.trail import TRAIL
from beforehand.scheduling.policies.view import FIRST, View
from beforehand.scheduling.serving.ordering.preemption import LEAST_RANK

REVIEW: Final = 8  # steps after which all that run are looked at again
NONE: Final = -1  # of the steps for which a bound holds: not even for this one
ROUNDING: Final = 1e-9


@final
class SlotBound:
    """The largest of what `select_victims` compares, over all that run.

    While a request runs, its rank by TRAIL, SPRPT or PSPJF only falls until its prediction is renewed, outlived, or
    cut by a review age. So what was the largest once stays a bound, and most steps need no look. Other policies get
    none.

    Args:
        margin: That of `select_victims`.
        max_preemptions: The same.
    """

    def __init__(self, margin: float, max_preemptions: float) -> None:
        self._margin, self._max_preemptions = margin + ROUNDING, max_preemptions
        self._policy: Policy | None = None
        self._largest = math.inf
        self._steps = NONE  # for which it still holds, beside this one
        self._looks = 0

    def forget(self) -> None:
        """Predictions of running requests have changed."""
        self._steps, self._looks = NONE, 0

    def step(self) -> None:
        """A step begins, whether anybody waits in it or not: all that run have a token more at most."""
        self._steps = max(self._steps - 1, NONE)

    def excludes(self, policy: Policy, head: View) -> bool:
        """Whether nobody who runs ranks behind this one by more than the margin."""
        if self._steps == NONE or policy is not self._policy:
            return False
        return self._largest - _key(policy, head) <= self._margin

    def looked(self, policy: Policy, running: Iterable[View]) -> None:
        """All that run were looked at, and nobody has to go.

        The bound is made at the second look in a row, as predictions that are renewed in each step allow none.
        """
        self._looks += 1
        if self._looks < 2 or not isinstance(getattr(policy, "inner", policy), TRAIL | SPRPT | PSPJF):
            return
        self._policy, self._largest, self._steps = policy, FIRST, REVIEW
        for view in running:
            self.runs(view)

    def runs(self, view: View) -> None:
        """One more runs."""
        if self._steps == NONE or self._policy is None or view.preemptions >= self._max_preemptions:
            return
        key = _key(self._policy, view)
        if key == FIRST:  # pinned, for good
            return
        self._largest = max(self._largest, key)
        if view.age >= view.predicted:  # what is left may rise with each token
            self._steps = 0
        for age in (self._policy.review_age(view), view.predicted):
            if view.age < age <= view.age + self._steps:  # it must not be reached before the next look
                self._steps = math.ceil(age - view.age) - 1


def _key(policy: Policy, view: View) -> float:
    """The logarithm of the rank, plus the arrival in units of the boost where there is one."""
    inner, boost = (policy.inner, policy.boost) if isinstance(policy, Boosted) else (policy, math.inf)
    rank = inner.rank(view)
    if rank == FIRST:
        return FIRST
    size = math.log(max(rank, LEAST_RANK))
    return size if boost == "auto" or not 0 < boost < math.inf else size + view.arrival / boost
