"""Did the expectation come true: expected, measured, baseline and clairvoyant, side by side."""

import json
import math
from dataclasses import asdict, dataclass
from typing import Literal, final, get_args

from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Price

Verdict = Literal["worth it", "don't bother", "unclear"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@final
@dataclass(frozen=True)
class Outcome:
    """What one design reaches in the metric, and the interval that it lies in.

    Raises:
        InvalidInput: the design has no name; a number is not finite; `value` lies outside `[low, high]`.

    Example:
        >>> print(Outcome("histogram", 0.0226, 0.0221, 0.0231))
        histogram 0.0226 (0.0221 to 0.0231)
    """

    design: str
    value: float
    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse what is no outcome."""
        if not self.design:
            raise InvalidInput("design is empty, but an outcome must say what was run; name the design")
        for name in ("value", "low", "high"):
            number = getattr(self, name)
            if not math.isfinite(number):
                raise InvalidInput(f"{name} of {self.design} is {number}, but an outcome must be finite")
        if not self.low <= self.value <= self.high:
            raise InvalidInput(
                f"value of {self.design} is {self.value}, outside its interval [{self.low}, {self.high}]; "
                "pass low <= value <= high"
            )

    def __str__(self) -> str:
        """The design, the value and its interval, with three digits."""
        return f"{self.design} {self.value:.3g} ({self.low:.3g} to {self.high:.3g})"


@final
@dataclass(frozen=True, kw_only=True)
class Report:
    """An audited plan; there is none without a baseline, a price and an end-to-end metric.

    Args:
        area: Whose plan it was.
        metric: What was measured end to end; smaller is better.
        expected: What the plan promised.
        measured: What the same design did on data that the plan never saw.
        baseline: The strongest practical design that knows nothing beforehand, on the same data.
        clairvoyant: What knowing everything would have reached, on the same data.
        price: What the knowledge cost.
        verdict: `"worth it"`, `"don't bother"` or `"unclear"`.
        why: The verdict's reason, in one sentence.

    Raises:
        InvalidInput: an outcome, the price, the metric or the reason is missing; the verdict is none of the three.

    Example:
        >>> report = Report(
        ...     area="quantization",
        ...     metric="vNMSE",
        ...     expected=Outcome("histogram", 0.0226, 0.0221, 0.0231),
        ...     measured=Outcome("histogram", 0.0228, 0.0228, 0.0228),
        ...     baseline=Outcome("uniform", 1.8, 1.8, 1.8),
        ...     clairvoyant=Outcome("exact", 0.0225, 0.0225, 0.0225),
        ...     price=Price(seconds=2.4e-9, per="value"),
        ...     verdict="worth it",
        ...     why="it saves 3.6 bits per value",
        ... )
        >>> report.came_true
        True
    """

    area: str
    metric: str
    expected: Outcome
    measured: Outcome
    baseline: Outcome
    clairvoyant: Outcome
    price: Price
    verdict: Verdict
    why: str

    def __post_init__(self) -> None:
        """Refuse a report without baseline, price or metric."""
        for name in ("area", "metric", "why"):
            if not getattr(self, name):
                raise InvalidInput(f"{name} is empty, but a report must state it")
        for name in ("expected", "measured", "baseline", "clairvoyant"):
            if not isinstance(getattr(self, name), Outcome):
                raise InvalidInput(f"{name} is {getattr(self, name)!r}, but a report must compare four Outcomes")
        if not isinstance(self.price, Price):
            raise InvalidInput(f"price is {self.price!r}, but a report must charge a Price; pass Price() if it is free")
        if self.verdict not in VERDICTS:
            raise InvalidInput(f"verdict is {self.verdict!r}, but must be one of {', '.join(VERDICTS)}")

    @property
    def came_true(self) -> bool:
        """Whether the measured value and the promised interval meet."""
        return self.expected.low <= self.measured.high and self.measured.low <= self.expected.high

    def to_json(self) -> str:
        """The report as a JSON object with the fields above and `came_true`."""
        return json.dumps(asdict(self) | {"came_true": self.came_true}, indent=2)
