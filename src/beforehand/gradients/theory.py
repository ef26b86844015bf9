"""What THC must err: closed forms for normal coordinates, which rotation makes of any gradient.

Pure functions of numbers; nothing here runs native code, so that native code can be tested against it.
"""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput

Floats = NDArray[np.float64]
ORDERS = 61  # of the series of Hermite polynomials
ODD = np.arange(1, ORDERS + 3, 2)
_erfc = np.frompyfunc(math.erfc, 1, 1)


def half_range(truncation: float) -> float:
    """How many standard deviations leave this share of a normal outside, on both sides together.

    Guarantee:
        A multiple of 2**-40: logarithms of different machines differ in their last bit, and these multiples do not.

    Raises:
        InvalidInput: `truncation` is not above 0 and below 0.5.

    Example:
        >>> round(half_range(1 / 32), 7)
        2.1538747
    """
    if not isinstance(truncation, float | np.floating) or not 0 < truncation / 2 < 0.25:  # half of the least is 0
        raise InvalidInput(f"truncation is {truncation!r}, but must be a number above 0 and below 0.5")
    return round(-NormalDist().inv_cdf(truncation / 2) * 2**40) / 2**40


def truncation_energy(t: float) -> float:
    """The expected squared distance of a standard normal to -t .. t.

    Example:
        >>> round(truncation_energy(half_range(1 / 32)), 9)
        0.007267259
    """
    return 2 * ((1 + t * t) * _tail(t) - t * _density(t))


def rounding_cost(table: Sequence[int], t: float, *, scale: float = 1.0) -> float:
    """The expected variance of stochastic rounding to a table, within its range.

    Args:
        table: Strictly ascending, from 0 to the granularity.
        t: Half of the range, to which 0 and the granularity belong.
        scale: Standard deviation of the coordinates.

    Example:
        >>> round(rounding_cost(range(16), half_range(1 / 32)), 9)
        0.013319336
    """
    if scale <= 0:
        return _cost_of_zeros(table, t)
    values = np.asarray(table, np.float64)
    q = -t + 2 * t * values / values[-1]
    z = q / scale
    density = np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)
    below = 0.5 * _erfc(-z / math.sqrt(2)).astype(np.float64)
    m0, m1, m2 = np.diff(below), np.diff(-scale * density), np.diff(scale * scale * (below - z * density))
    return float((-m2 + (q[:-1] + q[1:]) * m1 - q[:-1] * q[1:] * m0).sum())


def truncation_correlation(r: float, t: float) -> float:
    """How two workers' truncation errors correlate, if their coordinates correlate with r.

    Args:
        r: From 0 to 1.
        t: Half of the range, in standard deviations.

    Example:
        >>> t = half_range(1 / 32)
        >>> round(truncation_correlation(0.5, t), 4), round(truncation_correlation(0.9, t), 4)
        (0.1524, 0.696)
    """
    return min(max(float(truncation_orders(t) @ r**ODD), 0.0), 1.0)


def truncation_orders(t: float) -> NDArray[np.float64]:
    """The shares of the orders 1, 3, ..., 63 in the truncation's energy, the last with all beyond: a series in r."""
    energy = truncation_energy(t)
    if energy <= 0:  # so far out that nothing is cut off
        return np.zeros(len(ODD))
    density, h = _density(t), [1.0, t]
    for k in range(1, ORDERS):
        h.append((t * h[k] - math.sqrt(k) * h[k - 1]) / math.sqrt(k + 1))
    squares = [(2 * _tail(t)) ** 2] + [(2 * density * h[k - 2]) ** 2 / (k * (k - 1)) for k in range(3, ORDERS + 1, 2)]
    return np.array([*squares, energy - sum(squares)]) / energy


def pairwise_correlation(rho: float, norms: Sequence[float]) -> float:
    """The correlation r of two workers' coordinates that gives this agreement of all.

    Args:
        rho: Squared length of the mean over the mean squared length.
        norms: Lengths of the workers' gradients, in any unit.

    Example:
        >>> pairwise_correlation(0.5, [1.0, 1.0])
        0.0
        >>> pairwise_correlation(1.0, [1.0, 1.0, 1.0])
        1.0
    """
    n, total, squares = len(norms), sum(norms), sum(norm * norm for norm in norms)
    if n == 1 or total * total <= squares * (1 + 1e-12):  # one worker alone has a gradient
        return 1.0
    r = (n * rho * squares - squares) / (total * total - squares)
    return min(max(r, 0.0), 1.0)


