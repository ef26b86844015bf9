"""Predictors for tests of learned summaries: clairvoyant, noisy, and one that never says the same twice."""

import math

import numpy as np

from beforehand.core.predictor import Price
from beforehand.streams import FromCallable

POLICIES = ("calibrated", "lss", "lss+")
CLASSES = {"light": 16.0, "heavy": 200.0}


def options(policy):
    return {} if policy == "calibrated" else CLASSES


class Said:
    """Predictions that are drawn anew for every call, from sense and nonsense; the last ones stay."""

    price = Price()
    horizon = 1000

    def __init__(self, seed, values=(-5.0, 0.5, 4.2, 6.0, 9.9, 40.0, np.nan, np.inf, -np.inf)):
        self.random, self.values, self.calls, self.last = np.random.default_rng(seed), values, 0, None

    def predict(self, keys):
        self.calls += 1
        self.last = self.random.choice(self.values, len(keys)).astype(np.float32)
        return self.last


def clairvoyant(stream, *, scale=1.0, noise=0.0, price=None):
    """log2 of the counts, times a scale, with normal noise in natural logarithms, the same for a key each time."""
    keys, counts = np.unique(stream, return_counts=True)
    logs = scale * np.log2(counts) + noise * np.random.default_rng(1).standard_normal(keys.size) / math.log(2)
    return FromCallable(lambda asked: logs[np.searchsorted(keys, asked)], price=price or Price(), horizon=len(stream))


def rmse(summary, stream):
    keys, counts = np.unique(stream, return_counts=True)
    return float(np.sqrt(np.mean((summary.estimate(keys) - counts) ** 2)))
