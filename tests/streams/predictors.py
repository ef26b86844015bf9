"""Fitted predictors for tests that hold for all of them, and their features by definition."""

import math

import numpy as np

from beforehand.core import Price
from beforehand.streams import CharNgrams, Constant, FirstOf, FromCallable, KeyBits, LookupTable

MASK = 2**64 - 1
GOLDEN = 0x9E3779B97F4A7C15
WORDS = [f"{stem}_{i}" for i in range(40) for stem in ("get", "set", "tmp")]
WORD_COUNTS = np.array([4 if word.startswith("tmp") else 64 for word in WORDS])
NUMBERS = np.arange(120, dtype=np.uint64) * np.uint64(2**56 + 1)
NUMBER_COUNTS = np.where(NUMBERS >> np.uint64(60) > 3, 100, 3)


def textual():
    """Fresh predictors of strings, by name."""
    return {
        "table": LookupTable(entries=50),
        "n-grams": CharNgrams(buckets=128),
        "table, then n-grams": FirstOf(LookupTable(entries=10), CharNgrams(buckets=64, n=(2, 3))),
        "two tables": FirstOf(FirstOf(LookupTable(entries=10), LookupTable(entries=30)), Constant(2)),
    }


def integral():
    """Fresh predictors of integers, by name."""
    return {
        "table of integers": LookupTable(entries=50, default=0.5),
        "bits": KeyBits(buckets=128),
        "bits of the whole": KeyBits(buckets=64, prefixes=[4, 8]),
        "table, then bits": FirstOf(LookupTable(entries=10), KeyBits(buckets=32), shift=-1),
    }


def fitted():
    """All predictors that have bytes, with keys that they can be asked about: the first half was never seen."""
    found = {name: (each.fit(WORDS[60:], WORD_COUNTS[60:]), WORDS) for name, each in textual().items()}
    found |= {name: (each.fit(NUMBERS[60:], NUMBER_COUNTS[60:]), NUMBERS) for name, each in integral().items()}
    return found | {"constant": (Constant(2.5), WORDS)}


def callable_of_length(**options):
    return FromCallable(lambda keys: [len(key) for key in keys], price=Price(seconds=1e-6, per="key"), **options)


def kth(value, k):
    z = (value + k * GOLDEN) & MASK
    z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ z >> 27) * 0x94D049BB133111EB) & MASK
    return z ^ z >> 31


def bucket(value, kind, buckets):
    return kth(value, kind) * buckets >> 64


def key_bits_row(key, buckets, prefixes=None):
    """The row of a key in the design matrix, dense."""
    row = np.zeros(buckets)
    for half, value in enumerate((key >> 32, key & 0xFFFFFFFF)):
        for length in (8, 12, 16, 20, 24, 28, 32) if prefixes is None else ():
            row[bucket(value >> (32 - length), length + 64 * half, buckets)] += 1
    for length in prefixes or ():
        row[bucket(key >> (64 - length), length + 128, buckets)] += 1
    return row


def ngrams_row(text, buckets, n=(1, 4)):
    """The row of a string in the design matrix, dense."""
    padded = b"\0" + text.encode().lower() + b"\0"
    row = np.zeros(buckets)
    for size in range(n[0], n[1] + 1):
        for at in range(len(padded) - size + 1):
            row[bucket(int.from_bytes(padded[at : at + size], "little"), size, buckets)] += 1
    row /= max(1, np.linalg.norm(row))
    letters = [c for c in text if c.isascii() and c.isalpha()]
    upper = bool(letters) and all(c.isupper() for c in letters)
    size = len(text.encode())
    return np.concatenate([row, [size / 20, math.log1p(size), upper, text.startswith("_"), text.count("_")]])


def ridge_by_definition(rows, target, weights, penalty):
    """Bias, and the coefficients that solve the normal equations."""
    bias = np.average(target, weights=weights)
    matrix = rows.T @ (weights[:, None] * rows) + penalty * np.eye(rows.shape[1])
    return bias, np.linalg.solve(matrix, rows.T @ (weights * (target - bias)))
