"""How much summaries of streams must err, and what knowledge can gain: closed forms.

Pure functions of numbers; nothing here runs native code, so that native code can be tested against it.
"""

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.errors import InvalidInput
from beforehand.streams.sizes import is_real, is_whole
from beforehand.streams.sizes import sizes as sizes

Floats = NDArray[np.float64]


class Bound(NamedTuple):
    """An error, and the probability that it is exceeded."""

    error: float
    failure: float


class Gain(NamedTuple):
    """Floor and RMSE of a learned summary, as shares of those of plain Space Saving."""

    floor: float
    rmse: float


class Geometry(NamedTuple):
    """How a window is cut: arrivals a block, blocks a frame, arrivals a frame, and how many more that is."""

    block: int
    blocks: int
    frame: int
    slack: int


def zipf_counts(total: float, universe: int, alpha: float) -> Floats:
    """The counts to expect of keys whose frequencies fall as 1 / rank^alpha, the heaviest first.

    Args:
        total: Arrivals.
        universe: Number of keys.
        alpha: 0 or more.

    Raises:
        InvalidInput: an argument is out of range.

    Example:
        >>> zipf_counts(11, 3, 1.0)
        array([6., 3., 2.])
    """
    _real(total=total, alpha=alpha)
    _whole(universe=universe)
    if not total >= 0 or universe < 1 or not 0 <= alpha < math.inf:
        raise InvalidInput(f"total is {total}, universe {universe} and alpha {alpha}, but must be from 0, 1 and 0")
    shares = np.arange(1, universe + 1, dtype=np.float64) ** -alpha
    counts: Floats = shares * (total / shares.sum())
    return counts


def residual(counts: ArrayLike, j: int) -> float:
    """F1_res(j): the weight of all keys but the j heaviest.

    Raises:
        InvalidInput: `j` is no whole number from 0; `counts` are empty or negative.

    Example:
        >>> residual([3, 1, 6], 1)
        4.0
    """
    _whole(j=j)
    if j < 0:
        raise InvalidInput(f"j is {j}, but must be at least 0")
    return float(_descending(counts)[j:].sum())


def space_saving_floor(counts: ArrayLike, k: int) -> float:
    """What the smallest of k counters will hold after a stream in random order: the error of keys that it takes in.

    The minimum over j < k of F1_res(j) / (k - j): the j heaviest keys keep counters of their own, and all other
    arrivals share the k - j that are left.

    Args:
        counts: True counts of all keys, in any order.
        k: Number of counters.

    Guarantee:
        Measured floors of Zipf streams lay at most 4 below it. No stream, in whatever order, has a floor above
        F1_res(j) / (k - j) for any j.

    Raises:
        InvalidInput: `k` is less than 1; `counts` are empty or negative.

    Example:
        >>> space_saving_floor([100, 1, 1, 1, 1, 1, 1], 3)  # the heavy key, and six that share two counters
        3.0
    """
    return _floor(_descending(counts), k)[0]


def space_saving_rmse(counts: ArrayLike, k: int) -> float:
    """The root mean square error of the counts of Space Saving over all keys, for a stream in random order.

    About floor * sqrt((k - j) / D), with j that of the floor and D the number of keys: 6 to 12 % too high in our
    measurements.

    Raises:
        InvalidInput: as `space_saving_floor`.
    """
    ordered = _descending(counts)
    floor, j = _floor(ordered, k)
    return floor * math.sqrt((k - j) / ordered.size)


def count_min_error(total: float, width: int, depth: int) -> Bound:
    """By how much an estimate of Count-Min exceeds the truth at most: e * total / width, but for one in e^depth.

    Raises:
        InvalidInput: an argument is out of range.

    Example:
        >>> bound = count_min_error(1e6, 2718, 4)
        >>> round(bound.error), round(bound.failure, 4)
        (1000, 0.0183)
    """
    _positive(width=width, depth=depth)
    _real(total=total)
    if not total >= 0:
        raise InvalidInput(f"total is {total}, but must be at least 0")
    return Bound(math.e * total / width, math.exp(-depth))


