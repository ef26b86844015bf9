"""Means over job sizes by Gauss-Legendre panels, split wherever what is averaged is not smooth."""

import math
from collections.abc import Callable, Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from beforehand.scheduling.distributions.sizes import SizeDistribution
from beforehand.scheduling.distributions.special import Floats

Integrand = Callable[[NDArray[np.int64], Floats], tuple[Floats, ...]]
RATIO = 2.5  # of the ends of a panel, as what is averaged varies on the scale of its argument
BLOCK = 1 << 15  # numbers that a pass over rows holds at once, so that they stay in the cache


@lru_cache(maxsize=8)
def _legendre(points: int) -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return (1 + nodes) / 2, weights / 2


def spaced(points: Floats, steps: Floats) -> Floats:
    """0, then edges between ascending points, so that the steps along each panel sum to ln `RATIO` at most."""
    along = np.concatenate([[0.0], np.cumsum(steps)])
    count = math.ceil(along[-1] / math.log(RATIO)) + 1
    return np.concatenate([[0.0], np.interp(np.linspace(0.0, along[-1], count), along, points)])


def merged(edges: Floats, more: Iterable[float]) -> Floats:
    """The edges, and those of the others that lie between them."""
    extra = np.array(list(more))
    extra = extra[(extra > edges[0]) & (extra < edges[-1])]
    found = np.unique(np.concatenate([edges, extra]))
    return found[np.diff(found, prepend=-1.0) > 1e-13 * found]  # the same edge, reached in two ways


def panels(starts: Floats, ends: Floats, points: int) -> tuple[Floats, Floats]:
    """Nodes and weights of the panels; the last axis runs through those of one panel."""
    nodes, weights = _legendre(points)
    width = (ends - starts)[..., None]
    return starts[..., None] + width * nodes, width * weights


class SizeGrid:
    """Nodes for means over the sizes of a distribution; those of a mixture are the nodes of its parts."""

    def __init__(self, distribution: SizeDistribution, edges: Iterable[float], points: int) -> None:
        """Split the panels at these sizes."""
        self.points = points
        sizes = np.maximum(np.array(list(edges)), 0.0)
        self._parts = [(weight, _Part(part, sizes, points)) for weight, part in distribution.parts]
        self.x = np.concatenate([part.x for _, part in self._parts])
        self.weights = np.concatenate([weight * part.weights for weight, part in self._parts])

    def mean(self, values: Floats) -> float:
        """The mean of what has these values at the nodes."""
        return float(np.sum(self.weights * values))

    def table(self, breaks: Floats, integrand: Integrand) -> list[Floats]:
        """The means of several functions for each of many rows.

        Args:
            breaks: Sizes at which the functions of a row are not smooth, shape (rows, any).
            integrand: From the numbers of some rows, shape (r, 1), and sizes, shape (1, n) or (r, n), to the functions.
        """
        tables = [[weight * mean for mean in part.table(breaks, integrand)] for weight, part in self._parts]
        return [np.sum(means, axis=0) for means in zip(*tables, strict=True)]

    def above(self, cuts: Floats, integrand: Integrand) -> list[Floats]:
        """The means over sizes above a cut of several functions for each of many rows, at many cuts for each.

        Args:
            cuts: Sizes, shape (rows, any).
            integrand: Smooth between the edges of the grid; otherwise as in `table`.
        """
        sums = [[weight * mean for mean in part.above(cuts, integrand)] for weight, part in self._parts]
        return [np.sum(means, axis=0) for means in zip(*sums, strict=True)]


