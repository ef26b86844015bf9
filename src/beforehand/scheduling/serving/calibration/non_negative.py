"""Least squares whose coefficients are at least 0."""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROUNDING: Final = 1e-10  # of gradients, against those of a solution that is all zeros


def non_negative_least_squares(matrix: Floats, target: Floats) -> Floats:
    """The `x >= 0` that makes the length of `matrix @ x - target` smallest.

    Args:
        matrix: Rows x columns, finite; columns of zeros get the coefficient 0.
        target: One number a row, finite.

    Guarantee:
        No coefficient is negative. Where the columns in use are independent, no other `x >= 0` is better by more than
        rounding.

    Cost:
        One QR decomposition; then a least-squares solution of as many rows as columns for each column that comes into
        use, or drops out on the way.

    Example:
        >>> non_negative_least_squares(np.array([[1.0, 1.0], [1.0, 2.0], [1.0, 3.0]]), np.array([3.0, 2.0, 1.0]))
        array([2., 0.])

    Reference:
        Lawson, Hanson: Solving Least Squares Problems, chapter 23. 1974.
    """
    length = np.linalg.norm(matrix, axis=0)
    scale = np.where(length > 0, length, 1.0)
    scaled, columns = matrix / scale, matrix.shape[1]
    if len(matrix) > columns + 1:  # the triangle has the same distances, up to what no coefficients change
        triangle: Any = np.linalg.qr(np.column_stack((scaled, target)), mode="r")
        scaled, target = triangle[:, :-1], triangle[:, -1]
    x, used = np.zeros(columns), np.zeros(columns, dtype=np.bool_)
    gradient = scaled.T @ target
    least = ROUNDING * max(float(np.abs(gradient).max(initial=0.0)), np.finfo(float).tiny)
    for _ in range(3 * columns + 1):  # what Lawson and Hanson's own program allows
        open_columns = np.flatnonzero(~used & (gradient > least))
        if not open_columns.size:
            break
        used[open_columns[np.argmax(gradient[open_columns])]] = True
        while True:
            solution = np.zeros(columns)
            solution[used] = np.linalg.lstsq(scaled[:, used], target, rcond=None)[0]
            negative = used & (solution <= 0)
            if not negative.any():
                x = solution
                break
            step = np.min(x[negative] / (x[negative] - solution[negative] + np.finfo(float).tiny))
            x = x + step * (solution - x)
            used &= x > ROUNDING * max(float(x.max()), np.finfo(float).tiny)
            x[~used] = 0.0
        gradient = scaled.T @ (target - scaled @ x)
    return x / scale
