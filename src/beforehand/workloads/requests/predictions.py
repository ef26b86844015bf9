"""Predictions of lengths with errors of a known size, for requests whose true lengths are known."""

import math
from typing import Any, Final, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core import Price
from beforehand.core.errors import InvalidInput
from beforehand.workloads.draws import Floats, normals
from beforehand.workloads.requests.arrivals import check_numbers

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
        check_numbers(mae=mae, most=most)
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
