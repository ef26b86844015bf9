"""Ridge regression, smoothed as much as generalized cross-validation says."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

PENALTIES: Final = np.logspace(-3, 3, 13)
TINY: Final = 1e-10  # share of the largest eigenvalue below which a direction carries nothing


class Ridge(NamedTuple):
    """A linear function, and how well it does on rows that it was not fitted to."""

    center: NDArray[np.float64]
    weights: NDArray[np.float64]
    intercept: float
    variance: float  # of `left_out`
    left_out: NDArray[np.float64]  # error of each row, had it been left out

    def predict(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """A number for each row."""
        values: NDArray[np.float64] = (x - self.center) @ self.weights + self.intercept
        return values


def fit_ridge(x: NDArray[np.float64], y: NDArray[np.float64]) -> Ridge:
    """The function of least generalized cross-validation among penalties from 1e-3 to 1e3.

    Args:
        x: Rows by columns.
        y: A number for each row.

    Example:
        >>> x = np.arange(10.0)[:, None]
        >>> fit_ridge(x, 2 * x[:, 0] + 1).predict(np.array([[20.0]])).round(1)
        array([41.])
    """
    rows = len(x)
    center, mean = x.mean(axis=0), float(y.mean())
    x, y = x - center, y - mean
    if x.shape[1] <= rows:
        values, right = np.linalg.eigh(x.T @ x)
        kept = values > TINY * max(values[-1], 1e-300)
        values, right = values[kept], right[:, kept]
        left = x @ (right / np.sqrt(values))
    else:
        values, left = np.linalg.eigh(x @ x.T)
        kept = values > TINY * max(values[-1], 1e-300)
        values, left = values[kept], left[:, kept]
        right = x.T @ (left / np.sqrt(values))
    along = left.T @ y
    best: tuple[float, float] = (np.inf, PENALTIES[0])
    for penalty in PENALTIES:
        kept_back = penalty / (values + penalty)
        rest = float(y @ y) - float(along @ along) + float(((kept_back * along) ** 2).sum())
        free = rows - 1 - float((1 - kept_back).sum())
        best = min(best, (rows * max(rest, 0.0) / max(free, 1e-3) ** 2, float(penalty)))
    shrunk = values / (values + best[1])
    weights = right @ (along * shrunk / np.sqrt(values))
    leverage = 1 / rows + (left**2 * shrunk).sum(axis=1)
    left_out = (y - left @ (along * shrunk)) / np.maximum(1 - leverage, 1e-3)
    return Ridge(center, weights, mean, float((left_out**2).mean()), left_out)
