"""Who is compared: an order, a handling of tool calls, and what is known beforehand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

from beforehand.core.trace import Trace
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.serving import (
    FCFS,
    LAMPS,
    PSPJF,
    SPJF,
    SPRPT,
    TRAIL,
    Always,
    Boosted,
    Handling,
    InferCept,
    MinWaste,
    ShortestWork,
    TimeToLive,
    ToolDurations,
)
from beforehand.studies.lamps.engines import HOST_TOKENS, Engine
from beforehand.studies.serving_baselines import HRRN, MLFQ, PLAS, Aged

Options = Mapping[str, Any]
SWAP: Final = Always("swap")


@final
@dataclass(frozen=True)
class Make:
    """An argument of `simulate` that depends on the conversations, their seed and the engine."""

    make: Callable[[Trace, int, Engine], Any]

    def __call__(self, trace: Trace, seed: int, engine: Engine) -> Any:
        """The argument."""
        return self.make(trace, seed, engine)


@final
@dataclass(frozen=True, eq=False)
class Contender:
    """One way to serve conversations.

    Args:
        name: As the tables have it.
        policy: The order.
        handling: Makes what decides about memory during a call, so that what learns begins anew in every run.
        options: Further ones of `simulate`.
    """

    name: str
    policy: Policy | Make
    handling: Callable[[], Handling]
    options: Options = field(default_factory=dict)


def with_host(
    name: str, policy: Policy | Make, handling: Handling | Callable[[], Handling] = SWAP, **options: Any
) -> Contender:
    """A contender on an engine with a host tier."""
    make = handling if not isinstance(handling, Handling) else lambda: handling
    return Contender(name, policy, make, {"host_tokens": HOST_TOKENS, **options})


DISCARD: Final = Always("discard")
STOCK: Final = Contender("FCFS, each return queues as new (stock HTTP)", FCFS(), lambda: DISCARD, {"resume": "return"})
PLACE: Final = Contender("FCFS, place kept", FCFS(), lambda: DISCARD)
TIER: Final = with_host("FCFS, place kept, host tier", FCFS())
ELAPSED: Final = with_host("INFERCEPT, elapsed times", FCFS(), InferCept())
ORACLE: Final = with_host("INFERCEPT, known durations", FCFS(), InferCept(estimate="predicted"), durations="exact")
LIVES: Final = with_host("FCFS, time to live", FCFS(), lambda: TimeToLive(ToolDurations()))
WASTE: Final = with_host("FCFS, least waste (handling alone)", FCFS(), MinWaste())
ORDER: Final = Contender("LAMPS order, discard (order alone)", Boosted(LAMPS()), lambda: DISCARD)
SWAPPING: Final = with_host("LAMPS order, swap always", Boosted(LAMPS()))
WHOLE: Final = with_host("LAMPS: order and least waste", Boosted(LAMPS()), MinWaste())
UNGUARDED: Final = with_host("the same, not guarded", LAMPS(), MinWaste())
SHORTEST: Final = with_host("ShortestWork order, swap always", Boosted(ShortestWork()))
LENGTH: Final = with_host("SPJF order, swap always", Boosted(SPJF()))

MAIN: Final = (STOCK, PLACE, TIER, ELAPSED, ORACLE, LIVES, WASTE, ORDER, SWAPPING, WHOLE, UNGUARDED)
QUICK_MAIN: Final = (STOCK, TIER, ELAPSED, ORACLE, WASTE, WHOLE)
ORDERS: Final = (
    LENGTH,
    SHORTEST,
    with_host("SPJF, not guarded", SPJF()),
    with_host("predicted length as static priority", PSPJF(), max_preemptions=0),
    with_host("SRPT, exact", SPRPT(), margin=0.0, max_preemptions=float("inf"), refine="exact"),
    *(with_host(f"TRAIL, C = {c:g}", Boosted(TRAIL(c))) for c in (0.2, 0.5, 0.8, 1.0)),
    with_host("LAMPS order, linear ageing 1000", Aged(LAMPS(), 1000.0)),
    with_host("PLAS", PLAS()),
    with_host("HRRN", HRRN()),
    with_host("MLFQ", MLFQ()),
)
