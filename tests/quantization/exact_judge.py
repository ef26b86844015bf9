"""Levels judged in whole numbers and fractions: no rounding at all. Run it to judge many inputs.

`python -m tests.quantization.exact_judge 20000` takes some minutes.
"""

import sys
from bisect import bisect_left
from fractions import Fraction

import numpy as np

from beforehand.quantization import levels

DOUBT = Fraction(1, 10**9)  # what a table that says "exact" may be above the optimum, as a share of it


def whole(numbers):
    """The numbers as whole ones, and the power of two that they were multiplied by."""
    ratios = [float(number).as_integer_ratio() for number in numbers]
    shift = max((denominator for _, denominator in ratios), default=1)
    return [numerator * (shift // denominator) for numerator, denominator in ratios], shift


class Judge:
    """The optimum of a small set of numbers, and the error of any table for it."""

    def __init__(self, x, weights=None):
        """Numbers and their weights as they come."""
        weights = np.ones(len(x)) if weights is None else weights
        merged = {}
        for value, weight in zip(np.asarray(x, float) + 0.0, np.asarray(weights, float), strict=True):
            merged[float(value)] = merged.get(float(value), 0) + Fraction(float(weight))
        self.values = sorted(merged)
        self.weights = [merged[value] for value in self.values]

    def least(self, s, objective):
        """The least squared error of `s` levels."""
        x, shift = whole(self.values)
        unbiased = objective == "unbiased"
        kept = [i for i, w in enumerate(self.weights) if w > 0 or (unbiased and i in (0, len(x) - 1))]
        x, w = [x[i] for i in kept], [self.weights[i] for i in kept]
        scale = max(each.denominator for each in w)
        w = [int(each * scale) for each in w]
        if len(x) <= s:
            return Fraction(0)
        cost = (_unbiased if unbiased else _spread)(x, w)
        nodes, links = (len(x), s - 1) if unbiased else (len(x) + 1, s)
        best = [None] * nodes
        best[0] = Fraction(0)
        for _ in range(links):
            after = [None] * nodes
            for j in range(1, nodes):
                sums = [best[k] + cost[k][j] for k in range(j) if best[k] is not None]
                after[j] = min(sums) if sums else None
            best = after
        return best[-1] / (shift * shift * scale)

    def error(self, table, objective):
        """What rounding to this table costs."""
        table = sorted(Fraction(float(level)) for level in table)
        if objective == "unbiased":
            assert table[0] <= self.values[0] <= self.values[-1] <= table[-1]
        total = Fraction(0)
        for value, weight in zip(map(Fraction, self.values), self.weights, strict=True):
            above = bisect_left(table, value)
            if objective == "mse":
                total += weight * min((value - level) ** 2 for level in table[max(above - 1, 0) : above + 1])
            else:
                high = table[above]
                low = high if high == value else table[above - 1]
                total += weight * (high - value) * (value - low)
        return total

    def rounding(self, table):
        """What rounding the means of clusters to the levels' precision can cost."""
        return sum(self.weights) * max(Fraction(float(abs(np.spacing(level)))) for level in table) ** 2


def _unbiased(x, w):
    n = len(x)
    return [
        [Fraction(sum(w[i] * (x[j] - x[i]) * (x[i] - x[k]) for i in range(k + 1, j))) for j in range(n)]
        for k in range(n)
    ]


def _spread(x, w):
    n = len(x)
    costs = [[Fraction(0)] * (n + 1) for _ in range(n + 1)]
    for k in range(n):
        weight = total = squares = 0
        for j in range(k, n):
            weight, total, squares = weight + w[j], total + w[j] * x[j], squares + w[j] * x[j] * x[j]
            costs[k][j + 1] = Fraction(weight * squares - total * total, weight)
    return costs


def draw(kind, n, random):
    """`n` numbers of one of the kinds that break solvers."""
    z = random.standard_normal(n)
    apart = 10.0 ** random.uniform(0, 12)
    fill = random.choice([-2147483648.0, -9999.0, 1e20, 0.0])
    return [
        lambda: z,
        lambda: np.exp(z),
        lambda: np.round(4 * z),
        lambda: 1e8 + z,
        lambda: np.exp(4 * z),
        lambda: np.where(random.random(n) < 0.75, 0, 10 * z),
        lambda: z / random.standard_normal(n),
        lambda: np.floor(30 * random.random(n)),
        lambda: np.arange(n) * (random.random() + 0.1),
        lambda: np.where(np.arange(n) < 2, 1e8 * (2 * np.arange(n) - 1), z),
        lambda: (1000 * (np.arange(n) % 2) + z).astype(np.float32),
        lambda: apart * (np.arange(n) % 2) + z,
        lambda: apart * (np.arange(n) % 4) + z,
        lambda: np.where(random.random(n) < 0.6, fill, z),
        lambda: np.where(random.random(n) < 0.6, np.float32(fill), z).astype(np.float32),
        lambda: 10.0 ** random.uniform(-15, 15, n),
        lambda: np.float32(1) + random.integers(0, 12, n).astype(np.float32) * np.float32(2**-23),
    ][kind % KINDS]()  # fmt: skip


KINDS = 17


def judge(case):
    """Draw an input by its number and judge both objectives on it; whether each says that it is exact."""
    random = np.random.default_rng(case)
    x = np.asarray(draw(case, int(random.integers(2, 17)), random))
    weights = [None, random.integers(0, 4, x.size) + 0.0, 10.0 ** random.uniform(-30, 0, x.size)][case // KINDS % 3]
    if weights is not None and not weights.any():
        weights[0] = 1
    judge = Judge(x, weights)
    said = []
    for objective in ("unbiased", "mse"):
        s = int(random.integers(2, 8))
        found = levels(x, s, method="exact", objective=objective, weights=weights)
        error, least = judge.error(found.values, objective), judge.least(s, objective)
        allowed = judge.rounding(found.values) if objective == "mse" else 0
        claimed = least * (1 + DOUBT) if found.exact else least / (1 - Fraction(found.gap) * (1 + DOUBT))
        assert error <= claimed + allowed, (case, objective, s, float(error), float(least), found.exact, found.gap)
        reported = Fraction(found.squared_error)
        assert abs(reported - error) <= error * DOUBT + allowed, (case, objective, s, float(reported), float(error))
        said.append(found.exact)
    return said


if __name__ == "__main__":
    cases = int(sys.argv[1])
    exact = np.array([judge(case) for case in range(cases)])
    print(f"{cases:,} inputs of {KINDS} kinds judged in fractions; {exact.mean():.2%} of both objectives say exact")
