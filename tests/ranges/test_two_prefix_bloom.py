import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.ranges.two_prefix_bloom import TwoPrefixBloom

KEYS = np.unique(np.random.default_rng(0).integers(0, 2**64, 20_000, dtype=np.uint64))


def queries(count: int, seed: int, near: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Empty ranges of up to 16 codes, some of them beside keys."""
    rng = np.random.default_rng(seed)
    beside = rng.choice(KEYS[:-1], count) + rng.integers(1, 1024, count, dtype=np.uint64)
    lo = np.where(rng.random(count) < near, beside, rng.integers(0, 2**64 - 64, count, dtype=np.uint64))
    hi = lo + rng.integers(1, 16, count).astype(np.uint64)
    empty = np.searchsorted(KEYS, lo) == np.searchsorted(KEYS, hi, "right")
    return lo[empty], hi[empty]


def test_the_expected_rate_is_what_other_queries_find():
    for bits in (8, 12, 16):
        found = TwoPrefixBloom.build(KEYS, queries(5000, 1), bits_per_key=bits)
        rate = found.may_intersect(*queries(40_000, 2)).mean()
        assert rate == pytest.approx(found.expected_false_positive_rate, rel=0.15)
        assert found.bits_per_key <= bits


def test_no_other_pair_of_lengths_is_expected_to_be_better():
    sample = queries(2000, 3)
    best = TwoPrefixBloom.build(KEYS, sample)
    for pair in ((14, 62), (20, 60), (30, 63), (60, 62), (61, 64), (58, 61)):
        other = TwoPrefixBloom.build(KEYS, sample, prefix_bits=pair)
        assert other.prefix_bits == pair
        assert best.expected_false_positive_rate <= other.expected_false_positive_rate


def test_strings_are_chosen_for_as_numbers_are():
    as_bytes = [int(key).to_bytes(8, "big") for key in KEYS]
    lo, hi = queries(2000, 4)
    asked = ([int(x).to_bytes(8, "big") for x in lo], [int(x).to_bytes(8, "big") for x in hi])
    numbers, strings = TwoPrefixBloom.build(KEYS, (lo, hi)), TwoPrefixBloom.build(as_bytes, asked)
    assert numbers.prefix_bits == strings.prefix_bits
    assert strings.expected_false_positive_rate == pytest.approx(
        numbers.expected_false_positive_rate, rel=0.01
    )  # bounds of bytes take more of the budget
    assert strings.may_intersect(*asked).mean() == pytest.approx(strings.expected_false_positive_rate, rel=0.5)


def test_without_empty_queries_the_lengths_are_half_a_code_and_a_whole_one():
    for sample in (None, (KEYS[:100], KEYS[:100])):
        found = TwoPrefixBloom.build(KEYS, sample)
        assert found.prefix_bits == (32, 64)
        assert found.expected_false_positive_rate is None


def test_the_worst_case_holds_beside_keys():
    built = [TwoPrefixBloom.build(KEYS[:300], None, prefix_bits=(40, 64), seed=seed) for seed in range(100)]
    first = KEYS[:300] + np.uint64(1)
    rate = np.mean([each.may_intersect(first, first + np.uint64(3)).mean() for each in built])
    assert 0 < rate <= built[0].bound(4) < 1
    assert built[0].bound(64) == 1.0
    assert TwoPrefixBloom.build(KEYS, None, prefix_bits=(40, 60)).bound(1) == 1.0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"prefix_bits": (30, 30)}, r"prefix_bits is \(30, 30\), but must be two lengths from 1 to 64"),
        ({"prefix_bits": (0, 30)}, "prefix_bits"),
        ({"prefix_bits": (30, 65)}, "prefix_bits"),
        ({"prefix_bits": (30.5, 60)}, "prefix_bits"),
        ({"prefix_bits": 30}, "prefix_bits is 30"),
        ({"max_probes": 0}, "max_probes is 0"),
    ],
)
def test_a_bad_option_is_refused(options: dict, message: str):
    with pytest.raises(InvalidInput, match=message):
        TwoPrefixBloom.build(KEYS, None, **options)


@pytest.mark.parametrize("keys", [[6, 7], [2**64 - 1, 2**64 - 2], [b"\x00", b"\x01"], [b"ab", b"ac"], [b""], [5]])
def test_keys_that_differ_in_their_last_bit_alone_get_two_lengths(keys: list):
    textual = isinstance(keys[0], bytes)
    sample = ([b"x"], [b"y"]) if textual else ([100], [200])
    codes = keys if textual else np.array(keys, np.uint64)
    found = TwoPrefixBloom.build(codes, sample, bits_per_key=100)
    first, second = found.prefix_bits
    assert first < second
    assert TwoPrefixBloom.from_bytes(found.to_bytes()) == found
    assert found.may_contain(codes).all()
