"""Shortest work first: an LLM request ranked by the engine time of its prompt and its answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.engine_view import EngineView
from beforehand.scheduling.inputs import finite, settle
from beforehand.scheduling.policies.classic import wanted
from beforehand.scheduling.policies.label import label
from beforehand.scheduling.policies.view import FIRST, UNKNOWN, By, View

LEAST: Final = 1e-6  # s


def engine_of(policy: Any, engine: EngineView | None) -> EngineView:
    """The engine of a request.

    Raises:
        InvalidInput: there is none.
    """
    if engine is None:
        raise InvalidInput(
            f"{policy} ranks by what an LLM engine does, but view.engine is None; on a single server take SPJF()"
        )
    return engine


def uncached(columns: Mapping[str, NDArray[Any]]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """For many requests: tokens still to be computed, tokens that need not be, whether these lie in the host tier."""
    resident, host = columns["resident"], columns["host"]
    from_host = (resident == 0) & (host > 0)
    held = np.where(resident > 0, resident, np.where(host > 0, host, np.floor(columns["cached"])))
    return np.maximum(columns["context"] - held, 1.0), held, from_host


def left_of(columns: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
    """For many requests: output tokens left by the newest estimate, at least 1; `UNKNOWN` without one."""
    left = columns["remaining"]
    if np.isnan(left).any():
        left = np.where(np.isnan(left), columns["predicted"] - columns["age"], left)
    return np.where(np.isnan(left), UNKNOWN, np.maximum(left, 1.0))


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ShortestWork:
    """Shortest predicted work first: by the engine seconds of the uncached prompt and of the answer, non-preemptive.

    An engine pays for the prompt too, and on many traces mostly. What a prefix cache or the host tier holds is not
    computed again, so it does not count.

    Args:
        decode: Weight of the answer's engine time; 0 needs no prediction. With 0.5 the largest requests, whose answers
            are the least certain, are delayed less than with 1, at hardly any loss.

    Raises:
        InvalidInput: an option is out of range; a view has no engine.

    Example:
        >>> from beforehand.scheduling.serving import EngineView
        >>> request = View(arrival=0.0, sequence=0, context=1000, remaining=200.0, engine=EngineView())
        >>> round(ShortestWork().rank(request), 6)
        0.079414
    """

    decode: float = 0.5
    depends_on: ClassVar[str] = "request"

    def __post_init__(self) -> None:
        """Validate the fields."""
        settle(self, decode=finite("decode", self.decode))

    __str__ = label

    def rank(self, view: View) -> float:
        """Engine seconds of prompt and answer, until it is started; a copy from the host counts as it takes."""
        engine = view.engine or engine_of(self, None)
        if view.started:
            return FIRST
        rates, context, copy = engine.rates, view.context, 0.0
        if view.resident > 0:
            held = view.resident
        elif view.host > 0:
            held, copy = view.host, engine.costs.swap_seconds(view.host)
        else:
            held = int(view.cached)
        work = rates.prefill * max(context - held, 1)
        if self.decode:
            left = view.left("expensive")
            if left >= UNKNOWN:
                return UNKNOWN
            left = max(left, 1.0)
            work += self.decode * left * (rates.decode + rates.context * (context + left / 2))
        return min(max(work, LEAST) + copy, UNKNOWN)

    def rank_many(self, columns: Mapping[str, NDArray[Any]], engine: EngineView | None) -> NDArray[np.float64]:
        """The ranks of many waiting requests; see `Policy`."""
        engine = engine_of(self, engine)
        rates, (new, held, from_host) = engine.rates, uncached(columns)
        work = rates.prefill * new
        if self.decode:
            left = left_of(columns)
            known = np.where(left < UNKNOWN, left, 1.0)
            work = work + self.decode * known * (rates.decode + rates.context * (columns["context"] + known / 2))
            work = np.where(left < UNKNOWN, work, UNKNOWN)
        work = np.maximum(work, LEAST) + np.where(from_host, engine.costs.swap_seconds(held), 0.0)
        return np.where(columns["started"] > 0, FIRST, np.minimum(work, UNKNOWN))

    def review_age(self, view: View) -> float:
        """Never."""
        return np.inf

    def asks(self, view: View) -> By | None:
        """The expensive prediction, if it counts."""
        return wanted(view, "expensive") if self.decode else None

    def stages(self) -> None:
        """None: they know no engine."""
        return None
