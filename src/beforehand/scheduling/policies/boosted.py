"""The starvation guard: any order by one amount, as head starts of the arrival times."""

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Final, Literal, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.inputs import LEAST, MOST, checked, settle
from beforehand.scheduling.policies.classic import FCFS, LAS
from beforehand.scheduling.policies.label import label
from beforehand.scheduling.policies.policy import Policy, Reads, check_policy, depends_on, is_timed, rank_many
from beforehand.scheduling.policies.skip_predict import DelayPredict, OneBit, SkipPredict
from beforehand.scheduling.policies.view import BANDS, By, View

Auto = Literal["auto"]
FLOOR: Final = 1e-9  # of the inner rank


@final
@dataclass(frozen=True, slots=True)
class Boosted:
    """The order of another policy, bounded: a short job queues as if it had come a little earlier, and no more.

    A job of inner rank `r` is served as if it had arrived `-boost * ln(1 - exp(-r / knee))` earlier: far below the
    knee, a rank ten times lower is worth 2.3 boosts; far above it, jobs are served first come, first served. Ranks are
    static, so the queue is as cheap as the inner one.

    Args:
        inner: The order; it must rank by one positive amount, such as `SPJF()` or `ShortestWork()`.
        boost: In the unit of time of arrivals, up to 1e100. 0 is first come, first served; inf is the inner order.
        knee: In the unit of the inner rank. inf is the log form, `arrival + boost * ln(rank)`, whose bound grows with
            the job.

    Guarantee:
        While both wait, a job is overtaken only by jobs that arrive less than `bound(least)` after it, where `least` is
        the lowest inner rank there is. Jobs that the inner policy puts before all others (those it has started, or its
        bands) are exempt.

    Raises:
        InvalidInput: `inner` ranks by something else; a number is out of range; `"auto"` when it is ranked or bounded:
            only LLM engines and plans find numbers for it, from an unloaded run.

    Example:
        >>> from beforehand.scheduling import SPJF
        >>> policy = Boosted(SPJF(), boost=30.0, knee=265.0)
        >>> round(policy.rank(View(arrival=100.0, sequence=0, predicted=20.0)), 1)
        21.4
        >>> round(policy.bound(1.0))  # no answer is shorter than a token
        167

    Reference:
        Yu, Scully: Strongly Tail-Optimal Scheduling in the Light-Tailed M/G/1. arXiv:2404.08826.
    """

    inner: Policy
    _: KW_ONLY
    boost: float | Auto = "auto"
    knee: float | Auto = "auto"

    def __post_init__(self) -> None:
        """Validate the fields."""
        check_policy(self.inner)
        banded = isinstance(self.inner, SkipPredict) and self.inner.preemptive
        if banded or isinstance(self.inner, FCFS | LAS | OneBit | DelayPredict | Boosted):
            raise InvalidInput(
                f"inner is {self.inner}, but must rank by one positive amount; pass a policy such as SPJF() or "
                "ShortestWork()"
            )
        for name, least in (("boost", 0.0), ("knee", LEAST)):
            value = getattr(self, name)
            if value != "auto":
                settle(self, **{name: checked(name, value, least=least)})
        if self.boost != "auto" and MOST < self.boost < math.inf:
            raise InvalidInput(
                f"boost is {self.boost:g}, but must be at most {MOST:g}, or inf for the inner order alone"
            )

    __str__ = label

    @property
    def depends_on(self) -> Reads:
        """As the inner policy."""
        return depends_on(self.inner)

    @property
    def timed(self) -> bool:
        """As the inner policy."""
        return is_timed(self.inner)

    @property
    def is_auto(self) -> bool:
        """Whether a number is still to be found."""
        return self.boost == "auto" or self.knee == "auto"

    def frozen(self, *, boost: float, knee: float) -> "Boosted":
        """The same with these numbers in place of `"auto"`; numbers that are set stay.

        Args:
            boost: Seconds.
            knee: In the unit of the inner rank.
        """
        return replace(
            self,
            boost=boost if self.boost == "auto" else self.boost,
            knee=knee if self.knee == "auto" else self.knee,
        )

    def bound(self, least_rank: float) -> float:
        """How much later than a job another one may arrive and still overtake it, at most; inf in the log form.

        Args:
            least_rank: The lowest inner rank there is, above 0.
        """
        boost, knee = self._numbers()
        least = max(checked("least_rank", least_rank), FLOOR)
        if boost in (0.0, math.inf):
            return boost
        return math.inf if knee == math.inf else -boost * _log_share(least / knee)

    def rank(self, view: View) -> float:
        """The arrival minus the head start; what the inner policy puts before all others stays there."""
        return self.at(self.inner.rank(view), view.arrival)

    def at(self, rank: float, arrival: float) -> float:
        """The rank of a job that the inner policy ranks so, and that arrived then."""
        boost, knee = self._numbers()
        if rank <= BANDS[1] or boost == math.inf:
            return rank
        if not boost:
            return arrival
        amount = max(rank, FLOOR)
        return arrival + boost * (math.log(amount) if knee == math.inf else _log_share(amount / knee))

    def rank_many(self, columns: Mapping[str, NDArray[Any]], engine: EngineView | None) -> NDArray[np.float64]:
        """The ranks of many waiting requests; see `Policy`."""
        boost, knee = self._numbers()
        inner = rank_many(self.inner, columns, engine)
        if boost == math.inf:
            return inner
        amount, arrival = np.maximum(inner, FLOOR), columns["arrival"]
        if boost:
            with np.errstate(over="ignore"):
                share = np.log(amount) if knee == math.inf else np.log(-np.expm1(-amount / knee))
            arrival = arrival + boost * share
        return np.where(inner <= BANDS[1], inner, arrival)

    def review_age(self, view: View) -> float:
        """As the inner policy."""
        return self.inner.review_age(view)

    def asks(self, view: View) -> By | None:
        """As the inner policy."""
        return self.inner.asks(view)

    def stages(self) -> None:
        """None: they know no arrival times."""
        return None

    def _numbers(self) -> tuple[float, float]:
        boost, knee = self.boost, self.knee
        if boost == "auto" or knee == "auto":
            raise InvalidInput(
                f"{self} still has boost or knee 'auto', for which only simulate() and plans of LLM serving find "
                "numbers; pass both, or call frozen(boost=, knee=)"
            )
        return boost, knee


def _log_share(amount: float) -> float:
    """ln(1 - exp(-amount)), below 0 and rising; exact to the last digits for small and large amounts."""
    return math.log(-math.expm1(-amount))