def count_sketch_error(counts: ArrayLike, width: int, depth: int) -> Bound:
    """By how much an estimate of Count-Sketch errs at most: 2 * sqrt(F2 / width), but for one in exp(depth / 8).

    Args:
        counts: True counts, whose squares add up to F2; that of the key itself may be left out.
        width: Cells of a row.
        depth: Rows.

    Guarantee:
        A row exceeds twice its standard deviation with a probability of at most 1/4 (Chebyshev); the median does so
        only if half of the rows do (Hoeffding).

    Raises:
        InvalidInput: an argument is out of range.
    """
    _positive(width=width, depth=depth)
    values = _descending(counts)
    return Bound(2 * math.sqrt(float(values @ values) / width), math.exp(-depth / 8))


def bloom_rate(cells: float, hashes: int, keys: float) -> float:
    """The share of unknown keys that a Bloom filter takes for known.

    Example:
        >>> round(bloom_rate(10_000, 2, 1000), 4)
        0.0329
    """
    _positive(cells=cells, hashes=hashes)
    _real(keys=keys)
    return float((1 - math.exp(-hashes * keys / cells)) ** hashes)


def hll_error(registers: int) -> float:
    """The relative standard error of HyperLogLog, 1.04 / sqrt(registers).

    Example:
        >>> hll_error(256)
        0.065
    """
    _positive(registers=registers)
    return 1.04 / math.sqrt(registers)


