"""The designs that a serving plan compares: a policy and a handling each, with what simulations gave."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self, final

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import checked, finite, settle, whole
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.policy_json import from_fields, to_fields
from beforehand.scheduling.policies.shortest_work import ShortestWork
from beforehand.scheduling.policies.stock import Stock
from beforehand.scheduling.policies.view import View
from beforehand.scheduling.serving.handlings.handling_json import handling_from_json, handling_to_json

FIGURES: Final = ("mean_net_latency", "p50_net_latency", "p99_net_latency", "ttft", "p99_ttft")
PREDICTIONS: Final = ("lengths", "expensive", "refined")
CHEAPEST_FIRST: Final = ("FCFS", "ShortestWork(0)", "ShortestWork", "SPJF", "Skip", "SkipPredict", "TRAIL", "LAMPS")
BLIND: Final = CHEAPEST_FIRST[:2]  # read no prediction of an answer's length


def family_of(policy: Stock) -> str:
    """What a policy is called without guard and numbers."""
    inner: Any = policy.inner if isinstance(policy, Boosted) else policy
    return "ShortestWork(0)" if isinstance(inner, ShortestWork) and inner.decode == 0 else type(inner).__name__


def frugality(policy: Stock) -> int:
    """A place in the order in which ties are settled: the less a policy needs to know, the earlier."""
    family = family_of(policy)
    return CHEAPEST_FIRST.index(family) if family in CHEAPEST_FIRST else len(CHEAPEST_FIRST)


@final
@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A design that was simulated, and what came out.

    Args:
        policy: The order.
        handling: What is done with the KV cache during a tool call, as JSON text; None where there are no calls.
        cost: The objective, smaller is better.
        p99_ratio: Its p99 of the net latency over that of first come, first served.
        p99_most: The upper end of the interval of that; what was tried in the search only has none.
        figures: Mean, median and p99 of the net latency, and mean and p99 of the time to the first token, in seconds.
        predictions: Predictions for each conversation: `lengths` and `expensive` by the arguments of `simulate`, and
            `refined`.
        runs: Simulations that these are from: 1 in the search, on a part of the sample if that is long.
    """

    policy: Stock
    handling: str | None
    cost: float
    p99_ratio: float
    figures: Mapping[str, float]
    p99_most: float | None = None
    predictions: Mapping[str, float] = field(default_factory=dict)
    runs: int = 1

    def __post_init__(self) -> None:
        """Validate the fields."""
        numbers = {name: checked(name, self.figures[name]) for name in FIGURES}
        settle(
            self,
            cost=checked("cost", self.cost),
            p99_ratio=checked("p99_ratio", self.p99_ratio),
            p99_most=None if self.p99_most is None else checked("p99_most", self.p99_most),
            figures=numbers,
            runs=whole("runs", self.runs, least=1),
            predictions={name: finite(name, count) for name, count in self.predictions.items()},
        )
        if set(self.figures) != set(FIGURES) or math.inf in numbers.values():
            raise InvalidInput(f"figures are {dict(self.figures)}, but must be finite and named {', '.join(FIGURES)}")

    @property
    def reads(self) -> bool:
        """Whether the order asks for predictions of length."""
        return self.policy.asks(View(0.0, 0)) is not None

    @property
    def family(self) -> str:
        """The policy without guard and numbers."""
        return family_of(self.policy)

    @property
    def design(self) -> str:
        """Policy and handling as tables show them."""
        return design_of(self.policy, self.handling)

    def to_fields(self) -> dict[str, Any]:
        """The candidate as a JSON object."""
        shown = {name: "inf" if value == math.inf else value for name, value in vars(self).items()}
        handling = None if self.handling is None else json.loads(self.handling)
        return shown | {"policy": to_fields(self.policy), "handling": handling}

    @classmethod
    def from_fields(cls, given: Mapping[str, Any]) -> Self:
        """The candidate that `to_fields` wrote."""
        numbers = {name: math.inf for name in ("cost", "p99_ratio", "p99_most") if given[name] == "inf"}
        handling = None if given["handling"] is None else checked_handling(json.dumps(given["handling"]))
        return cls(**{**given, **numbers, "policy": from_fields(given["policy"]), "handling": handling})


def checked_handling(text: str) -> str:
    """The same handling as `handling_to_json` writes it."""
    return handling_to_json(handling_from_json(text))


def design_of(policy: Stock, handling: str | None) -> str:
    """Policy and handling as tables show them."""
    return str(policy) if handling is None else f"{policy} + {handling_from_json(handling)}"
