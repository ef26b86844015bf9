"""What the rounding kernels must compute, written again in numpy: the same operations in the same order."""

from fractions import Fraction

import numpy as np


def words(n, seed, stream, domain=1):
    """The random word of each of the elements 0 .. n - 1."""
    i = np.arange(n, dtype=np.uint64)
    counter = ((i >> np.uint64(10)) << np.uint64(8)) | (i & np.uint64(255))
    low = np.uint64(0xFFFFFFFF)
    c = [counter & low, counter >> np.uint64(32), np.uint64(stream) & low, np.uint64(stream >> 32 | domain << 24)]
    for r in range(10):
        key0, key1 = ((part + r * step) & 0xFFFFFFFF for part, step in ((seed, 0x9E3779B9), (seed >> 32, 0xBB67AE85)))
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [b >> np.uint64(32) ^ c[1] ^ np.uint64(key0), b & low, a >> np.uint64(32) ^ c[3] ^ np.uint64(key1), a & low]
    drawn = np.stack([np.broadcast_to(word, n) for word in c])
    return drawn[(np.arange(n) >> 8) & 3, np.arange(n)].astype(np.uint32)


@np.errstate(over="ignore", divide="ignore", under="ignore")
def unbiased(x, levels, drawn):
    """Codes of `x` with levels of the same dtype, by one random word for each value."""
    gaps = np.diff(levels)
    narrow = x.dtype == np.float32 and np.isfinite(levels[-1] - levels[0]) and (gaps >= 2.0**-120).all()
    below = np.searchsorted(levels[1:], x, side="right")
    top = below == len(levels) - 1
    above = np.where(top, below, below + 1)
    if narrow:
        inverse = np.where(top, np.float32(0), np.float32(1) / (levels[above] - levels[below]))
        p = np.clip((x - levels[below]) * inverse, np.float32(0), np.float32(1))
        threshold = np.minimum(p * np.float32(2**31), np.float32(2147483520)).astype(np.int32)
        return below + ((drawn >> np.uint32(1)).astype(np.int32) < threshold)
    x, levels = x.astype(np.float64), levels.astype(np.float64)
    half = np.where(np.isinf(levels[above] - levels[below]), 0.5, 1.0)
    gap = np.where(top, np.inf, levels[above] * half - levels[below] * half)
    p = np.clip((x * half - levels[below] * half) / gap, 0, 1)
    return below + (drawn * 2.0**-32 < p)


def nearest(x, levels):
    """Codes of the nearest levels, the lower one at a tie, decided in fractions."""
    below = np.clip(np.searchsorted(levels, x, side="left") - 1, 0, max(len(levels) - 2, 0))
    above = np.minimum(below + 1, len(levels) - 1)
    numbers = [[Fraction(float(value)) for value in each] for each in (x, levels[below], levels[above])]
    return below + np.array([2 * value > low + high for value, low, high in zip(*numbers, strict=True)], dtype=int)
