"""The rules that options and gradients share."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from beforehand.core.errors import InvalidInput
from beforehand.gradients.exchange import Floats


def as_gradient(gradient: Any, size: int) -> Floats:
    """The gradient of a bucket of this size.

    Raises:
        InvalidInput: It is not float32, not 1-D, or of another length.
    """
    if not isinstance(gradient, np.ndarray) or gradient.dtype != np.float32 or gradient.shape != (size,):
        array = isinstance(gradient, np.ndarray)
        given = f"{gradient.dtype}{list(gradient.shape)}" if array else f"a {type(gradient).__name__}"
        raise InvalidInput(f"gradient is {given}, but must be an array of float32[{size}]; convert it first")
    if isinstance(gradient, np.ma.MaskedArray):
        raise InvalidInput("gradient is masked, but a mask cannot be kept; pass .filled(0)")
    return np.ascontiguousarray(gradient)


def numbers(name: str, given: Any, dtype: DTypeLike) -> NDArray[Any]:
    """What was given as an array of this dtype; values beyond its range become infinite.

    Raises:
        InvalidInput: It is masked, or holds anything but real numbers.
    """
    if isinstance(given, np.ma.MaskedArray):
        raise InvalidInput(f"{name} are masked, but a mask cannot be kept; pass .filled(0) or what is not masked")
    try:
        array = np.asarray(given)
        if array.dtype.kind not in "biuf":
            raise TypeError(array.dtype)
        with np.errstate(over="ignore"):
            return array.astype(dtype, copy=False)
    except (TypeError, ValueError, RuntimeError) as error:
        raise InvalidInput(f"{name} must be an array of real numbers ({error}); convert them first") from None


def check_loss_scale(scale: object) -> None:
    """Raise unless feedback can be multiplied by it and divided again; by 0 it would become infinite for good."""
    real("loss_scale", scale.item() if isinstance(scale, np.generic) else scale)
    with np.errstate(over="ignore", under="ignore"):
        narrow = np.float32(scale)  # type: ignore[arg-type]
    if not 0 < narrow < np.inf:
        raise InvalidInput(
            f"loss_scale is {scale}, but must be a number above 0 and finite in float32; mend the scaler"
        )


def check_seed(seed: int, name: str = "seed") -> None:
    """Raise unless the seed, or what else has 64 bits, does so."""
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 2**64:
        raise InvalidInput(f"{name} is {seed!r}, but must be a whole number from 0 to 2**64 - 1")


def whole(name: str, number: object, least: int | None = None) -> None:
    """Raise unless an option is a whole number, and not below `least`."""
    if isinstance(number, bool) or not isinstance(number, int | np.integer) or (least is not None and number < least):
        limit = "" if least is None else f" of at least {least}"
        raise InvalidInput(f"{name} is {number!r}, but must be a whole number{limit}")


def real(name: str, number: object) -> None:
    """Raise unless an option is a number."""
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise InvalidInput(f"{name} is {number!r}, but must be a number")


def one_of(name: str, given: object, allowed: tuple[object, ...]) -> None:
    """Raise unless an option is one of the allowed values, and of their type."""
    if not any(type(given) is type(each) and given == each for each in allowed):
        raise InvalidInput(f"{name} is {given!r}, but must be one of {', '.join(map(repr, allowed))}")
