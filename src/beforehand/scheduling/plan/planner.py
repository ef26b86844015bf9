"""Which order is worth having: a policy chosen on a log, and its price."""

import math
from collections.abc import Sequence
from typing import Any, Final, get_args

from beforehand.core.errors import InvalidInput
from beforehand.core.plan import made_with
from beforehand.core.predictor import Predictor, Price
from beforehand.core.report import Outcome, Report, Verdict, judge
from beforehand.scheduling.formulas.log_formula import LogFormula
from beforehand.scheduling.inputs import finite, kind_of, whole
from beforehand.scheduling.load import arrival_rate, overloaded
from beforehand.scheduling.log import Log, rate_in_sizes
from beforehand.scheduling.plan.candidates import BLIND, Candidate, simulated, with_percentiles
from beforehand.scheduling.plan.curves import largest, winners
from beforehand.scheduling.plan.drawn_jobs import DrawnJobs
from beforehand.scheduling.plan.queue_plan import QueuePlan
from beforehand.scheduling.plan.resampling import MOST_RESAMPLED, MOST_SEED, compared
from beforehand.scheduling.plan.search import FINAL_JOBS, best_of_each, break_even, clairvoyant, dearest, finals
from beforehand.scheduling.plan.setting import Charge, Goal, Setting
from beforehand.scheduling.policies.classic import FCFS
from beforehand.scheduling.policies.stock import Stock
from beforehand.scheduling.policies.view import By
from beforehand.scheduling.simulation.simulator import MOST_SERVERS

PERCENTILE_JOBS: Final = 200_000  # whose response times give the percentiles beside an exact mean


def plan_queue(
    log: Any,
    *,
    load: float | None = None,
    rate: float | None = None,
    cheap_cost: float | Price | Predictor = 0.0,
    expensive_cost: float | Price | Predictor = 0.0,
    charge: Charge = "external",
    preemptive: bool = False,
    servers: int = 1,
    switch_cost: tuple[float, float] = (0.0, 0.0),
    memory_weight: float = 0.0,
    goal: Goal = "mean",
    slo: float | None = None,
    min_gain: float = 0.05,
    candidates: Sequence[Stock] | None = None,
    bootstrap: int = 200,
    seed: int = 0,
) -> QueuePlan:
    """Choose the order in which to serve jobs like these, and say what it will gain and what its predictions cost.

    Args:
        log: Finished jobs: a `Log`, or a `Trace` of kind `jobs`. A job without a prediction that others have counts as
            longer than all others, as a `PredictionQueue` treats it.
        load: The share of time that the jobs alone keep each server busy.
        rate: Arrivals in a unit of the log's time. Neither: measured from the log's arrivals.
        cheap_cost: The price of a cheap prediction: a number in the unit of the sizes, a `Price` in that unit, or a
            `Predictor`, whose price is read. Bytes are not weighed against time.
        expensive_cost: That of an expensive one.
        charge: `"external"`, prices are added to the mean response time; `"server"`, they are work of the server.
        preemptive: Whether a job that was started can be preempted. Jobs that a queue has handed out cannot.
        servers: How many, 1 to 256.
        switch_cost: Extra work of a job that was preempted: fixed, and for each unit of its age.
        memory_weight: What a unit of memory (the summed ages of unfinished jobs) costs.
        goal: What to keep small: `"mean"`, the mean response time; `"p95"` or `"p99"`, the time within which 95 % or
            99 % of the jobs are done.
        slo: A time, in the unit of the sizes, within which jobs should be done; the share of jobs that take longer is
            then kept small. In place of `goal`.
        min_gain: The least saving that is worth having, as a share of the baseline's cost.
        candidates: The policies to choose from, in place of all that log and setting allow; those that need no
            prediction are tried too.
        bootstrap: Resampled logs for the interval of the saving; 0 for none.
        seed: Of the resampling, and of a simulation.

    Guarantee:
        One server, no switch cost, the mean: exact, with jobs distributed as in the log; percentiles beside it are
        those of 200,000 simulated jobs. With several servers or switch costs the five best by formula are simulated;
        for another goal than the mean all families are, their thresholds too. All designs run on common random numbers.
        *Worth it* if the 95 % interval of the saving lies above `min_gain`, *don't bother* if none of it does, or if
        even perfect predictions would save no more. *No predictions* where none was tried. The plan's price is in the
        unit of the log's sizes, and says which that is.

    Cost:
        A second for 100,000 rows, and some ten milliseconds for each resampled log. Some seconds for a goal other than
        the mean.

    Raises:
        InvalidInput: an option is out of range; the load is 1 or more, or cannot be measured; a candidate asks for a
            prediction that the log lacks, or preempts jobs without `preemptive`; a `Price` is in another unit than the
            sizes.

    Example:
        >>> from beforehand.scheduling import Log, plan_queue
        >>> log = Log([1, 2, 0.5, 4, 1, 1.5], cheap=[1, 2, 0.5, 3, 3, 0.5], expensive=[1, 1, 1, 3, 2, 0])
        >>> plan = plan_queue(log, load=0.8, cheap_cost=0.05, expensive_cost=0.1, preemptive=True, bootstrap=0)
        >>> plan.design, round(plan.expected.value, 4)
        ('SkipPredict(2, size)', 4.5523)

    Reference:
        Shahout, Mitzenmacher: SkipPredict: When to Invest in Predictions for Scheduling. arXiv:2402.03564.
    """
    log = Log.read(log)
    cheap, unit = _price("cheap_cost", cheap_cost, log.unit)
    expensive, unit = _price("expensive_cost", expensive_cost, unit)
    setting = Setting(
        load=_load(log, load, rate, servers),
        cheap_cost=cheap,
        expensive_cost=expensive,
        charge=charge,
        preemptive=preemptive,
        servers=servers,
        switch_cost=switch_cost,
        memory_weight=memory_weight,
        goal=goal,
        slo=slo,
    )
    least_gain = finite("min_gain", min_gain)
    times, seed = whole("bootstrap", bootstrap, most=MOST_RESAMPLED), whole("seed", seed, most=MOST_SEED)
    complete = log.missing_last()
    formula = LogFormula(complete)
    designs, tried = best_of_each(log, formula, setting, candidates, seed)
    drawn = DrawnJobs.like(complete, setting, FINAL_JOBS if setting.simulated else PERCENTILE_JOBS, seed)
    if setting.simulated:
        priced = not setting.tail and setting.charge == "external"
        dear = dearest(tried, setting) if priced else []  # others than the best at today's price, as in the search
        designs = finals(designs, drawn)
        run = [each.policy for each in designs]
        tried = designs + [simulated(each.family, each.policy, drawn) for each in dear if each.policy not in run]
    designs.sort(key=lambda each: each.preference)
    chosen = next(each for each in designs if each.policy is not None)
    policy: Stock = chosen.policy  # type: ignore[assignment]
    blind = next(each for each in designs if each.family in BLIND)
    expected, baseline, saving = compared(chosen, blind, complete, formula, setting, times, seed)
    worth = {which: break_even(tried, setting, which) for which in get_args(By)}
    best = clairvoyant(complete, setting, seed)
    slowest = (drawn.run(policy).largest, drawn.run(FCFS()).largest) if setting.simulated else None
    ordered = (chosen, *(each for each in designs if each is not chosen))
    return QueuePlan(
        policy=policy,
        candidates=ordered if setting.simulated else tuple(with_percentiles(each, drawn) for each in ordered),
        baseline=baseline,
        expected=expected,
        clairvoyant=Outcome(best.design, best.cost, best.cost, best.cost),
        saving=saving,
        verdict=_verdict(designs, saving, best, setting, least_gain),
        setting=setting,
        jobs=len(log),
        mean=log.mean,
        scv=max(log.moment(2) / log.mean**2 - 1, 0.0),  # rounding may leave jobs of one size below
        unit=unit,
        break_even_cheap=worth["cheap"],
        break_even_expensive=worth["expensive"],
        largest=slowest if setting.simulated else largest(complete, formula, setting, policy),
        winners=() if setting.simulated else winners(designs, formula, setting),
        min_gain=least_gain,
        seed=seed,
        versions=made_with(),
        missing=log.missing,
        jobs_at_once=None if log.service_rate is None or math.isnan(log.rate) else log.measured_load(),
    )


