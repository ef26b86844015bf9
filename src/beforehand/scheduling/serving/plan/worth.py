"""What predictions of length are worth: the price, and the error, at which they stop paying."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any, Final, final

from beforehand.core.predictor import Price
from beforehand.scheduling.inputs import checked, settle
from beforehand.scheduling.policies.stock import Stock
from beforehand.scheduling.serving.plan.knowledge import with_errors
from beforehand.scheduling.serving.plan.runs import Runs
from beforehand.scheduling.serving.plan.traffic import Traffic
from beforehand.scheduling.serving.simulator.request import Requests

PRICES: Final = (1e-5, 10.0)  # seconds: less is free, more than this is never worth it
REFRESHES: Final = (1e-7, 1.0)  # seconds: an answer has many of them
ERRORS: Final = (0.1, 20.0)  # times the errors that the predictions have
STEPS: Final = 6  # of halving, on a logarithmic scale


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """Where predictions of length stop paying, on the sample.

    Args:
        design: The candidate that reads them.
        price: Engine seconds for each prediction at which it does no better than first come, first served; 0 if it
            does no better for nothing.
        price_of_length: At which it does no better than `ShortestWork(decode=0)`, which reads no prediction: what
            knowing the length of an answer is worth.
        refresh_price: Of each refreshed prediction, against first come, first served; None if none is refreshed.
        error: How many times as large the errors of the predictions may be until it does no better than first come,
            first served; infinity if it is better at 20 times. None where the predictions are exact.
        error_of_length: Until it does no better than `ShortestWork(decode=0)`.
    """

    design: str
    price: float
    price_of_length: float
    refresh_price: float | None = None
    error: float | None = None
    error_of_length: float | None = None

    def __post_init__(self) -> None:
        """Validate the fields."""
        for each in fields(self)[1:]:
            if getattr(self, each.name) is not None:
                settle(self, **{each.name: checked(each.name, getattr(self, each.name))})


@final
class Priced:
    """What refreshes predictions, at another price."""

    def __init__(self, refine: Any, price: Price) -> None:
        self.draw, self.price = refine.draw, price


def worth(
    runs: Runs, traffic: Traffic, policy: Stock, handling: str | None, design: str, costs: tuple[float, float]
) -> Worth:
    """Find where a design does no better than others.

    Args:
        runs: Where to simulate.
        traffic: With predictions.
        policy: The order, which reads them.
        handling: The handling that goes with it.
        design: Its name.
        costs: What first come, first served and `ShortestWork(decode=0)` cost on the same traffic.
    """
    assert traffic.predicted is not None
    predicted, true = traffic.predicted, Requests.of(traffic.trace).output.astype(float)

    @cache
    def at_price(seconds: float) -> float:
        return runs.cost(replace(traffic, price=Price(seconds, per="request")), policy, handling)

    @cache
    def at_error(times: float) -> float:
        return runs.cost(replace(traffic, predicted=with_errors(predicted, true, times)), policy, handling)

    @cache
    def at_refresh(seconds: float) -> float:
        return replace(runs, refine=Priced(runs.refine, Price(seconds, per="refresh"))).cost(traffic, policy, handling)

    refreshed = hasattr(runs.refine, "draw") and runs.run(traffic, policy, handling).counts["refined"]
    exact = bool((predicted == true).all())
    return Worth(
        design=design,
        price=break_even(at_price, costs[0], PRICES, least=0.0),
        price_of_length=break_even(at_price, costs[1], PRICES, least=0.0),
        refresh_price=break_even(at_refresh, costs[0], REFRESHES, least=0.0) if refreshed else None,
        error=None if exact else break_even(at_error, costs[0], ERRORS, least=0.0),
        error_of_length=None if exact else break_even(at_error, costs[1], ERRORS, least=0.0),
    )


def break_even(cost: Callable[[float], float], other: float, limits: tuple[float, float], *, least: float) -> float:
    """Where a cost that rises passes another: `least` if it is never below, infinity if it always is.

    Example:
        >>> round(break_even(lambda x: x, 3.0, (1.0, 10.0), least=0.0), 1)
        3.0
    """
    low, high = limits
    if cost(low) >= other:
        return least
    if cost(high) < other:
        return math.inf
    for _ in range(STEPS):
        middle = math.sqrt(low * high)
        if cost(middle) < other:
            low = middle
        else:
            high = middle
    return math.sqrt(low * high)
