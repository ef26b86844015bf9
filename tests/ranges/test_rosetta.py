import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.ranges.rosetta import Rosetta


def beside(keys: np.ndarray, count: int, length: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    lo = rng.choice(keys[:-1], count) + rng.integers(1, 1000, count, dtype=np.uint64)
    return lo, lo + rng.integers(0, length, count).astype(np.uint64)


KEYS = np.arange(1, 20_001, dtype=np.uint64) << np.uint64(40)


def test_the_expected_rate_is_what_other_queries_find():
    for bits in (8, 12, 16):
        found = Rosetta.build(KEYS, beside(KEYS, 5000, 16, 1), bits_per_key=bits)
        rate = found.may_intersect(*beside(KEYS, 40_000, 16, 2)).mean()
        assert rate == pytest.approx(found.expected_false_positive_rate, rel=0.15)
        assert found.bits_per_key <= bits


def test_the_division_of_memory_follows_the_sample():
    points = Rosetta.build(KEYS, (KEYS + np.uint64(1), KEYS + np.uint64(1)))
    assert points.max_range == 1
    assert len(points.level_bits) == 1
    short = Rosetta.build(KEYS, beside(KEYS, 2000, 64, 1), bits_per_key=8)
    assert short.max_range == 64
    assert (short.level_bits[1:] > 0).any() or short.level_bits[0] > 0


def test_without_a_sample_the_level_of_whole_keys_has_it_all():
    found = Rosetta.build(KEYS)
    assert found.max_range == 64
    assert found.level_bits[0] > 0
    assert not found.level_bits[1:].any()
    assert found.expected_false_positive_rate is None


def test_the_worst_case_holds_beside_keys():
    found = [Rosetta.build(KEYS[:500], bits_per_key=12, seed=seed) for seed in range(100)]
    first, last = KEYS[:500] + np.uint64(1), KEYS[:500] + np.uint64(8)
    rate = np.mean([each.may_intersect(first, last).mean() for each in found])
    bound = found[0].bound(8)
    assert 0 < rate <= bound < 0.1
    assert found[0].bound(4096) == 1.0
    assert Rosetta.build(KEYS, max_probes=None).bound(2**40) == 1.0


def test_long_ranges_are_told_yes_when_they_take_too_many_probes():
    found = Rosetta.build(KEYS, bits_per_key=20, max_range=16, max_probes=64)
    assert found.may_intersect(1, 1 << 20) is True
    assert found.max_probes == 64


@pytest.mark.parametrize(
    ("keys", "options", "message"),
    [
        ([b"a"], {}, "keys are bytes, but Rosetta takes numbers and times only"),
        ([1], {"max_range": 0}, "max_range is 0, but must be a whole number from 1 to"),
        ([1], {"max_range": 1.5}, "max_range is 1.5"),
        ([1], {"max_probes": 3}, "max_probes is 3"),
        ([1], {"bits_per_key": float("nan")}, "bits_per_key is nan"),
    ],
)
def test_a_bad_option_is_refused(keys: list, options: dict, message: str):
    with pytest.raises(InvalidInput, match=message):
        Rosetta.build(keys, **options)


def test_a_bad_length_is_refused():
    with pytest.raises(InvalidInput, match="from 1"):
        Rosetta.build(KEYS).bound(0)
