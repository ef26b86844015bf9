"""Which levels are worth finding: a design chosen on a sample, its price, and the check afterwards."""

import json
import math
import os
import platform
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib.metadata import version
from typing import Any, Final, Literal, Self, final, get_args

import numpy as np

from beforehand.core.errors import BeforehandError, CorruptData, InvalidInput
from beforehand.core.predictor import Price
from beforehand.core.report import VERDICTS, Outcome, Report, Verdict
from beforehand.quantization.candidates import Candidate, choose, draws, judge, outcome, weigh
from beforehand.quantization.codec import Codec
from beforehand.quantization.levels import Objective, levels
from beforehand.quantization.rotation import SMALLEST_CHUNK
from beforehand.quantization.theory import Floats
from beforehand.quantization.vectors import Vectors, expected, measured

Design = Literal["uniform", "static", "histogram", "exact", "rotation"]
Access = Literal["element", "row", "whole"]
KNOWING_NOTHING: Final = {
    "uniform": "equally spaced levels, which need no knowledge",
    "rotation": "random rotation, which needs no knowledge",
}
MOST_BITS = 8
TIMED_VALUES, TIMED_VECTORS = 2**20, 2**10  # whichever comes first


@final
@dataclass(frozen=True, kw_only=True)
class QuantizationPlan:
    """The design chosen for vectors like the sample, what to expect of it, and what it beat.

    `build()` makes the codec, `explain()` says why in words, `audit` checks the expectation on other vectors.

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
        """Refuse a design that was never tried."""
        if self.design not in [candidate.design for candidate in self.candidates] or self.verdict not in VERDICTS:
            raise InvalidInput(f"design is {self.design!r} and verdict {self.verdict!r}, but neither may be made up")

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
            lines.append("It was not weighed, as what is stored is written once; for a link pass bytes_per_second.")
        return "\n".join(lines)

    def to_json(self) -> str:
        """The plan as a JSON object, which names its area."""
        return json.dumps({"area": self.area} | asdict(self), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The plan that `to_json` wrote.

        Raises:
            CorruptData: `text` is not of that form.
        """
        try:
            fields = json.loads(text)
            if fields.pop("area") != "quantization":
                raise CorruptData("it is of another area")
            fields["candidates"] = tuple(_candidate(entry) for entry in fields["candidates"])
            plan = cls(**fields)
            plan.explain()  # touches every figure
        except (
            BeforehandError,
            AttributeError,
            KeyError,
            TypeError,
            ValueError,
            RecursionError,
            StopIteration,
        ) as error:
            raise CorruptData(f"this is no plan for quantization ({error}); pass what to_json() returned") from error
        return plan


from_json = QuantizationPlan.from_json  # what `core.load_plan` looks for


