"""How often range filters err, and how much memory they take: closed forms, one query at a time.

Pure functions of whole numbers, to read and to test native code against; nothing here runs native code. Keys and bounds
are codes: whole numbers of `width` bits, in the order of the values. Prefixes of `l` bits are the upper `l` bits.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput

PassRate = Callable[[float], float]  # that at least one of so many prefixes passes that are not stored
FEW: Final = 16  # queries at a length that say how many there are at the next
MOST_HASHES: Final = 2**62


class EmptyQuery(NamedTuple):
    """A closed range without a key: how many bits it shares with its neighbors, and its ends with each other."""

    lo: int
    hi: int
    left: int  # of lo and the key before; -1 without one
    right: int  # of hi and the key behind; -1 without one
    within: int

    @property
    def near(self) -> int:
        """Bits shared with the nearer neighbor; an exact set of more tells them apart."""
        return max(self.left, self.right)

    @property
    def outside(self) -> bool:
        """Whether no key lies before it, or none behind."""
        return self.left < 0 or self.right < 0


def prefix_counts(keys: Iterable[int], width: int = 64) -> NDArray[np.uint64]:
    """How many distinct prefixes of 0, 1, ... `width` bits the keys have.

    Example:
        >>> prefix_counts([0b0001, 0b0010, 0b1010], width=4)
        array([1, 2, 2, 3, 3], dtype=uint64)
    """
    distinct = {int(key) for key in keys}
    return np.array([len({key >> (width - bits) for key in distinct}) for bits in range(width + 1)], np.uint64)


def shared_bits(one: int, other: int, width: int = 64) -> int:
    """How many bits two codes begin with together."""
    return width - (one ^ other).bit_length()


def query_statistics(
    keys: Sequence[int], lo: Sequence[int], hi: Sequence[int], width: int = 64
) -> tuple[EmptyQuery, ...]:
    """The queries that hold no key.

    Example:
        >>> query_statistics([10, 200, 1000, 70000], [300, 150], [500, 250])
        (EmptyQuery(lo=300, hi=500, left=55, right=54, within=56),)
    """
    ordered = sorted(int(key) for key in keys)
    found = []
    for first, last in zip(map(int, lo), map(int, hi), strict=True):
        before = max((key for key in ordered if key < first), default=None)
        behind = min((key for key in ordered if key >= first), default=None)
        if behind is not None and behind <= last:
            continue
        left = -1 if before is None else shared_bits(before, first, width)
        right = -1 if behind is None else shared_bits(behind, last, width)
        found.append(EmptyQuery(first, last, left, right, shared_bits(first, last, width)))
    return tuple(found)


def count_prefixes(lo: int, hi: int, bits: int, width: int = 64) -> int:
    """How many prefixes of `bits` bits a closed range has."""
    return (hi >> (width - bits)) - (lo >> (width - bits)) + 1


def count_asked(query: EmptyQuery, exact_bits: int, approx_bits: int, width: int = 64) -> int:
    """How many prefixes the approximate part is asked for, where an exact one lets the ends of the query pass.

    0 where the exact part resolves the query.
    """
    if exact_bits > query.near:
        return 0
    if exact_bits <= query.within:
        return count_prefixes(query.lo, query.hi, approx_bits, width)
    region = (1 << (width - exact_bits)) - 1
    asked = 0
    if query.left >= exact_bits:
        asked += count_prefixes(query.lo, query.lo | region, approx_bits, width)
    if query.right >= exact_bits:
        asked += count_prefixes(query.hi & ~region, query.hi, approx_bits, width)
    return asked


def bloom_probe_rate(prefixes: int, bits: int) -> float:
    """The probability that a Bloom filter lets a prefix pass which it does not hold, with its best number of probes.

    Example:
        >>> round(bloom_probe_rate(10**6, 8 * 10**6), 5)
        0.02158
    """
    probes = min(32, max(1, round(math.log(2) * bits / prefixes)))
    return (1 - math.exp(-probes * prefixes / bits)) ** probes


class FuseGeometry(NamedTuple):
    """How a fuse filter lies in memory: `segments + 3` segments of `2**segment_log` slots."""

    segment_log: int
    block_log: int
    segments: int

    @property
    def slots(self) -> int:
        """How many there are."""
        return (self.segments + 3) << self.segment_log


def fuse_geometry(prefixes: int, blocks: int) -> FuseGeometry:
    """The geometry for so many prefixes in so many distinct blocks of 16 neighbors.

    Example:
        >>> fuse_geometry(10**6, 10**6), fuse_geometry(10**6, 10**6).slots
        (FuseGeometry(segment_log=12, block_log=4, segments=260), 1077248)
    """
    log = math.log(max(blocks, 2))
    wide = math.floor(log / math.log(2.91) - 0.5) + math.ceil(math.log2(max(1.0, prefixes / blocks)))
    segment_log = min(18, max(2, wide))
    expansion = min(2.0, max(1.075, 0.77 + 0.305 * math.log(6e5) / log))
    segments = max(1, math.ceil(round(expansion * prefixes) / 2**segment_log) - 3)
    return FuseGeometry(segment_log, min(4, max(0, segment_log - 2)), segments)


def fuse_probe_rate(prefixes: int, blocks: int, bits: int) -> float | None:
    """The probability that a fuse filter of so many bits lets a prefix pass which it does not hold; None: too few bits.

    Example:
        >>> f"{fuse_probe_rate(10**6, 10**6, 12 * 10**6):.3g}"
        '0.000457'
    """
    geometry = fuse_geometry(prefixes, blocks)
    whole = min(32, bits // geometry.slots)
    if whole == 0:
        return None
    left = bits - whole * geometry.slots
    covered = min(geometry.segments + 3, left >> geometry.segment_log)
    more = max(0, covered - 3) / geometry.segments
    return 2.0**-whole * (1 - more / 2)


def capped(passing: float, max_probes: int | None) -> PassRate:
    """1 - (1 - passing)^c for c prefixes; 1 from `max_probes` of them, None for no such cap."""

    def rate(prefixes: float) -> float:
        if max_probes is not None and prefixes >= max_probes:
            return 1.0
        return 1.0 if passing >= 1 else -math.expm1(prefixes * math.log1p(-passing))

    return rate


def elias_fano_bits(n: int, universe: int) -> int:
    """Bits of a sorted set of n distinct numbers below `universe`, with its directories.

    Example:
        >>> elias_fano_bits(1000, 2**20)
        12184
    """
    low = max(0, (universe // n).bit_length() - 1)
    zeros = ((universe - 1) >> low) + 1
    return n * low + (n + zeros) + 32 * (-(-zeros // 256) - (-(n + zeros) // 4096))


def locality_range(prefixes: int, bits: int) -> int | None:
    """The largest range of hashes whose Elias-Fano set fits, up to 2**62; None where none does."""
    low, high = 0, MOST_HASHES
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if elias_fano_bits(prefixes, middle) <= bits else (low, middle - 1)
    return low or None


def locality_rate(gaps: Sequence[float], hashes: int) -> PassRate:
    """The rate of locality-preserving hashes below `hashes` for a range of c prefixes.

    Args:
        gaps: From each stored prefix to the next, the last one without end.
        hashes: Their range.

    Example:
        >>> round(locality_rate([2] * 199 + [math.inf], 12800)(16), 4)
        0.0318
    """

    def rate(prefixes: float) -> float:
        if prefixes >= hashes:
            return 1.0
        return -math.expm1(-sum(min(gap, prefixes) for gap in gaps) / hashes)

    return rate


def trie_bits(counts: Sequence[int], bits: int) -> int:
    """Bits of a trie of all prefixes of `bits` bits, from how many distinct prefixes the keys have by length.

    The cheapest of the cuts between dense levels above and sparse ones below. An upper estimate, as branches end where
    they become unique.
    """
    if bits == 0:
        return 0
    levels = -(-bits // 8)
    costs = []
    for cut in range(levels + 1):
        dense = sum(512 * int(counts[8 * level]) for level in range(cut))
        sparse = sum(10 * int(counts[8 * (level + 1)]) for level in range(cut, levels - 1))
        sparse += 10 * int(counts[bits]) if cut < levels else 0
        costs.append(dense + sparse + 32 * (dense // 512 + 1 + sparse // 5120 + 1 + sparse // 640 + 1))
    return min(costs) + 32 * (23 + levels)


def unresolved(queries: Sequence[EmptyQuery], width: int = 64, *, smoothed: bool = True) -> NDArray[np.float64]:
    """How many queries an exact set of 0, 1, ... `width` bits does not resolve.

    Args:
        queries: The empty ones.
        width: Bits of a code.
        smoothed: Halve from the last length at which 16 queries are left, where fewer are: a sample ends sooner than
            the queries do.
    """
    counted = np.array([sum(query.near >= bits for query in queries) for bits in range(width + 1)], np.float64)
    if not smoothed or counted[0] == 0:
        return counted
    last = max((bits for bits in range(width) if counted[bits] >= FEW), default=0)
    tail = counted.copy()
    for bits in range(last + 1, width):
        tail[bits] = max(counted[bits], 0.5, counted[last] * 2.0 ** (last - bits))
    return tail


def rate_proteus(
    queries: Sequence[EmptyQuery],
    exact_bits: int,
    approx_bits: int,
    rate: PassRate | None,
    *,
    width: int = 64,
    bounded: bool = True,
    binned: bool = False,
    smoothed: bool = False,
) -> float:
    """The share of empty queries that a filter with an exact and an approximate part answers with yes.

    Args:
        queries: The empty ones.
        exact_bits: Length of the exact prefixes; 0 for none.
        approx_bits: Length of the approximate prefixes; 0 for none.
        rate: Of the approximate part.
        width: Bits of a code.
        bounded: Whether the filter knows the smallest and the largest key, and resolves what lies outside.
        binned: Take the rate at the mean count of the queries with counts of one bit length, as the native model does.
        smoothed: Let the tail go on, as `unresolved` does.

    Example:
        >>> queries = query_statistics([10, 200, 1000, 70000], [300], [500])
        >>> round(rate_proteus(queries, 0, 60, capped(0.01, None)), 4)  # one query, which asks for 14 prefixes
        0.1313
    """
    if not queries:
        raise InvalidInput("there is no empty query, so that there is no rate; pass some")
    asked = [query for query in queries if not bounded or not query.outside]
    tail, seen = unresolved(asked, width, smoothed=smoothed), unresolved(asked, width, smoothed=False)
    if rate is None:
        return float(tail[exact_bits]) / len(queries)
    counts = [count_asked(each, exact_bits, approx_bits, width) for each in asked if each.near < approx_bits]
    wrong = float(tail[approx_bits])
    for group in _groups([count for count in counts if count > 0], binned):
        wrong += len(group) * rate(sum(group) / len(group))
    added = (tail[exact_bits] - tail[approx_bits]) - (seen[exact_bits] - seen[approx_bits])
    if added > 0:
        whole = [count_prefixes(each.lo, each.hi, approx_bits, width) for each in asked if each.near < approx_bits]
        wrong += float(added) * (rate(sum(whole) / len(whole)) if whole else 1.0)
    return wrong / len(queries)


def rate_1pbf(queries: Sequence[EmptyQuery], prefix_bits: int, rate: PassRate, *, width: int = 64) -> float:
    """The share of empty queries that one filter of prefixes answers with yes."""
    return rate_proteus(queries, 0, prefix_bits, rate, width=width, bounded=False)


def rate_2pbf(
    queries: Sequence[EmptyQuery],
    prefix_bits: tuple[int, int],
    passing: tuple[float, float],
    *,
    max_probes: int | None = None,
    width: int = 64,
) -> float:
    """The share of empty queries that two Bloom filters answer with yes: regions that pass the first ask the second.

    Args:
        queries: The empty ones.
        prefix_bits: Of the regions, and of the prefixes in them.
        passing: The probabilities that either filter lets a prefix pass which it does not hold.
        max_probes: As many regions, or prefixes in one, are answered with yes unasked; None for no such cap.
        width: Bits of a code.
    """
    first, second = prefix_bits
    region = (1 << (width - first)) - 1
    inner = capped(passing[1], max_probes)
    wrong = 0.0
    for query in queries:
        regions = count_prefixes(query.lo, query.hi, first, width)
        if query.near >= second or (max_probes is not None and regions >= max_probes):
            wrong += 1
            continue
        if regions == 1:
            prefixes = count_prefixes(query.lo, query.hi, second, width)
            wrong += (1.0 if query.near >= first else passing[0]) * inner(prefixes)
            continue
        left = count_prefixes(query.lo, query.lo | region, second, width)
        right = count_prefixes(query.hi & ~region, query.hi, second, width)
        denied = 1 - (1.0 if query.left >= first else passing[0]) * inner(left)
        denied *= 1 - (1.0 if query.right >= first else passing[0]) * inner(right)
        denied *= (1 - passing[0] * inner(1 << (second - first))) ** (regions - 2)
        wrong += 1 - denied
    return wrong / len(queries)


def dyadic_nodes(lo: int, hi: int, width: int = 64) -> list[tuple[int, int]]:
    """The fewest prefixes, as (bits, prefix), whose codes together are a closed range; from left to right.

    Example:
        >>> dyadic_nodes(1, 6, width=3)
        [(3, 1), (2, 1), (2, 2), (3, 6)]
    """
    found = []
    while lo <= hi:
        size = min((lo & -lo) or 1 << width, 1 << ((hi - lo + 1).bit_length() - 1))
        log = size.bit_length() - 1
        found.append((width - log, lo >> log))
        lo += size
    return found


def rate_rosetta(
    lo: Sequence[int], hi: Sequence[int], passing: Sequence[float], *, deepest: int | None = None, width: int = 64
) -> float:
    """The share of empty ranges that Rosetta answers with yes, one Bloom filter for each of the deepest levels.

    A node of a level passes its filter, and then one of its children must: f_w = p_w, f_j = p_j (1 - (1 - f_{j+1})^2).

    Args:
        lo, hi: Closed ranges without keys.
        passing: The rates of the filters, of the bottom level first; above them, and where it is 1, nothing is stored.
        deepest: The bottom level in bits; None: `width`.
        width: Bits of a code.
    """
    bottom = width if deepest is None else deepest
    rates = {bottom: passing[0]}
    for level in range(bottom - 1, -1, -1):
        passes = passing[bottom - level] if bottom - level < len(passing) else 1.0
        rates[level] = passes * (1 - (1 - rates[level + 1]) ** 2)
    wrong = 0.0
    for first, last in zip(lo, hi, strict=True):
        nodes = dyadic_nodes(int(first), int(last), width)
        wrong += 1 - math.prod(1 - rates[bits] for bits, _ in nodes)
    return wrong / len(lo)


def _groups(counts: list[int], binned: bool) -> list[list[int]]:
    if not binned:
        return [[count] for count in counts]
    bins: dict[int, list[int]] = {}
    for count in counts:
        bins.setdefault(count.bit_length(), []).append(count)
    return list(bins.values())
