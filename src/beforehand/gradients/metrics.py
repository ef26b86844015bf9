"""How far a recovered mean is off, and how much the workers agree."""

import math

import numpy as np
from numpy.typing import ArrayLike

from beforehand.core.errors import InvalidInput
from beforehand.gradients.inputs import numbers


def vnmse(estimate: ArrayLike, truth: ArrayLike) -> float:
    """The squared error over the squared length of the truth: the vector normalized mean squared error.

    Args:
        estimate: What was recovered.
        truth: Of the same shape.

    Returns:
        0 if both are zero, infinity if only the truth is, NaN if either is not finite.

    Raises:
        InvalidInput: The shapes differ, or they hold anything but numbers.

    Example:
        >>> vnmse([1.0, 1.0], [1.0, 2.0])
        0.2
    """
    found, true = numbers("estimates", estimate, np.float64), numbers("truths", truth, np.float64)
    if found.shape != true.shape:
        raise InvalidInput(f"estimate has shape {found.shape}, but truth {true.shape}; they must be alike")
    with np.errstate(invalid="ignore", over="ignore"):
        error, energy = float(((found - true) ** 2).sum()), float((true**2).sum())
    if energy == 0:
        return 0.0 if error == 0 else math.inf
    return error / energy


def correlation(gradients: ArrayLike) -> float:
    """How much workers agree (rho): the squared length of the mean over the mean squared length.

    Args:
        gradients: One row for each of the n workers.

    Returns:
        1/n for gradients at right angles, 1 for equal ones, 0 where they cancel; 1 if all are zero.

    Raises:
        InvalidInput: `gradients` is not 2-D, or has no row.

    Example:
        >>> correlation([[1.0, 0.0], [0.0, 1.0]])
        0.5
    """
    rows = numbers("gradients", gradients, np.float64)
    if rows.ndim != 2 or len(rows) == 0:
        raise InvalidInput(f"gradients has shape {rows.shape}, but must have one row for each worker")
    energy = float((rows**2).sum()) / len(rows)
    return float((rows.mean(axis=0) ** 2).sum()) / energy if energy > 0 else 1.0
