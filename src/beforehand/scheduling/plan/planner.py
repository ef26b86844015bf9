"""Which order is worth having: a policy chosen on a log, its price, and the check afterwards."""

import math
import platform
from collections.abc import Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import Any, Final, get_args

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Price
from beforehand.core.report import Report
from beforehand.scheduling.formulas.log_formula import LogFormula
from beforehand.scheduling.inputs import finite, kind_of, listed, whole
from beforehand.scheduling.load import arrival_rate
from beforehand.scheduling.log import Floats, Log
from beforehand.scheduling.plan.candidates import (
    BLIND,
    Candidate,
    Charge,
    Setting,
    break_even,
    evaluate,
    families,
    formula_policy,
    gains,
    search,
    shared,
)
from beforehand.scheduling.plan.queue_plan import QueuePlan
from beforehand.scheduling.plan.resampling import again, costs, judge, outcome, simulated
from beforehand.scheduling.policies.classic import FCFS, SPJF, SPRPT
from beforehand.scheduling.policies.names import Stock, label, name_of
from beforehand.scheduling.policies.view import By
from beforehand.scheduling.simulation.simulator import MOST_SERVERS, replay

SAMPLED_ROWS: Final = 20_000
FINALISTS: Final = 5
FINAL_JOBS: Final = 500_000
MOST_RESAMPLED: Final = 100_000
LOADS_AROUND: Final = (0.8, 0.9, 1.0, 1.1, 1.2)  # of the planned load
MODEL: Final = "Poisson arrivals, one server, free preemption"


def plan_queue(
    log: Any,
    *,
    load: float | None = None,
    rate: float | None = None,
    cheap_cost: float | Price = 0.0,
    expensive_cost: float | Price = 0.0,
    charge: Charge = "external",
    preemptive: bool = False,
    servers: int = 1,
    switch_cost: tuple[float, float] = (0.0, 0.0),
    memory_weight: float = 0.0,
    min_gain: float = 0.05,
    candidates: Sequence[Stock] | None = None,
    bootstrap: int = 200,
    seed: int = 0,
) -> QueuePlan:
    """Choose the order in which to serve jobs like these, and say what it will gain and what its predictions cost.

    Args:
        log: Finished jobs: a `Log`, or a `Trace` of kind `jobs`.
        load: The share of time that the jobs alone keep each server busy.
        rate: Arrivals in a unit of time. Neither: measured from the log's arrivals.
        cheap_cost: The price of a cheap prediction, in the unit of size; of a `Price`, the seconds.
        expensive_cost: That of an expensive one.
        charge: `"external"`, prices are added to the mean response time; `"server"`, they are work of the server.
        preemptive: Whether a job that was started can be set aside. A queue that hands jobs out cannot.
        servers: How many, 1 to 256.
        switch_cost: Extra work of a job that was set aside: fixed, and for each unit of its age.
        memory_weight: What a unit of memory (the summed ages of unfinished jobs) costs.
        min_gain: The least saving that is worth having, as a share of the baseline's cost.
        candidates: The policies to choose from, in place of all that log and setting allow; those that know nothing are
            tried too.
        bootstrap: Resampled logs for the interval of the saving; 0 for none.
        seed: Of the resampling, and of a simulation.

    Guarantee:
        One server, no switch cost: exact means for the log as the law of jobs. Otherwise the five best by formula are
        simulated on the same jobs. *Worth it* if the 95 % interval of the saving lies above `min_gain`,
        *don't bother* if it lies below.

    Cost:
        Half a second for 100,000 rows, and some ten milliseconds for each resampled log.

    Raises:
        InvalidInput: an option is out of range; the load is 1 or more, or cannot be measured; a candidate asks for a
            prediction that the log lacks, or sets jobs aside without `preemptive`.

    Example:
        >>> from beforehand.scheduling import Log, plan_queue
        >>> log = Log([1, 2, 0.5, 4, 1, 1.5], cheap=[1, 2, 0.5, 3, 3, 0.5], expensive=[1, 1, 1, 3, 2, 0])
        >>> plan = plan_queue(log, load=0.8, cheap_cost=0.05, expensive_cost=0.1, preemptive=True, bootstrap=0)
        >>> plan.design, round(plan.expected.value, 4)
        ('SkipPredict(2, size)', 4.5523)

    Reference:
        Shahout, Mitzenmacher: SkipPredict: When to Invest in Predictions for Scheduling. arXiv 2402.03564.
    """
    log = Log.read(log)
    setting = Setting(
        load=_load(log, load, rate, servers),
        cheap_cost=_price(cheap_cost),
        expensive_cost=_price(expensive_cost),
        charge=charge,
        preemptive=preemptive,
        servers=servers,
        switch_cost=switch_cost,
        memory_weight=memory_weight,
    )
    least_gain = finite("min_gain", min_gain)
    times, luck = _resampling(bootstrap, seed)
    formula = LogFormula(log)
    found, tried = _best_of_each(log, formula, setting, candidates)
    if setting.simulated:
        found = tried = _finals(found, log, setting, luck)
    found.sort(key=lambda each: each.preference)
    chosen = next(each for each in found if each.policy is not None)
    blind = next(each for each in found if each.family in BLIND)
    draws = costs([chosen, blind], log, formula, setting, times, luck)
    saving = outcome(chosen.design, _saving(chosen.cost, blind.cost), _savings(draws))
    most_certain = Log(log.size, expensive=log.size, weight=log.weight)
    best = _clairvoyant(most_certain, setting, luck)
    external = setting.charge == "external"
    return QueuePlan(
        policy=chosen.policy,  # type: ignore[arg-type]
        candidates=(chosen, *(each for each in found if each is not chosen)),
        baseline=outcome(blind.design, blind.cost, draws[:, 1]),
        expected=outcome(chosen.design, chosen.cost, draws[:, 0]),
        clairvoyant=outcome(best.design, best.cost, np.empty(0)),
        saving=saving,
        verdict="don't bother" if chosen.family in BLIND else judge(saving, least_gain),
        setting=setting,
        jobs=len(log),
        mean=log.mean,
        scv=log.moment(2) / log.mean**2 - 1,
        break_even_cheap=break_even(tried, setting, "cheap") if external else None,
        break_even_expensive=break_even(tried, setting, "expensive") if external else None,
        largest=None if setting.simulated else _largest(log, formula, setting, chosen),
        winners=() if setting.simulated else _winners(found, formula, setting),
        model=MODEL if not setting.simulated else f"Poisson arrivals, {setting.servers} servers, simulated",
        min_gain=least_gain,
        seed=luck,
        versions={"beforehand": version("beforehand"), "numpy": np.__version__, "python": platform.python_version()},
    )