def expected_vnmse(
    table: Sequence[int],
    t: float,
    *,
    correlation: float,
    norms: Sequence[float],
    fill: float = 1.0,
) -> float:
    """The vNMSE to expect of THC.

    Args:
        table: Strictly ascending, from 0 to the granularity.
        t: Half of the range, in standard deviations of the worker with the longest gradient.
        correlation: Agreement of the workers (rho).
        norms: Lengths of the workers' gradients, in any unit.
        fill: Coordinates of the bucket over those that are rotated with it.

    Returns:
        0 if all gradients are zero.

    Example:
        >>> table = (0, 3, 5, 7, 9, 11, 13, 14, 16, 17, 19, 21, 23, 25, 27, 30)
        >>> round(expected_vnmse(table, half_range(1 / 32), correlation=1.0, norms=[1.0] * 4), 4)
        0.0105
    """
    longest = max(norms)
    if longest <= 0:
        return 0.0
    scales = [norm / longest for norm in norms]
    costs = {scale: rounding_cost(table, t, scale=scale) for scale in set(scales)}
    return vnmse_of_costs([costs[scale] for scale in scales], t, correlation, scales) * fill


def vnmse_of_costs(costs: Sequence[float], t: float, correlation: float, scales: Sequence[float]) -> float:
    """`expected_vnmse` where the cost of rounding is known for each worker; `scales` are lengths, 1 the longest."""
    n = len(scales)
    mean_square = sum(scale * scale for scale in scales) / n
    cut = [scale * scale * truncation_energy(t / scale) if scale > 0 else 0.0 for scale in scales]
    r = pairwise_correlation(correlation, scales)
    kappa = truncation_correlation(r, t * n / sum(scales))
    across = sum(math.sqrt(max(each, 0.0)) for each in cut) ** 2 - sum(cut)
    error = sum(costs) + sum(cut) + kappa * across
    return error / (n * n * correlation * mean_square)


def step_seconds(
    compute: float,
    encode: Sequence[float],
    exchange: Sequence[float],
    decode: Sequence[float],
    *,
    shares: Sequence[float],
    overlap: float = 0.0,
    contention: float = 0.0,
) -> float:
    """How long a training step takes, whose buckets one thread exchanges, one after the other as they become ready.

    Args:
        compute: Seconds of forward, backward and optimizer.
        encode: Seconds of each bucket, in the order in which they become ready.
        exchange: As `encode`.
        decode: As `encode`.
        shares: Of the parameters in each bucket; they add up to 1.
        overlap: Share of `compute` during which buckets can be exchanged, from 0 to 1.
        contention: By which share encoding and decoding take longer, as they compete with training: 1 on the same
            cores, 0 on others.

    Raises:
        InvalidInput: There are not as many of each, or `overlap` is out of range.

    Example:
        >>> step_seconds(1.0, [0.25], [0.5], [0.25], shares=[1.0])
        2.0
        >>> step_seconds(1.0, [0.0, 0.0], [0.4, 0.4], [0.0, 0.0], shares=[0.5, 0.5], overlap=1.0)
        1.4
    """
    if not 0 <= overlap <= 1:
        raise InvalidInput(f"overlap is {overlap}, but must be from 0 to 1")
    if not len(encode) == len(exchange) == len(decode) == len(shares):
        raise InvalidInput(
            f"encode, exchange, decode and shares have {len(encode)}, {len(exchange)}, {len(decode)} and {len(shares)} "
            "numbers, but must have one for each bucket"
        )
    ready = finished = 0.0
    for coding, moving, decoding, share in zip(encode, exchange, decode, shares, strict=True):
        ready += share
        start = max(compute * (1 - overlap * (1 - ready)), finished)
        finished = start + moving + (coding + decoding) * (1 + contention)
    return max(compute, finished)


def _density(t: float) -> float:
    return math.exp(-0.5 * t * t) / math.sqrt(2 * math.pi)


def _tail(t: float) -> float:
    return 0.5 * math.erfc(t / math.sqrt(2))


def _cost_of_zeros(table: Sequence[int], t: float) -> float:
    """Zeros lie at the center, between two points of most tables."""
    q = [-t + 2 * t * value / table[-1] for value in table]
    above = next(z for z, point in enumerate(q) if point >= 0)
    return -q[above] * q[above - 1]
