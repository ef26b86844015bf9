"""SkipPredict's question with any order: who is short by a cheap prediction never pays for the expensive one."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.inputs import checked, settle
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.label import label
from beforehand.scheduling.policies.policy import Policy, Reads, check_policy, depends_on, is_timed, rank_many
from beforehand.scheduling.policies.view import By, View


@final
@dataclass(frozen=True, slots=True)
class Skip:
    """The order of another policy, with an expensive prediction only for jobs that a cheap one calls long.

    Short jobs are ranked by their cheap prediction, long ones by the expensive one; `SkipPredict` serves short jobs
    first instead.

    Args:
        inner: The order; it must ask for the expensive prediction, and for nothing else.
        threshold: A job is short if its cheap prediction is below.

    Raises:
        InvalidInput: `inner` asks for something else; the threshold is out of range.

    Example:
        >>> from beforehand.scheduling import SPJF
        >>> policy = Skip(SPJF(), threshold=100)
        >>> policy.asks(View(arrival=0.0, sequence=0, cheap=30.0)) is None
        True
        >>> policy.rank(View(arrival=0.0, sequence=0, cheap=30.0))
        30.0
    """

    inner: Policy
    _: KW_ONLY
    threshold: float

    def __post_init__(self) -> None:
        """Validate the fields."""
        check_policy(self.inner)
        asked = self.inner.asks(View(0.0, 0)), self.inner.asks(View(0.0, 0, cheap=1.0, predicted=1.0))
        if asked != ("expensive", None) or isinstance(self.inner, Boosted):
            raise InvalidInput(
                f"inner is {self.inner}, but must ask for the expensive prediction and nothing else; pass one such as "
                "ShortestWork() or SPJF(), and put Boosted around Skip"
            )
        settle(self, threshold=checked("threshold", self.threshold))

    __str__ = label

    @property
    def depends_on(self) -> Reads:
        """As the inner policy."""
        return depends_on(self.inner)

    @property
    def timed(self) -> bool:
        """As the inner policy."""
        return is_timed(self.inner)

    def rank(self, view: View) -> float:
        """The inner rank, by the cheap prediction where there is no other."""
        if view.predicted != view.predicted and view.cheap == view.cheap:
            view = replace(view, predicted=view.cheap)
        return self.inner.rank(view)

    def rank_many(self, columns: Mapping[str, NDArray[Any]], engine: EngineView | None) -> NDArray[np.float64]:
        """The ranks of many waiting requests; see `Policy`."""
        predicted, cheap = columns["predicted"], columns["cheap"]
        return rank_many(self.inner, {**columns, "predicted": np.where(np.isnan(predicted), cheap, predicted)}, engine)

    def review_age(self, view: View) -> float:
        """As the inner policy."""
        if view.predicted != view.predicted and view.cheap == view.cheap:
            view = replace(view, predicted=view.cheap)
        return self.inner.review_age(view)

    def asks(self, view: View) -> By | None:
        """The cheap prediction, then the expensive one of a long job."""
        if view.cheap != view.cheap:
            return "cheap"
        return "expensive" if view.cheap >= self.threshold and view.predicted != view.predicted else None

    def stages(self) -> None:
        """None: they know one prediction as the key."""
        return None
