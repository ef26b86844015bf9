"""Filters against sorted lists, in universes that are small enough to be full."""

from bisect import bisect_left, bisect_right

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.ranges import FILTERS, Design, Proteus
from tests.ranges.filters import ALPHABET

BITS = 9
CODES = st.lists(st.integers(0, 2**BITS - 1), max_size=30).map(lambda found: np.array(found, np.uint64))
STRINGS = st.lists(st.lists(st.sampled_from(ALPHABET), max_size=5).map(bytes), max_size=12)
DESIGNS = [
    {"exact": exact, "exact_bits": exact_bits, "approx": approx, "approx_bits": approx_bits}
    for exact, exact_bits in (("none", 0), ("elias_fano", 4), ("elias_fano", 8), ("trie", 5), ("trie", 8))
    for approx, approx_bits in (("none", 0), ("bloom", 9), ("fuse", 9), ("fuse", 64), ("locality", 9), ("locality", 64))
    if (exact, approx) != ("elias_fano", "bloom")  # of two spaces
]


def every_range(universe, keys):
    """Lower bounds, upper bounds, and whether a key is between them."""
    lo, hi = np.triu_indices(len(universe))
    ordered = sorted(keys)
    held = [bisect_left(ordered, universe[a]) < bisect_right(ordered, universe[b]) for a, b in zip(lo, hi, strict=True)]
    return lo, hi, np.array(held, np.bool_)


def build(name, keys, sample):
    options = {"seed": 3}
    if name in ("proteus", "prefix-bloom", "two-prefix-bloom", "rosetta"):
        options["queries"] = sample
    return FILTERS[name].build(keys, **options)


@pytest.mark.parametrize("shift", [0, 27, 64 - BITS])
@pytest.mark.parametrize("name", FILTERS)
@given(CODES)
def test_no_range_of_a_small_universe_is_denied_its_key(name, shift, keys):
    keys = keys << np.uint64(shift)
    universe = np.arange(2**BITS, dtype=np.uint64)[::7] << np.uint64(shift)
    lo, hi, held = every_range(universe, keys)
    made = build(name, keys, (universe[lo[::50]], universe[hi[::50]]) if len(keys) else None)
    assert made.may_intersect(universe[lo], universe[hi])[held].all()
    assert made.may_contain(keys).all()


@pytest.mark.parametrize("name", [name for name in FILTERS if name != "rosetta"])
@given(STRINGS, st.lists(st.lists(st.sampled_from(ALPHABET), max_size=6).map(bytes), min_size=1, max_size=8))
def test_no_range_of_strings_is_denied_its_key(name, keys, more):
    universe = sorted({*more, *keys, *(key + b"\0" for key in keys), *(key[:-1] for key in keys)})
    lo, hi, held = every_range(universe, keys)
    keys = keys or np.array([], "S1")
    made = build(name, keys, ([universe[a] for a in lo[::3]], [universe[b] for b in hi[::3]]) if len(keys) else None)
    asked = [universe[a] for a in lo], [universe[b] for b in hi]
    assert made.may_intersect(*asked)[held].all()
    ordered = sorted(keys)
    inside = [bisect_left(ordered, a) < bisect_left(ordered, b) for a, b in zip(*asked, strict=True)]
    assert made.may_intersect(*asked, closed="left")[np.array(inside, np.bool_)].all()


@pytest.mark.parametrize("options", DESIGNS, ids=lambda options: "-".join(map(str, options.values())))
@given(st.lists(st.integers(0, 2**BITS - 1), min_size=6, max_size=30, unique=True))
def test_no_design_denies_a_key(options, found):
    keys = np.array(found, np.uint64) << np.uint64(64 - BITS)
    universe = np.arange(2**BITS, dtype=np.uint64)[::5] << np.uint64(64 - BITS)
    made = Proteus.build(keys, design=Design(**options), bits_per_key=1000)
    lo, hi, held = every_range(universe, keys)
    assert made.may_intersect(universe[lo], universe[hi])[held].all()


@given(st.lists(st.integers(0, 2**BITS - 1), min_size=6, max_size=30, unique=True))
def test_an_exact_set_of_whole_keys_never_errs(found):
    keys = np.array(found, np.uint64)
    universe = np.arange(2**BITS, dtype=np.uint64)[::5]
    lo, hi, held = every_range(universe, keys)
    for design in (
        Design(exact="elias_fano", exact_bits=64),
        Design(exact="elias_fano", bucket_width=1),
        Design(exact="trie", exact_bits=64),
    ):
        made = Proteus.build(keys, design=design, bits_per_key=1000)
        assert (made.may_intersect(universe[lo], universe[hi]) == held).all()
        assert made.bound(1000) == 0