def audit(plan: QueuePlan, holdout: Any, *, bootstrap: int = 200, seed: int = 0) -> Report:
    """Set what the plan expected beside what its policy reaches on jobs that it never saw.

    Args:
        plan: What is checked.
        holdout: Finished jobs with the predictions that the policy asks for: a `Log`, or a `Trace` of kind `jobs`.
        bootstrap: Resampled holdouts for the intervals; 0 for none.
        seed: Of the resampling, and of a simulation.

    Guarantee:
        The same formula (or simulation) as the plan's, on the holdout at the planned load, against the best policy that
        knows nothing on the same jobs. If the holdout has arrivals, `why` also says what these very arrival times give,
        stretched to the planned load: bursts break the assumption of Poisson arrivals.

    Cost:
        Some milliseconds for each resampled log of 100,000 rows, and one replay.

    Raises:
        InvalidInput: the holdout is no log, or lacks a prediction that the policy asks for.

    Example:
        >>> from beforehand.scheduling import Log, audit, plan_queue
        >>> sizes = np.random.default_rng(0).exponential(size=2000) ** 2
        >>> log = Log(sizes, expensive=sizes)
        >>> plan = plan_queue(log.take(np.arange(1000)), load=0.8, expensive_cost=0.1)
        >>> audit(plan, log.take(np.arange(1000, 2000))).verdict
        'worth it'
    """
    kind_of("plan", plan, QueuePlan, "what plan_queue returned")
    log, setting = Log.read(holdout), plan.setting
    times, luck = _resampling(bootstrap, seed)
    formula = LogFormula(log)
    found = [*_blind(log, formula, setting), evaluate(plan.chosen.family, plan.policy, formula, setting)]
    if setting.simulated:
        found = [simulated(each, log, setting, luck, jobs=FINAL_JOBS) for each in found if each.policy is not None]
    blind = min(found[:-1], key=lambda each: each.preference)
    draws = costs([found[-1], blind], log, formula, setting, times, luck)
    saving = outcome(plan.design, _saving(found[-1].cost, blind.cost), _savings(draws))
    best = _clairvoyant(log, setting, luck)
    return Report(
        area=plan.area,
        metric="cost of a job",
        expected=plan.expected,
        measured=outcome(plan.design, found[-1].cost, draws[:, 0]),
        baseline=outcome(blind.design, blind.cost, draws[:, 1]),
        clairvoyant=outcome(best.design, best.cost, np.empty(0)),
        price=plan.price,
        verdict="don't bother" if plan.chosen.family in BLIND else judge(saving, plan.min_gain),
        why=f"it saves {100 * saving.value:.1f} % ({100 * saving.low:.1f} to {100 * saving.high:.1f}) of the cost of "
        f"{blind.design}{_replayed(plan, log)}",
    )


