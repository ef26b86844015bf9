from itertools import pairwise

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.ranges.surf import SuRF


def spread(count: int, seed: int = 0) -> np.ndarray:
    return np.unique(np.random.default_rng(seed).integers(0, 2**64, count, dtype=np.uint64))


def empty_ranges(keys: np.ndarray, count: int, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    lo = rng.integers(0, 2**64 - 64, 2 * count, dtype=np.uint64)
    hi = lo + rng.integers(1, 32, 2 * count).astype(np.uint64)
    empty = np.searchsorted(keys, lo) == np.searchsorted(keys, hi, "right")
    return lo[empty][:count], hi[empty][:count]


def test_a_budget_buys_as_many_suffix_bits_as_it_has_room_for():
    keys = spread(50_000)
    bare = SuRF.build(keys, suffix="none").bits_per_key
    for more in (1.5, 4.5, 8.5):
        found = SuRF.build(keys, bits_per_key=bare + more)
        assert found.suffix_bits == int(more) or found.suffix_bits == int(more) - 1
        assert found.bits_per_key <= bare + more
    assert SuRF.build(keys, bits_per_key=1).suffix_bits == 0
    assert SuRF.build(keys, bits_per_key=1000).suffix_bits == 32
    assert SuRF.build(keys).suffix_bits == 4


def test_each_real_suffix_bit_halves_the_false_positives():
    keys = spread(50_000)
    lo, hi = empty_ranges(keys, 20_000)
    rates = [SuRF.build(keys, suffix_bits=bits).may_intersect(lo, hi).mean() for bits in (0, 1, 2, 3)]
    assert rates[0] > 0.05
    for wider, narrower in pairwise(rates):
        assert narrower == pytest.approx(wider / 2, rel=0.15)


def test_hashed_suffixes_help_points_and_not_ranges():
    keys = spread(20_000)
    lo, hi = empty_ranges(keys, 20_000)
    bare, hashed = SuRF.build(keys, suffix="none"), SuRF.build(keys, suffix="hash", suffix_bits=8)
    assert np.array_equal(bare.may_intersect(lo, hi), hashed.may_intersect(lo, hi))
    assert hashed.may_contain(lo).mean() < bare.may_contain(lo).mean() / 50
    assert hashed.may_contain(keys).all()
    assert hashed.may_contain(int(keys[7])) is True
    assert (hashed.suffix, hashed.suffix_bits, bare.suffix_bits) == ("hash", 8, 0)


def test_zeros_at_the_end_of_a_key_do_not_matter():
    for suffix in ("none", "hash", "real"):
        found = SuRF.build([b"ab", b"abc\0", b"abc\0\0x", b""], suffix=suffix, suffix_bits=9)
        assert found.count == 4
        assert found.may_contain([b"ab\0", b"abc", b"abc\0\0x", b"\0"]).all()


def test_ranges_beside_keys_are_all_told_yes():
    keys = spread(10_000)
    assert SuRF.build(keys).may_intersect(keys[:-1] + np.uint64(1), keys[:-1] + np.uint64(2)).mean() > 0.99
    assert SuRF.build(keys).bound(1) == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"suffix": "half"}, "suffix is 'half', but must be one of none, hash, real"),
        ({"suffix_bits": 33}, "suffix_bits is 33, but must be a whole number from 0 to 32"),
        ({"suffix_bits": True}, "suffix_bits is True"),
        ({"suffix_bits": 4, "bits_per_key": 12}, "both suffix_bits, 4, and bits_per_key, 12, are given"),
        ({"bits_per_key": 0.5}, "bits_per_key is 0.5"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_a_bad_option_is_refused(options: dict, message: str):
    with pytest.raises(InvalidInput, match=message):
        SuRF.build([1, 2, 3], **options)
