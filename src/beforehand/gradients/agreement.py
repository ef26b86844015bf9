"""Which table of THC suits workers who agree so much: chosen by the closed form of the error, round by round."""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.gradients import theory
from beforehand.gradients.thc_table import Table

WEIGHT = 0.1  # of a new round in the mean of rho
GAIN = 1.05  # by which another table must be better
SCALES = np.linspace(0, 1, 33)


@final
class Agreement:
    """What one bucket's rounds say of rho, and the table in favor."""

    def __init__(self, tables: tuple[Table, ...]) -> None:
        self._tables = tables
        self.rho: float | None = None
        self.favored = 0

    def observe(self, squared_norms: NDArray[np.float64], squared_mean: float, in_force: int) -> None:
        """Learn from a round.

        Args:
            squared_norms: Of each worker's part.
            squared_mean: Of the recovered mean.
            in_force: The table that was used.
        """
        energy = float(squared_norms.mean())
        if energy <= 0:
            return
        n = len(squared_norms)
        lengths = np.sqrt(squared_norms / squared_norms.max())
        ratio = squared_mean / energy
        before = min(max(ratio if self.rho is None else self.rho, 1 / n), 1.0)
        now = min(max(ratio / (1 + _expected(self._tables, before, lengths)[in_force]), 1 / n), 1.0)
        mean = now if self.rho is None else (1 - WEIGHT) * self.rho + WEIGHT * now
        self.rho = float(np.float32(mean))  # what a saved state holds
        if len(self._tables) > 1:
            errors = _expected(self._tables, self.rho, lengths)
            best = int(np.argmin(errors))
            if errors[best] * GAIN < errors[in_force]:
                self.favored = best
            else:
                self.favored = in_force

    def state(self, bucket: str) -> dict[str, NDArray[Any]]:
        """What to keep for a resumed run, under the name of a bucket: nothing before the first round."""
        return {} if self.rho is None else {f"selector/{bucket}": np.array([self.rho, self.favored], np.float32)}

    def load(self, state: Mapping[str, NDArray[Any]], bucket: str) -> None:
        """Take what `state` returned, if it is there."""
        kept = state.get(f"selector/{bucket}")
        if kept is not None:
            if kept.shape != (2,) or not np.isfinite(kept).all():
                raise InvalidInput(f"selector of {bucket} is {kept!r}, but must be two finite numbers; load state()")
            rho, favored = kept.tolist()
            self.rho = float(rho)
            self.favored = min(max(int(favored), 0), len(self._tables) - 1)


class _Curves(NamedTuple):
    """What the theory says of tables by the scale of a worker, from 0 to 1: interpolation spares most of its time."""

    rounding: NDArray[np.float64]  # (table, scale)
    truncation: NDArray[np.float64]
    orders: NDArray[np.float64]  # (table, scale, order), by the workers' mean scale


@functools.lru_cache(maxsize=256)
def _curves(tables: tuple[Table, ...]) -> _Curves:
    scales = SCALES.tolist()
    return _Curves(
        np.array([[theory.rounding_cost(each.values, each.half_range, scale=s) for s in scales] for each in tables]),
        np.array([[s**2 * theory.truncation_energy(each.half_range / s) if s else 0.0 for s in scales]
                  for each in tables]),
        np.array([[theory.truncation_orders(each.half_range / max(s, scales[1])) for s in scales] for each in tables]),
    )  # fmt: skip


def _expected(tables: tuple[Table, ...], rho: float, lengths: NDArray[np.float64]) -> NDArray[np.float64]:
    """`theory.expected_vnmse` of each table, for lengths of which the longest is 1."""
    curves = _curves(tables)
    rounding = _between(curves.rounding, lengths).sum(axis=1)
    cut = _between(curves.truncation, lengths)
    orders = _between(curves.orders, lengths.mean())
    kappa = orders @ theory.pairwise_correlation(rho, lengths.tolist()) ** theory.ODD
    total = cut.sum(axis=1)
    across = np.sqrt(cut).sum(axis=1) ** 2 - total
    errors: NDArray[np.float64] = (rounding + total + kappa * across) / (len(lengths) * rho * (lengths @ lengths))
    return errors


def _between(curves: NDArray[np.float64], scale: Any) -> NDArray[np.float64]:
    """Curves over SCALES, their second axis, at these scales."""
    place = scale * (len(SCALES) - 1)
    row = np.minimum(place.astype(np.int64), len(SCALES) - 2)
    low: NDArray[np.float64] = curves[:, row]
    found: NDArray[np.float64] = low + (place - row) * (curves[:, row + 1] - low)
    return found
