"""What a plan of a queue says in words: advice, warnings, and figures as its goal has them."""

import math
from collections.abc import Sequence
from typing import Any, get_args

from beforehand.core.report import Outcome, Verdict
from beforehand.scheduling.log import Log
from beforehand.scheduling.plan.candidates import Candidate
from beforehand.scheduling.plan.drawn_jobs import WARMUP
from beforehand.scheduling.plan.setting import Setting
from beforehand.scheduling.policies.classic import FCFS
from beforehand.scheduling.policies.policy import stages_of
from beforehand.scheduling.policies.stock import Stock
from beforehand.scheduling.policies.view import By
from beforehand.scheduling.simulation.run_length import jobs_needed
from beforehand.scheduling.simulation.simulator import replay
from beforehand.scheduling.simulation.work import work_moments, work_rows


def percent(share: float) -> str:
    """A share with one decimal."""
    return f"{100 * share:.1f} %"


def figure(value: float) -> str:
    """A time or a cost to four digits; thousands are written out."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}"


def goal_figure(value: float, setting: Setting) -> str:
    """A cost, or the share of jobs that are late."""
    return figure(value) if setting.slo is None else f"{100 * value:.3g} %"


def kinds_tried(candidates: Sequence[Candidate]) -> tuple[By, ...]:
    """The kinds of predictions that some design asks for."""
    calls = {
        "cheap": [each.cheap_calls for each in candidates],
        "expensive": [each.expensive_calls for each in candidates],
    }
    return tuple(kind for kind in get_args(By) if any(calls[kind]))


def advice(
    verdict: Verdict, candidates: Sequence[Candidate], baseline: Outcome, clairvoyant: Outcome, setting: Setting
) -> str:
    """Why predictions are not recommended, and what to do next; nothing where they are."""
    tried = kinds_tried(candidates)
    best, without = (goal_figure(each.value, setting) for each in (clairvoyant, baseline))
    if verdict == "no predictions":
        return (
            f"no policy that uses predictions was tried; with perfect ones the {setting.metric} would be {best} in "
            f"place of {without}; name a column of predictions, or assume some to see what they would be worth "
            "(--assume-cheap 1)"
        )
    if verdict != "don't bother" or kinds_tried(candidates[:1]):
        return ""
    perfect = f"lower the {setting.metric} from {without} to {best}"
    if not tried:
        return f"even perfect predictions, free of charge, would only {perfect}"
    other = (
        "" if len(tried) > 1 else f"; there were no {'cheap' if tried == ('expensive',) else 'expensive'} ones to try"
    )
    ideal = f"perfect ones would {perfect}" if best != without else "not even perfect ones would change a thing"
    return f"tried with {' and '.join(tried)} predictions, at today's price{'s' * (len(tried) > 1)}{other}; {ideal}"


def warnings(jobs_at_once: float | None, servers: int) -> tuple[str, ...]:
    """What in the log does not fit what the figures assume."""
    if jobs_at_once is None or jobs_at_once <= servers:
        return ()
    return (
        f"by their own arrivals {jobs_at_once:.3g} of these jobs ran at once on average, more than {servers} "
        f"server{'s' * (servers > 1)} can serve one at a time; the figures hold for servers that do one job after "
        "another, so plan for more servers, or take as size what a job needs when it runs alone",
    )


def without_prediction(name: str, count: int, jobs: int) -> str:
    """How many jobs lack a prediction, and what that means for them."""
    if count == jobs:
        return f"none of {jobs:,} jobs has a prediction in the column {name}, which is left out"
    have, count_as = ("has", "counts") if count == 1 else ("have", "count")
    return f"{count:,} of {jobs:,} jobs {have} no {name} prediction and {count_as} as longer than all others"


def rough(log: Log, policy: Stock, setting: Setting, jobs: int) -> str:
    """That so many simulated jobs are too few for the log's sizes and the load, and how many are not; else nothing."""
    stages = stages_of(policy)
    load = setting.load * work_moments(stages, log)[0] / log.mean
    if load >= 1:  # no number of jobs gives figures to be sure of
        return ""
    needed = math.ceil(jobs_needed(*work_rows(stages, log), load, controlled=False) / (1 - WARMUP))
    if jobs >= needed:
        return ""
    return (
        f"; {jobs:,} simulated jobs are too few for sizes like these, so take simulated figures as rough: sure ones "
        f"need {needed:,}"
    )


def best_around(winners: Sequence[tuple[float, str]]) -> str:
    """The best designs at loads around the planned one; once, if it is the same at all of them."""
    if len({design for _, design in winners}) == 1 < len(winners):
        return f"{winners[0][0]:.2f} to {winners[-1][0]:.2f} {winners[0][1]}"
    return ", ".join(f"{load:.2f} {design}" for load, design in winners)


def calls(each: Candidate) -> str:
    """The mean response of a design and its predictions for each job."""
    asked = ((each.cheap_calls, "cheap"), (each.expensive_calls, "expensive"))
    each_kind = [f"{count:.2g} {kind}" for count, kind in asked if count]
    noun = "prediction" if len(each_kind) == 1 and each_kind[0].startswith("1 ") else "predictions"
    return f"response {figure(each.response_time)}, {' and '.join(each_kind) or 'no'} {noun}"


def replayed(policy: Stock, log: Log, setting: Setting) -> str:
    """What a log's own arrival times give, stretched to the planned load; nothing without them."""
    if log.arrival is None or log.arrival[0] == log.arrival[-1]:
        return ""
    stretched = log.at_load(setting.load, setting.servers)
    assert stretched.arrival is not None
    options: dict[str, Any] = {"servers": setting.servers, "switch_cost": setting.switch_cost}
    found = []
    for each in (policy, FCFS()):
        times = replay(each, stretched, **options).completion - stretched.arrival
        found.append(goal_figure(setting.goal_of(times), setting))
    return (
        f"; on the real arrival times, stretched to load {setting.load:.2f}, the {setting.figure} is {found[0]} "
        f"against {found[1]} first come, first served"
    )
