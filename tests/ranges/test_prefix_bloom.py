import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.ranges import Design, PrefixBloom, PrefixModel

RNG = np.random.default_rng(0)
KEYS = RNG.integers(0, 2**64, 20_000, np.uint64)
LOW = RNG.choice(KEYS, 5000) + RNG.integers(1, 1000, 5000, np.uint64)
SAMPLE = (LOW, LOW + np.uint64(15))


def test_it_takes_the_length_that_errs_least():
    made = PrefixBloom.build(KEYS, SAMPLE)
    model = PrefixModel(KEYS, SAMPLE)
    rates = {bits: model.expected(Design(approx="bloom", approx_bits=bits), bits_per_key=12) for bits in range(1, 65)}
    assert made.expected_false_positive_rate == min(rates.values()) == rates[made.prefix_bits]


def test_without_a_sample_it_holds_whole_keys():
    made = PrefixBloom.build(KEYS)
    assert made.prefix_bits == 64
    assert made.bound(4) < 0.02
    assert made.bound(64) == 1.0
    assert made.expected_false_positive_rate is None


def test_it_takes_the_length_that_it_is_given():
    assert PrefixBloom.build(KEYS, prefix_bits=40).prefix_bits == 40
    assert PrefixBloom.build(KEYS, prefix_bits=40).bound(1) == 1.0
    for bits in (0, 65, 1.5, "40", True):
        with pytest.raises(InvalidInput, match="prefix_bits"):
            PrefixBloom.build(KEYS, prefix_bits=bits)


def test_long_strings_have_a_best_length_too():
    names = [b"https://example.org/" + bytes(RNG.integers(97, 123, 60).astype(np.uint8)) for _ in range(500)]
    made = PrefixBloom.build(names, ([name + b"a" for name in names], [name + b"b" for name in names]))
    assert 8 * 20 < made.prefix_bits <= 8 * 80


def test_a_filter_that_always_errs_is_read_back():
    keys = np.array([5, 2**63], np.uint64)
    lo = np.arange(10**6, 10**6 + 200, dtype=np.uint64)
    hi = lo + np.resize(np.array([0, 1, 100], np.uint64), 200)
    for seed in range(20):
        built = PrefixBloom.build(keys, (lo, hi), max_probes=1, seed=seed)
        assert built.expected_false_positive_rate == 1
        assert PrefixBloom.from_bytes(built.to_bytes()) == built
