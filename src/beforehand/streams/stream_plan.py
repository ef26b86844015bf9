"""The plan of a summary, on paper: the design that was chosen, what it should reach, what it beat, and its audit."""

import base64
import binascii
from dataclasses import asdict, dataclass
from typing import Any, Final, Self, final, get_args

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.plan import plan_json, reading
from beforehand.core.predictor import Price
from beforehand.core.report import VERDICTS, Outcome, Report, Verdict, judge
from beforehand.streams.candidates import DICTIONARY, Candidate, Design, Trial, build, saving, whole
from beforehand.streams.frequency import FromCallable, predictor_from_bytes
from beforehand.streams.replay import MEANING, NAMES, Metric, Stream
from beforehand.streams.search import WORTH_IT

LAWFUL: Final = 0.1  # how far the floor of a replay may be from that of random order


@final
@dataclass(frozen=True, kw_only=True)
class StreamPlan:
    """The summary chosen for streams like the sample, what to expect of it, and what it beat.

    `build()` makes the summary, `explain()` says why in words, `audit()` checks the expectation on another stream.

    Args:
        design: The name of the design chosen.
        candidates: All designs that were tried, with their figures; the baseline is the first.
        saving: The share of the baseline's error that the best learned design saves.
        verdict: Whether a predictor is worth its price.
        metric: What was measured.
        memory: Bytes of a summary, with its share of the model.
        target: The error that was asked for; None where the memory was.
        window: Arrivals of a sliding window; None for the whole stream.
        horizon: Arrivals that errors are scaled to; None where they are shares of the stream.
        shared_by: How many summaries share one model.
        arrivals: How many were replayed.
        distinct: Distinct keys among them.
        law: The floor of Space Saving that random order would give, and that of the replay, as shares of the stream;
            None for a window, or where `exact` was not tried.
        untried: Designs that the memory does not suffice for, or that are too slow.
        predictor: The bytes of the design's predictor, in base64; None where it has none.
        seed: Of the resampling.
        machine: Where time was taken.
        versions: What made the plan.
    """

    design: str
    candidates: tuple[Candidate, ...]
    saving: Outcome
    verdict: Verdict
    metric: Metric
    memory: int
    target: float | None
    window: int | None
    horizon: int | None
    shared_by: int
    arrivals: int
    distinct: int
    law: tuple[float, float] | None
    untried: tuple[str, ...]
    predictor: str | None
    seed: int
    machine: str
    versions: dict[str, str]

    def __post_init__(self) -> None:
        """Validate the fields."""
        tried = [candidate.design for candidate in self.candidates]
        if self.design not in tried:
            raise InvalidInput(f"design is {self.design!r}, but must be one of the candidates: {', '.join(tried)}")
        if self.verdict not in VERDICTS:
            raise InvalidInput(f"verdict is {self.verdict!r}, but must be one of {', '.join(VERDICTS)}")
        if self.metric not in get_args(Metric):
            raise InvalidInput(f"metric is {self.metric!r}, but must be one of {', '.join(get_args(Metric))}")
        for name in ("memory", "shared_by", "arrivals", "distinct", "window", "horizon"):
            if name not in ("window", "horizon") or getattr(self, name) is not None:
                whole(name, getattr(self, name))
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed < 2**64:
            raise InvalidInput(f"seed is {self.seed!r}, but must be a whole number from 0 to 2**64 - 1")
        if self.law is not None and not all(isinstance(each, int | float) and 0 <= each <= 1 for each in self.law):
            raise InvalidInput(f"law is {self.law!r}, but must be two shares")

    @property
    def area(self) -> str:
        """`"streams"`."""
        return "streams"

    @property
    def chosen(self) -> Candidate:
        """The design chosen, with its figures."""
        return next(candidate for candidate in self.candidates if candidate.design == self.design)

    @property
    def expected(self) -> Outcome:
        """The error of the design chosen."""
        return self.chosen.error

    @property
    def price(self) -> Price:
        """Seconds of prediction for each arrival of the replay, and this summary's share of the model."""
        return self.chosen.price

    @property
    def baseline(self) -> Outcome:
        """The error of the best design that asks no predictor."""
        return self.candidates[0].error

    @property
    def alternatives(self) -> tuple[Outcome, ...]:
        """The error of each design that lost."""
        return tuple(candidate.error for candidate in self.candidates if candidate.design != self.design)

    def build(self, *, predictor: Any = None) -> Any:
        """A new summary of the design chosen.

        Args:
            predictor: What it asks, in place of the one that the plan holds; needed for a function, which no plan can
                hold.

        Raises:
            InvalidInput: the design needs a predictor that the plan does not hold.
        """
        return build(self.chosen.kind, self.chosen.options, self._predictor(predictor))

    def _predictor(self, given: Any) -> Any:
        if not self.chosen.learned:
            return None
        if given is not None:
            return given
        if self.predictor is None:
            raise InvalidInput(f"{self.design} needs a predictor that no plan can hold; pass predictor=")
        return predictor_from_bytes(base64.b64decode(self.predictor))

    def audit(self, holdout: object, *, predictor: Any = None) -> Report:
        """Replay a stream that the plan never saw, and set the outcome beside what was expected.

        Args:
            holdout: Keys, or a trace of kind `stream`.
            predictor: As in `build`.

        Guarantee:
            The design and the baseline count the same stream in the same memory, with new summaries: the first arrivals
            of the holdout, as many as the plan replayed, since errors depend on the length. The clairvoyant is a
            learned summary that gets the true counts of this stream for nothing.

        Cost:
            Three replays.

        Raises:
            InvalidInput: the holdout is empty, not made of keys, or less than three windows long; a predictor is
                missing.

        Example:
            >>> from beforehand.workloads.streams import zipf
            >>> from beforehand.streams import plan
            >>> sample, holdout = zipf(200_000, 100_000, 1.0, seed=0).split(0.5)
            >>> report = plan(sample, memory="8KiB").audit(holdout)
            >>> report.measured.design, report.verdict
            ('gated', "don't bother")
        """
        stream = Stream.read(holdout, "holdout").part(0, self.arrivals)
        check_length(stream, self.window, "holdout")
        trial = Trial(
            stream=stream,
            metric=self.metric,
            window=self.window,
            horizon=self.horizon,
            shared_by=self.shared_by,
            seed=self.seed,
        )
        free = FromCallable(stream.log2_counts, price=Price(per="key"), horizon=max(1, stream.total))
        share = {name: value for name, value in self.chosen.options.items() if name in ("window", "counter_share")}
        kind = "LearnedSpaceSaving" if self.window is None else "LearnedSlidingWindow"
        baseline = trial.replayed(_design(self.candidates[0], None), self.candidates[0].options["memory"])
        measured = baseline
        if self.chosen is not self.candidates[0]:
            design = _design(self.chosen, self._predictor(predictor))
            measured = trial.replayed(design, self.chosen.options["memory"])
        best = trial.replayed(Design(name="clairvoyant", kind=kind, options=share, predictor=free), self.memory)
        saved = saving(measured, baseline)
        return Report(
            area=self.area,
            metric=NAMES[self.metric],
            expected=self.expected,
            measured=measured.error,
            baseline=baseline.error,
            clairvoyant=best.error,
            price=measured.candidate().price,
            verdict="don't bother" if measured is baseline else judge(saved, WORTH_IT),
            why=f"no predictor is worth more than {baseline.design.name}"
            if measured is baseline
            else f"it saves {_percent(saved)} of the error of {baseline.design.name} in the same memory",
        )

    @property
    def measure(self) -> str:
        """What the error is, in words."""
        if self.metric == "recall":
            return MEANING["recall"]
        if self.horizon is not None:
            return f"{MEANING[self.metric]}, after {self.horizon:,} arrivals"
        return f"{MEANING[self.metric]}, as a share of the {'stream' if self.window is None else 'window'}"

    def explain(self) -> str:
        """The choice in plain words, with its numbers."""
        chosen, baseline = self.chosen, self.candidates[0]
        over = f"a window of {self.window:,}" if self.window else "the whole stream"
        aim = "" if self.target is None else f", about the fewest with which its error stays within {self.target:g}"
        lines = [
            f"Take {self.design} for {over}, in {self.memory:,} bytes{aim}. Judged on "
            f"{_counted(self.arrivals, 'arrival')} of {_counted(self.distinct, 'distinct key')}.",
            f"Expected: {chosen.error.value:.3g} ({chosen.error.low:.3g} to {chosen.error.high:.3g}), "
            f"{self.measure}; {chosen.items_per_second / 1e6:.3g} M items/s; price {chosen.price}.",
        ]
        if any(candidate.learned for candidate in self.candidates):
            change = f"saves {_percent(self.saving)} of" if self.saving.value >= 0 else f"adds {_added(self.saving)} to"
            lines.append(
                f"Predictors: {self.verdict}. The best one {change} the error of {baseline.design}, the best design "
                f"without one; a saving of {WORTH_IT:.0%} is the least that is worth having."
            )
        else:
            lines.append(
                f"Predictors: {self.verdict}. None was tried, so that nothing is known of what one would save."
            )
        lines.append("Tried:")
        for each in self.candidates:
            needed = "" if each.memory_needed is None else f"; reaches the target with {each.memory_needed:,} bytes"
            lines.append(f"  {each.error}, {each.items_per_second / 1e6:.3g} M items/s{needed}")
        lines += [f"Not tried: {reason}." for reason in self.untried]
        if self.design == DICTIONARY:
            lines.append("All keys fit into this memory, so that any exact group-by will do as well.")
        if self.law is not None:
            random, found = self.law
            lawful = abs(found - random) <= LAWFUL * random + 1 / self.arrivals
            lines.append(
                f"The floor of Space Saving is {found:.3g} of the stream, and {random:.3g} in random order: "
                + ("the order is as good as random." if lawful else "the stream has bursts or drifts.")
            )
        lines.append(
            "Assumed: the stream goes on like its second half, with new keys at the same rate"
            + (", and errors grow with it." if self.horizon else ".")
        )
        lines.append(f"Time was taken on {self.machine}.")
        return "\n".join(lines)

    def to_json(self) -> str:
        """The plan as a JSON object, which names its area and kind."""
        return plan_json(self, asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The plan that `to_json` wrote.

        Raises:
            CorruptData: `text` is not of that form.
        """
        with reading(text, "streams", cls.__name__) as fields:
            fields["candidates"] = tuple(_candidate(entry) for entry in fields["candidates"])
            fields["saving"] = Outcome(**fields["saving"])
            fields["untried"] = tuple(str(each) for each in fields["untried"])
            fields["law"] = None if fields["law"] is None else tuple(fields["law"])
            plan = cls(**fields)
            if plan.predictor is not None:
                _stored(plan.predictor)
            plan.explain()  # touches every figure
        return plan


def check_length(stream: Stream, window: int | None, name: str) -> None:
    """Refuse streams that no window can be judged on.

    Raises:
        InvalidInput: it is less than three windows long.
    """
    if window is not None and len(stream) < 3 * window:
        raise InvalidInput(
            f"{name} has {_counted(len(stream), 'arrival')} to replay, but a window of {window:,} needs three times as "
            "many; record more"
        )


def _design(candidate: Candidate, predictor: Any) -> Design:
    options = {name: value for name, value in candidate.options.items() if name != "memory"}
    return Design(name=candidate.design, kind=candidate.kind, options=options, predictor=predictor)


def _candidate(fields: dict[str, Any]) -> Candidate:
    return Candidate(**fields | {"error": Outcome(**fields["error"]), "price": Price(**fields["price"])})


def _stored(predictor: str) -> None:
    try:
        predictor_from_bytes(base64.b64decode(predictor, validate=True))
    except (binascii.Error, TypeError, ValueError) as error:
        raise CorruptData(f"its predictor is none: {error}") from error


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _added(saving: Outcome) -> str:
    return f"{-saving.value:.1%} ({-saving.high:.1%} to {-saving.low:.1%})"


def _percent(share: Outcome) -> str:
    return f"{share.value:.1%} ({share.low:.1%} to {share.high:.1%})"
