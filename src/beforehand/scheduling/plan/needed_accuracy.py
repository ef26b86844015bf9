"""How good a prediction must be: the cost of the best policy over the error of the predictor it goes by."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final, get_args

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Predictor, Price
from beforehand.scheduling.formulas.log_formula import LogFormula
from beforehand.scheduling.inputs import MOST, checked, finite, listed, whole
from beforehand.scheduling.log import Floats, Log
from beforehand.scheduling.plan import words
from beforehand.scheduling.plan.candidates import reevaluate
from beforehand.scheduling.plan.planner import plan_queue
from beforehand.scheduling.plan.queue_plan import QueuePlan
from beforehand.scheduling.plan.resampling import MOST_SEED
from beforehand.scheduling.plan.search import SAMPLED_ROWS, sample_of
from beforehand.scheduling.plan.setting import Setting
from beforehand.scheduling.policies.classic import FCFS
from beforehand.scheduling.policies.view import By

SIGMAS: Final = (0.0, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)
BIASES: Final = (0.5, 2.0)
MOST_SIGMA: Final = 10.0
MOST_BIAS: Final = 1e6
ROUNDING: Final = 1e-9  # of a saving that is none
FEWEST: Final = 20_000  # predictions to draw for a short log


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """What the best policy costs where predictions err by so much.

    Args:
        sigma: The standard deviation of the logarithm of prediction over size; 0 where predictions are exact.
        design: The best policy, as tables show it.
        cost: What a job costs under it, the price of its predictions included.
        saving: The share of the baseline's cost that it saves.
        worth: The price of one prediction above which none of this accuracy is worth having; None if not known.
        biased: What the same policy costs where all predictions are off by a factor as well, by that factor.
    """

    sigma: float
    design: str
    cost: float
    saving: float
    worth: float | None
    biased: dict[float, float]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPredictions:
    """Where a log's own predictions stand.

    Args:
        by: The column that they are in.
        jobs: How many jobs have one, above 0 unless all are bits.
        sigma: The standard deviation of the logarithm of prediction over size; nan if the predictions are bits.
        bias: The geometric mean of prediction over size; nan likewise.
        design: The best policy that goes by them, or one that needs none, as tables show it.
        cost: What a job costs under it, the price of its predictions included.
        saving: The share of the baseline's cost that it saves.
        as_good_as: The sigma at which predictions with lognormal errors save as much; inf if they save nothing, or less
            than the least accurate ones that were tried.
    """

    by: By
    jobs: int
    sigma: float
    bias: float
    design: str
    cost: float
    saving: float
    as_good_as: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NeededAccuracy:
    """From what error on a predictor no longer pays, and where the log's own stand. Times are in the unit of sizes.

    Args:
        points: What each error costs, ascending by sigma.
        own: The log's own predictions, if it has any.
        baseline: The best policy that needs no prediction, as tables show it.
        baseline_cost: What a job costs under it.
        min_gain: The least saving that is worth having.
        setting: What was asked about; its `expensive_cost` is the price of a prediction.
        jobs: How many the log has.
        mean: Their mean size.
        unit: The unit of the sizes; None if not known.
    """

    points: tuple[Accuracy, ...]
    own: tuple[OwnPredictions, ...]
    baseline: str
    baseline_cost: float
    min_gain: float
    setting: Setting
    jobs: int
    mean: float
    unit: str | None

    @property
    def breaks_even(self) -> float | None:
        """The largest sigma at which predictions save `min_gain`, on a straight line between two that were tried.

        None if not even the most accurate ones that were tried save that much, or none saves anything; inf if the
        least accurate ones do.
        """
        paying = [place for place, point in enumerate(self.points) if _enough(point.saving, self.min_gain)]
        if not paying:
            return None
        if paying[-1] == len(self.points) - 1:
            return math.inf
        last, after = self.points[paying[-1]], self.points[paying[-1] + 1]
        share = (last.saving - self.min_gain) / (last.saving - after.saving)
        return last.sigma + share * (after.sigma - last.sigma)

    def explain(self) -> str:
        """The answer in plain words."""
        gain, price, sigma = f"{100 * self.min_gain:g} %", self.setting.expensive_cost, self.breaks_even
        paid = f"At a price of {words.figure(price)} each, predictions" if price else "Predictions"
        if sigma is None:
            least, what = self.points[0].sigma, gain if self.min_gain else "anything"
            answer = (
                f"{paid} do not save {what}, not even {f'with errors of sigma {least:g}' if least else 'exact ones'}."
            )
        elif sigma == math.inf:
            most = self.points[-1].sigma
            answer = f"{paid} save more than {gain} even with errors of sigma {most:g}, the largest tried."
        else:
            answer = f"{paid} save more than {gain} as long as sigma, the spread of their errors, is below {sigma:.2g}."
        unit = f" {self.unit}" if self.unit else ""
        lines = [f"Without predictions, {self.baseline} costs {words.figure(self.baseline_cost)}{unit} a job. {answer}"]
        lines += [_told(each, self.min_gain) for each in self.own]
        lines.append(f"Assumed: {self.setting.model}; errors are lognormal and the same for short and long jobs.")
        return "\n".join(lines)


def needed_accuracy(
    log: Any,
    *,
    load: float | None = None,
    rate: float | None = None,
    price: float | Price | Predictor = 0.0,
    preemptive: bool = False,
    servers: int = 1,
    sigmas: Sequence[float] = SIGMAS,
    biases: Sequence[float] = BIASES,
    min_gain: float = 0.05,
    seed: int = 0,
) -> NeededAccuracy:
    """How good must a predictor of these jobs be to pay, and are the log's own predictions good enough?

    Each job gets a drawn prediction: its size times `exp(sigma * N)`, with N standard normal and the same for every
    sigma. For each sigma the best policy is chosen as `plan_queue` does.

    Args:
        log: Finished jobs: a `Log`, or a `Trace` of kind `jobs`. Its own predictions are set beside the drawn ones.
        load: The share of time that the jobs alone keep each server busy.
        rate: Arrivals in a unit of time. Neither: measured from the log's arrivals.
        price: Of one prediction: a number in the unit of the sizes, a `Price` in that unit, or a `Predictor`.
        preemptive: Whether a job that was started can be preempted.
        servers: How many, 1 to 256.
        sigmas: The errors to try, ascending, from 0 to 10.
        biases: The factors by which all predictions may be off, above 0 and at most 1e6. A policy that was chosen for
            predictions without a bias then meets these.
        min_gain: The least saving that is worth having, as a share of the baseline's cost.
        seed: Of the drawn errors, and of a simulation.

    Guarantee:
        For one server, exact means for the predictions that were drawn. A log of more than 20,000 jobs is represented
        by that many, its largest among them; for a shorter one, several predictions of each job are drawn. A bias
        that all predictions share leaves the order of jobs as it is: policies that know nothing but the order cost the
        same. A job of the log without a prediction counts as longer than all others.

    Cost:
        That of `plan_queue` without resampling for each sigma and each column of the log, and less for each bias: a few
        seconds in all; with several servers up to a minute.

    Raises:
        InvalidInput: an option is out of range; the load is 1 or more, or cannot be measured.

    Example:
        >>> from beforehand.scheduling import Log, needed_accuracy
        >>> found = needed_accuracy(Log([1.0] * 9 + [20.0]), load=0.8, price=15.0, biases=())
        >>> round(found.breaks_even, 1)
        1.4

    Reference:
        Mitzenmacher: Scheduling with Predictions and the Price of Misprediction. ITCS 2020.
    """
    log = Log.read(log)
    errors = [checked("sigmas", sigma, most=MOST_SIGMA) for sigma in listed("sigmas", sigmas)]
    if not errors or errors != sorted(set(errors)):
        given = ", ".join(f"{sigma:g}" for sigma in errors) or "empty"
        raise InvalidInput(f"sigmas are {given}, but must be one at least, ascending; sort them and drop equal ones")
    factors = [checked("biases", bias, most=MOST_BIAS, above=True) for bias in listed("biases", biases)]
    gain, seed = finite("min_gain", min_gain), whole("seed", seed, most=MOST_SEED)
    options: dict[str, Any] = {"preemptive": preemptive, "servers": servers, "bootstrap": 0, "seed": seed}
    # what load, rate and price amount to follows from the whole log, also where a part of it stands for it
    whole_log = plan_queue(log, load=load, rate=rate, expensive_cost=price, candidates=[FCFS()], **options)
    setting = whole_log.setting

    def plan(jobs: Log, **more: Any) -> QueuePlan:
        return plan_queue(jobs, load=setting.load, expensive_cost=setting.expensive_cost, **options, **more)

    counted = log if log.weight.all() else log.take(np.flatnonzero(log.weight))
    sample = sample_of(counted) if len(counted) > SAMPLED_ROWS else counted
    drawn = sample.take(np.repeat(np.arange(len(sample)), -(-FEWEST // len(sample))))
    normal = np.random.default_rng(seed).standard_normal(len(drawn))

    def predicted(sigma: float, bias: float = 1.0) -> Log:
        return _by(drawn, np.minimum(drawn.size * bias * np.exp(sigma * normal), MOST))

    def met(chosen: QueuePlan, jobs: Log) -> float:
        if not setting.simulated:
            return reevaluate(chosen.chosen, LogFormula(jobs), setting).cost
        other = plan(jobs, candidates=[chosen.policy])
        return next(each.cost for each in other.candidates if each.policy == chosen.policy)

    points = []
    for sigma in errors:
        best = plan(predicted(sigma))
        off = {bias: met(best, predicted(sigma, bias)) for bias in factors}
        points.append(
            Accuracy(
                sigma=sigma,
                design=best.design,
                cost=best.expected.value,
                saving=best.saving.value,
                worth=best.break_even_expensive,
                biased=off,
            )
        )
    own = []
    for name in get_args(By):
        column = getattr(sample, name)
        if column is not None and not np.isnan(column).all():
            own.append(_own(name, counted, plan(_by(sample, column).missing_last()), points))
    return NeededAccuracy(
        points=tuple(points),
        own=tuple(own),
        baseline=best.baseline.design,
        baseline_cost=best.baseline.value,
        min_gain=gain,
        setting=setting,
        jobs=len(log),
        mean=log.mean,
        unit=whole_log.unit,
    )


def _enough(saving: float, least: float) -> bool:
    """Whether a saving is worth having; even where any is, there must be one."""
    return saving >= least and saving > ROUNDING


def _by(log: Log, predictions: Floats) -> Log:
    """The same jobs with these predictions alone."""
    return Log(log.size, expensive=predictions, weight=log.weight, unit=log.unit)


def _own(by: By, log: Log, plan: QueuePlan, points: Sequence[Accuracy]) -> OwnPredictions:
    column = getattr(log, by)
    bits = np.isin(column, (0.0, 1.0)) | np.isnan(column)
    usable = ~np.isnan(column) if bits.all() else column > 0
    sigma = bias = math.nan
    if not bits.all():
        error, weight = np.log(column[usable] / log.size[usable]), log.weight[usable]
        center = float(np.average(error, weights=weight))
        sigma, bias = math.sqrt(np.average((error - center) ** 2, weights=weight)), math.exp(center)
    savings = np.minimum.accumulate([point.saving for point in points])[::-1]
    found = plan.saving.value
    as_good_as = math.inf
    if found > max(savings[0], ROUNDING):
        as_good_as = float(np.interp(found, savings, [point.sigma for point in points][::-1]))
    return OwnPredictions(
        by=by,
        jobs=int(np.count_nonzero(usable)),
        sigma=sigma,
        bias=bias,
        design=plan.design,
        cost=plan.expected.value,
        saving=found,
        as_good_as=as_good_as,
    )


def _told(own: OwnPredictions, least: float) -> str:
    """A column of predictions in a sentence or two."""
    errors = (
        "are bits"
        if math.isnan(own.sigma)
        else f"have errors of sigma {round(own.sigma, 6):.2g} and a bias of {own.bias:.2g}"
    )
    good = "save nothing" if own.saving <= ROUNDING else f"save {100 * own.saving:.1f} % with {own.design}"
    like = (
        ""
        if own.as_good_as == math.inf
        else f", as much as lognormal errors of sigma {round(own.as_good_as, 6):.2g} would"
    )
    enough = "That is enough." if _enough(own.saving, least) else "That is not enough."
    return f"The log's {own.by} predictions {errors}; they {good}{like}. {enough}"
