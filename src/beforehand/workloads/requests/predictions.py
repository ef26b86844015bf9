"""Predictions of lengths with errors of a known size, for requests whose true lengths are known."""

import math
from typing import Any, Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core import Price
from beforehand.core.errors import InvalidInput
from beforehand.workloads.draws import Floats, normals

ERROR: Final = 140  # purpose of random numbers
PROBE_MAE: Final = 46.1
"""Tokens by which the probe of TRAIL errs on average, before smoothing; arXiv:2410.01035."""


@final
class NormalErrors:
    """A predictor of lengths whose errors are normal, the same for short answers as for long ones.

    Args:
        mae: Mean absolute error in tokens before predictions are clipped; their standard deviation is
            `mae * sqrt(pi / 2)`.
        most: Predictions are clipped to 1 to `most` tokens.
        seed: From 0 to 2**64 - 1; another seed draws other errors.
        price: What a prediction costs.

    Raises:
        InvalidInput: `mae` is negative or not finite; `most` is below 1.

    Example:
        >>> NormalErrors(mae=0.0, seed=0).predict([10, 900])
        array([ 10., 512.])
    """

    price: Price

    def __init__(self, *, mae: float = PROBE_MAE, most: float = 512, seed: int, price: Price | None = None) -> None:
        if not 0 <= mae < math.inf or not most >= 1:
            raise InvalidInput(
                f"mae is {mae} and most {most}, but mae must be finite and at least 0, and most at least 1 token"
            )
        self._sigma, self._most, self._seed = mae * math.sqrt(math.pi / 2), most, seed
        self.price = Price(per="request") if price is None else price

    def predict(self, features: ArrayLike | NDArray[Any]) -> Floats:
        """One prediction for each true length; the error of a length depends on its position."""
        lengths = np.asarray(features, dtype=np.float64)
        errors = self._sigma * normals(np.arange(lengths.size), self._seed, ERROR)
        return np.clip(lengths + errors.reshape(lengths.shape), 1, self._most)


@final
class LognormalErrors:
    """A predictor of lengths that is off by a factor, of median 1: twice as long an answer, twice as large an error.

    Args:
        sigma: Standard deviation of the factor's logarithm, from 0, always right, to 10.
        seed: From 0 to 2**64 - 1; another seed draws other errors.
        price: What a prediction costs.

    Raises:
        InvalidInput: `sigma` is out of range.

    Example:
        >>> LognormalErrors(0.0, seed=0).predict([10, 900])
        array([ 10., 900.])
    """

    price: Price

    def __init__(self, sigma: float, *, seed: int, price: Price | None = None) -> None:
        if not 0 <= sigma <= 10:
            raise InvalidInput(f"sigma is {sigma}, but must be from 0, always right, to 10")
        self._sigma, self._seed = sigma, seed
        self.price = Price(per="request") if price is None else price

    def predict(self, features: ArrayLike | NDArray[Any]) -> Floats:
        """One prediction for each true length, at least 1; the factor of a length depends on its position."""
        lengths = np.asarray(features, dtype=np.float64)
        factors = np.exp(self._sigma * normals(np.arange(lengths.size), self._seed, ERROR))
        return np.maximum(lengths * factors.reshape(lengths.shape), 1.0)