class _Part:
    # Sizes are written as x = inverse_cumulative_hazard(u), so that u is exponential whatever the sizes.

    def __init__(self, sizes: SizeDistribution, edges: Floats, points: int) -> None:
        self.sizes, self.points = sizes, points
        if sizes.atoms:
            self.x, self.weights = np.array(sizes.atoms), np.full(len(sizes.atoms), 1 / len(sizes.atoms))
            return
        self.edges = merged(self._reach(), sizes.cumulative_hazard(edges))
        u, width = panels(self.edges[:-1], self.edges[1:], points)
        self.x, weights = sizes.inverse_cumulative_hazard(u.ravel()), (width * np.exp(-u)).ravel()
        self.mass = float(np.sum(weights))
        self.weights = weights / self.mass

    def _reach(self) -> Floats:
        # As far as 60, and on while a heavy tail adds to the second moment; denser where x(u) outruns u, or bends.
        u = np.geomspace(1e-10, 700.0, 2000)
        x = self.sizes.inverse_cumulative_hazard(u)
        square = (np.exp(-u) * u * x * x)[::-1].cumsum()[::-1]
        u = u[(u < 60.0) | (square > 1e-14 * square[0])]
        x = x[: u.size]
        turns = np.abs(np.diff(np.log(np.diff(x) / np.diff(u) + 1e-9 * x[1:]), append=0.0))
        turns[(u[1:] > 40.0) | (u[1:] < 1e-3)] = 0.0
        falls = np.diff(np.minimum(u, 45.0))
        return spaced(u, np.max([np.diff(np.log(u)), np.diff(np.log(x)) / 2, turns / 2, falls / 8], axis=0))

    def table(self, breaks: Floats, integrand: Integrand) -> list[Floats]:
        rows = np.arange(len(breaks))[:, None]
        step = max(1, BLOCK // self.x.size)
        parts = [self._block(rows[i : i + step], breaks[i : i + step], integrand) for i in range(0, len(rows), step)]
        return [np.concatenate(part) for part in zip(*parts, strict=True)]

    def above(self, cuts: Floats, integrand: Integrand) -> list[Floats]:
        rows = np.arange(len(cuts))
        step = max(1, BLOCK // (self.x.size + self.points * cuts.shape[1]))
        parts = [self._above(rows[i : i + step], cuts[i : i + step], integrand) for i in range(0, len(rows), step)]
        return [np.concatenate(part) for part in zip(*parts, strict=True)]

    def _above(self, rows: NDArray[np.int64], cuts: Floats, integrand: Integrand) -> list[Floats]:
        # What is left of the panel that a cut falls into, and all panels beyond.
        u = self.sizes.cumulative_hazard(np.maximum(cuts, 0.0)).clip(0.0, self.edges[-1])
        panel = np.clip(np.searchsorted(self.edges, u, side="right") - 1, 0, len(self.edges) - 2)
        inside, width = panels(u, self.edges[panel + 1], self.points)
        x = np.maximum(self.sizes.inverse_cumulative_hazard(inside), 1e-200 * self.sizes.mean)
        split, sums = width * np.exp(-inside) / self.mass, []
        parts = integrand(rows[:, None, None], x)
        for whole, part in zip(integrand(rows[:, None], self.x[None]), parts, strict=True):
            each = (np.broadcast_to(whole, (len(rows), self.x.size)) * self.weights).reshape(len(rows), -1, self.points)
            beyond = np.sum(each, axis=-1)[:, ::-1].cumsum(axis=1)[:, ::-1]
            beyond = np.concatenate([beyond, np.zeros((len(rows), 1))], axis=1)
            sums.append(np.take_along_axis(beyond, panel + 1, axis=1) + np.einsum("ijk,ijk->ij", part, split))
        return sums

    def _block(self, rows: NDArray[np.int64], breaks: Floats, integrand: Integrand) -> list[Floats]:
        if self.sizes.atoms or not breaks.shape[1]:
            return [
                np.broadcast_to(part, (len(rows), self.x.size)) @ self.weights for part in integrand(rows, self.x[None])
            ]
        cuts = np.sort(self.sizes.cumulative_hazard(np.maximum(breaks, 0.0)), axis=1).clip(0.0, self.edges[-1])
        panel = np.clip(np.searchsorted(self.edges, cuts, side="right") - 1, 0, len(self.edges) - 2)
        # A panel with cuts is taken out for its row; what lies between its ends and cuts comes in as panels of its own.
        weights = np.repeat(self.weights[None], len(rows), axis=0).reshape(len(rows), -1, self.points)
        weights[np.arange(len(rows))[:, None], panel] = 0.0
        before = np.concatenate([np.zeros((len(rows), 1)), cuts[:, :-1]], axis=1)
        last = np.concatenate([panel[:, 1:] != panel[:, :-1], np.ones((len(rows), 1), dtype=bool)], axis=1)
        starts = np.concatenate([np.maximum(self.edges[panel], before), cuts], axis=1)
        ends = np.concatenate([cuts, np.where(last, self.edges[panel + 1], cuts)], axis=1)
        u, width = panels(starts, ends, self.points)
        u, width = u.reshape(len(rows), -1), width.reshape(len(rows), -1)
        split = width * np.exp(-u) / self.mass
        whole = weights.reshape(len(rows), -1)
        # Above 0 even where a cut at 0 leaves no width.
        x = np.maximum(self.sizes.inverse_cumulative_hazard(u), 1e-200 * self.sizes.mean)
        return [
            np.einsum("ij,ij->i", np.broadcast_to(a, whole.shape), whole)
            + np.einsum("ij,ij->i", np.broadcast_to(b, split.shape), split)
            for a, b in zip(integrand(rows, self.x[None]), integrand(rows, x), strict=True)
        ]
