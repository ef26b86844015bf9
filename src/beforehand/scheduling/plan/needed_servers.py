"""How many servers keep response times within a limit, in order of arrival and in orders that know something."""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Final, Literal, final

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.inputs import finite, flag, whole
from beforehand.scheduling.log import Floats, Log, rate_in_sizes
from beforehand.scheduling.plan import words
from beforehand.scheduling.plan.candidates import BLIND
from beforehand.scheduling.plan.drawn_jobs import DrawnJobs
from beforehand.scheduling.plan.planner import plan_queue
from beforehand.scheduling.plan.resampling import MOST_SEED
from beforehand.scheduling.plan.search import SAMPLED_ROWS, sample_of
from beforehand.scheduling.plan.setting import ROUNDING, Setting, percentile
from beforehand.scheduling.policies.classic import FCFS, SPJF, SPRPT
from beforehand.scheduling.policies.stock import Stock
from beforehand.scheduling.simulation.simulator import MOST_SERVERS, replay, simulate

JOBS: Final = 200_000  # of a simulation
FEWEST_JOBS: Final = 1000
MOST_JOBS: Final = 10**9
MOST_KEPT: Final = 10**7  # for a quantile, as it keeps some 60 bytes for each
TRIED: Final = 5  # policies that go by predictions, the best by the formula for one server
Knowing = Literal["nothing", "predictions", "sizes"]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Enough:
    """The least number of servers that keep response times within the limit.

    Args:
        servers: How many; None if even 256 are too few.
        design: The best policy on that many, as tables show it.
        reached: The mean or quantile of its response times.
        one_fewer: The least that is reached on one server fewer; inf if the jobs overload those.
    """

    servers: int | None
    design: str
    reached: float
    one_fewer: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """The servers needed under one kind of arrivals.

    Args:
        without: With no knowledge of sizes.
        predicted: With the log's predictions; None if it has none.
        clairvoyant: With exact sizes.
        figures: For every number of servers that was looked at, ascending, what these three reach with it; nan without
            predictions.
    """

    without: Enough
    predicted: Enough | None
    clairvoyant: Enough
    figures: dict[int, tuple[float, float, float]]

    @property
    def saved(self) -> int | None:
        """The servers that predictions save; None if there are none, or a number is not known."""
        if self.predicted is None or self.predicted.servers is None or self.without.servers is None:
            return None
        return self.without.servers - self.predicted.servers


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NeededServers:
    """How many servers a stream of jobs needs, and how many of them predictions save. Times are in the unit of sizes.

    Args:
        goal: What must be within the limit: `"mean"`, or a quantile such as `"p99"`.
        within: The limit.
        work: The work that arrives in a unit of time, in servers: fewer cannot keep up.
        random: For arrivals at random, at a constant rate.
        replayed: For the log's own arrivals, with their bursts; None if it has none, or a rate was given.
        preemptive: Whether a job that was started can be preempted.
        jobs: How many the log has.
        mean: Their mean size.
        unit: The unit of the sizes; None if not known.
        drawn: How many jobs each simulation drew.
        jobs_needed: How many it takes for figures to be sure, by the rule of `simulate`; inf if no number does.
    """

    goal: str
    within: float
    work: float
    random: Counted
    replayed: Counted | None
    preemptive: bool
    jobs: int
    mean: float
    unit: str | None
    drawn: int
    jobs_needed: float

    def explain(self) -> str:
        """The answer in plain words."""
        unit = f" {self.unit}" if self.unit else ""
        lines = [
            f"Work for {self.work:.4g} server{'s' * (self.work != 1)} arrives. For a {self.goal} response time within "
            f"{words.figure(self.within)}{unit}:",
            f"with random arrivals, {_told(self.random)}",
        ]
        if self.replayed is not None:
            lines.append(f"with the log's own arrivals, {_told(self.replayed)}")
        if self.random.predicted is None:
            lines.append("The log has no predictions.")
        if self.drawn < self.jobs_needed:
            lines.append(
                f"{self.drawn:,} simulated jobs are too few for sizes like these, so take the figures for random "
                f"arrivals as rough; sure ones need {self.jobs_needed:,.0f}."
            )
        if self.goal != "mean" and any(_beaten(each) for each in (self.random, self.replayed)):
            lines.append(
                "Exact sizes stand for the shortest job first, which is best for a mean, not for every quantile."
            )
        order = "free preemption" if self.preemptive else "no preemption"
        lines.append(f"Assumed: servers share one queue, {order}, predictions cost no time.")
        return "\n".join(lines)


