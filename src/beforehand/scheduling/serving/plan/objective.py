"""What a plan keeps small, and how that reads."""

import math
from collections.abc import Mapping
from typing import Final

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import one_of

WORDS: Final = {
    "mean_net_latency": "mean latency without tool calls in s",
    "p50_net_latency": "median latency without tool calls in s",
    "p99_net_latency": "p99 of the latency without tool calls in s",
    "mean_latency": "mean latency in s",
    "p50_latency": "median latency in s",
    "p99_latency": "p99 of the latency in s",
    "ttft": "mean time to the first token in s",
    "p99_ttft": "p99 of the time to the first token in s",
    "itl": "mean time between tokens in s",
    "p99_itl": "p99 of the time between tokens in s",
    "goodput": "share of conversations that miss the slo",
    "goodput_rate": "seconds for each conversation that meets the slo",
}
OBJECTIVES: Final = tuple(WORDS)


def check_objective(objective: str, slo: Mapping[str, float] | None) -> None:
    """Raise unless runs have this figure.

    Raises:
        InvalidInput: there is no such objective, or it needs an slo.
    """
    one_of("objective", objective, OBJECTIVES)
    if objective.startswith("goodput") and not slo:
        raise InvalidInput(
            f"objective is {objective!r}, but slo is {slo!r}; pass slo={{'ttft': seconds, 'itl': seconds}}"
        )


def cost(summary: Mapping[str, float], objective: str) -> float:
    """The objective of a run as a number that is better when smaller; goodput as the share that misses the slo."""
    value = summary[objective]
    if objective == "goodput":
        return 1 - value
    if objective == "goodput_rate":
        return 1 / value if value > 0 else math.inf
    return value
