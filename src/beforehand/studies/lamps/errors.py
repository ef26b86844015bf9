"""Predictions of lengths and durations that are wrong in known ways."""

from dataclasses import dataclass
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.predictor import Price

FREE: Final = Price(per="request")
LEAST: Final = 0.05  # of the truth


@final
@dataclass(frozen=True)
class Disturbed:
    """The truth times one plus a normal error of this relative size.

    Example:
        >>> Disturbed(0.0, seed=1).predict([3.0, 5.0])
        array([3., 5.])
    """

    share: float
    seed: int
    price: Price = FREE

    def predict(self, features: Any) -> NDArray[np.float64]:
        """A prediction for each true value, at least a twentieth of it."""
        truth = np.asarray(features, np.float64)
        errors = np.random.default_rng(self.seed).standard_normal(truth.shape)
        predicted: NDArray[np.float64] = truth * np.maximum(1 + self.share * errors, LEAST)
        return predicted


@final
@dataclass(frozen=True)
class Inverted:
    """Long for short and short for long: the value as far from the other end.

    Example:
        >>> Inverted().predict([1.0, 2.0, 9.0])
        array([9., 8., 1.])
    """

    price: Price = FREE

    def predict(self, features: Any) -> NDArray[np.float64]:
        """A prediction for each true value."""
        truth = np.asarray(features, np.float64)
        predicted: NDArray[np.float64] = truth.max() + truth.min() - truth if truth.size else truth
        return predicted
