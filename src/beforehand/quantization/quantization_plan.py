"""The plan of a codec, on paper: the design that was chosen, what it should reach, what it beat, and its audit."""

import math
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any, Final, Self, final

from beforehand.core.errors import InvalidInput
from beforehand.core.plan import plan_json, reading
from beforehand.core.predictor import Price
from beforehand.core.report import VERDICTS, Outcome, Report, Verdict, judge
from beforehand.quantization.candidates import WORTH_IT, Candidate, draws, outcome, weigh_all
from beforehand.quantization.codec import Codec
from beforehand.quantization.options import check_below, whole
from beforehand.quantization.theory import Floats
from beforehand.quantization.vectors import Vectors, VectorsLike, expected, measured

BASELINES: Final = {
    "uniform": "equally spaced levels, which need no knowledge",
    "rotation": "random rotation, which needs no knowledge",
}


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

    def __post_init__(self) -> None:
        """Validate the fields."""
        tried = [candidate.design for candidate in self.candidates]
        if self.design not in tried:
            raise InvalidInput(f"design is {self.design!r}, but must be one of the candidates: {', '.join(tried)}")
        if self.verdict not in VERDICTS:
            raise InvalidInput(f"verdict is {self.verdict!r}, but must be one of {', '.join(VERDICTS)}")
        for name in ("vectors", "values"):
            if whole(name, getattr(self, name)) < 1:
                raise InvalidInput(f"{name} is {getattr(self, name)}, but a plan needs at least 1")
        check_below("seed", self.seed, 64)
        link = self.bytes_per_second
        if link is not None and not (isinstance(link, int | float) and 0 < link < math.inf):
            raise InvalidInput(
                f"bytes_per_second is {link!r}, but must be above 0 and finite; leave it out for storage"
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
        """Seconds to find levels, encode and decode, and bytes of codes and tables, per value."""
        return self.chosen.price

    @property
    def baseline(self) -> Outcome:
        """The vNMSE of equally spaced levels, or of rotation where that is allowed and better."""
        return self.candidates[0].vnmse

    @property
    def alternatives(self) -> tuple[Outcome, ...]:
        """The vNMSE of each design that lost."""
        return tuple(candidate.vnmse for candidate in self.candidates if candidate.design != self.design)

    def build(self) -> Codec:
        """The codec of the design chosen."""
        return self.chosen.codec

    def audit(self, holdout: VectorsLike, *, seed: int = 0) -> Report:
        """Encode and decode vectors that the plan never saw, and set the outcome beside what was expected.

        Args:
            holdout: Vectors, in any form that a sample may have.
            seed: Of the rounding and of the resampling.

        Guarantee:
            The errors of the design, of the baseline and of the clairvoyant (the best levels for each vector, with as
            many bits as the design) are those of decoded values, rounded with the same random numbers. Intervals and
            verdict follow the rules of `plan`.

        Cost:
            Three times encoding all, and for the time ten times the first 1,024 vectors or 2**20 values.

        Raises:
            InvalidInput: the holdout is empty, not finite, or not made of vectors.

        Example:
            >>> import numpy as np
            >>> from beforehand.quantization import plan
            >>> vectors = np.exp(np.random.default_rng(0).standard_normal((32, 4096)))
            >>> report = plan(vectors[:16], bits=4).audit(vectors[16:])
            >>> report.came_true, report.verdict
            (True, 'worth it')
        """
        chosen, before = self.chosen, self.candidates[0]
        vectors = Vectors.read(holdout, "holdout", axis=before.codec.axis)

        @cache
        def curve(s: int) -> Floats:
            return draws(expected(vectors, replace(before.codec, n_levels=s), seed), seed)

        tried = [
            (each.design, each.codec, each.bits, draws(measured(vectors, each.codec, seed)[0], seed))
            for each in ([before] if chosen is before else [before, chosen])
        ]
        weighed = weigh_all(vectors, tried, curve, self.bytes_per_second, seed)
        baseline, design = weighed[0], weighed[-1]
        best = replace(before.codec, method="exact", n_levels=2**chosen.bits)
        return Report(
            area=self.area,
            metric="vNMSE",
            expected=self.expected,
            measured=design.vnmse,
            baseline=baseline.vnmse,
            clairvoyant=outcome("exact", draws(measured(vectors, best, seed)[0], seed)),
            price=design.price,
            verdict=judge(design.net_bits, WORTH_IT),
            why=_worth(design, baseline, self.bytes_per_second),
        )

    def explain(self) -> str:
        """The choice in plain words, with its numbers."""
        chosen, baseline = self.chosen, self.candidates[0]
        lines = [
            f"{self.verdict}: {chosen.vnmse} vNMSE expected with {chosen.bits} bits a value, "
            f"from {self.vectors} vectors with {self.values} values.",
            f"{_worth(chosen, baseline, self.bytes_per_second)}.",
            "Tried:",
        ]
        for each in self.candidates:
            worth = f"gains {each.gain_bits.value:.3g} bits, net {each.net_bits.value:.3g}"
            lines.append(
                f"  {each.vnmse} vNMSE with {each.bits} bits, {each.price}; "
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


def _worth(candidate: Candidate, baseline: Candidate, bytes_per_second: float | None) -> str:
    if candidate.design == baseline.design:
        return f"nothing is worth more than {BASELINES[baseline.design]}"
    gain, net = candidate.gain_bits.value, candidate.net_bits
    link = "" if bytes_per_second is None else f" at {bytes_per_second:.3g} bytes a second"
    return (
        f"{baseline.design} would need {2 ** (candidate.bits + gain):.3g} levels for the error that {candidate.design} "
        f"has with {2**candidate.bits}: {gain:.3g} bits a value gained, "
        f"{net.value:.3g} ({net.low:.3g} to {net.high:.3g}) net of the price{link}"
    )


def _candidate(fields: dict[str, Any]) -> Candidate:
    return Candidate(
        codec=Codec.from_dict(fields["codec"]),
        bits=fields["bits"],
        price=Price(**fields["price"]),
        **{name: Outcome(**fields[name]) for name in ("vnmse", "gain_bits", "net_bits")},
    )
