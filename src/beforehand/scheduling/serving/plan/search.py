"""Which designs are tried: orders, guards and handlings, all on one stretch of traffic."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, final

import numpy as np

from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.classic import FCFS, SPJF
from beforehand.scheduling.policies.lamps import LAMPS
from beforehand.scheduling.policies.shortest_work import ShortestWork
from beforehand.scheduling.policies.skip import Skip
from beforehand.scheduling.policies.skip_predict import SkipPredict
from beforehand.scheduling.policies.stock import Stock
from beforehand.scheduling.policies.trail import TRAIL
from beforehand.scheduling.serving.handlings.always import Always
from beforehand.scheduling.serving.handlings.handling_json import StockHandling, handling_to_json
from beforehand.scheduling.serving.handlings.min_waste import MinWaste
from beforehand.scheduling.serving.handlings.time_to_live import TimeToLive
from beforehand.scheduling.serving.plan.candidates import BLIND, Candidate
from beforehand.scheduling.serving.plan.objective import cost
from beforehand.scheduling.serving.plan.runs import Runs, candidate
from beforehand.scheduling.serving.plan.traffic import Traffic
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations
from beforehand.scheduling.serving.simulator.request import Requests
from beforehand.scheduling.serving.simulator.result import ServingResult

BOOSTS: Final = (0.25, 0.5, 2.0)  # times the automatic boost, beside it
KNEES: Final = (0.5, 2.0, math.inf)
REACH: Final = 1.15  # times the best cost: a design that is further off with the automatic guard is not tuned
HOPE: Final = 0.5  # of the least gain worth having: where no automatic guard gains as much, none is tuned
CAUTION: Final = 0.5  # of what the p99 may rise: a design that uses less of it stays within the limit on other traffic
SHARES: Final = (0.5, 0.8)  # of the cheap predictions below which the other predictor is not asked
Handling = str | None


def orders(traffic: Traffic) -> list[Stock]:
    """The orders to try, without a guard."""
    found: list[Stock] = [ShortestWork(decode=0.0)]
    if traffic.predicted is not None:
        found += [ShortestWork(), SPJF(), TRAIL(0.8)]
    if traffic.cheap is not None:
        for threshold in dict.fromkeys(float(each) for each in np.quantile(traffic.cheap, SHARES)):
            found += [SkipPredict(threshold, preemptive=False), Skip(ShortestWork(), threshold=threshold)]
    if traffic.predicted is not None and Requests.of(traffic.trace).calls:
        found.append(LAMPS())
    return found


def handlings(runs: Runs, traffic: Traffic) -> list[Handling]:
    """The handlings to try; None alone where there are no calls."""
    if not Requests.of(traffic.trace).calls:
        return [None]
    swap = runs.setting.swaps
    found: list[StockHandling] = [Always("discard"), *([Always("swap")] if swap else []), MinWaste(swap=swap)]
    found += [TimeToLive(ToolDurations(), swap=swap)] if runs.learns_durations else []
    return [handling_to_json(each) for each in found]


@final
class Search:
    """All designs on one stretch of traffic.

    Args:
        runs: Where to simulate.
        traffic: The stretch.
    """

    def __init__(self, runs: Runs, traffic: Traffic) -> None:
        self._runs, self._traffic = runs, traffic
        self.handlings = handlings(runs, traffic)
        self._tried: list[Candidate] = []
        blind = [each for each in self.handlings if each is None or '"always"' in each]
        tried = [(runs.first_come(traffic, each), each) for each in blind]
        self._first_come, self._handling = min(tried, key=lambda pair: cost(pair[0].summary(), runs.setting.objective))

    @property
    def first_come(self) -> Candidate:
        """First come, first served, with the better of the handlings that know nothing."""
        return self._candidate(FCFS(), self._handling, self._first_come)

    def best_of_each(self, wanted: Sequence[tuple[Stock, Handling]], report: Callable[[str], None]) -> list[Candidate]:
        """The best of each family, guards tuned where that may decide; `report` hears what is tried."""
        automatic = []
        for order, handling in wanted:
            report(f"trying {order}")
            automatic += self._automatic(order, handling)
        if not automatic:
            return []
        given = [order for order, _ in wanted]  # guards with numbers stay as they are
        least = min(each.cost for each in automatic)
        within = REACH * least
        hopeless = least > (1 - HOPE * self._runs.setting.min_gain) * self.first_come.cost
        found = []
        for family in dict.fromkeys(each.family for each in automatic):
            best = min((each for each in automatic if each.family == family), key=self._preference)
            near = not hopeless and (best.cost <= within or family in BLIND)
            if near and isinstance(best.policy, Boosted) and best.policy not in given:
                report(f"tuning {best.design}")
                best = self._tuned(best)
            found.append(best)
        return sorted(found, key=self._preference)

    def safer(self, design: Candidate) -> Candidate | None:
        """The best of the same family and handling whose p99 stays well within the limit; None if it does so itself."""
        limit = 1 + CAUTION * (self._runs.setting.max_p99_ratio - 1)
        if design.p99_ratio <= limit:
            return None
        like = [each for each in self._tried if (each.family, each.handling) == (design.family, design.handling)]
        return min((each for each in like if each.p99_ratio <= limit), key=lambda each: each.cost, default=None)

    def _automatic(self, order: Stock, handling: Handling) -> list[Candidate]:
        """A design as it is, or with the automatic guard and each handling."""
        tries = self.handlings if handling is None else [handling]
        return [self._try(self._runs.guarded(self._traffic, order, each), each) for each in tries]

    def _tuned(self, start: Candidate) -> Candidate:
        """The guard's knee moved, then its boost."""
        best = start
        for name, factors in (("knee", KNEES), ("boost", BOOSTS)):
            guard: Any = best.policy
            moved = [replace(guard, **{name: getattr(guard, name) * factor}) for factor in factors]
            best = min([best, *(self._try(each, start.handling) for each in moved)], key=self._preference)
        return best

    def _try(self, policy: Stock, handling: Handling) -> Candidate:
        found = self._candidate(policy, handling, self._runs.run(self._traffic, policy, handling))
        self._tried.append(found)
        return found

    def _candidate(self, policy: Stock, handling: Handling, result: ServingResult) -> Candidate:
        return candidate(policy, handling, result, self._first_come, self._runs.setting.objective)

    def _preference(self, each: Candidate) -> tuple[bool, float]:
        return each.p99_ratio > self._runs.setting.max_p99_ratio, each.cost
