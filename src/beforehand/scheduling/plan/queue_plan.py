"""The plan of a queue, on paper: what was chosen, what it should reach, what it beat, and its audit."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Self, final

from beforehand.core.errors import InvalidInput
from beforehand.core.plan import plan_json, reading
from beforehand.core.predictor import Price
from beforehand.core.report import VERDICTS, Outcome, Report, Verdict, judge
from beforehand.scheduling.formulas.log_formula import LogFormula
from beforehand.scheduling.inputs import checked, finite, settle, whole
from beforehand.scheduling.log import Log
from beforehand.scheduling.plan import words
from beforehand.scheduling.plan.candidates import BLIND, Candidate, reevaluate, simulated
from beforehand.scheduling.plan.drawn_jobs import DrawnJobs
from beforehand.scheduling.plan.resampling import MOST_RESAMPLED, MOST_SEED, compared
from beforehand.scheduling.plan.search import FINAL_JOBS, blind_designs, clairvoyant
from beforehand.scheduling.plan.setting import Setting
from beforehand.scheduling.policies.policy_json import from_fields, to_fields
from beforehand.scheduling.policies.stock import Stock
from beforehand.scheduling.queue.prediction_queue import PredictionQueue

MOST_JOBS: Final = 2**63 - 1
UNBOUNDED: Final = ("cost", "response_time", "p95", "p99")  # of a candidate that overloads the server, "inf" in JSON
DERIVED: Final = (
    "price",
    "stability_margin",
    "model",
    "advice",
    "warnings",
)  # in the JSON for its readers, though they follow from the rest


@final
@dataclass(frozen=True, kw_only=True)
class QueuePlan:
    """The policy chosen for jobs like those of the log, what to expect of it, and what it beat.

    `build()` makes the queue, `explain()` says why in words, `audit()` checks the expectation on other jobs. Times and
    costs are in the unit of the log's sizes.

    Args:
        policy: The policy chosen, with the work of its predictions if the server does them.
        candidates: The best of each family, the one chosen first.
        baseline: The cost of the best policy that needs no prediction.
        expected: The cost of the one chosen.
        clairvoyant: The mean response time with perfect size information, free of charge.
        saving: The share of the baseline's cost that is saved.
        verdict: Whether the predictions are worth their price; `"no predictions"` where no policy that uses one was
            tried, though perfect ones would be worth having.
        setting: What was planned for.
        jobs: How many the log has.
        mean: Their mean size.
        scv: The squared coefficient of variation of their sizes.
        break_even_cheap: The price of a cheap prediction above which none is worth having, by the thresholds that were
            tried; others may bear a few percent more. None where no policy that uses one was tried, where the server
            works on predictions itself, and where the goal is an SLO.
        break_even_expensive: That of an expensive one.
        largest: The mean response time of the largest 1 % of jobs, under the plan and first come, first served; None if
            they have no weight.
        winners: The best of the candidates at loads around the planned one; none if it was simulated.
        min_gain: The least saving that is worth having.
        seed: Of the resampling.
        versions: What made the plan.
        unit: The unit of the sizes, such as `"tokens"`; None if not known.
        missing: How many jobs lack a prediction in each column that has some missing.
        jobs_at_once: How many jobs were in service at a time on average, by the arrivals of the log; None if not known.
        read_with: How the log was read from its file (columns, filters, units, what was assumed), so that an audit can
            read the next file alike: what JSON can hold; empty if it was no file.
    """

    policy: Stock
    candidates: tuple[Candidate, ...]
    baseline: Outcome
    expected: Outcome
    clairvoyant: Outcome
    saving: Outcome
    verdict: Verdict
    setting: Setting
    jobs: int
    mean: float
    scv: float
    break_even_cheap: float | None
    break_even_expensive: float | None
    largest: tuple[float, float] | None
    winners: tuple[tuple[float, str], ...]
    min_gain: float
    seed: int
    versions: dict[str, str]
    unit: str | None = None
    missing: Mapping[str, int] = field(default_factory=dict)
    jobs_at_once: float | None = None
    read_with: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Validate the fields."""
        whole("jobs", self.jobs, least=1, most=MOST_JOBS)
        whole("seed", self.seed, most=MOST_SEED)
        finite("mean", self.mean, above=True)
        finite("min_gain", self.min_gain)
        checked("scv", self.scv)
        pairs = {"largest": self.largest or (), "winners": [load for load, _ in self.winners]}
        pairs["break_even"] = [each for each in (self.break_even_cheap, self.break_even_expensive) if each is not None]
        if self.jobs_at_once is not None:
            finite("jobs_at_once", self.jobs_at_once)
        for name, count in self.missing.items():
            whole(f"missing {name}", count, least=1, most=self.jobs)
        for name, numbers in pairs.items():
            for number in numbers:
                checked(name, number, least=-math.inf)
        if self.candidates[0].policy != self.policy:
            raise InvalidInput(f"policy is {self.policy!r}, but must be that of the first candidate")
        if self.verdict not in VERDICTS:
            raise InvalidInput(f"verdict is {self.verdict!r}, but must be one of {', '.join(VERDICTS)}")
        try:
            settle(self, read_with=dict(json.loads(json.dumps(dict(self.read_with), allow_nan=False))))
        except (TypeError, ValueError) as error:
            raise InvalidInput(f"read_with cannot be written as JSON ({error}); keep to what JSON can hold") from error

    @property
    def area(self) -> str:
        """`"scheduling"`."""
        return "scheduling"

    @property
    def design(self) -> str:
        """The policy as tables show it."""
        return str(self.policy)

    @property
    def chosen(self) -> Candidate:
        """The policy chosen, with its figures."""
        return self.candidates[0]

    @property
    def price(self) -> Price:
        """What the predictions of one job cost, in the unit of the sizes; `"size units"` if that is not known."""
        chosen, setting = self.chosen, self.setting
        paid = setting.cheap_cost * chosen.cheap_calls + setting.expensive_cost * chosen.expensive_calls
        return Price(amount=paid, unit=self.unit or "size units", per="job")

    @property
    def alternatives(self) -> tuple[Outcome, ...]:
        """The cost of the best of each family that lost."""
        blind = next((each for each in self.candidates if each.family in BLIND), None)
        lost = [each for each in self.candidates[1:] if math.isfinite(each.cost)]
        return tuple(
            self.baseline if each is blind else Outcome(each.design, each.cost, each.cost, each.cost) for each in lost
        )

    @property
    def stability_margin(self) -> float:
        """The share of time that the server would be idle."""
        return 1 - self.chosen.utilization

    @property
    def model(self) -> str:
        """What the figures assume."""
        return self.setting.model

    @property
    def advice(self) -> str:
        """Why predictions are not recommended and what to do next, in words; empty where they are."""
        return words.advice(self.verdict, self.candidates, self.baseline, self.clairvoyant, self.setting)

    @property
    def best_around(self) -> str:
        """The best of the candidates at loads around the planned one, in words; empty if it was simulated."""
        return words.best_around(self.winners)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What in the log does not fit what the figures assume, such as many jobs that ran at once, a sentence each."""
        return words.warnings(self.jobs_at_once, self.setting.servers)

    def build(self, *, cheap: Any = None, expensive: Any = None, **options: Any) -> PredictionQueue[Any]:
        """The queue that runs the policy; predictors and options are those of `PredictionQueue`.

        A plan that was made with `preemptive=True` keeps its promise only if whoever serves the jobs calls
        `should_yield` and `requeue`. Prediction work is left out: the queue calls the predictors as jobs come.
        """
        fields = {name: value for name, value in to_fields(self.policy).items() if not name.endswith("work")}
        return PredictionQueue(from_fields(fields), cheap=cheap, expensive=expensive, **options)

    def audit(self, holdout: Any, *, bootstrap: int = 200, seed: int = 0) -> Report:
        """Set what was expected beside what the policy reaches on jobs that the plan never saw.

        Args:
            holdout: Finished jobs with the predictions that the policy asks for: a `Log`, or a `Trace` of kind `jobs`.
                A job without one counts as longer than all others, as in the plan.
            bootstrap: Resampled holdouts for the intervals; 0 for none.
            seed: Of the resampling, and of a simulation.

        Guarantee:
            The same formula (or simulation) and goal as the plan's, on the holdout at the planned load, against the
            best policy that needs no prediction on the same jobs. If the holdout has arrivals, `why` also says what
            these very arrival times give, stretched to the planned load: bursts break the assumption of Poisson
            arrivals.

        Cost:
            Some milliseconds for each resampled log of 100,000 rows, and one replay.

        Raises:
            InvalidInput: the holdout is not a log, is in another unit than the plan, or lacks a prediction that the
                policy asks for.

        Example:
            >>> import numpy as np
            >>> from beforehand.scheduling import Log, plan_queue
            >>> sizes = np.random.default_rng(0).exponential(size=2000) ** 2
            >>> log = Log(sizes, expensive=sizes)
            >>> plan = plan_queue(log.take(np.arange(1000)), load=0.8, expensive_cost=0.1)
            >>> plan.audit(log.take(np.arange(1000, 2000))).verdict
            'worth it'
        """
        log, setting = Log.read(holdout), self.setting
        if None not in (self.unit, log.unit) and self.unit != log.unit:
            raise InvalidInput(f"the holdout's sizes are in {log.unit}, but the plan's in {self.unit}; convert them")
        times, seed = whole("bootstrap", bootstrap, most=MOST_RESAMPLED), whole("seed", seed, most=MOST_SEED)
        complete = log.missing_last()
        formula = LogFormula(complete)
        designs = [reevaluate(self.chosen, formula, setting), *blind_designs(complete, formula, setting)]
        if setting.simulated:
            drawn = DrawnJobs.like(complete, setting, FINAL_JOBS, seed)
            designs = [simulated(each.family, each.policy, drawn) for each in designs]
        blind = min(designs[1:], key=lambda each: each.preference)
        measured, baseline, saving = compared(designs[0], blind, complete, formula, setting, times, seed)
        best = clairvoyant(complete, setting, seed)
        clear = Outcome(best.design, best.cost, best.cost, best.cost)
        if self.chosen.family in BLIND:
            verdict = self.verdict
            why = words.advice(verdict, self.candidates, baseline, clear, setting) or "it uses no predictions"
        else:
            verdict = judge(saving, self.min_gain)
            why = f"it saves {100 * saving.value:.1f} % ({100 * saving.low:.1f} to {100 * saving.high:.1f}) of the "
            why += f"{'cost' if setting.slo is None else 'late jobs'} of {blind.design}"
        if setting.simulated:
            why += words.rough(complete, self.policy, setting, FINAL_JOBS)
        lacking = [words.without_prediction(name, count, len(log)) for name, count in log.missing.items()]
        return Report(
            area=self.area,
            metric=setting.metric,
            expected=self.expected,
            measured=measured,
            baseline=baseline,
            clairvoyant=clear,
            price=self.price,
            verdict=verdict,
            why="; ".join([why + words.replayed(self.policy, complete, setting), *lacking]),
        )

    def explain(self) -> str:
        """The choice in plain words, with its numbers."""
        setting, chosen = self.setting, self.chosen
        several = f"{setting.servers} servers, " if setting.servers > 1 else ""
        expected, low, high, without, best = (
            words.goal_figure(value, setting)
            for value in (self.expected.value, self.expected.low, self.expected.high, self.baseline.value,
                          self.clairvoyant.value)
        )  # fmt: skip
        lacking = [words.without_prediction(name, count, self.jobs) for name, count in self.missing.items()]
        paid = sum(self.price.amounts.values()) if setting.charge == "external" else 0.0
        lines = [
            f"{self.verdict}: {self.design} at {several}load {setting.load:.2f}, from {self.jobs:,} jobs of mean "
            f"{words.figure(self.mean)} and SCV {self.scv:.2f}.",
            f"Expected {setting.metric}: {expected} ({low} to {high}): {words.calls(chosen)}"
            f"{f' for {words.figure(paid)}' if paid else ''}.",
            f"The best without predictions is {self.baseline.design} at {without}; the saving is "
            f"{words.percent(self.saving.value)} ({words.percent(self.saving.low)} to "
            f"{words.percent(self.saving.high)}).",
            *(f"{each[0].upper()}{each[1:]}." for each in (self.advice, *lacking, *self.warnings) if each),
            f"Tried, {setting.metric}:",
        ]
        for each in self.candidates:
            lines.append(f"  {each.design:32} {words.goal_figure(each.cost, setting):>10}   {words.calls(each)}")
        lines.append(f"With perfect size information: {best}.")
        worth = {"expensive": self.break_even_expensive, "cheap": self.break_even_cheap}
        lines += [
            f"A prediction that is {name} is worth up to {words.figure(price)}."
            for name, price in worth.items()
            if price is not None
        ]
        fcfs = next((each for each in self.candidates if each.family == "FCFS"), chosen)
        if chosen.p99 is not None and fcfs.p99 is not None:
            times = [words.figure(time or 0.0) for time in (chosen.p95, chosen.p99, fcfs.p95, fcfs.p99)]
            lines.append(
                f"95 % of jobs are done within {times[0]} and 99 % within {times[1]}; first come, first served within "
                f"{times[2]} and {times[3]}, by simulation."
            )
        if self.largest is not None:
            here, in_order = (words.figure(time) for time in self.largest)
            lines.append(
                f"The largest 1 % of jobs are done after {here}, and after {in_order} first come, first served."
            )
        if self.winners:
            lines.append(f"Best at loads around it: {self.best_around}.")
        lines.append(
            f"Times and costs are in {self.unit or 'the unit of the sizes'}. Assumed: {self.model}; utilization "
            f"{chosen.utilization:.3f}, stability margin {self.stability_margin:.3f}."
        )
        if chosen.interruptions != 0:
            lines.append("It preempts jobs: whoever serves them must call should_yield and requeue.")
        return "\n".join(lines)

    def to_json(self) -> str:
        """The plan as a JSON object, which names its area and kind."""
        fields = asdict(self) | {"policy": to_fields(self.policy)}
        for each, entry in zip(self.candidates, fields["candidates"], strict=True):
            entry["policy"] = None if each.policy is None else to_fields(each.policy)
            entry |= {name: "inf" for name in UNBOUNDED if entry[name] == math.inf}
        derived = {"price": asdict(self.price), "stability_margin": self.stability_margin, "model": self.model}
        derived |= {"advice": self.advice, "warnings": self.warnings}
        return plan_json(self, fields | derived)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The plan that `to_json` wrote.

        Raises:
            CorruptData: `text` is not of that form.
        """
        with reading(text, "scheduling", cls.__name__) as fields:
            for name in DERIVED:
                fields.pop(name, None)
            setting = fields["setting"] | {"switch_cost": tuple(fields["setting"]["switch_cost"])}
            fields |= {
                "policy": from_fields(fields["policy"]),
                "candidates": tuple(_candidate(entry) for entry in fields["candidates"]),
                "setting": Setting(**setting),
                "winners": tuple((load, design) for load, design in fields["winners"]),
                "largest": None if fields["largest"] is None else tuple(fields["largest"]),
            }
            fields |= {name: Outcome(**fields[name]) for name in ("baseline", "expected", "clairvoyant", "saving")}
            plan = cls(**fields)
            plan.explain(), plan.alternatives, plan.price, plan.to_json()  # touch every figure
        return plan


def _candidate(entry: dict[str, Any]) -> Candidate:
    if "utilisation" in entry:  # as earlier releases wrote it
        entry = {{"utilisation": "utilization"}.get(name, name): value for name, value in entry.items()}
    entry |= {name: math.inf for name in UNBOUNDED if entry.get(name) == "inf"}
    for name in ("response_time", "cost", "cheap_calls", "expensive_calls"):
        checked(name, entry[name])
    for name in ("utilization", "interruptions", "memory", "p95", "p99"):
        if entry.get(name) is not None:
            checked(name, entry[name])
    policy = None if entry["policy"] is None else from_fields(entry["policy"])
    return Candidate(**entry | {"policy": policy})