def plan(
    sample: Any,
    *,
    bits: int | None = None,
    max_vnmse: float | None = None,
    objective: Objective = "unbiased",
    access: Access = "element",
    axis: int | None = None,
    block: int | None = None,
    bytes_per_second: float | None = None,
    seed: int = 0,
) -> QuantizationPlan:
    """Choose how to find levels for vectors like these, and say what that will gain and cost.

    Args:
        sample: Complete vectors: a `Trace` of kind `vectors`, a 2-D array of one vector a row, or a list of 1-D arrays.
            Parts of vectors would promise too much, as the range grows with the length.
        bits: Bits a value, 1 to 8. Exactly one of `bits` and `max_vnmse`.
        max_vnmse: The error allowed; each design takes the fewest bits whose interval stays below.
        objective: `"unbiased"`, or `"mse"` for the smallest error.
        access: What must be readable alone: `"element"`, any value; `"row"`, any row, which is a vector or, with
            `axis=1`, lies across them; `"whole"`, only all together. Rotation is tried where this allows it.
        axis: For a codec that takes whole matrices, whose rows (0) or columns (1) are the vectors.
        block: One table for each run of so many values of a vector; for rotation the largest number of values rotated
            together, so that it is tried only if that is a power of two of at least 64.
        bytes_per_second: The speed of the link that codes travel on. Left out, seconds are reported but not weighed:
            what is stored is written once.
        seed: Of the resampling, and of the rounding while time is taken.

    Guarantee:
        `expected` holds the mean vNMSE of the sample's vectors and the 5th to 95th percentile of that mean over 200
        resamples (under 8 vectors: the smallest and the largest single one). The verdict is *worth it* if the net gain
        is over 0.1 bits a value in all of the interval, *don't bother* if it is below in all of it.

    Cost:
        Each design once over all for the error, and five times over the first 1,024 vectors or 2**20 values for the
        time; about ten passes for what the baseline does with more levels.

    Raises:
        InvalidInput: both or neither of `bits` and `max_vnmse`, or out of range; no design reaches `max_vnmse`; the
            sample is empty, not finite, or not made of vectors.

    Example:
        >>> random = np.random.default_rng(0)
        >>> chosen = plan(np.exp(random.standard_normal((16, 4096))), bits=4)
        >>> chosen.verdict
        'worth it'
        >>> codes = chosen.build().encode(np.exp(random.standard_normal(4096)), seed=1)
    """
    if (bits is None) == (max_vnmse is None):
        raise InvalidInput(f"bits is {bits} and max_vnmse is {max_vnmse}, but exactly one of them must be given")
    if bits is not None and bits not in range(1, MOST_BITS + 1):
        raise InvalidInput(f"bits is {bits}, but must be from 1 to {MOST_BITS}")
    if max_vnmse is not None and not 0 < max_vnmse < math.inf:
        raise InvalidInput(f"max_vnmse is {max_vnmse}, but must be positive and finite")
    if bytes_per_second is not None and not 0 < bytes_per_second < math.inf:
        raise InvalidInput(
            f"bytes_per_second is {bytes_per_second}, but must be positive and finite; leave it out if none"
        )
    if access not in get_args(Access):
        raise InvalidInput(f"access is {access!r}, but must be one of {', '.join(get_args(Access))}")
    vectors = Vectors.read(sample, axis=axis)
    start = Codec(method="uniform", s=2, objective=objective, axis=axis, block=block)

    def static(part: Vectors, s: int) -> Codec:
        table = levels(part.pool(), s, objective=objective)
        return replace(start, method="given", s=table.s, levels=table.values.tolist())

    @cache
    def errors(design: Design, s: int) -> Floats:
        if design == "static":
            first, second = vectors.halves()
            crossed = expected(first, static(second, s), seed), expected(second, static(first, s), seed)
            return draws(np.concatenate(crossed), seed)
        return draws(expected(vectors, replace(start, method=design, s=s), seed), seed)

    offered = range(1, MOST_BITS + 1) if bits is None else range(bits, bits + 1)
    limit = math.inf if max_vnmse is None else max_vnmse

    def fewest_bits(design: Design) -> int:
        """One more than the most if these are not enough. As more bits never err more, by halving."""
        below = bisect_left(offered, True, key=lambda b: outcome(design, errors(design, 2**b)).high < limit)
        return offered.start + below

    designs: list[Design] = ["uniform", "histogram", "exact"]
    if len(vectors) > 1:
        designs.append("static")
    together = access == "whole" or (access == "row" and axis not in (1, -1))
    if together and (block is None or (block >= SMALLEST_CHUNK and block.bit_count() == 1)):
        designs.append("rotation")
    sizes = {design: fewest_bits(design) for design in designs}
    able = [design for design in designs if sizes[design] <= MOST_BITS]
    if not able:
        best = min((outcome(design, errors(design, 2**MOST_BITS)) for design in designs), key=lambda best: best.high)
        raise InvalidInput(
            f"max_vnmse is {max_vnmse}, but {best.design} with {MOST_BITS} bits reaches no less than {best.high:.3g}; "
            "allow more"
        )
    sizes = {design: min(size, MOST_BITS) for design, size in sizes.items()}
    baseline = min(
        (design for design in designs if design in KNOWING_NOTHING),
        key=lambda design: (design not in able, sizes[design], errors(design, 2 ** sizes[design])[0]),
    )
    tried = []
    for design in [baseline, *(other for other in able if other != baseline)]:
        s = 2 ** sizes[design]
        codec = static(vectors, s) if design == "static" else replace(start, method=design, s=s)
        tried.append((design, codec, sizes[design], errors(design, s)))
    candidates = _weigh(vectors, tried, lambda s: errors(baseline, s), bytes_per_second, seed)
    chosen = choose([each for each in candidates if each.design in able], bytes_per_second)
    return QuantizationPlan(
        design=chosen.design,
        candidates=tuple(candidates),
        verdict=judge(chosen.net_bits),
        bytes_per_second=bytes_per_second,
        vectors=len(vectors),
        values=vectors.size,
        seed=seed,
        machine=f"{platform.platform()}, {platform.processor() or platform.machine()}, {os.cpu_count()} processors",
        versions={"beforehand": version("beforehand"), "numpy": np.__version__, "python": platform.python_version()},
    )


