"""Asking a predictor about keys, and what that has cost."""

import time
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.streams.frequency import predictor_from_bytes
from beforehand.streams.predictor import KeyPredictor


@final
class Asked:
    """A predictor that summaries ask; called with keys, it says one float32 of each.

    Args:
        predictor: An object with `price` and the method.
        method: Its name.

    Raises:
        InvalidInput: It has no such method or no price, or was not fitted.
    """

    __slots__ = ("_method", "calls", "keys", "predictor", "seconds", "unusable")

    def __init__(self, predictor: Any, method: str = "predict") -> None:
        if not callable(getattr(predictor, method, None)) or not hasattr(predictor, "price"):
            raise InvalidInput(
                f"predictor is {predictor!r}, but must have {method}(keys) and a price; put a function into "
                "FromCallable"
            )
        if isinstance(predictor, KeyPredictor) and not predictor.fitted:
            raise InvalidInput(f"this {type(predictor).__name__} was not fitted; call fit(keys) first")
        self.predictor, self._method = predictor, method
        self.calls = self.keys = self.unusable = 0
        self.seconds = 0.0

    def __call__(self, keys: Any) -> NDArray[np.float32]:
        """One prediction for each key, checked."""
        begun = time.thread_time()
        said = getattr(self.predictor, self._method)(keys)
        self.seconds += time.thread_time() - begun
        self.calls += 1
        self.keys += len(keys)
        found = np.asarray(said)
        if found.shape != (len(keys),) or found.dtype.kind not in "fiu":
            raise InvalidInput(
                f"the predictor says {found.dtype} of shape {found.shape} of {len(keys)} keys, but must say a number "
                "of each"
            )
        with np.errstate(over="ignore"):  # too large for float32 is as unusable as inf
            predictions = np.ascontiguousarray(found, np.float32)
        self.unusable += predictions.size - int(np.isfinite(predictions).sum())
        return predictions

    @property
    def stored(self) -> bytes | None:
        """Its bytes, if it has any."""
        if isinstance(self.predictor, KeyPredictor) and self.predictor.storable:
            return self.predictor.to_bytes()
        return None


def predictor_of(stored: bytes | None, given: Any) -> Any:
    """The predictor of a summary that was read: the given one, or that beside which it was stored.

    Raises:
        InvalidInput: there is neither.
        CorruptData: the stored one is damaged.
    """
    if given is not None:
        return given
    if stored is None:
        raise InvalidInput("these bytes hold no predictor, as the summary's had no bytes; pass it as predictor=")
    return predictor_from_bytes(stored)