def needed_servers(
    log: Any,
    *,
    within: float,
    goal: str = "mean",
    rate: float | None = None,
    preemptive: bool = False,
    jobs: int = JOBS,
    seed: int = 0,
) -> NeededServers:
    """How many servers do these jobs need, and how many of them would predictions save?

    Args:
        log: Finished jobs: a `Log`, or a `Trace` of kind `jobs`.
        within: The limit of response times, in the unit of the sizes.
        goal: What must be within it: `"mean"`, or a quantile, from `"p1"` to `"p99.99"`. That 99 % of jobs are done
            within a time is `"p99"`.
        rate: Arrivals in a unit of the log's time. Left out: measured from its arrivals, which are also replayed.
        preemptive: Whether a job that was started can be preempted.
        jobs: How many are drawn from the log in each simulation: 1000 at least, for a quantile at most 10 million.
        seed: Of the simulations.

    Guarantee:
        All policies and all numbers of servers meet the same jobs. Of the policies, the best by the formula for one
        server at the same load are simulated, and those that need no prediction; with predictions never takes more
        servers than without. A simulation has noise: where the figure is close to the limit, the number may be off by
        one. Replays are deterministic. A job without a prediction counts as longer than all others.

    Cost:
        Half a second or so for each number of servers that is looked at: seconds for some tens of servers. A log that
        is replayed costs as much again for 200,000 rows.

    Raises:
        InvalidInput: an option is out of range; no rate can be measured; 256 servers cannot keep up; jobs that do not
            wait at all miss the limit.

    Example:
        >>> from beforehand.scheduling import Log, needed_servers
        >>> sizes = [1.0] * 9 + [20.0]
        >>> found = needed_servers(Log(sizes, expensive=sizes), rate=1.0, within=5.0, jobs=20_000)
        >>> found.random.without.servers, found.random.predicted.servers
        (5, 4)
    """
    log, share = Log.read(log).missing_last(), _share(goal)
    limit, preempts = finite("within", within, above=True), flag("preemptive", preemptive)
    most = MOST_JOBS if share is None else MOST_KEPT
    many, seed = whole("jobs", jobs, least=FEWEST_JOBS, most=most), whole("seed", seed, most=MOST_SEED)
    arrivals = rate_in_sizes(log, rate)
    work = log.measured_load() if arrivals is None else arrivals * log.mean
    if math.isnan(work):
        raise InvalidInput("rate is None and the log has no arrivals to measure it by; pass rate")
    if work >= MOST_SERVERS:
        raise InvalidInput(
            f"work for {work:.4g} servers arrives, but at most {MOST_SERVERS} can share a queue; divide the jobs among "
            "several queues, and pass the rate of one"
        )
    shortest = _figure(log.size, log.weight, share)
    if shortest > limit * (1 + ROUNDING):
        raise InvalidInput(
            f"within is {within:g}, but the {goal} of the sizes alone is {shortest:.4g}"
            f"{f' {log.unit}' if log.unit else ''}, and no number of servers makes a job shorter; pass at least that"
        )
    queue = _Queue(log, sample_of(log) if len(log) > SAMPLED_ROWS else log, work, share, preempts)
    random = _counted(partial(queue.simulated, many, seed), queue, limit)
    return NeededServers(
        goal=goal,
        within=limit,
        work=work,
        random=random,
        replayed=_counted(queue.replayed, queue, limit) if rate is None else None,
        preemptive=preempts,
        jobs=len(log),
        mean=log.mean,
        unit=log.unit,
        drawn=many,
        jobs_needed=_jobs_needed(log, work, random),
    )


@final
class _Queue:
    """The jobs, what is asked about them, and the policies that may serve them."""

    def __init__(self, log: Log, sample: Log, work: float, share: float | None, preemptive: bool) -> None:
        self.log, self.work, self.share = log, work, share
        self.predicted = log.cheap is not None or log.expensive is not None
        self._sample, self._preemptive = sample, preemptive
        self._known: dict[int, tuple[list[Stock], list[Stock]]] = {}

    def policies(self, servers: int) -> tuple[list[Stock], list[Stock]]:
        """Those that need no prediction, and the best that go by one, by the formula for one server."""
        if servers not in self._known:
            plan = plan_queue(self._sample, load=self.work / servers, preemptive=self._preemptive, bootstrap=0)
            ordered = sorted((each for each in plan.candidates if each.policy is not None), key=lambda each: each.cost)
            policies: dict[bool, list[Stock]] = {True: [], False: []}
            for each in ordered:
                policies[each.family in BLIND].append(each.policy)  # type: ignore[arg-type]
            self._known[servers] = policies[True], policies[False][:TRIED]
        return self._known[servers]

    @property
    def clairvoyant(self) -> Stock:
        """The best policy for the mean where sizes are known."""
        return SPRPT() if self._preemptive else SPJF()

    def simulated(self, jobs: int, seed: int, log: Log, policy: Stock, servers: int) -> float:
        """What a policy reaches with jobs like these that arrive at random."""
        load = self.work / servers
        if self.share is None:
            return simulate(policy, log, load=load, jobs=jobs, seed=seed, servers=servers, quantiles=()).response_time
        # The quantiles of `simulate` are rounded, and a limit may be the very size of many jobs.
        setting = Setting(load=load, preemptive=self._preemptive, servers=servers)
        return percentile(DrawnJobs.like(log, setting, jobs, seed).run(policy).response, self.share)

    def replayed(self, log: Log, policy: Stock, servers: int) -> float:
        """What it reaches with these very jobs at their own times, from 0 on."""
        there = log.at_load(self.work)
        done = replay(policy, there, servers=servers).completion
        return _figure(done - there.arrival, np.ones(len(log)), self.share)  # type: ignore[operator]


