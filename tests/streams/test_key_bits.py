import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.streams import KeyBits
from tests.streams.predictors import key_bits_row, ridge_by_definition


def flows(n, seed=0):
    """Pairs of addresses, whose networks tell how much they send."""
    random = np.random.default_rng(seed)
    networks = random.integers(0, 256, n).astype(np.uint64)
    keys = networks << np.uint64(56) | random.integers(0, 2**56, n, dtype=np.uint64)
    heavy = np.random.default_rng(1).normal(5, 2, 256)
    return keys, np.maximum(1, np.exp2(heavy[networks.astype(int)] + random.normal(0, 0.5, n))).astype(np.int64)


@pytest.mark.parametrize("prefixes", [None, [1], [8, 33, 64]])
@pytest.mark.parametrize("weight", ["sqrt", "none"])
def test_it_solves_the_ridge_regression_on_prefixes(prefixes, weight):
    keys, counts = flows(400)
    bits = KeyBits(buckets=64, prefixes=prefixes).fit(keys, counts, weight=weight)
    rows = np.array([key_bits_row(int(key), 64, prefixes) for key in keys])
    weights = np.clip(np.sqrt(counts), 1, 30) if weight == "sqrt" else np.ones(counts.size)
    bias, solution = ridge_by_definition(rows, np.log2(counts), weights, 3)
    assert bits.predict(keys) == pytest.approx(bias + rows @ solution, abs=0.02)  # weights are in half precision


def test_it_knows_the_networks_of_keys_that_it_never_saw():
    seen, held_out = flows(4000), flows(4000, seed=2)
    bits = KeyBits(buckets=4096, prefixes=[8]).fit(*seen)
    found, true = bits.predict(held_out[0]), np.log2(held_out[1])
    assert np.corrcoef(found, true)[0, 1] > 0.9


def test_signed_keys_are_read_by_their_bits():
    keys, counts = flows(100)
    assert KeyBits().fit(keys.view(np.int64), counts).predict(keys).tolist() == (
        KeyBits().fit(keys, counts).predict(keys.view(np.int64)).tolist()
    )


def test_one_key_is_enough():
    assert KeyBits().fit([5], [8]).predict([5, 6]).tolist() == [3, 3]


def test_a_bucket_takes_2_bytes():
    assert len(KeyBits(buckets=512).fit([1]).to_bytes()) == 80 + 16 + 16 + 16 + 1024


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"buckets": 0}, "buckets is 0, but must be a whole number from 1 to 65536"),
        ({"buckets": 65_537}, "buckets is 65537"),
        ({"prefixes": [0]}, "a length in prefixes is 0, but must be a whole number from 1 to 64"),
        ({"prefixes": [8, 65]}, "a length in prefixes is 65"),
        ({"prefixes": []}, "prefixes are empty"),
        ({"prefixes": 8}, "prefixes is 8, but must be lengths, each from 1 to 64"),
    ],
)
def test_options_have_limits(options, message):
    with pytest.raises(InvalidInput, match=message):
        KeyBits(**options)


def test_its_name_tells_the_options():
    assert repr(KeyBits(buckets=64, prefixes=[32, 8, 8])) == "KeyBits(buckets=64, prefixes=[8, 32])"
    assert repr(KeyBits()) == "KeyBits(buckets=512, prefixes=None)"
