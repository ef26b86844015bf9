"""The plan of an engine, on paper: order, guard and handling, what they should reach, what they beat, and the audit."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from dataclasses import fields as dataclass_fields
from os import PathLike
from pathlib import Path
from typing import Any, Final, Self, final

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.files import writing
from beforehand.core.plan import plan_json, reading
from beforehand.core.predictor import Price
from beforehand.core.report import VERDICTS, Outcome, Report, Verdict
from beforehand.core.trace import Trace
from beforehand.scheduling.inputs import checked, settle, whole
from beforehand.scheduling.policies.policy_json import from_fields, to_fields
from beforehand.scheduling.policies.stock import Stock
from beforehand.scheduling.serving.handlings.handling_json import handling_from_json
from beforehand.scheduling.serving.plan import words
from beforehand.scheduling.serving.plan.auditing import audited
from beforehand.scheduling.serving.plan.candidates import FIGURES, Candidate, checked_handling
from beforehand.scheduling.serving.plan.known import Known
from beforehand.scheduling.serving.plan.objective import WORDS
from beforehand.scheduling.serving.plan.runs import DISCARD
from beforehand.scheduling.serving.plan.setting import Setting, infinite_as_text, text_as_infinite
from beforehand.scheduling.serving.plan.traffic_load import TrafficLoad
from beforehand.scheduling.serving.plan.words import bound_of
from beforehand.scheduling.serving.plan.worth import Worth
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations

MOST: Final = 2**63 - 1
OUTCOMES: Final = ("expected", "baseline", "gain", "p99_ratio")
TABLES: Final = ("figures", "before")
DERIVED: Final = (
    "policy",
    "handling",
    "price",
    "bound",
)  # in the JSON for its readers, though they follow from the rest


@final
@dataclass(frozen=True, kw_only=True)
class ServingPlan:
    """The order and the handling chosen for conversations like those of the sample, what to expect, and what they beat.

    `simulate(trace, **plan.build())` runs it, the vLLM plug-in and the gateway read its file, `explain()` says why in
    words, `audit()` checks the expectation on other conversations. Times are in seconds.

    Args:
        candidates: The best of each family: the one chosen first, then the better the earlier. `FCFS()` is chosen
            unless the verdict is `"worth it"`.
        setting: What was planned for: engine, goal and limits.
        expected: The objective of the one chosen.
        baseline: That of first come, first served.
        gain: The share of the baseline's objective that the best candidate saves, whether it was chosen or not.
        p99_ratio: The best candidate's p99 of the net latency over that of first come, first served.
        figures: Of the one chosen: mean, median and p99 of the net latency; mean and p99 of the time to a first token.
        before: The same of first come, first served.
        by_length: Tenths of the conversations, the shortest answers first: the largest number of output tokens in it,
            and the mean net latency first come, first served and with the best candidate; empty if none was tried.
        load: How busy the engine is.
        known: Where predictions come from, how good they are, and their files.
        worth: At what price and what error predictions of length stop paying; None if none were tried.
        verdict: Whether the best candidate is worth having.
        conversations: How many the sample has.
        calls: How many tool calls they make.
        sample: The fingerprint of the sample.
        versions: What made the plan.
        holdout: The fingerprint of what was kept for the audit; empty if the caller keeps it.
        fitted: The bytes of the predictors' files, by name; empty once the plan has been read from a file.
    """

    candidates: tuple[Candidate, ...]
    setting: Setting
    expected: Outcome
    baseline: Outcome
    gain: Outcome
    p99_ratio: Outcome
    figures: Mapping[str, Outcome]
    before: Mapping[str, Outcome]
    by_length: tuple[tuple[float, float, float], ...]
    load: TrafficLoad
    known: Known
    worth: Worth | None
    verdict: Verdict
    conversations: int
    calls: int
    sample: str
    versions: dict[str, str]
    holdout: str = ""
    fitted: Mapping[str, bytes] = field(default_factory=dict, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Validate the fields."""
        settle(
            self,
            conversations=whole("conversations", self.conversations, least=1, most=MOST),
            calls=whole("calls", self.calls, most=MOST),
            by_length=tuple(tuple(checked("by_length", each) for each in row) for row in self.by_length),
        )
        if not self.candidates:
            raise InvalidInput("candidates are empty, but a plan must have chosen one")
        if self.verdict not in VERDICTS:
            raise InvalidInput(f"verdict is {self.verdict!r}, but must be one of {', '.join(VERDICTS)}")
        if any(len(row) != 3 for row in self.by_length):
            raise InvalidInput("by_length must hold rows of three numbers: tokens, latency before, latency after")
        for name in TABLES:
            if set(getattr(self, name)) != set(FIGURES):
                raise InvalidInput(f"{name} has {', '.join(getattr(self, name))}, but must have {', '.join(FIGURES)}")

    @property
    def area(self) -> str:
        """`"scheduling.serving"`."""
        return "scheduling.serving"

    @property
    def chosen(self) -> Candidate:
        """The design chosen, with its figures on the sample."""
        return self.candidates[0]

    @property
    def best(self) -> Candidate:
        """The best candidate, chosen or not; the gain, the p99 ratio and the verdict are about it."""
        return next((each for each in self.candidates if each.design == self.gain.design), self.chosen)

    @property
    def policy(self) -> Stock:
        """The order chosen, guarded, its boost and knee as numbers."""
        return self.chosen.policy

    @property
    def handling(self) -> str | None:
        """What is done with the KV cache during a tool call, as JSON text; None where there are no calls."""
        return self.chosen.handling

    @property
    def design(self) -> str:
        """Policy and handling as tables show them."""
        return self.chosen.design

    @property
    def price(self) -> Price:
        """What the predictions of one conversation cost."""
        prices = {"lengths": self.known.price, "expensive": self.known.price, "refined": self.known.refresh_price}
        if self.known.cheap is not None:
            prices["lengths"] = self.known.cheap_price
        paid = sum(count * prices[name].seconds for name, count in self.chosen.predictions.items() if name in prices)
        return Price(seconds=paid, per="request")

    @property
    def alternatives(self) -> tuple[Outcome, ...]:
        """The objective of the designs that were not chosen; first the best of them."""
        lost = [each for each in self.candidates[1:] if math.isfinite(each.cost)]
        return tuple(
            self.baseline
            if each.design == self.baseline.design
            else Outcome(each.design, each.cost, each.cost, each.cost)
            for each in lost
        )

    @property
    def metric(self) -> str:
        """The objective in words."""
        said = WORDS[self.setting.objective]
        return said if self.calls else said.replace(" without tool calls", "")

    @property
    def excluded(self) -> str:
        """What beats the best candidate, but lets the p99 rise too far, as a sentence; empty if nothing does."""
        limit = self.setting.max_p99_ratio
        over = [each for each in self.candidates if (each.p99_most or 0.0) > limit and each.cost < self.best.cost]
        if not over:
            return ""
        least = min(over, key=lambda each: each.cost)
        return (
            f"{least.design} would reach {least.cost:.3g}, but its p99 may rise to {least.p99_most:.2f} times that of "
            f"first come, first served, and {limit:g} times was allowed."
        )

    @property
    def bound(self) -> float:
        """How many seconds later than a conversation another may arrive and still be served first, at most.

        0 for `FCFS()`; infinity where the bound grows with the conversation, where `SkipPredict` lets all short ones
        pass, or where the guard was left out.
        """
        return bound_of(self.policy, self.setting)

    def build(self, folder: str | PathLike[str] = ".", **others: Any) -> dict[str, Any]:
        """The arguments of `simulate` that run the plan; the plug-in reads the same.

        Args:
            folder: Where the predictors' files are, if the plan was read from a file.
            others: Arguments that replace the plan's, such as `lengths`.

        Raises:
            InvalidInput: a predictor's file cannot be read; the predictions were the caller's own, and are not passed.
            CorruptData: a predictor's file is not the one that the plan was made with.
        """
        return self._arguments(self.chosen, folder, others)

    def audit(self, holdout: Trace, *, folder: str | PathLike[str] = ".", **others: Any) -> Report:
        """Set what was expected beside what the design reaches on conversations that the plan never saw.

        Args:
            holdout: Of kind `requests`. One that an engine recorded, with the columns `first_token` and `finished`, is
                also compared with what the engine did.
            folder: Where the predictors' files are, if the plan was read from a file.
            others: Arguments of `simulate` that replace the plan's, such as `lengths`.

        Guarantee:
            First come, first served, the plan's design, and the best candidate with exact lengths and durations, all
            on the holdout's own arrivals, in the engine that was planned for.

        Cost:
            Three simulations.

        Raises:
            InvalidInput: the holdout is no such trace; and what `build` raises.
        """
        first_come = next(each for each in self.candidates if each.family == "FCFS")
        found = audited(
            self.chosen,
            self.best,
            first_come,
            self.setting,
            holdout,
            lambda each: self._arguments(each, folder, others),
        )
        return Report(
            area=self.area,
            metric=self.metric,
            expected=self.expected,
            measured=found.measured,
            baseline=found.baseline,
            clairvoyant=found.clairvoyant,
            price=self.price,
            verdict=found.verdict,
            why=found.why,
        )

    def save(self, path: str | PathLike[str]) -> None:
        """Write the plan, and the files of its predictors beside it.

        Raises:
            InvalidInput: a file cannot be written.
        """
        for name, content in {**self.fitted, Path(path).name: self.to_json().encode() + b"\n"}.items():
            with writing(Path(path).with_name(name)) as stream:
                stream.write(content)

    def explain(self) -> str:
        """The choice in plain words, with its numbers."""
        known, best = self.known, self.best
        lines = [
            f"{self.verdict}: {self.design}, from {self.conversations:,} conversations with {self.calls:,} tool calls.",
            f"Expected {self.metric}: {words.interval(self.expected)}; first come, first served "
            f"{words.interval(self.baseline)}.",
            words.busy(self.load),
        ]
        if self.load.idle and not self.calls:
            more = (
                "no rate that it can bear" if self.load.pays_from is None else f"{self.load.pays_from:.3g} a second on"
            )
            lines.append(f"Hardly anybody waits, so no order can change much. It would matter from {more}.")
        elif best.family != "FCFS":
            would = "It saves" if best is self.chosen else f"The best found is {best.design}: it would save"
            lines.append(
                f"{would} {words.share(self.gain)} of that, and its p99 is {words.interval(self.p99_ratio)} times that "
                f"of first come, first served; {100 * self.setting.min_gain:g} % would be worth having, and "
                f"{self.setting.max_p99_ratio:g} times was allowed."
            )
        lines += [self.excluded] if self.excluded else []
        lines.append(words.guard(self.policy, self.setting))
        lines += [words.lengths(known)] if best.family != "FCFS" else []
        if len(self.candidates) > 1:
            lines.append(f"Tried: {self.metric}, p99 over first come, first served, mean time to the first token:")
            width = max(len(each.design) for each in self.candidates)
            lines += [
                f"  {each.design:{width}} {each.cost:>9.4g} {each.p99_ratio:>6.2f} {each.figures['ttft']:>9.4g}"
                for each in self.candidates
            ]
        if self.worth is not None:
            lines += words.paying(self.worth)
        if self.by_length:
            lines.append(
                f"Mean net latency by the length of the answer, first come, first served and with {best.design}:"
            )
            lines += [f"  up to {tokens:>6.0f} tokens {was:>9.4g} {now:>9.4g}" for tokens, was, now in self.by_length]
        for name, noun in (("ttft", "Mean"), ("p99_ttft", "p99 of the")):
            was, now = words.interval(self.before[name]), words.interval(self.figures[name])
            lines.append(f"{noun} time to the first token: {was} first come, first served, {now} with this plan.")
        lines.append(f"All times are in seconds. {words.assumed(self.setting)}")
        return "\n".join(lines)

    def to_json(self) -> str:
        """The plan as a JSON object, which names its area and kind."""
        fields = {each.name: getattr(self, each.name) for each in dataclass_fields(self) if each.name != "fitted"}
        fields |= {name: asdict(fields[name]) for name in OUTCOMES}
        fields |= {name: {key: asdict(each) for key, each in fields[name].items()} for name in TABLES}
        fields |= {
            "format": 1,
            "candidates": [each.to_fields() for each in self.candidates],
            "setting": self.setting.to_fields(),
            "load": asdict(self.load),
            "known": asdict(self.known),
            "worth": None if self.worth is None else infinite_as_text(asdict(self.worth)),
            "policy": to_fields(self.policy),
            "handling": None if self.handling is None else json.loads(self.handling),
            "price": asdict(self.price),
            "bound": "inf" if self.bound == math.inf else self.bound,
        }
        return plan_json(self, fields)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The plan that `to_json` wrote.

        Raises:
            CorruptData: `text` is not of that form.
        """
        with reading(text, "scheduling.serving", cls.__name__) as fields:
            if (number := fields.pop("format")) != 1:
                raise CorruptData(f"it is of format {number}, but this version reads format 1")
            told: dict[str, Any] = {name: fields.pop(name) for name in DERIVED if name in fields}
            fields |= {name: Outcome(**fields[name]) for name in OUTCOMES}
            fields |= {name: {key: Outcome(**each) for key, each in fields[name].items()} for name in TABLES}
            fields |= {
                "candidates": tuple(Candidate.from_fields(each) for each in fields["candidates"]),
                "setting": Setting.from_fields(fields["setting"]),
                "load": TrafficLoad(**fields["load"]),
                "known": Known.from_fields(fields["known"]),
                "worth": None if fields["worth"] is None else Worth(**text_as_infinite(fields["worth"])),
                "by_length": tuple(tuple(row) for row in fields["by_length"]),
            }
            plan = cls(**fields)
            plan.explain(), plan.alternatives, plan.price, plan.to_json()  # touch every figure
            plan._check_told(told)
        return plan

    def _check_told(self, told: Mapping[str, Any]) -> None:
        """Raise unless the order and the handling beside the candidates are those of the one chosen."""
        handling = told.get("handling")
        found = {
            "policy": from_fields(told["policy"]) if "policy" in told else self.policy,
            "handling": self.handling if handling is None else checked_handling(json.dumps(handling)),
        }
        for name, each in found.items():
            if each != getattr(self, name):
                raise CorruptData(
                    f"its {name} is {each}, but that of its first candidate, which runs, is {getattr(self, name)}; "
                    "change both"
                )

    def _arguments(self, each: Candidate, folder: str | PathLike[str], others: Mapping[str, Any]) -> dict[str, Any]:
        found = {
            "profile": self.setting.profile,
            "policy": each.policy,
            "slo": self.setting.slo,
            "seed": self.setting.seed,
            **self.setting.engine,
            **self.known.opened(folder, self.fitted),
            **others,
        }
        durations = found.get("durations")
        kept = durations if isinstance(durations, ToolDurations) else None
        return {"handling": handling_from_json(each.handling or DISCARD, durations=kept)} | found
