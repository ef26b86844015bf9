"""The simulations behind a plan: all designs on the same traffic, in the same engine."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, final

from beforehand.core.trace import Trace
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.classic import FCFS
from beforehand.scheduling.policies.stock import Stock
from beforehand.scheduling.serving.handlings.always import Always
from beforehand.scheduling.serving.handlings.handling_json import handling_from_json, handling_to_json
from beforehand.scheduling.serving.plan.candidates import FIGURES, PREDICTIONS, Candidate
from beforehand.scheduling.serving.plan.objective import cost
from beforehand.scheduling.serving.plan.setting import Setting
from beforehand.scheduling.serving.plan.traffic import Traffic
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations
from beforehand.scheduling.serving.simulator.automatic_boost import automatic_boost
from beforehand.scheduling.serving.simulator.result import ServingResult
from beforehand.scheduling.serving.simulator.simulate import simulate

DISCARD: Final = handling_to_json(Always("discard"))


@final
@dataclass(frozen=True, eq=False)
class Runs:
    """Simulations in one engine, with conversations known in one way.

    Args:
        setting: What is planned for.
        tools: How calls are known, as in `simulate`.
        durations: How long they are known to take.
        refine: How predictions are refreshed.
    """

    setting: Setting
    tools: Any = "exact"
    durations: Any = None
    refine: Any = None
    _first_come: dict[tuple[int, str | None], tuple[Trace, ServingResult]] = field(default_factory=dict, repr=False)

    def options(self, traffic: Traffic) -> dict[str, Any]:
        """The arguments of `simulate` that all designs share; predictors that learn start anew each time."""
        durations: Any = traffic.durations
        if durations is None:
            durations = ToolDurations() if self.durations is None else copy.deepcopy(self.durations)
        return {
            "profile": self.setting.profile,
            "slo": self.setting.slo,
            "seed": self.setting.seed,
            "durations": durations,
            "tools": copy.deepcopy(self.tools),
            "refine": self.refine,
            **self.setting.engine,
            **traffic.predictors,
        }

    def run(self, traffic: Traffic, policy: Stock, handling: str | None = None) -> ServingResult:
        """Simulate a design."""
        options = self.options(traffic)
        chosen = handling_from_json(handling or DISCARD, durations=options["durations"])
        return simulate(traffic.trace, policy=policy, handling=chosen, **options)

    def cost(self, traffic: Traffic, policy: Stock, handling: str | None = None) -> float:
        """The objective of a design, smaller is better."""
        return cost(self.run(traffic, policy, handling).summary(), self.setting.objective)

    def first_come(self, traffic: Traffic, handling: str | None = None) -> ServingResult:
        """Simulate `FCFS()`, once for each trace and handling: it reads no predictions."""
        key = id(traffic.trace), handling
        if key not in self._first_come:  # the trace is kept too, or another one might get its id
            self._first_come[key] = traffic.trace, self.run(traffic, FCFS(), handling)
        return self._first_come[key][1]

    def guarded(self, traffic: Traffic, order: Stock, handling: str | None = None) -> Stock:
        """The order with its guard, the automatic boost and knee as numbers; `FCFS()` needs none."""
        policy = order if isinstance(order, Boosted | FCFS) else Boosted(order)
        if not isinstance(policy, Boosted) or not policy.is_auto:
            return policy
        options = self.options(traffic)
        chosen = handling_from_json(handling or DISCARD, durations=options["durations"])
        del options["slo"]
        return frozen(policy, traffic.trace, options | {"handling": chosen})

    @property
    def learns_durations(self) -> bool:
        """Whether tool durations are learned as calls finish, which `TimeToLive` needs."""
        return self.durations is None or isinstance(self.durations, ToolDurations)


def frozen(policy: Boosted, trace: Trace, options: Mapping[str, Any]) -> Boosted:
    """The guard with numbers for "auto"; the options are those of `automatic_boost`."""
    found = automatic_boost(policy, trace, **options)
    assert isinstance(found, Boosted)
    return found


def candidate(
    policy: Stock, handling: str | None, result: ServingResult, first_come: ServingResult, objective: str
) -> Candidate:
    """What a run gave, beside first come, first served on the same traffic."""
    summary, without = result.summary(), first_come.summary()["p99_net_latency"]
    return Candidate(
        policy=policy,
        handling=handling,
        cost=cost(summary, objective),
        p99_ratio=summary["p99_net_latency"] / without,
        figures={name: summary[name] for name in FIGURES},
        predictions={name: result.counts[name] / len(result.arrival) for name in PREDICTIONS if result.counts[name]},
    )
