"""Which running request, if any, gives its slot to the first of those that wait."""

import math
from collections.abc import Sequence

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.policies.view import FIRST, View

LEAST_RANK = 1e-9  # ranks are amounts of work; below this they are as good as nothing


def select_victims(
    policy: Policy,
    head: View | None,
    running: Sequence[View],
    *,
    free_slots: int,
    margin: float = 0.7,
    max_preemptions: float = 2,
) -> list[View]:
    """The request to preempt before this iteration admits others: none or one, so that they never come in storms.

    The running request of largest rank loses its slot if the first waiting one is shorter by more than the margin.
    Both sides carry their arrival where the policy is `Boosted`.

    Args:
        policy: The order in use.
        head: The best of those that wait; None if nobody does.
        running: Those that may be preempted now; one with tokens in flight may not.
        free_slots: Slots that nobody has; above 0 nobody need give way.
        margin: Natural logarithm of the ratio of ranks below which nobody is preempted: .7 is a factor of 2.
        max_preemptions: How often a request may lose its slot within one segment; 0 is never, inf no limit.

    Guarantee:
        A request whose rank is FIRST is never chosen, nor one that has lost its slot `max_preemptions` times, nor one
        that would wait before `head`, and so take the slot back. Orders whose ranks are all equal, such as FCFS,
        preempt nobody.

    Raises:
        InvalidInput: `margin` or `max_preemptions` is negative or nan; the boost is still `"auto"`.

    Example:
        >>> from beforehand.scheduling import SPRPT
        >>> long = View(0.0, 0, age=10.0, started=True, predicted=210.0, remaining=200.0)
        >>> [view.sequence for view in select_victims(SPRPT(), View(1.0, 1, remaining=90.0), [long], free_slots=0)]
        [0]
        >>> select_victims(SPRPT(), View(1.0, 1, remaining=110.0), [long], free_slots=0)  # no factor of 2
        []

    Reference:
        Shahout, Malach, Liu, Jiang, Yu, Mitzenmacher: Don't Stop Me Now: Embedding Based Scheduling for LLMs.
        arXiv:2410.01035; the margin and the cap are ours.
    """
    if not margin >= 0 or not max_preemptions >= 0:
        raise InvalidInput(f"margin is {margin} and max_preemptions {max_preemptions}, but neither may be below 0")
    if free_slots > 0 or head is None or not max_preemptions:
        return []
    guard = policy if isinstance(policy, Boosted) else None
    inner, boost = (guard.inner, guard.boost) if guard else (policy, math.inf)
    if boost == "auto":
        raise InvalidInput(f"{policy} still has the boost 'auto'; call frozen(boost=, knee=)")
    if not boost:
        return []  # first come, first served
    victim, last, amount = None, (FIRST, -1), FIRST
    for view in running:
        if view.preemptions < max_preemptions and (rank := inner.rank(view)) > FIRST:
            place = (guard.at(rank, view.arrival) if guard else rank, view.sequence)
            if place > last:
                victim, last, amount = view, place, rank
    if victim is None:
        return []
    ahead = inner.rank(head)
    if ahead > FIRST:
        # The ratio of the two ranks, plus what the arrivals say in units of the boost.
        gap = math.log(max(amount, LEAST_RANK) / max(ahead, LEAST_RANK)) + (victim.arrival - head.arrival) / boost
        if not gap > margin:
            return []
        if guard and not (guard.at(ahead, head.arrival), head.sequence) < last:
            return []  # the victim would wait before the head, and take the slot back at once
    return [victim]
