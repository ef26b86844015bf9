"""The plan of a codec, on paper: the design that was chosen, what it should reach, what it beat, and its audit."""

import math
from dataclasses import asdict, dataclass, replace
from typing import Any, Self, final, get_args

from beforehand.core.errors import InvalidInput
from beforehand.core.plan import plan_json, reading
from beforehand.core.predictor import Price
from beforehand.core.report import VERDICTS, Outcome, Report, Verdict, judge
from beforehand.quantization.candidates import WORTH_IT, Candidate, Draws, Tried, frontier, outcome, timed, weigh
from beforehand.quantization.codec import Codec
from beforehand.quantization.options import check_below, whole
from beforehand.quantization.vectors import Kept, Vectors, VectorsLike


@final
@dataclass(frozen=True, kw_only=True)
class QuantizationPlan:
    """The design chosen for vectors like the sample, what to expect of it, and what it beat.

    `build()` makes the codec, `explain()` says why in words, `audit()` checks the expectation on other vectors.

    Args:
        design: The name of the design chosen.
        candidates: All designs that were tried, with their figures; the baseline is the first.
        verdict: Whether the design is worth its price.
        bytes_per_second: The link that time was weighed against, if any.
        vectors: How many vectors were seen.
        values: How many values they had together.
        seed: Of the resampling, and of the rounding while time was taken.
        machine: Where time was taken.
        versions: What made the plan.
        kept: How the vectors are encoded: each by itself (`"alone"`), or all in one go, as `"rows"` or `"columns"` of a
            matrix, or as `"runs"` along the last axis of an array with more axes.
        max_vnmse: The error allowed, where the fewest bits were looked for.
    """

    design: str
    candidates: tuple[Candidate, ...]
    verdict: Verdict
    bytes_per_second: float | None
    vectors: int
    values: int
    seed: int
    machine: str
    versions: dict[str, str]
    kept: Kept = "alone"
    max_vnmse: float | None = None

    def __post_init__(self) -> None:
        """Validate the fields."""
        tried = [candidate.design for candidate in self.candidates]
        if self.design not in tried:
            raise InvalidInput(f"design is {self.design!r}, but must be one of the candidates: {', '.join(tried)}")
        if self.verdict not in VERDICTS:
            raise InvalidInput(f"verdict is {self.verdict!r}, but must be one of {', '.join(VERDICTS)}")
        if self.kept not in get_args(Kept):
            raise InvalidInput(f"kept is {self.kept!r}, but must be one of {', '.join(get_args(Kept))}")
        for name in ("vectors", "values"):
            if whole(name, getattr(self, name)) < 1:
                raise InvalidInput(f"{name} is {getattr(self, name)}, but a plan needs at least 1")
        check_below("seed", self.seed, 64)
        link = self.bytes_per_second
        if link is not None and not (isinstance(link, int | float) and 0 < link < math.inf):
            raise InvalidInput(
                f"bytes_per_second is {link!r}, but must be above 0 and finite; leave it out for storage"
            )
        allowed = self.max_vnmse
        if allowed is not None and not (isinstance(allowed, int | float) and 0 < allowed < math.inf):
            raise InvalidInput(
                f"max_vnmse is {allowed!r}, but must be above 0 and finite; leave it out if there is none"
            )

    @property
    def area(self) -> str:
        """`"quantization"`."""
        return "quantization"

    @property
    def chosen(self) -> Candidate:
        """The design chosen, with its figures."""
        return next(candidate for candidate in self.candidates if candidate.design == self.design)

    @property
    def expected(self) -> Outcome:
        """The vNMSE of the design chosen."""
        return self.chosen.vnmse

    @property
    def price(self) -> Price:
        """Seconds to find levels, encode and decode, and bytes of all that is kept, per value."""
        return self.chosen.price

    @property
    def baseline(self) -> Outcome:
        """The vNMSE of the strongest design that knows nothing of the data, with bytes counted alike."""
        return self.candidates[0].vnmse

    @property
    def alternatives(self) -> tuple[Outcome, ...]:
        """The vNMSE of each design that lost."""
        return tuple(candidate.vnmse for candidate in self.candidates if candidate.design != self.design)

    @property
    def why(self) -> str:
        """The verdict's reason, in one sentence."""
        return _worth(self.chosen, self.candidates[0], self.bytes_per_second)

    @property
    def frontier(self) -> tuple[Candidate, ...]:
        """The designs with the least error for their bits, in ascending order of bits.

        Each has a smaller error, by a tenth or so, than all that take as many bits or fewer. To take another one:
        `replace(plan, design=...)`.
        """
        return tuple(frontier(self.candidates))

    @property
    def nbytes(self) -> int:
        """Bytes of the whole, if it is as large as the sample."""
        return round(self.chosen.price.bytes * self.values)

    def build(self) -> Codec:
        """The codec of the design chosen, for arrays of the form that the sample had."""
        return self.chosen.codec

    def audit(self, holdout: VectorsLike, *, seed: int = 0) -> Report:
        """Encode and decode vectors that the plan never saw, and set the outcome beside what was expected.

        Args:
            holdout: Vectors, in the form that the sample had.
            seed: Of the rounding and of the resampling.

        Guarantee:
            The errors of the design, of the baseline and of the clairvoyant are those of decoded values, rounded with
            the same random numbers. The clairvoyant knows each vector: it has the best levels for it alone, as many as
            the design has, and pays for no table. Intervals and verdict follow the rules of `plan`.

        Cost:
            Three times encoding all, and for the time six times the first 512 vectors or 2**17 values.

        Raises:
            InvalidInput: the holdout is empty, not finite, or not made of vectors.

        Example:
            >>> import numpy as np
            >>> from beforehand.quantization import plan
            >>> vectors = np.exp(np.random.default_rng(0).standard_normal((128, 1024)))
            >>> report = plan(vectors[:64], bits=4).audit(vectors[64:])
            >>> report.came_true, report.verdict
            (True, 'worth it')
        """
        chosen, before = self.chosen, self.candidates[0]
        axis = before.codec.axis  # of older plans, whose designs have all the same
        together = self.kept != "alone" or axis is not None
        columns = self.kept == "columns" or (self.kept == "alone" and axis in (1, -1))
        vectors = Vectors.read(holdout, "holdout", axis=1 if columns else None, together=together)
        draws = Draws(vectors.norms, seed)
        both = [before] if chosen is before else [before, chosen]
        done = [vectors.measure(each.codec, seed) for each in both]
        tried = [
            Tried(each.design, each.codec, one.bits, draws(one.errors), one.seconds)
            for each, one in zip(both, done, strict=True)
        ]
        tried = timed(vectors, tried, seed)
        weighed = [weigh(each, tried[0], self.bytes_per_second, max_vnmse=self.max_vnmse) for each in tried]
        baseline, design = weighed[0], weighed[-1]
        best = replace(vectors, kept="alone").measure(_clairvoyant(chosen.codec), seed)
        errors = draws(best.errors)
        return Report(
            area=self.area,
            metric="vNMSE",
            expected=self.expected,
            measured=design.vnmse,
            baseline=baseline.vnmse,
            clairvoyant=min(outcome("exact", errors), design.vnmse, key=lambda each: each.value),
            price=design.price,
            verdict=judge(design.net_bits, WORTH_IT),
            why=_worth(design, baseline, self.bytes_per_second),
        )

    def explain(self) -> str:
        """The choice in plain words, with its numbers."""
        chosen, baseline = self.chosen, self.candidates[0]
        lines = [
            f"{self.verdict}: {chosen.vnmse} vNMSE expected with {chosen.bits:.4g} bits a value, all counted, "
            f"from {self.vectors} vectors with {self.values} values.",
            f"{self.why}.",
            "Tried, and best for their bits:",
        ]
        for each in sorted(self.candidates, key=lambda each: each.bits):
            worth = f"gains {each.gain_bits.value:.3g} bits, net {each.net_bits.value:.3g}"
            lines.append(
                f"  {each.vnmse} vNMSE with {each.bits:.4g} bits, {each.price}; "
                + ("the baseline" if each is baseline else worth)
            )
        lines.append(f"Time was taken on {self.machine}.")
        if self.bytes_per_second is None:
            lines.append("It was not weighed, since stored data are written once; for a link pass bytes_per_second.")
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
        with reading(text, "quantization", cls.__name__) as fields:
            fields["candidates"] = tuple(_candidate(entry) for entry in fields["candidates"])
            plan = cls(**fields)
            plan.explain()  # touches every figure
        return plan


