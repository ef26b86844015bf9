"""The plan of a codec for a link, on paper: what was chosen, what it should reach, what it beat, and its audit."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final, NamedTuple, Self, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.errors import InvalidInput
from beforehand.core.plan import plan_json, reading
from beforehand.core.predictor import Price
from beforehand.core.report import VERDICTS, Outcome, Report, Verdict, judge
from beforehand.gradients import wording
from beforehand.gradients.buckets import Buckets
from beforehand.gradients.candidates import Candidate, errors_of
from beforehand.gradients.codec import Codec, Transport
from beforehand.gradients.inputs import check_seed, numbers, real, whole
from beforehand.gradients.link import Link
from beforehand.gradients.sample import Sample
from beforehand.gradients.step_times import Setting

RESAMPLES: Final = 200
MOST_WORKERS: Final = 65535  # one worker receives the messages of all
METRIC: Final = "seconds a step"


class Steps(NamedTuple):
    """Seconds of steps: their median with its interval, and resampled medians."""

    outcome: Outcome
    draws: NDArray[np.float64]

    @classmethod
    def of(cls, design: str, seconds: ArrayLike, seed: int) -> Self:
        """What these steps say."""
        taken = np.asarray(seconds, np.float64)
        picked = np.random.default_rng(seed).integers(0, len(taken), (RESAMPLES, len(taken)))
        draws = np.median(taken[picked], axis=1)
        return cls(Outcome.of(design, float(np.median(taken)), draws), draws)


@final
@dataclass(frozen=True, kw_only=True)
class GradientPlan:
    """The codec and transport chosen for a model, a link and a number of workers, and what they beat.

    `build()` gives what `attach_ddp` takes, `explain()` says why in words, `audit()` checks the expectation.

    Args:
        design: The name of what was chosen.
        candidates: All that was tried, with their figures; the baseline is the first.
        refused: What could not be tried, with the reason.
        gain: How much faster than the baseline the best codec that compresses is: 0.3 is 1.3 times.
        verdict: Whether it is worth having.
        workers: For how many.
        link: Between them.
        aggregator_link: Of an aggregator; None without one.
        compute_seconds: Of forward, backward and optimizer of one step.
        overlap: Share of them during which buckets can be exchanged.
        max_vnmse: The largest error allowed where there was no pilot.
        margin: The least gain that is worth having.
        target_loss: That pilots had to reach; None without a pilot.
        coordinates: Parameters of the model.
        steps: Recorded steps.
        recorded: Workers of each.
        rho: Their agreement.
        price: Of recording, measuring and pilots.
        seed: Of the resampling.
        machine: Where time was taken.
        versions: What made the plan.
    """

    design: str
    candidates: tuple[Candidate, ...]
    refused: tuple[str, ...]
    gain: Outcome
    verdict: Verdict
    workers: int
    link: Link
    aggregator_link: Link | None
    compute_seconds: float
    overlap: float
    max_vnmse: float
    margin: float
    target_loss: float | None
    coordinates: int
    steps: int
    recorded: int
    rho: float
    price: Price
    seed: int
    machine: str
    versions: dict[str, str]

    def __post_init__(self) -> None:
        """Validate the fields."""
        tried = [candidate.design for candidate in self.candidates]
        if self.design not in tried or self.gain.design not in tried:
            raise InvalidInput(
                f"design is {self.design!r} and gain that of {self.gain.design!r}, but both must be candidates: "
                f"{', '.join(tried)}"
            )
        if self.verdict not in VERDICTS:
            raise InvalidInput(f"verdict is {self.verdict!r}, but must be one of {', '.join(VERDICTS)}")
        for name, least in (("workers", 2), ("coordinates", 1), ("steps", 1), ("recorded", 2)):
            whole(name, getattr(self, name), least)
        if self.workers > MOST_WORKERS:
            raise InvalidInput(f"workers is {self.workers}, but a plan is for at most {MOST_WORKERS}")
        check_setting(
            compute_seconds=self.compute_seconds,
            overlap=self.overlap,
            max_vnmse=self.max_vnmse,
            margin=self.margin,
            target_loss=self.target_loss,
        )
        if not isinstance(self.rho, int | float) or not 0 <= self.rho <= 1 + 1e-9:
            raise InvalidInput(f"rho is {self.rho!r}, but must be from 0 to 1")
        check_seed(self.seed)

    @property
    def area(self) -> str:
        """`"gradients"`."""
        return "gradients"

    @property
    def chosen(self) -> Candidate:
        """What was chosen, with its figures."""
        return next(candidate for candidate in self.candidates if candidate.design == self.design)

    @property
    def expected(self) -> Outcome:
        """Seconds of a step with what was chosen."""
        return self.chosen.step

    @property
    def baseline(self) -> Outcome:
        """Seconds of a step of the better of float32 and 16 bits."""
        return self.candidates[0].step

    @property
    def alternatives(self) -> tuple[Outcome, ...]:
        """Seconds of a step of each candidate that lost."""
        return tuple(candidate.step for candidate in self.candidates if candidate.design != self.design)

    def build(self) -> tuple[Codec, Transport]:
        """The codec and the transport, as `attach_ddp` takes them; behind `"aggregator"` belongs its address."""
        return self.chosen.codec, self.chosen.transport

    def audit(self, holdout: object, *, measured: Mapping[str, ArrayLike] | None = None) -> Report:
        """Set what was expected beside later gradients, and beside measured steps.

        Args:
            holdout: A trace of kind `gradients` of the same model, of steps that the plan never saw.
            measured: Seconds of steps of real training, as `{"choice": [...], "baseline": [...]}`; the baseline is
                `candidates[0]`. Where both are one, `"baseline"` is enough.

        Guarantee:
            Seconds are medians of the measured steps, with the interval of 200 resamples. Without them, codecs are
            timed again on this machine, and link and computation are those of the plan: that tells whether speeds and
            bytes hold, not whether the link does. Errors are those of codecs run on the holdout; where they are beyond
            `max_vnmse`, the verdict is *don't bother*. The clairvoyant exchanges at no cost.

        Cost:
            Both codecs on all rows of the holdout.

        Raises:
            InvalidInput: The holdout is no such trace, or of another model; measured steps are missing or not above 0.

        Example:
            >>> from beforehand.gradients import THC, Link, plan
            >>> from beforehand.workloads.gradient_samples import gradients
            >>> sample, holdout = gradients("layers", steps=6, seed=0).split(0.5)
            >>> made = plan(sample, link=Link(1e-4, 6e6), workers=4, compute_seconds=0.02, candidates=[THC()])
            >>> made.audit(holdout).verdict
            'worth it'
        """
        sample = Sample.read(holdout, "holdout")
        if sample.layout.size != self.coordinates:
            raise InvalidInput(
                f"holdout has {sample.layout.size:,} coordinates, but the plan is for {self.coordinates:,}; record the "
                "same model"
            )
        chosen, before = self.chosen, self.candidates[0]
        both = [before] if chosen is before else [chosen, before]
        errors = errors_of(chosen.way, sample, self.workers)
        timed = self._timed(both, sample) if measured is None else self._taken(both, measured)
        choice, baseline = timed[0], timed[-1]
        lines = [
            f"{chosen.design} errs {errors.value:.2g} where {chosen.vnmse.value:.2g} was expected, at rho "
            f"{sample.rho(self.workers):.3g} where it was {self.rho:.3g}"
        ]
        if chosen is before:
            verdict: Verdict = "don't bother"
            lines.insert(0, f"nothing was worth more than {before.design}")
        else:
            ratio = np.divide.outer(baseline.draws, choice.draws).ravel() - 1
            gain = Outcome.of(chosen.design, baseline.outcome.value / choice.outcome.value - 1, ratio)
            verdict = judge(gain, self.margin)
            how = " (codecs timed again; link and computation as planned)" if measured is None else ""
            lines.insert(0, f"{wording.times(gain)} as fast as {before.design}{how}")
            if self.target_loss is None and errors.value > self.max_vnmse:
                verdict = "don't bother"
                lines.append(f"more than the {self.max_vnmse:g} allowed")
        return Report(
            area=self.area,
            metric=METRIC,
            expected=self.expected,
            measured=choice.outcome,
            baseline=baseline.outcome,
            clairvoyant=Outcome("no exchange", *[self.compute_seconds] * 3),
            price=self.price,
            verdict=verdict,
            why="; ".join(lines),
        )

    def _timed(self, tried: list[Candidate], sample: Sample) -> list["Steps"]:
        """Steps with the codecs' seconds of now, and link and computation of the plan."""
        setting = Setting(
            buckets=Buckets(sample.layout, self.workers),
            link=self.link,
            aggregator_link=self.aggregator_link,
            compute_seconds=self.compute_seconds,
            overlap=self.overlap,
        )
        speeds = setting.buckets.speeds([each.way for each in tried])
        return [Steps.of(each.design, [setting.step_time(*each.way, speeds).step], self.seed) for each in tried]

    def _taken(self, tried: list[Candidate], measured: Mapping[str, ArrayLike]) -> list["Steps"]:
        """Steps of real training."""
        names = ["choice", "baseline"][-len(tried) :]
        if not isinstance(measured, Mapping) or not set(names) <= set(measured):
            given = ", ".join(map(repr, measured)) if isinstance(measured, Mapping) else f"a {type(measured).__name__}"
            raise InvalidInput(
                f"measured is {given or 'empty'}, but must hold seconds of steps for {' and '.join(names)}"
            )
        found = []
        for name, each in zip(names, tried, strict=True):
            seconds = numbers(f"measured seconds of {name}", measured[name], np.float64).ravel()
            if not seconds.size or not (np.isfinite(seconds) & (seconds > 0)).all():
                raise InvalidInput(
                    f"measured seconds of {name} must be above 0 and finite, and at least one; leave out others"
                )
            found.append(Steps.of(each.design, seconds, self.seed))
        return found

    def explain(self) -> str:
        """The choice in plain words, with its numbers."""
        chosen = self.chosen
        piloted = self.target_loss is not None
        lines = [
            f"{self.verdict}: take {self.design} for {self.workers} workers and {self.coordinates:,} parameters.",
            f"Expected: {wording.seconds(chosen.step)} a step, of which {self.compute_seconds:.3g} s compute; "
            f"{wording.megabytes(chosen.sent.total)} sent by each worker in a step; vNMSE {chosen.vnmse.value:.2g}.",
            wording.worth(self.gain, self.candidates[0].design, margin=self.margin, target=self.target_loss),
        ]
        if not piloted:
            lines.append(
                "No pilot was run: candidates are ranked by the seconds of a step, and those above a vNMSE of "
                f"{self.max_vnmse:g} are left out. Training may take more steps, by a share of up to the vNMSE; how "
                "many more with codecs that have feedback, marked *, is not known: their vNMSE is that of the "
                "sum of all recorded steps."
            )
        server = self.aggregator_link
        over = wording.link_words(self.link)
        over += "" if server is None else f", the aggregator over {wording.link_words(server)}"
        lines.append(
            f"Judged on {self.steps} recorded steps of {self.recorded} workers, whose agreement rho is {self.rho:.3g}, "
            f"over {over}, with an overlap of {self.overlap:g}."
        )
        if self.workers > self.recorded:
            lines.append(f"Errors are those of {self.recorded} workers; {self.workers} err no more.")
        lines.append(f"Price: {self.price}, as much as {self.price.seconds / chosen.step.value:.3g} steps of training.")
        lines.append(
            "Tried, with seconds of a step, bytes that one worker sends, and seconds of its codec and its exchanges; "
            "options that are not named have their defaults:"
        )
        lines += wording.table(self.candidates, piloted=piloted)
        lines += [f"Refused: {reason}." for reason in self.refused]
        lines.append(f"Time was taken on {self.machine}.")
        return "\n".join(lines)

    def to_json(self) -> str:
        """The plan as a JSON object, which names its area and kind."""
        fields = {name: getattr(self, name) for name in self.__dataclass_fields__}
        own = ("gain", "link", "price")
        fields |= {name: asdict(fields[name]) for name in own}
        fields["aggregator_link"] = None if self.aggregator_link is None else asdict(self.aggregator_link)
        fields["candidates"] = [candidate.to_dict() for candidate in self.candidates]
        return plan_json(self, fields)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The plan that `to_json` wrote.

        Raises:
            CorruptData: `text` is not of that form.
        """
        with reading(text, "gradients", cls.__name__) as fields:
            fields["candidates"] = tuple(Candidate.from_dict(entry) for entry in fields["candidates"])
            fields["refused"] = tuple(str(each) for each in fields["refused"])
            fields["gain"] = Outcome(**fields["gain"])
            fields["price"] = Price(**fields["price"])
            fields["link"] = Link(**fields["link"])
            server = fields["aggregator_link"]
            fields["aggregator_link"] = None if server is None else Link(**server)
            plan = cls(**fields)
            plan.explain()  # touches every figure
        return plan


def check_setting(
    *, compute_seconds: float, overlap: float, max_vnmse: float, margin: float, target_loss: float | None
) -> None:
    """Raise unless these are numbers within their ranges."""
    given = {"compute_seconds": compute_seconds, "overlap": overlap, "max_vnmse": max_vnmse, "margin": margin}
    if target_loss is not None:
        given["target_loss"] = target_loss
    for name, number in given.items():
        real(name, number)
        if not math.isfinite(number):
            raise InvalidInput(f"{name} is {number}, but must be finite")
    if compute_seconds <= 0 or max_vnmse <= 0:
        raise InvalidInput(f"compute_seconds is {compute_seconds} and max_vnmse {max_vnmse}, but both must be above 0")
    if not 0 <= overlap <= 1:
        raise InvalidInput(f"overlap is {overlap}, but must be from 0 to 1")
    if margin < 0:
        raise InvalidInput(f"margin is {margin}, but must be at least 0")
