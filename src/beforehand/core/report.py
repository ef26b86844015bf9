"""Did the expectation come true: expected, measured, baseline and clairvoyant, side by side."""

import json
import math
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, Self, final, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Price

Verdict = Literal["worth it", "don't bother", "unclear", "no predictions"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
INTERVAL: Final = (0.025, 0.975)  # of the draws: the 95 % that every outcome's interval holds
FEW_DRAWS: Final = 8  # with fewer, the interval holds all


@final
@dataclass(frozen=True)
class Outcome:
    """What one design reaches in the metric, and the 95 % interval around it.

    In every plan and report the interval runs from the 2.5th to the 97.5th percentile of resampled values, as `of`
    takes it. Where nothing was resampled, `low` and `high` are the value itself.

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
        """Validate the fields."""
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

    @classmethod
    def of(cls, design: str, value: float, draws: NDArray[Any]) -> Self:
        """A value with the 95 % interval of its resampled values, widened to hold the value.

        Draws that are not finite are left out. Of fewer than 8, the interval runs from the smallest to the largest.

        Example:
            >>> Outcome.of("exact", 50.0, np.arange(101.0))
            Outcome(design='exact', value=50.0, low=2.5, high=97.5)
        """
        finite = draws[np.isfinite(draws)]
        if finite.size >= FEW_DRAWS:
            low, high = np.quantile(finite, INTERVAL)
        else:
            low, high = finite.min(initial=value), finite.max(initial=value)
        return cls(design, value, min(value, float(low)), max(value, float(high)))

    def __str__(self) -> str:
        """The design, the value and its interval, with three digits."""
        return f"{self.design} {self.value:.3g} ({self.low:.3g} to {self.high:.3g})"


def judge(gain: Outcome, least: float) -> Verdict:
    """Whether a gain is worth having: the whole interval of it must lie on one side of the least worthwhile gain.

    Example:
        >>> judge(Outcome("exact", 0.3, 0.2, 0.4), 0.1), judge(Outcome("exact", 0.3, 0.0, 0.4), 0.1)
        ('worth it', 'unclear')
    """
    if gain.low > least:
        return "worth it"
    return "don't bother" if gain.high <= least else "unclear"


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
        verdict: `"worth it"`, `"don't bother"` or `"unclear"`; `"no predictions"` where none was tried.
        why: The verdict's reason, in one sentence.

    Raises:
        InvalidInput: an outcome, the price, the metric or the reason is missing; the verdict is none of these.

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
        """Validate the fields."""
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
