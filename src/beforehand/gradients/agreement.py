"""Which table of THC suits workers who agree so much: chosen by the closed form of the error, round by round."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

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
        lengths = np.sqrt(squared_norms / squared_norms.max()).tolist()
        ratio = squared_mean / energy
        before = min(max(ratio if self.rho is None else self.rho, 1 / n), 1.0)
        now = min(max(ratio / (1 + _expected(self._tables[in_force], before, lengths)), 1 / n), 1.0)
        mean = now if self.rho is None else (1 - WEIGHT) * self.rho + WEIGHT * now
        self.rho = float(np.float32(mean))  # what a saved state holds
        if len(self._tables) > 1:
            errors = [_expected(table, self.rho, lengths) for table in self._tables]
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
            rho, favored = kept.tolist()
            self.rho = float(rho)
            self.favored = min(max(int(favored), 0), len(self._tables) - 1)


def _expected(table: Table, rho: float, lengths: Sequence[float]) -> float:
    costs = np.interp(lengths, SCALES, _costs(table)).tolist()
    return theory.vnmse_of_costs(costs, table.half_range, rho, lengths)


@functools.lru_cache(maxsize=256)
def _costs(table: Table) -> tuple[float, ...]:
    """The cost of rounding by the scale of a worker: interpolation spares a thousand of them in each round."""
    return tuple(theory.rounding_cost(table.values, table.half_range, scale=float(scale)) for scale in SCALES)