def curves(plan: QueuePlan, log: Any, loads: Sequence[float]) -> dict[str, Floats]:
    """The mean response time of each candidate of a plan, and of the clairvoyant, at each load; for pictures.

    Guarantee:
        By the formula for one server; inf where the server cannot keep up.

    Raises:
        InvalidInput: a load is not between 0 and 1; the log lacks a prediction.
    """
    log = Log.read(log)
    known = LogFormula(Log(log.size, expensive=log.size, weight=log.weight))
    best = SPRPT() if plan.setting.preemptive else SPJF()
    formula, drawn = LogFormula(log), {}
    for each in plan.candidates:
        at = [again(each, formula, replace(plan.setting, load=load)).response_time for load in loads]
        drawn[each.design] = np.array(at)
    rates = [arrival_rate(log.mean, load=load, rate=None) for load in loads]
    drawn["clairvoyant"] = np.array([known.expect(best, rate).response_time for rate in rates])
    return drawn


def _load(log: Log, load: float | None, rate: float | None, servers: int) -> float:
    whole("servers", servers, least=1, most=MOST_SERVERS)
    if load is None and rate is None:
        rate = log.rate
        if math.isnan(rate):
            raise InvalidInput("load and rate are None and the log has no arrivals to measure them by; pass load")
        if rate * log.mean >= servers:
            raise InvalidInput(
                f"the log's arrivals make a load of {rate * log.mean / servers:.3g} for each server, but a queue needs "
                "less than 1; pass load, or more servers"
            )
    return arrival_rate(log.mean, load=load, rate=rate, servers=servers) * log.mean / servers


def _price(price: float | Price) -> float:
    return price.seconds if isinstance(price, Price) else price


def _resampling(bootstrap: int, seed: int) -> tuple[int, int]:
    return whole("bootstrap", bootstrap, most=MOST_RESAMPLED), whole("seed", seed, most=2**63)


def _saving(cost: float, baseline: float) -> float:
    return 1 - cost / baseline if cost < math.inf else -1.0


def _savings(draws: Floats) -> Floats:
    return np.array([_saving(cost, baseline) for cost, baseline in draws])


def _blind(log: Log, formula: LogFormula, setting: Setting) -> list[Candidate]:
    found = [best for family in families(log, setting) if family.name in BLIND
             for best in search(family, formula, setting)]  # fmt: skip
    if setting.preemptive and not setting.simulated:
        found.append(shared(formula, setting))
    return found


