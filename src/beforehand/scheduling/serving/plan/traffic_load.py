"""How busy an engine is under first come, first served, and whether anybody waits there."""

import math
from dataclasses import dataclass, fields
from typing import Final, final

import numpy as np

from beforehand.scheduling.inputs import checked, settle
from beforehand.scheduling.serving.plan.runs import Runs
from beforehand.scheduling.serving.plan.traffic import Traffic
from beforehand.scheduling.serving.simulator.result import ServingResult

NO_QUEUE: Final = 0.05  # of the mean latency: with less time to the first token, all orders are within 1 %
MIDDLE: Final = (0.1, 0.9)  # of the completions, whose rate is the capacity
SOON: Final = 3  # steps within which a first token comes without waiting, unless the prompt is very long
STEPS: Final = 5  # of the search for the rate from which an order would pay


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficLoad:
    """How busy an engine is, first come, first served.

    Args:
        rate: Conversations a second.
        capacity: Those that it finishes a second when all are there at once and tool calls take no time.
        utilization: The share of time in which it works.
        queued: The share of conversations whose first token takes more than three of its steps.
        waiting: The mean time to the first token, as a share of the mean net latency.
        pays_from: Where nobody waits: the rate from which an order would matter; None if somebody waits already, or if
            no rate that the engine can bear would do.
    """

    rate: float
    capacity: float
    utilization: float
    queued: float
    waiting: float
    pays_from: float | None = None

    def __post_init__(self) -> None:
        """Validate the fields."""
        for each in fields(self):
            if getattr(self, each.name) is not None:
                settle(self, **{each.name: checked(each.name, getattr(self, each.name))})

    @property
    def load(self) -> float:
        """The rate as a share of the capacity."""
        return self.rate / self.capacity if self.capacity else math.inf

    @property
    def idle(self) -> bool:
        """Whether hardly anybody waits."""
        return self.waiting < NO_QUEUE


def measure(runs: Runs, traffic: Traffic) -> TrafficLoad:
    """Run traffic first come, first served: as it comes, and all at once."""
    result = runs.first_come(traffic)
    summary = result.summary()
    drained = np.sort(runs.first_come(traffic.at_once()).finish)
    low, high = (min(int(share * len(drained)), len(drained) - 1) for share in MIDDLE)
    middle = drained[high] - drained[low]
    span = traffic.span
    return TrafficLoad(
        rate=len(traffic) / span if span else 0.0,
        capacity=(high - low) / middle if middle > 0 else len(drained) / drained[-1],
        utilization=summary["utilisation"],
        queued=queued(result),
        waiting=waiting(summary),
    )


def queued(result: ServingResult) -> float:
    """The share of conversations whose first token takes more than three of the engine's steps."""
    steps = np.searchsorted(result.end, result.first_token) - np.searchsorted(result.end, result.arrival)
    return float(np.mean(steps > SOON))


def waiting(summary: dict[str, float]) -> float:
    """The mean time to the first token as a share of the mean net latency."""
    return summary["ttft"] / summary["mean_net_latency"]


def pays_from(runs: Runs, traffic: Traffic, load: TrafficLoad) -> float | None:
    """The rate from which somebody waits, at the same pattern of arrivals: by halving intervals."""
    if not load.rate:
        return None
    low, high = 1.0, max(1.25 / max(load.load, 0.01), 1.25)
    if waiting(runs.first_come(traffic.faster(high)).summary()) < NO_QUEUE:
        return None
    for _ in range(STEPS):
        factor = math.sqrt(low * high)
        if waiting(runs.first_come(traffic.faster(factor)).summary()) < NO_QUEUE:
            low = factor
        else:
            high = factor
    return load.rate * high