def audit(plan: QuantizationPlan, holdout: Any, *, seed: int = 0) -> Report:
    """Encode and decode vectors that the plan never saw, and set the outcome beside what it expected.

    Args:
        plan: What is checked.
        holdout: Vectors, in any form that a sample may have.
        seed: Of the rounding and of the resampling.

    Guarantee:
        The errors of the design, of the baseline and of the clairvoyant (the best levels for each vector, with as many
        bits as the design) are those of decoded values, rounded with the same random numbers. Intervals and verdict
        follow the rules of `plan`.

    Cost:
        Three times encoding all, and for the time ten times the first 1,024 vectors or 2**20 values.

    Raises:
        InvalidInput: the holdout is empty, not finite, or not made of vectors.

    Example:
        >>> vectors = np.exp(np.random.default_rng(0).standard_normal((32, 4096)))
        >>> report = audit(plan(vectors[:16], bits=4), vectors[16:])
        >>> report.came_true, report.verdict
        (True, 'worth it')
    """
    chosen, before = plan.chosen, plan.candidates[0]
    vectors = Vectors.read(holdout, "holdout", axis=before.codec.axis)

    @cache
    def curve(s: int) -> Floats:
        return draws(expected(vectors, replace(before.codec, s=s), seed), seed)

    tried = [
        (each.design, each.codec, each.bits, draws(measured(vectors, each.codec, seed)[0], seed))
        for each in ([before] if chosen is before else [before, chosen])
    ]
    weighed = _weigh(vectors, tried, curve, plan.bytes_per_second, seed)
    baseline, design = weighed[0], weighed[-1]
    best = replace(before.codec, method="exact", s=2**chosen.bits)
    return Report(
        area=plan.area,
        metric="vNMSE",
        expected=plan.expected,
        measured=design.vnmse,
        baseline=baseline.vnmse,
        clairvoyant=outcome("exact", draws(measured(vectors, best, seed)[0], seed)),
        price=design.price,
        verdict=judge(design.net_bits),
        why=_worth(design, baseline, plan.bytes_per_second),
    )


def _seconds(vectors: Vectors, codecs: Sequence[Codec], seed: int) -> list[float]:
    """Seconds a value of each codec, the best of five in turns, so that a slow moment of the machine hits all."""
    first = vectors.first(values=TIMED_VALUES, vectors=TIMED_VECTORS)
    rounds = [[measured(first, codec, seed)[1] for codec in codecs] for _ in range(5)]
    return [min(times) for times in zip(*rounds, strict=True)]


def _weigh(
    vectors: Vectors,
    tried: Sequence[tuple[str, Codec, int, Floats]],
    curve: Callable[[int], Floats],
    bytes_per_second: float | None,
    seed: int,
) -> list[Candidate]:
    """Name, codec, bits and errors of each design, the baseline first, weighed against that."""
    candidates: list[Candidate] = []
    seconds = _seconds(vectors, [codec for _, codec, _, _ in tried], seed)
    for (design, codec, bits, errors), time in zip(tried, seconds, strict=True):
        side_bytes = vectors.side_bytes(codec, 2**bits) / vectors.size
        price = Price(seconds=time, bytes=bits / 8 + side_bytes, per="value")
        against = (candidates[0], curve) if candidates else None
        candidates.append(weigh(design, codec, bits, errors, price, against=against, bytes_per_second=bytes_per_second))
    return candidates


def _worth(candidate: Candidate, baseline: Candidate, bytes_per_second: float | None) -> str:
    if candidate.design == baseline.design:
        return f"nothing is worth more than {KNOWING_NOTHING[baseline.design]}"
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
