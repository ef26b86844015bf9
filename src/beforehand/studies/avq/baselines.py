"""What the paper on adaptive vector quantization compares itself with, and what only its study needs."""

import numpy as np

from beforehand.quantization.theory import Floats

ROWS = 256  # of the cost matrix at a time, so that they stay in the cache


def zipml(x: Floats, s: int) -> tuple[Floats, float]:
    """The optimal levels of ascending `x` and their squared error, by the plain dynamic program.

    Every interval's cost stands in a matrix, and every level tries every value.

    Cost:
        O(s d^2) time and O(d^2) memory for d values.

    Reference:
        Zhang, Li, Kara, Alistarh, Liu, Zhang: ZipML. ICML 2017.
    """
    first, second = np.cumsum(x), np.cumsum(x * x)
    place = np.arange(x.size, dtype=np.float64)
    cost = np.full((x.size, x.size), np.inf)  # from the interval's lower end, the column, to its upper end, the row
    for j in range(1, x.size):
        k = slice(0, j)
        cost[j, k] = (x[j] + x[k]) * (first[j] - first[k]) - (second[j] - second[k]) - x[j] * x[k] * (j - place[k])
    best, came_from = cost[:, 0].copy(), []
    for _ in range(s - 2):
        chosen = np.empty(x.size, dtype=np.intp)
        reached = np.empty(x.size)
        for start in range(0, x.size, ROWS):
            totals = cost[start : start + ROWS] + best
            rows = slice(start, start + len(totals))
            chosen[rows] = totals.argmin(axis=1)
            reached[rows] = totals[np.arange(len(totals)), chosen[rows]]
        best = reached
        came_from.append(chosen)
    nodes = [x.size - 1]
    for chosen in reversed(came_from):
        nodes.append(int(chosen[nodes[-1]]))
    return x[[0, *reversed(nodes)]], float(best[-1])


def qsgd(x: Floats, s: int) -> Floats:
    """`s` equally spaced levels between minus and plus the length of `x`.

    Reference:
        Alistarh, Grubic, Li, Tomioka, Vojnovic: QSGD. NeurIPS 2017, arXiv:1610.02132.
    """
    length = float(np.linalg.norm(x))
    return np.linspace(-length, length, s)


def nuqsgd(x: Floats, s: int) -> Floats:
    """Zero, and plus and minus the length of `x` halved 0, 1, 2, ... times: `s` levels, an odd number.

    Reference:
        Ramezani-Kebrya, Faghri, Markov, Aksenov, Alistarh, Roy: NUQSGD. JMLR 2021, arXiv:1908.06077.
    """
    powers = float(np.linalg.norm(x)) * 0.5 ** np.arange(s // 2)
    return np.concatenate([-powers, [0.0], powers[::-1]])


def best_middle_by_scan(x: Floats) -> int:
    """Where the one interior level of ascending `x` stands at its best, by the cost of every place."""
    first, second = np.cumsum(x), np.cumsum(x * x)
    place = np.arange(x.size, dtype=np.float64)
    below = (x + x[0]) * (first - first[0]) - (second - second[0]) - x * x[0] * place
    above = (x[-1] + x) * (first[-1] - first) - (second[-1] - second) - x[-1] * x * (place[-1] - place)
    return int(np.argmin(below + above))


def best_middle_in_closed_form(x: Floats) -> int:
    """The same by the formula: where the derivative of the cost changes its sign."""
    low, high, d = float(x[0]), float(x[-1]), x.size
    turn = (high * d - low - (float(x.sum()) - low)) / (high - low)  # how many values lie up to that place
    return min(max(int(np.ceil(turn)) - 1, 1), d - 2)