def _best_of_each(
    log: Log, formula: LogFormula, setting: Setting, candidates: Sequence[Stock] | None
) -> tuple[list[Candidate], list[Candidate]]:
    """The best candidate of each family, and all that were tried; a long log is searched on a sample of its rows."""
    blind = _blind(log, formula, setting)
    if candidates is not None:
        given = [
            evaluate(name_of(policy), policy, formula, setting)
            for policy in listed("candidates", candidates, "policies")
        ]
        for each in given:
            if not setting.preemptive and each.interruptions != 0:
                raise InvalidInput(
                    f"candidates has {each.design}, which sets jobs aside, but preemptive is False; pass "
                    "preemptive=True, or a policy that lets jobs end"
                )
        given = [each for each in given if each.design not in [known.design for known in blind]]
        return blind + given, blind + given
    sample, sampled = log, formula
    if len(log) > SAMPLED_ROWS:
        by_size = np.argsort(log.size, kind="stable")
        places = (np.arange(SAMPLED_ROWS) + 0.5) * (len(log) / SAMPLED_ROWS)
        sample = log.take(np.sort(by_size[places.astype(int)]))
        sampled = LogFormula(sample)
    best, tried = [], list(blind)
    for family in families(sample, setting):
        if family.name in BLIND:
            continue
        found = sorted(search(family, sampled, setting), key=lambda each: each.preference)
        tried += found
        if sampled is not formula:
            found = [evaluate(family.name, each.policy, formula, setting) for each in found[:3] if each.policy]
        best.append(min(found, key=lambda each: each.preference))
    if sampled is not formula:  # the designs that bear the highest price are others than the best at today's
        dearest = [sorted(gains(tried, setting, which), key=lambda each: -each[0])[:3] for which in get_args(By)]
        tried = blind + best + [again(each, formula, setting) for few in dearest for _, each in few]
    return blind + best, tried


def _finals(found: list[Candidate], log: Log, setting: Setting, seed: int) -> list[Candidate]:
    """The five best by the formula and the blind ones, simulated on the same jobs."""
    ordered = sorted(found, key=lambda each: each.preference)
    chosen = ordered[:FINALISTS] + [each for each in ordered[FINALISTS:] if each.family in BLIND]
    return [simulated(each, log, setting, seed, jobs=FINAL_JOBS) for each in chosen]


def _clairvoyant(log: Log, setting: Setting, seed: int) -> Candidate:
    known = Log(log.size, expensive=log.size, weight=log.weight)
    free = replace(setting, cheap_cost=0.0, expensive_cost=0.0)
    best: Stock = SPRPT() if setting.preemptive else SPJF()
    found = replace(evaluate(label(best), best, LogFormula(known), free), family="clairvoyant")
    return simulated(found, known, free, seed, jobs=FINAL_JOBS) if setting.simulated else found


def _largest(log: Log, formula: LogFormula, setting: Setting, chosen: Candidate) -> tuple[float, float] | None:
    """The mean response time of the largest 1 % of jobs under the chosen policy and first come, first served."""
    order = np.argsort(log.size, kind="stable")
    largest = order[np.cumsum(log.weight[order]) > 0.99 * (1 - 1e-12)]
    rate = arrival_rate(log.mean, load=setting.load, rate=None)

    def mean(policy: Stock) -> float:
        times = formula.expect(formula_policy(policy), rate, per_job=True).per_job
        assert times is not None
        return float(np.average(times[largest], weights=log.weight[largest]))

    if chosen.policy is None or not math.isfinite(chosen.cost) or not log.weight[largest].any():
        return None
    return mean(chosen.policy), mean(FCFS())


def _winners(found: list[Candidate], formula: LogFormula, setting: Setting) -> tuple[tuple[float, str], ...]:
    """The best of these candidates at loads around the planned one, by the formula."""
    told = []
    for factor in LOADS_AROUND:
        load = setting.load * factor
        if load < 1:
            there = [again(each, formula, replace(setting, load=load)) for each in found if each.policy is not None]
            told.append((load, min(there, key=lambda each: each.preference).design))
    return tuple(told)


def _replayed(plan: QueuePlan, log: Log) -> str:
    """What the real arrival times give, in words; nothing without them."""
    if log.arrival is None or math.isnan(log.rate):
        return ""
    setting = plan.setting
    stretch = log.rate * log.mean / (setting.load * setting.servers)
    arrival = (log.arrival - log.arrival[0]) * stretch
    timed = Log(log.size, expensive=log.expensive, cheap=log.cheap, arrival=arrival)
    means = []
    for policy in (plan.policy, FCFS()):
        found = replay(policy, timed, servers=setting.servers, switch_cost=setting.switch_cost)
        means.append(float(np.mean(found.completion - arrival)))
    return (
        f"; on the real arrival times, stretched to load {setting.load:.2f}, the mean response is {means[0]:.4g} "
        f"against {means[1]:.4g} first come, first served"
    )
