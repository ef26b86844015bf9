"""The plan of a queue, on paper: what was chosen, what it should reach, and what it beat."""

import json
import math
from dataclasses import asdict, dataclass
from typing import Any, Self, final

import numpy as np

from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput
from beforehand.core.predictor import Price
from beforehand.core.report import VERDICTS, Outcome, Verdict
from beforehand.scheduling.inputs import finite, whole
from beforehand.scheduling.plan.candidates import Candidate, Setting
from beforehand.scheduling.plan.resampling import outcome
from beforehand.scheduling.policies.names import Stock, from_fields, label, to_fields
from beforehand.scheduling.queue.prediction_queue import PredictionQueue


@final
@dataclass(frozen=True, kw_only=True)
class QueuePlan:
    """The policy chosen for jobs like those of the log, what to expect of it, and what it beat.

    `build()` makes the queue, `explain()` says why in words, `audit` checks the expectation on other jobs. Costs are in
    the unit of the log's sizes.

    Args:
        policy: The policy chosen, with the work of its predictions if the server does them.
        candidates: The best of each family, the one chosen first.
        baseline: The cost of the best policy that knows nothing.
        expected: The cost of the one chosen.
        clairvoyant: The mean response time if every size were known, free of charge.
        saving: The share of the baseline's cost that is saved.
        verdict: Whether the predictions are worth their price.
        setting: What was planned for.
        jobs: How many the log has.
        mean: Their mean size.
        scv: The squared coefficient of variation of their sizes.
        break_even_cheap: The price of a cheap prediction above which none is worth having, by the thresholds that were
            tried; others may bear a few percent more.
        break_even_expensive: That of an expensive one.
        largest: The mean response time of the largest 1 % of jobs, under the plan and first come, first served; None if
            it was simulated.
        winners: The best of the candidates at loads around the planned one; none if it was simulated.
        model: What the figures assume.
        min_gain: The least saving that is worth having.
        seed: Of the resampling.
        versions: What made the plan.
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
    model: str
    min_gain: float
    seed: int
    versions: dict[str, str]

    def __post_init__(self) -> None:
        """Refuse a design that was never tried."""
        whole("jobs", self.jobs, least=1)
        whole("seed", self.seed)
        finite("mean", self.mean, above=True)
        finite("min_gain", self.min_gain)
        if self.candidates[0].policy != self.policy or self.verdict not in VERDICTS:
            raise InvalidInput(f"policy is {self.policy!r} and verdict {self.verdict!r}, but neither may be made up")

    @property
    def area(self) -> str:
        """`"scheduling"`."""
        return "scheduling"

    @property
    def design(self) -> str:
        """The policy as tables show it."""
        return label(self.policy)

    @property
    def chosen(self) -> Candidate:
        """The policy chosen, with its figures."""
        return self.candidates[0]

    @property
    def price(self) -> Price:
        """What the predictions of one job cost, in the unit of size, as seconds."""
        chosen, setting = self.chosen, self.setting
        paid = setting.cheap_cost * chosen.cheap_calls + setting.expensive_cost * chosen.expensive_calls
        return Price(seconds=paid, per="job")

    @property
    def alternatives(self) -> tuple[Outcome, ...]:
        """The cost of the best of each family that lost."""
        lost = [each for each in self.candidates[1:] if math.isfinite(each.cost)]
        known = {self.baseline.design: self.baseline}
        return tuple(known.get(each.design, outcome(each.design, each.cost, np.empty(0))) for each in lost)

    @property
    def stability_margin(self) -> float:
        """The share of time that the server would be idle."""
        return 1 - self.chosen.utilisation

    def build(self, *, cheap: Any = None, expensive: Any = None, **options: Any) -> PredictionQueue[Any]:
        """The queue that runs the policy; predictors and options are those of `PredictionQueue`.

        A plan that was made with `preemptive=True` keeps its promise only if whoever serves the jobs calls
        `should_yield` and `requeue`. Prediction work is left out: the queue calls the predictors as jobs come.
        """
        told = {name: value for name, value in to_fields(self.policy).items() if not name.endswith("work")}
        return PredictionQueue(from_fields(told), cheap=cheap, expensive=expensive, **options)

    def explain(self) -> str:
        """The choice in plain words, with its numbers."""
        setting, chosen = self.setting, self.chosen
        several = f"{setting.servers} servers, " if setting.servers > 1 else ""
        lines = [
            f"{self.verdict}: {self.design} at {several}load {setting.load:.2f}, from {self.jobs:,} jobs of mean "
            f"{self.mean:.4g} and SCV {self.scv:.2f}.",
            f"It is expected to cost {self.expected.value:.4g} a job ({self.expected.low:.4g} to "
            f"{self.expected.high:.4g}): {_calls(chosen)}{_paid(self.price, setting)}.",
            f"The best that knows nothing is {self.baseline.design} at {self.baseline.value:.4g}; the saving is "
            f"{_percent(self.saving.value)} ({_percent(self.saving.low)} to {_percent(self.saving.high)}).",
            "Tried, cost a job:",
        ]
        for each in self.candidates:
            lines.append(f"  {each.design:32} {each.cost:10.4g}   {_calls(each)}")
        lines.append(f"Knowing every size for nothing: {self.clairvoyant.value:.4g}.")
        if self.break_even_expensive is not None and self.break_even_cheap is not None:
            lines.append(
                f"An expensive prediction is worth up to {self.break_even_expensive:.4g}, a cheap one up to "
                f"{self.break_even_cheap:.4g}."
            )
        if self.largest is not None:
            lines.append(
                f"The largest 1 % of jobs are done after {self.largest[0]:.4g}, and after {self.largest[1]:.4g} first "
                "come, first served."
            )
        if self.winners:
            around = ", ".join(f"{load:.2f} {design}" for load, design in self.winners)
            lines.append(f"Best at loads around it: {around}.")
        lines.append(
            f"Assumed: {self.model}; utilisation {chosen.utilisation:.3f}, stability margin "
            f"{self.stability_margin:.3f}."
        )
        if chosen.interruptions != 0:
            lines.append("Its jobs are set aside: whoever serves them must call should_yield and requeue.")
        return "\n".join(lines)

    def to_json(self) -> str:
        """The plan as a JSON object, which names its area."""
        told = asdict(self) | {"policy": to_fields(self.policy)}
        for each, entry in zip(self.candidates, told["candidates"], strict=True):
            entry["policy"] = None if each.policy is None else to_fields(each.policy)
            entry["cost"] = "inf" if each.cost == math.inf else each.cost
            entry["response_time"] = "inf" if each.response_time == math.inf else each.response_time
        told |= {"price": asdict(self.price), "stability_margin": self.stability_margin}
        return json.dumps({"area": self.area} | told, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The plan that `to_json` wrote.

        Raises:
            CorruptData: `text` is not of that form.
        """
        try:
            told = json.loads(text)
            if told.pop("area") != "scheduling":
                raise CorruptData("it is of another area")
            del told["price"], told["stability_margin"]  # for readers of the JSON; they follow from the rest
            setting = told["setting"] | {"switch_cost": tuple(told["setting"]["switch_cost"])}
            told |= {
                "policy": from_fields(told["policy"]),
                "candidates": tuple(_candidate(entry) for entry in told["candidates"]),
                "setting": Setting(**setting),
                "winners": tuple((load, design) for load, design in told["winners"]),
                "largest": None if told["largest"] is None else tuple(told["largest"]),
            }
            told |= {name: Outcome(**told[name]) for name in ("baseline", "expected", "clairvoyant", "saving")}
            plan = cls(**told)
            plan.explain(), plan.alternatives, plan.price, plan.to_json()  # touch every figure
        except (
            BeforehandError,
            ArithmeticError,
            AttributeError,
            LookupError,
            RecursionError,
            TypeError,
            ValueError,
        ) as error:
            raise CorruptData(f"this is no plan for scheduling ({error}); pass what to_json() returned") from error
        return plan


def _candidate(entry: dict[str, Any]) -> Candidate:
    numbers = {name: math.inf if entry[name] == "inf" else entry[name] for name in ("cost", "response_time")}
    policy = None if entry["policy"] is None else from_fields(entry["policy"])
    return Candidate(**entry | numbers | {"policy": policy})


def _calls(each: Candidate) -> str:
    asked = ((each.cheap_calls, "cheap"), (each.expensive_calls, "expensive"))
    told = [f"{calls:.2g} {kind}" for calls, kind in asked if calls]
    return f"response {each.response_time:.4g}, {' and '.join(told) or 'no'} predictions"


def _paid(price: Price, setting: Setting) -> str:
    return f" for {price.seconds:.4g}" if price.seconds and setting.charge == "external" else ""


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
