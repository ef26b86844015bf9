"""The closed forms against enumeration, and against the figures of the specification."""

import itertools
import math
import random

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.ranges import theory

KEYS = (10, 200, 1000, 70000)
WIDTH = 6  # of the small universes


def universe(seed: int) -> tuple[list[int], list[tuple[int, int]]]:
    """A few keys of 6 bits, and every empty range between them."""
    keys = sorted(random.Random(seed).sample(range(2**WIDTH), random.Random(seed).randint(1, 6)))
    pairs = itertools.combinations_with_replacement(range(2**WIDTH), 2)
    return keys, [(lo, hi) for lo, hi in pairs if not any(lo <= key <= hi for key in keys)]


def prefixes(lo: int, hi: int, bits: int) -> range:
    return range(lo >> (WIDTH - bits), (hi >> (WIDTH - bits)) + 1)


def stored(keys: list[int], bits: int) -> set[int]:
    return {key >> (WIDTH - bits) for key in keys}


def test_prefix_counts_are_those_of_the_four_keys() -> None:
    counts = theory.prefix_counts(KEYS)
    assert counts[[0, 47, 48, 54, 55, 56, 57, 64]].tolist() == [1, 1, 2, 2, 3, 3, 4, 4]


@pytest.mark.parametrize(
    ("lo", "hi", "left", "right", "within"),
    [
        (300, 500, 55, 54, 56),
        (11, 11, 63, 56, 64),
        (1001, 69999, 63, 59, 47),
        (0, 9, -1, 62, 60),
        (70001, 2**40, 63, -1, 23),
    ],
)
def test_statistics_are_those_of_five_queries(lo: int, hi: int, left: int, right: int, within: int) -> None:
    assert theory.query_statistics(KEYS, [lo], [hi]) == (theory.EmptyQuery(lo, hi, left, right, within),)


def test_counts_of_prefixes_are_those_of_two_queries() -> None:
    assert [theory.count_prefixes(300, 500, bits) for bits in (60, 64)] == [14, 201]
    assert [theory.count_prefixes(1001, 69999, bits) for bits in (48, 54, 56, 60)] == [2, 69, 271, 4313]


def test_queries_with_a_key_are_dropped() -> None:
    assert theory.query_statistics(KEYS, [10, 150, 0], [10, 250, 2**64 - 1]) == ()


