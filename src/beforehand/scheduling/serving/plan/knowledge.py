"""How well a predictor knows: its error, its order, and predictions with more or less error."""

from dataclasses import dataclass
from typing import Final, final

import numpy as np

from beforehand.scheduling.inputs import checked, settle
from beforehand.scheduling.serving.plan.traffic import Floats

PAIRS: Final = 3_000  # rows of which all pairs are compared


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """How near predictions of output tokens come.

    Args:
        error: The mean absolute error, in tokens.
        kendall_tau: Of the pairs that differ in truth and in prediction, the share in the right order less the share
            in the wrong one: 1 for a perfect order, 0 for none.
    """

    error: float
    kendall_tau: float

    def __post_init__(self) -> None:
        """Validate the fields."""
        settle(
            self,
            error=checked("error", self.error),
            kendall_tau=checked("kendall_tau", self.kendall_tau, least=-1.0, most=1.0),
        )

    @classmethod
    def of(cls, predicted: Floats, true: Floats) -> "Accuracy":
        """That of these predictions; the order by evenly spaced rows, if there are more than 3,000.

        Example:
            >>> Accuracy.of(np.array([1.0, 3.0, 2.0]), np.array([1.0, 2.0, 3.0]))
            Accuracy(error=0.6666666666666666, kendall_tau=0.3333333333333333)
        """
        few = np.linspace(0, len(true) - 1, min(len(true), PAIRS)).astype(np.int64)
        ahead = np.sign(predicted[few][:, None] - predicted[few]) * np.sign(true[few][:, None] - true[few])
        compared = np.count_nonzero(ahead)
        return cls(
            error=float(np.mean(np.abs(predicted - true))),
            kendall_tau=float(ahead.sum() / compared) if compared else 0.0,
        )


def with_errors(predicted: Floats, true: Floats, times: float) -> Floats:
    """Predictions whose errors, as logarithms of a ratio, are `times` as large; at least 1 token.

    Example:
        >>> with_errors(np.array([20.0, 5.0]), np.array([10.0, 10.0]), 2.0)
        array([40. ,  2.5])
    """
    truth = np.maximum(true, 1.0)
    ratio = np.log(np.maximum(predicted, 1.0) / truth)
    wrong: Floats = np.maximum(truth * np.exp(np.clip(times * ratio, -60.0, 60.0)), 1.0)
    return wrong