def _counted(reached: Callable[[Log, Stock, int], float], queue: _Queue, limit: float) -> Counted:
    """The least numbers of servers, and what is reached with every number that was looked at."""
    exact, bound = queue.log.exactly_predicted(), limit * (1 + ROUNDING)

    @cache
    def best(knowing: Knowing, servers: int) -> tuple[float, str]:
        blind, others = queue.policies(servers)
        if knowing == "nothing":
            return min((reached(queue.log, policy, servers), str(policy)) for policy in blind)
        log, more = (exact, [queue.clairvoyant]) if knowing == "sizes" else (queue.log, others)
        return min(best("nothing", servers), *((reached(log, policy, servers), str(policy)) for policy in more))

    looked: set[int] = set()

    def least(knowing: Knowing, most: int = MOST_SERVERS) -> Enough:
        found, seen = _least(partial(best, knowing), math.floor(queue.work) + 1, most, bound)
        looked.update(seen)
        return found

    without = least("nothing")
    predicted = least("predictions", without.servers or MOST_SERVERS) if queue.predicted else None
    clairvoyant = least("sizes", without.servers or MOST_SERVERS)
    looked.add(min(max(looked) + 1, MOST_SERVERS))  # what one more would give
    figures = {}
    for servers in sorted(looked):
        with_them = best("predictions", servers)[0] if queue.predicted else math.nan
        figures[servers] = best("nothing", servers)[0], with_them, best("sizes", servers)[0]
    return Counted(without=without, predicted=predicted, clairvoyant=clairvoyant, figures=figures)


def _least(figure: Callable[[int], tuple[float, str]], least: int, most: int, limit: float) -> tuple[Enough, set[int]]:
    """The least number from `least` to `most` whose figure is within the limit, and all numbers that were looked at."""
    low, high, step, looked = least - 1, least, 1, {least}
    while figure(high)[0] > limit and high < most:
        low, high, step = high, min(high + step, most), 2 * step
        looked.add(high)
    reached, design = figure(high)
    if reached > limit:
        return Enough(servers=None, design=design, reached=reached, one_fewer=math.inf), looked
    while high - low > 1:
        middle = (low + high) // 2
        looked.add(middle)
        low, high = (middle, high) if figure(middle)[0] > limit else (low, middle)
    reached, design = figure(high)
    one_fewer = figure(high - 1)[0] if high > least else math.inf
    return Enough(servers=high, design=design, reached=reached, one_fewer=one_fewer), looked


def _jobs_needed(log: Log, work: float, counted: Counted) -> float:
    """How many jobs a simulation needs with the fewest servers that are enough: the rule depends on no policy."""
    enough = [each for each in (counted.without, counted.predicted, counted.clairvoyant) if each is not None]
    servers = min(each.servers or MOST_SERVERS for each in enough)
    return simulate(FCFS(), log, load=work / servers, servers=servers, jobs=FEWEST_JOBS).jobs_needed


def _share(goal: str) -> float | None:
    """The share of jobs that a quantile stands for; None for the mean.

    Raises:
        InvalidInput: the goal is neither.
    """
    if goal == "mean":
        return None
    percent = re.fullmatch(r"p(\d{1,2}(?:\.\d{1,2})?)", goal) if isinstance(goal, str) else None
    if percent is None or not float(percent[1]) >= 1:
        raise InvalidInput(f"goal is {goal!r}, but must be 'mean', or a quantile from 'p1' to 'p99.99', such as 'p95'")
    return float(percent[1]) / 100


def _figure(times: Floats, weight: Floats, share: float | None) -> float:
    """The mean of times, or the least one that this share of jobs does not exceed."""
    if share is None:
        return float(np.average(times, weights=weight))
    order = np.argsort(times)
    place = int(np.searchsorted(np.cumsum(weight[order]), share * weight.sum() * (1 - 1e-12)))
    return float(times[order[min(place, len(times) - 1)]])


def _beaten(counted: Counted | None) -> bool:
    """Whether predictions reach with some number of servers what the shortest job first does not with exact sizes."""
    return counted is not None and any(known < exact for _, known, exact in counted.figures.values())


def _told(counted: Counted) -> str:
    """The numbers of servers in words."""

    def number(enough: Enough, what: str) -> str:
        many = f"more than {MOST_SERVERS}" if enough.servers is None else f"{enough.servers}"
        return f"{many} {what} ({enough.design}, {words.figure(enough.reached)})"

    servers = "server" if counted.without.servers == 1 else "servers"
    parts = [f"it takes {number(counted.without, f'{servers} without predictions')}"]
    if counted.predicted is not None:
        parts.append(number(counted.predicted, "with them"))
    parts.append(number(counted.clairvoyant, "with exact sizes"))
    saved = "" if counted.saved is None else f": predictions save {counted.saved or 'none'}"
    return f"{', '.join(parts)}{saved}."
