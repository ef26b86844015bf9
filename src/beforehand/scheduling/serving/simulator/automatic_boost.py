"""The numbers for a guard's "auto", from one run that is nearly without load."""

import copy
from dataclasses import replace
from typing import Any, Final, Unpack

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.core.trace import Trace
from beforehand.scheduling.engine_profile import EngineProfile
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.classic import FCFS
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.policies.view import UNKNOWN, By, View
from beforehand.scheduling.serving.handlings.handling import Handling
from beforehand.scheduling.serving.simulator.engine_run import EngineOptions, serve

STRETCH: Final = 3.0  # of all times between arrivals
LATENCIES: Final = 9.0  # mean net latencies of the unloaded run in a boost


class _FCFSWithQuestions:
    """First come, first served, but with the predictions that another policy would ask for."""

    def __init__(self, asking: Policy) -> None:
        self._asking, self._order = asking, FCFS()

    def rank(self, view: View) -> float:
        return 0.0

    def review_age(self, view: View) -> float:
        return self._order.review_age(view)

    def asks(self, view: View) -> By | None:
        return self._asking.asks(view)

    def stages(self) -> None:
        return None


def automatic_boost(
    policy: Policy, requests: Trace, *, profile: EngineProfile, handling: Handling, **engine: Unpack[EngineOptions]
) -> Policy:
    """The policy with numbers in place of `"auto"`; any policy without `"auto"` is returned as it is.

    The requests are served once, first come, first served, with all times between arrivals three times as long. The
    boost is nine times the mean net latency of that run, the knee the mean of the inner rank of every segment as it
    becomes ready. A knee from the loaded run would depend on how long the run is.

    Args:
        policy: Usually `Boosted(...)`.
        requests: A trace of kind `requests`.
        profile: What iterations cost.
        handling: What becomes of the KV cache in a tool call.
        **engine: As in `simulate`. What learns is copied, and learns nothing here.

    Cost:
        One simulation.

    Raises:
        InvalidInput: as `simulate`; no segment has a rank.

    Example:
        >>> from beforehand.scheduling.serving import PROFILES, SPJF, Always
        >>> trace = Trace("requests", {"arrival": [0.0, 1.0], "prompt_tokens": [50, 50], "output_tokens": [100, 300]})
        >>> print(automatic_boost(Boosted(SPJF()), trace, profile=PROFILES["llama3-8b-a100-80g"],
        ...                       handling=Always("discard"), lengths="exact"))
        Boosted(SPJF, boost=22, knee=200)
    """
    if not isinstance(policy, Boosted) or not policy.is_auto:
        return policy
    inner = policy.inner
    ranks: list[float] = []
    given: Any = engine
    alone, durations, tools = copy.deepcopy((handling, given.get("durations"), given.get("tools", "exact")))
    scheduler = serve(
        requests,
        profile=profile,
        policy=_FCFSWithQuestions(inner),
        handling=alone,
        stretch=STRETCH,
        on_ready=lambda view: ranks.append(inner.rank(replace(view, started=False))),
        **{**given, "durations": durations, "tools": tools},
    )
    known = [rank for rank in ranks if 0 < rank < UNKNOWN]
    if not known:
        raise InvalidInput(f"{inner} ranks no request by a positive amount; pass boost= and knee= to Boosted")
    served = scheduler.requests
    net = np.array(scheduler.totals.finish) - served.arrival - served.tool_seconds
    return policy.frozen(boost=LATENCIES * float(net.mean()), knee=float(np.mean(known)))
