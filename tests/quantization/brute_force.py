"""Optimal levels without a clever step, in long double, for small inputs."""

import numpy as np


def least_unbiased(x, s, weights=None, candidates=None):
    """The least squared error of `s` unbiased levels taken from `candidates` (by default from `x` itself)."""
    x = np.asarray(x, np.longdouble)
    w = np.ones_like(x) if weights is None else np.asarray(weights, np.longdouble)
    nodes = np.unique(x if candidates is None else np.asarray(candidates, np.longdouble))
    a, b = nodes[:, None, None], nodes[None, :, None]
    costs = (w * np.maximum(b - x, 0) * np.maximum(x - a, 0)).sum(axis=2)
    return _shortest(costs, s - 1, len(nodes))


def least_mse(x, s):
    """The least squared error of `s` clusters around their means."""
    x = np.sort(np.asarray(x, np.longdouble))
    n = len(x)
    costs = np.zeros((n + 1, n + 1), np.longdouble)
    for k in range(n):
        for j in range(k + 1, n + 1):
            costs[k, j] = ((x[k:j] - x[k:j].mean()) ** 2).sum()
    return _shortest(costs, s, n + 1)


def _shortest(costs, links, n):
    costs = np.where(np.tri(n, dtype=bool), np.inf, costs)
    best = np.full(n, np.inf, np.longdouble)
    best[0] = 0
    for _ in range(links):
        best = (best[:, None] + costs).min(axis=0)
    return float(best[-1])
