"""Ridge regression on sparse rows, for the predictors that weigh features of keys."""

from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from beforehand.streams.predictor import Sample, Weight

Doubles = NDArray[np.float64]
ITERATIONS: Final = 30
TOLERANCE: Final = 1e-12  # of the squared residual: beyond it nothing would show in half precision
MOST_ROWS: Final = 2**17  # more would take memory, and teach a few thousand weights nothing
MOST_BUCKETS: Final = 65_536


class Rows(Protocol):
    """A matrix that is known by its products."""

    def normal(self, weights: Doubles, v: Doubles) -> Doubles:
        """X' W X v."""

    def transposed(self, y: Doubles) -> Doubles:
        """X' y."""


def sample_weights(sample: Sample, weight: Weight) -> Doubles:
    """How much each key counts in a fit: the root of its count, from 1 to 30, or the same for all."""
    return np.clip(np.sqrt(sample.counts), 1, 30) if weight == "sqrt" else np.ones(sample.counts.size)


def ridge(rows: Rows, target: Doubles, weights: Doubles, penalty: float) -> tuple[float, Doubles]:
    """Bias and coefficients that minimize the weighted squared error plus `penalty` times their squared norm.

    The bias is the weighted mean of the target, which is not penalized. By conjugate gradients from 0 on the normal
    equations, 30 iterations at most; deterministic.
    """
    bias = float(np.average(target, weights=weights))
    residual = rows.transposed(weights * (target - bias))
    solution, direction = np.zeros_like(residual), residual.copy()
    squared = first = float(residual @ residual)
    for _ in range(ITERATIONS):
        if squared <= TOLERANCE * first:
            break
        product = rows.normal(weights, direction) + penalty * direction
        step = squared / float(direction @ product)
        solution += step * direction
        residual -= step * product
        before, squared = squared, float(residual @ residual)
        direction = residual + squared / before * direction
    return bias, solution