@pytest.mark.parametrize("seed", range(12))
def test_every_design_errs_as_its_parts_do_on_every_empty_range(seed: int) -> None:
    """The exact part lets regions pass that hold a key; the approximate one is asked for each prefix in those."""
    keys, ranges = universe(seed)
    passing = 0.3
    queries = theory.query_statistics(keys, *zip(*ranges, strict=True), width=WIDTH)
    for exact, approx in itertools.combinations(range(WIDTH + 1), 2):
        wrong = 0.0
        for lo, hi in ranges:
            regions = set(prefixes(lo, hi, exact)) & stored(keys, exact)
            asked = [each for each in prefixes(lo, hi, approx) if each >> (approx - exact) in regions]
            sure = any(each in stored(keys, approx) for each in asked)
            wrong += 1 if sure else 1 - (1 - passing) ** len(asked)
        rate = theory.rate_proteus(queries, exact, approx, theory.capped(passing, None), width=WIDTH, bounded=False)
        assert rate == pytest.approx(wrong / len(ranges), abs=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_an_exact_part_alone_errs_where_an_end_shares_its_prefix_with_a_neighbor(seed: int) -> None:
    keys, ranges = universe(seed)
    queries = theory.query_statistics(keys, *zip(*ranges, strict=True), width=WIDTH)
    for exact in range(1, WIDTH + 1):
        wrong = sum(bool(set(prefixes(lo, hi, exact)) & stored(keys, exact)) for lo, hi in ranges)
        assert theory.rate_proteus(queries, exact, 0, None, width=WIDTH, bounded=False) == wrong / len(ranges)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("max_probes", [None, 4])
def test_two_bloom_filters_err_as_the_product_over_regions_says(seed: int, max_probes: int | None) -> None:
    keys, ranges = universe(seed)
    passing = (0.2, 0.4)
    queries = theory.query_statistics(keys, *zip(*ranges, strict=True), width=WIDTH)
    for first, second in itertools.combinations(range(1, WIDTH + 1), 2):
        wrong = 0.0
        for lo, hi in ranges:
            regions = prefixes(lo, hi, first)
            denied = 0.0 if max_probes is not None and len(regions) >= max_probes else 1.0
            for region in regions:
                inside = [each for each in prefixes(lo, hi, second) if each >> (second - first) == region]
                sure = any(each in stored(keys, second) for each in inside)
                capped = max_probes is not None and len(inside) >= max_probes
                deeper = 1.0 if sure or capped else 1 - (1 - passing[1]) ** len(inside)
                denied *= 1 - (1.0 if region in stored(keys, first) else passing[0]) * deeper
            wrong += 1 - denied
        rate = theory.rate_2pbf(queries, (first, second), passing, max_probes=max_probes, width=WIDTH)
        assert rate == pytest.approx(wrong / len(ranges), abs=1e-12)


def test_rosetta_errs_as_its_recursion_does_when_it_is_played() -> None:
    draw = np.random.default_rng(0)
    passing = [0.3, 0.5, 0.7]

    def doubted(level: int) -> bool:
        """One node of a level, each filter tossing its coin; above the filters all pass."""
        above = WIDTH - level
        if draw.random() >= (passing[above] if above < len(passing) else 1.0):
            return False
        return level == WIDTH or doubted(level + 1) or doubted(level + 1)

    nodes = theory.dyadic_nodes(5, 27, WIDTH)
    played = np.mean([any(doubted(bits) for bits, _ in nodes) for _ in range(20_000)])
    assert played == pytest.approx(theory.rate_rosetta([5], [27], passing, width=WIDTH), abs=0.012)


def test_dyadic_nodes_are_the_range() -> None:
    for lo, hi in itertools.combinations_with_replacement(range(2**5), 2):
        nodes = theory.dyadic_nodes(lo, hi, 5)
        covered = [code for bits, node in nodes for code in range(node << (5 - bits), (node + 1) << (5 - bits))]
        assert covered == list(range(lo, hi + 1))
        assert len(nodes) <= 2 * 5


@pytest.mark.parametrize(
    ("n", "universe", "bits"),
    [(1000, 2**20, 12_152), (10**6, 2**30, 12_179_648), (10**7, 10**7, 21_250_016)],
)
def test_elias_fano_takes_the_bits_of_the_formula(n: int, universe: int, bits: int) -> None:
    """The figures leave out the counts of ones, 32 bits for every 4,096."""
    zeros = 2 ** max(0, (universe // n).bit_length() - 1)
    highs = n + ((universe - 1) // zeros) + 1
    assert theory.elias_fano_bits(n, universe) - 32 * math.ceil(highs / 4096) == pytest.approx(bits, rel=1e-5)


@pytest.mark.parametrize(
    ("n", "geometry", "slots"),
    [
        (10**3, (5, 3, 40), 1_376),
        (10**4, (8, 4, 45), 12_288),
        (10**5, (10, 4, 107), 112_640),
        (10**6, (12, 4, 260), 1_077_248),
        (10**7, (14, 4, 654), 10_764_288),
    ],
)
def test_fuse_filters_have_the_slots_of_the_table(n: int, geometry: tuple[int, int, int], slots: int) -> None:
    found = theory.fuse_geometry(n, n)
    assert (tuple(found), found.slots) == (geometry, slots)


def test_fuse_filters_of_neighbors_take_wider_segments() -> None:
    assert theory.fuse_geometry(10**6, 62_500).slots == 1_138_688


@pytest.mark.parametrize(
    ("bits", "fuse", "bloom"),
    [
        (8, 6.17e-3, 2.16e-2),
        (10, 1.69e-3, 8.19e-3),
        (12, 4.57e-4, 3.14e-3),
        (14, 1.23e-4, 1.20e-3),
        (16, 3.51e-5, 4.59e-4),
        (18, 9.89e-6, 1.76e-4),
    ],
)
def test_filters_let_pass_what_the_table_says(bits: int, fuse: float, bloom: float) -> None:
    assert theory.fuse_probe_rate(10**6, 10**6, bits * 10**6) == pytest.approx(fuse, rel=0.003)
    assert theory.bloom_probe_rate(10**6, bits * 10**6) == pytest.approx(bloom, rel=0.003)


def test_a_fuse_filter_of_less_than_a_bit_is_none() -> None:
    assert theory.fuse_probe_rate(1000, 1000, 1_375) is None


def test_hashes_take_the_largest_range_that_fits() -> None:
    found = theory.locality_range(1000, 12_184)
    assert found is not None
    assert theory.elias_fano_bits(1000, found) <= 12_184 < theory.elias_fano_bits(1000, found + 1)
    assert theory.locality_range(1000, 900) is None
    assert theory.locality_range(2, 10**9) == 2**62


def test_hashes_of_scattered_keys_err_as_the_figure_says() -> None:
    rate = theory.locality_rate([math.inf] * 1000, 4_000)
    assert rate(1) == pytest.approx(0.2212, abs=1e-4)
    assert rate(4_000) == 1


def test_a_cap_says_yes_from_its_number_of_probes_on() -> None:
    rate = theory.capped(0.1, 4)
    assert (rate(3), rate(4)) == (pytest.approx(1 - 0.9**3), 1)
    assert theory.capped(0.1, None)(4) == pytest.approx(1 - 0.9**4)


def test_the_tail_halves_where_fewer_than_16_queries_are_left() -> None:
    queries = [theory.EmptyQuery(0, 0, near, -1, 8) for near in [2] * 100 + [4] * 12]
    tail = theory.unresolved(queries, width=8)
    assert tail.tolist() == [112, 112, 112, 56, 28, 14, 7, 3.5, 0]
    assert theory.unresolved(queries, width=8, smoothed=False).tolist() == [112, 112, 112, 12, 12, 0, 0, 0, 0]


def test_no_empty_query_is_no_rate() -> None:
    with pytest.raises(InvalidInput, match="no empty query"):
        theory.rate_proteus((), 0, 8, theory.capped(0.1, None))


def test_tries_take_no_less_than_their_prefixes() -> None:
    counts = theory.prefix_counts(range(0, 2**16, 7), 16)
    assert theory.trie_bits(counts, 0) == 0
    assert theory.trie_bits(counts, 16) > 10 * int(counts[16]) * 0.9