def audit(plan: QueuePlan, holdout: Any, *, bootstrap: int = 200, seed: int = 0) -> Report:
    """Set what the plan expected beside what its policy reaches on jobs that it never saw: `plan.audit(holdout)`.

    Raises:
        InvalidInput: `plan` is not a `QueuePlan`; and what `QueuePlan.audit` raises.
    """
    kind_of("plan", plan, QueuePlan, "what plan_queue returned")
    return plan.audit(holdout, bootstrap=bootstrap, seed=seed)


def _verdict(
    designs: Sequence[Candidate], saving: Outcome, best: Candidate, setting: Setting, least_gain: float
) -> Verdict:
    """Whether the predictions are worth having; designs come the best first."""
    if next(each for each in designs if each.policy is not None).family not in BLIND:
        return judge(saving, least_gain)
    tried = any(each.family not in BLIND for each in designs)
    # The clairvoyant's mean on one server is a bound for all predictors.
    bounded = not setting.simulated and not setting.memory_weight
    hopeless = bounded and 1 - best.cost / designs[0].cost <= least_gain
    return "don't bother" if tried or hopeless else "no predictions"


def _load(log: Log, load: float | None, rate: float | None, servers: int) -> float:
    whole("servers", servers, least=1, most=MOST_SERVERS)
    if load is None and rate is None:
        load = log.measured_load(servers)
        if math.isnan(load):
            raise InvalidInput("load and rate are None and the log has no arrivals to measure them by; pass load")
        if load >= 1:
            raise overloaded(load, servers)
    arrivals = arrival_rate(log.mean, load=load, rate=rate_in_sizes(log, rate), servers=servers)
    return arrivals * log.mean / servers


def _price(name: str, price: float | Price | Predictor, unit: str | None) -> tuple[float, str | None]:
    """What one prediction costs, and the unit of the sizes, which a `Price` says where the log does not."""
    if isinstance(price, Predictor):
        price = price.price
    if not isinstance(price, Price):
        return price, unit
    amounts = {paid_in: amount for paid_in, amount in price.amounts.items() if paid_in != "bytes"}
    if not amounts:
        return 0.0, unit
    if len(amounts) > 1 or unit not in (None, *amounts):
        raise InvalidInput(f"{name} is {price}, but sizes are in {unit or 'one unit'}; convert the price to that unit")
    ((paid_in, amount),) = amounts.items()
    return amount, paid_in