def window_geometry(window: int, blocks: int) -> Geometry:
    """The blocks and the frame of a sliding window that is to have about that many blocks.

    Example:
        >>> window_geometry(1000, 30)
        Geometry(block=34, blocks=30, frame=1020, slack=20)
    """
    _whole(window=window, blocks=blocks)
    _positive(window=window, blocks=blocks)
    block = -(-window // blocks)
    needed = -(-window // block)
    return Geometry(block, needed, block * needed, block * needed - window)


def window_error(window: int, blocks: int, counters: int) -> float:
    """The most that the bounds of a sliding window can lie apart: 3 blocks - 3 + frame / counters arrivals.

    With fewer counters than blocks it is 2 frames / counters. A block, less what the frame is longer than the window,
    comes on top where the blocks do not divide the window; 2 with a filter.

    Raises:
        InvalidInput: an argument is less than 1.

    Example:
        >>> window_error(1000, 10, 100)
        307.0
    """
    _positive(counters=counters)
    cut = window_geometry(window, blocks)
    hidden = (2 if counters < cut.blocks else 1) * cut.frame / counters
    return 3 * cut.block - 3 + hidden + (cut.block - cut.slack if cut.slack else 0)


def memento_interval(lower: float, upper: float, *, sample: float, confidence: float) -> tuple[float, float]:
    """Bounds on a key's arrivals, from bounds on how many of them a sample holds that took each with equal probability.

    Args:
        lower: The sample holds at least so many.
        upper: And at most so many.
        sample: The probability to be taken, above 0 and at most 1.
        confidence: The probability that the result holds, above 0 and below 1.

    Guarantee:
        By Bernstein's inequality, inverted: it holds for every true count, unlike a normal or a Wilson interval.

    Raises:
        InvalidInput: an argument is out of range.

    Example:
        >>> low, high = memento_interval(10, 10, sample=0.25, confidence=0.99)
        >>> round(low, 2), round(high, 2)
        (10.6, 107.5)
    """
    _real(sample=sample, confidence=confidence, lower=lower, upper=upper)
    if not 0 < sample <= 1 or not 0 < confidence < 1 or not 0 <= lower <= upper:
        raise InvalidInput(
            f"sample is {sample}, confidence {confidence}, and the bounds are {lower} and {upper}; pass shares, and "
            "bounds in ascending order"
        )
    if sample == 1:
        return lower, upper
    spread = math.log(2 / (1 - confidence))
    above = (upper + spread + math.sqrt(spread**2 + 2 * spread * upper)) / sample
    off = -2 * spread / 3 + math.sqrt(4 * spread**2 / 9 + 2 * spread * lower)
    return max(lower, (lower - off) / sample), above


def learned_gain(
    counts: ArrayLike,
    precision: float,
    recall: float,
    k: int,
    *,
    use: Literal["filter", "pin"] = "filter",
    loss: float = 15,
) -> Gain:
    """What a predictor of the k heaviest keys can make of Space Saving with k counters, in random order.

    Each of the k heaviest keys is flagged with probability `recall`; so many others, all with equal probability, that a
    share `precision` of the flagged ones is right.

    Args:
        counts: True counts of all keys, in any order.
        precision: Above 0, at most 1.
        recall: From 0 to 1.
        k: Number of counters; fewer than there are keys.
        use: `"filter"`: keys that are not flagged lose their first `loss` arrivals before they may enter. `"pin"`:
            flagged keys get counters that they keep.
        loss: Arrivals; inf keeps keys that are not flagged out for ever.

    Guarantee:
        Floors within 10 % of measured ones on streams in random order. It knows nothing of bursts and drift.

    Raises:
        InvalidInput: an argument is out of range; the k counters hold all keys; pinned keys leave no counter.

    Example:
        >>> counts = zipf_counts(2e6, 1_000_000, 1.0)
        >>> round(learned_gain(counts, 1.0, 0.0, 1024).floor, 2)  # a filter, and no predictor
        0.34
        >>> round(learned_gain(counts, 1.0, 1.0, 1024).floor, 2)  # a clairvoyant gains no more
        0.35
    """
    f = _descending(counts)
    _real(precision=precision, recall=recall, loss=loss)
    if not 0 < precision <= 1 or not 0 <= recall <= 1 or not loss >= 0:
        raise InvalidInput(f"precision is {precision}, recall {recall} and loss {loss}, but two are shares, one from 0")
    if use not in ("filter", "pin"):
        raise InvalidInput(f"use is {use!r}, but must be 'filter' or 'pin'")
    plain, j = _floor(f, k)
    if plain == 0:
        raise InvalidInput(f"k is {k}, and so many counters hold all keys; there is nothing to gain")
    size = f.size
    flagged = np.full(size, min(1.0, recall * k * (1 - precision) / (precision * (size - k))))
    flagged[:k] = recall
    if use == "filter":
        lost = np.minimum(f, loss)
        floor, left = _shared(f - (1 - flagged) * lost, np.where(f > loss, 1.0, flagged), float(k))
        squares = floor**2 * left + float(((1 - flagged) * lost**2).sum())
    else:
        pinned = recall * k / precision
        if pinned >= k:
            raise InvalidInput(f"recall {recall} at precision {precision} pins all {k} counters; flag fewer keys")
        floor, left = _shared((1 - flagged) * f, 1 - flagged, k - pinned)
        squares = floor**2 * left
    return Gain(floor / plain, math.sqrt(squares / (plain**2 * (k - j))))


def _floor(ordered: Floats, k: int) -> tuple[float, int]:
    """The floor, and how many keys keep counters of their own."""
    _whole(k=k)
    if k < 1:
        raise InvalidInput(f"k is {k}, but a summary has at least 1 counter")
    if ordered.size <= k:
        return 0.0, 0
    shared = (ordered.sum() - np.concatenate(([0.0], np.cumsum(ordered[: k - 1])))) / (k - np.arange(k))
    j = int(np.argmin(shared))
    return float(shared[j]), j


def _shared(weights: Floats, enters: Floats, k: float) -> tuple[float, float]:
    """The floor where only some keys get in, with these weights, and the counters that the light ones share."""
    inside = np.concatenate(([0.0], np.cumsum(enters)))
    if inside[-1] <= k:
        return 0.0, 0.0
    after = weights.sum() - np.concatenate(([0.0], np.cumsum(weights)))
    able = inside < k
    shared = np.maximum(after[able], 0.0) / (k - inside[able])
    j = int(np.argmin(shared))
    return float(shared[j]), float(k - inside[j])


def _descending(counts: ArrayLike) -> Floats:
    try:
        values: Floats = np.sort(np.asarray(counts, np.float64).ravel())[::-1]
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"counts must be one or more finite numbers from 0: {error}") from error
    if values.size == 0 or not 0 <= values[-1] <= values[0] < math.inf:
        raise InvalidInput("counts must be one or more finite numbers from 0")
    return values


def _whole(**options: int) -> None:
    for name, value in options.items():
        if not is_whole(value):
            raise InvalidInput(f"{name} is {value!r}, but must be a whole number")


def _real(**options: float) -> None:
    for name, value in options.items():
        if not is_real(value):
            raise InvalidInput(f"{name} is {value!r}, but must be a number")


def _positive(**options: float) -> None:
    _real(**options)
    for name, value in options.items():
        if not value >= 1:
            raise InvalidInput(f"{name} is {value}, but must be at least 1")