def _clairvoyant(codec: Codec) -> Codec:
    return Codec(method="exact", n_levels=max(2, codec.n_levels), objective=codec.objective)


def _worth(candidate: Candidate, baseline: Candidate, bytes_per_second: float | None) -> str:
    if candidate.design == baseline.design:
        return f"nothing is worth more than {baseline.design}, which knows nothing of the data"
    gain, net = candidate.gain_bits.value, candidate.net_bits
    link = "" if bytes_per_second is None else f" at {bytes_per_second:.3g} bytes a second"
    return (
        f"{candidate.design} has {_times(candidate.vnmse.value, baseline.vnmse.value)} the error of {baseline.design} "
        f"with {candidate.bits:.4g} bits a value against {baseline.bits:.4g}: {gain:.3g} bits a value gained, "
        f"{net.value:.3g} ({net.low:.3g} to {net.high:.3g}) net of the price{link}"
    )


def _times(error: float, other: float) -> str:
    return f"{error / other:.3g} times" if other else "none of"


def _candidate(fields: dict[str, Any]) -> Candidate:
    if (
        not 0 <= whole("bits", fields.pop("bits", 0)) <= 16
    ):  # of a code, in older plans; now the bytes of the price tell
        raise InvalidInput("bits is not from 0 to 16")
    codec = Codec.from_dict(fields.pop("codec"))
    price = Price(**fields.pop("price"))
    return Candidate(codec=codec, price=price, **{name: Outcome(**each) for name, each in fields.items()})
