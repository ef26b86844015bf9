"""Jobs that run by a predicted key: the tables over all keys, which do not depend on the rate of arrivals."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from beforehand.scheduling.distributions.prediction_errors import ExactError, IndependentError, PredictionError
from beforehand.scheduling.distributions.quadrature import SizeGrid, merged, panels, spaced
from beforehand.scheduling.distributions.sizes import SizeDistribution
from beforehand.scheduling.distributions.special import Floats
from beforehand.scheduling.inputs import MOST


@final
@dataclass(frozen=True, slots=True)
class JobClass:
    """Which jobs come into a class, by how long they are: the long ones of a cheap prediction, or those past a limit.

    Args:
        size: The distribution of sizes.
        cheap: How the prediction errs that decides; None if all jobs belong to the class.
        threshold: A job belongs to the class if that prediction is not below.
        limit: A job belongs to the class if its size is above, and brings what lies above.
    """

    size: SizeDistribution
    cheap: PredictionError | None = None
    threshold: float = 0.0
    limit: float = 0.0

    def share(self, x: Floats) -> Floats:
        """The probability that a job of size x belongs to the class."""
        inside = (x > self.limit).astype(np.float64)
        if self.cheap is None or self.threshold == 0:
            return inside
        if self.threshold > MOST:
            return 0.0 * inside
        return inside * self.cheap.survival(np.nextafter(self.threshold, 0.0), x)  # atoms at the threshold are long

    @property
    def edges(self) -> list[float]:
        """The sizes at which the class is not smooth."""
        cheap = self.cheap.breakpoints(self.threshold) if self.cheap else ()
        return [edge for edge in (self.limit, *self.size.edges, *cheap) if 0 < edge < MOST]


@final
@dataclass(frozen=True, slots=True)
class Phase:
    """Jobs of a class that run by key.

    Args:
        jobs: The class.
        error: How the key errs.
        by_size: Whether a job keeps its key (as PSPJF has it) instead of working it off (SPRPT).
        fraction: A job is pinned once it has had this fraction of its key, above 0; 1: never, unless its key is gone.
    """

    jobs: JobClass
    error: PredictionError
    by_size: bool = False
    fraction: float = 1.0

    def values(self, y: Floats, x: Floats) -> tuple[Floats, ...]:
        """For a job of size x: count and length with a key up to y, the square of its old work, and where it passes y.

        The last two are its density at level y, and that density times its age there; not `by_size`.
        """
        share, m = self.jobs.share(x), np.maximum(x - self.jobs.limit, 0.0)
        above, excess, square = self.error.tail(y, x)
        below = share * (1 - above)
        if self.by_size:
            return below, below * m, below * (m * m)
        top, late, end = self._passing(y, x, m)
        above_top, excess_top, square_top = self.error.tail(top, x)
        left = square_top
        if self.fraction < 1:
            left = (
                left - (1 - self.fraction) * late * excess_top - self.fraction**2 * (late > 0) * (square_top - end[2])
            )
        old = m * m - 2 * (m * excess - square + left)
        passes = above - above_top
        return below, below * m, share * old, share * passes, share * (excess - excess_top - (top - y) * above_top)

    def rest(self, y: Floats, x: Floats) -> tuple[Floats, Floats]:
        """Service at no keyed competition, and the integral of the age over it."""
        share, m = self.jobs.share(x), np.maximum(x - self.jobs.limit, 0.0)
        _, excess, square = self.error.tail(y, x)
        _, excess_end, square_end = self.error.tail(m / self.fraction, x)
        service = m - self.fraction * (excess - excess_end)
        keyed = 2 * self.fraction**2 * (square - square_end) - 2 * self.fraction * m * excess_end
        return share * service, share * (m * m - keyed) / 2

    def _passing(self, y: Floats, x: Floats, m: Floats) -> tuple[Floats, Floats, tuple[Floats, ...]]:
        # The highest key from which a job passes y; what it has left, pinned, when it comes there; its tail at its end.
        if self.fraction == 1:
            return y + m, 0.0 * m, ()
        late = np.maximum(m - y * self.fraction / (1 - self.fraction), 0.0)
        return np.minimum(y + m, y / (1 - self.fraction)), late, self.error.tail(m / self.fraction, x)

    def breaks(self, y: Floats) -> Floats:
        """For each y, the sizes at which `values` is not smooth, shape (levels, any)."""
        slopes, steps, limit, c = self.error.slopes, self.error.steps, self.jobs.limit, self.fraction
        found = [y / slope for slope in slopes]
        if not self.by_size:
            found += [(y - limit) / (slope - 1) for slope in slopes if slope != 1]
            found += [step - y + limit for step in steps]
            if c < 1:
                found += [y * c / (1 - c), *(y / (1 - c) / slope for slope in slopes)]
                found += [np.full_like(y, c * step) for step in steps]
        return np.stack(found, axis=1) if found else np.empty((len(y), 0))

    def edges(self) -> tuple[float, ...]:
        """The sizes at which panels over sizes must be split, besides those of the class."""
        if isinstance(self.error, ExactError):  # sizes are the keys
            return tuple(self.kinks())
        return tuple(size for size in self.error.breakpoints(0.0) if size > 0) if self.error.atoms else ()

    def kinks(self) -> list[float]:
        """The levels at which a mean of `values` is not smooth: the images of the sizes where theirs is not."""
        limit, c = self.jobs.limit, self.fraction
        found = list(self.error.steps) + [step * (1 - c) for step in self.error.steps]
        for size in self.jobs.edges:
            tops = [slope * size for slope in self.error.slopes] + list(self.error.steps)
            found += [*tops, *(top - (size - limit) for top in tops), *(top * (1 - c) for top in tops)]
            found.append(size * (1 - c) / c)
        return found


class Table(NamedTuple):
    """Means over the jobs of a phase; arrays run over keys, or over levels that jobs pass."""

    jobs: float  # the share of jobs in the phase
    key: Floats  # of these, with each key
    below: Floats  # mean length of jobs with a key below
    upto: Floats  # or not above
    old: Floats  # second moment of the old work that goes first
    passed: Floats  # expected service at each level
    age: Floats  # times the age there
    load: Floats  # mean length of jobs with a key below the level
    under: Floats  # and their share
    rest: float  # expected service ahead of all keys
    rest_age: float


@lru_cache(maxsize=64)
def grid_of(jobs: JobClass, more: tuple[float, ...], points: int) -> SizeGrid:
    """Nodes for the sizes, split where the class is not smooth and at these sizes too."""
    return SizeGrid(jobs.size, [*jobs.edges, *more], points)


@lru_cache(maxsize=64)
def table_of(phase: Phase, points: int) -> Table:
    """The table of a phase, with `points` nodes for each panel."""
    error = phase.error
    grid = grid_of(phase.jobs, phase.edges(), points)
    jobs = grid.mean(phase.jobs.share(grid.x))
    if error.atoms:
        return _of_atoms(phase, grid, jobs)
    if phase.by_size:
        return _of_sizes(phase, grid, jobs)
    nodes, width = _levels(phase, grid, points)
    count, load, old, passed, age = _means(grid, phase, phase.values, nodes)
    if isinstance(error, ExactError):
        key = grid.weights * phase.jobs.share(grid.x)
        _, below, old, _, _ = _means(grid, phase, phase.values, grid.x)
    else:
        key, below = _densities(grid, phase, nodes)[0] * width, load
    return Table(jobs, key, below, below, old, passed * width, age * width, load, count, *_rest(phase, grid))


def _of_sizes(phase: Phase, grid: SizeGrid, jobs: float) -> Table:
    if isinstance(phase.error, ExactError):
        levels = grid.x
        m = np.maximum(levels - phase.jobs.limit, 0.0)
        key = grid.weights * phase.jobs.share(levels)
        passed, age = key * m, key * m * m
    else:
        levels, width = _levels(phase, grid, grid.points)
        key, passed, age = (width * part for part in _densities(grid, phase, levels))
    count, load, old = _means(grid, phase, phase.values, levels)
    return Table(jobs, key, load, load, old, passed, age / 2, load, count, 0.0, 0.0)


def _of_atoms(phase: Phase, grid: SizeGrid, jobs: float) -> Table:
    error, limit = phase.error, phase.jobs.limit
    keys = np.array(error.atoms)
    levels = np.unique([0.0, *keys])

    def powers(atom: NDArray[np.int64], x: Floats) -> tuple[Floats, ...]:
        # Of the length of a job, times the probability that it belongs to the phase and has this key.
        length = np.maximum(x - limit, 0.0)
        chance = phase.jobs.share(x) * error.chance(atom, x)
        return chance, chance * length, chance * (length * length)

    # How long a job of each key is above each level: until it comes there, or is pinned; then what is left of it.
    until = np.zeros((len(keys), 1))
    if not phase.by_size:
        until = np.clip(np.minimum(keys[:, None] - levels, phase.fraction * keys[:, None]), 0.0, None)
    count, length, square = grid.above(limit + until, powers)
    left = np.maximum(length - until * count, 0.0)
    squares = np.maximum(square - until * (2 * length - until * count), 0.0)
    count, length, square = (
        count[:, -1:],
        length[:, -1:],
        square[:, -1:],
    )  # whole jobs: no key is above the last level
    key, load, old = ((part * (keys[:, None] == levels)).sum(axis=0) for part in (count, length, square))
    upto, below = np.cumsum(load), np.cumsum(load) - load
    under = np.cumsum(key) - key
    if phase.by_size:
        return Table(jobs, key, below, upto, np.cumsum(old), load, old / 2, below, under, 0.0, 0.0)
    above = (length - left).sum(axis=0)
    age = (square - 2 * until * left - squares).sum(axis=0) / 2
    return Table(
        jobs,
        key,
        below,
        upto,
        squares.sum(axis=0),
        -np.diff(above, append=0.0),
        -np.diff(age, append=0.0),
        upto,
        np.cumsum(key),
        float(length.sum() - above[0]),
        float(square.sum() / 2 - age[0]),
    )


def _rest(phase: Phase, grid: SizeGrid) -> tuple[float, float]:
    service, age = _means(grid, phase, phase.rest, np.zeros(1))
    return float(service[0]), float(age[0])


def _means(grid: SizeGrid, phase: Phase, function: Callable[..., tuple[Floats, ...]], levels: Floats) -> list[Floats]:
    return grid.table(phase.breaks(levels), lambda rows, x: function(levels[rows], x))


def _densities(grid: SizeGrid, phase: Phase, levels: Floats) -> list[Floats]:
    def densities(rows: NDArray[np.int64], x: Floats) -> tuple[Floats, ...]:
        m = np.maximum(x - phase.jobs.limit, 0.0)
        density = phase.jobs.share(x) * phase.error.density(levels[rows], x)
        return density, density * m, density * (m * m)

    return grid.table(phase.breaks(levels), densities)


def _levels(phase: Phase, grid: SizeGrid, points: int) -> tuple[Floats, Floats]:
    # From where the first job in 1e13 lies to where no prediction reaches.
    error = phase.error
    drawn = [phase.jobs.size, *([error.distribution] if isinstance(error, IndependentError) else [])]
    low = min(min(1e-14 * each.mean, float(each.inverse_cumulative_hazard(1e-13))) for each in drawn)
    mean = phase.jobs.size.mean
    high = mean
    while grid.mean(error.excess(high, grid.x)) >= 1e-15 * mean:
        high *= 2
    y = np.geomspace(low, high, 2000)
    slopes = error.slopes or (1.0,)
    falls = [np.diff(np.minimum(each.cumulative_hazard(y / slope), 45.0)) for each in drawn for slope in slopes]
    edges = merged(spaced(y, np.maximum(np.diff(np.log(y)), np.max(falls, axis=0) / 8)), phase.kinks())
    nodes, width = panels(edges[:-1], edges[1:], points)
    return nodes.ravel(), width.ravel()
