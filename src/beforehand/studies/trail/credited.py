"""An order found for the Azure traces: work of the prompt, guarded, with a credit for the answer's own time."""

import math
from dataclasses import dataclass
from typing import final

from beforehand.scheduling.policies.classic import wanted
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.policies.view import FIRST, By, View


@final
@dataclass(frozen=True, slots=True)
class Credited:
    """The guard's order, but a request counts as come earlier by the time that its answer will take in an idle engine.

    Who has a long answer cannot avoid a long latency, so p99 falls if he waits less. A request overtakes none that came
    more than `inner.bound(least_rank) + seconds_per_token * longest` seconds before it, `longest` being the most tokens
    that are ever predicted.

    Args:
        inner: The guard, around an order by work that leaves the answer out.
        seconds_per_token: Credit for a predicted token: an iteration of one request.

    Example:
        >>> from beforehand.scheduling.serving import Boosted, EngineView, ShortestWork
        >>> guard = Boosted(ShortestWork(decode=0), boost=10.0, knee=0.1)
        >>> request = View(50.0, 0, context=1000, predicted=200.0, engine=EngineView())
        >>> round(guard.rank(request), 2), round(Credited(guard, 0.01).rank(request), 2)
        (42.77, 40.77)
    """

    inner: Policy
    seconds_per_token: float

    def rank(self, view: View) -> float:
        """The guard's rank less the credit, until it is started."""
        rank = self.inner.rank(view)
        return rank if rank == FIRST else rank - self.seconds_per_token * view.predicted

    def review_age(self, view: View) -> float:
        """Never."""
        return math.inf

    def asks(self, view: View) -> By | None:
        """The length."""
        return wanted(view, "expensive")

    def stages(self) -> None:
        """None: they know no arrival times."""
        return None
