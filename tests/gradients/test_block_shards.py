import numpy as np
import pytest

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.gradients.block_shards import BlockRounding, BlockShards, padded

INT8 = _native.BlockFormat(_native.BlockCode.int8, 64)
X = np.random.default_rng(0).normal(size=640).astype(np.float32)


def reference(x, draws=None):
    """int8 in blocks of 64, by the letter of the format."""
    found = np.empty_like(x)
    for first in range(0, len(x), 64):
        block = x[first : first + 64]
        scale = np.float32(abs(block).max() / np.float32(127))
        y = block / scale
        codes = np.rint(y) if draws is None else np.floor(y + (draws[first : first + 64] + np.float32(0.5)) / 65536)
        found[first : first + 64] = codes.astype(np.float32) * scale
    return found


def test_nearest_is_that_of_numpy():
    shards = BlockShards(X, BlockRounding(INT8), None)
    assert np.array_equal(shards.accumulate(None, shards.encode(0, 640)), reference(X))


def test_draws_are_those_of_the_coordinate_wherever_a_shard_begins():
    rounding = BlockRounding(INT8, 7, 3)
    whole = BlockShards(X, rounding, None)
    expected = whole.accumulate(None, whole.encode(0, 640))
    parts = [whole.accumulate(None, whole.encode(first, first + 128)) for first in range(0, 640, 128)]
    assert np.array_equal(np.concatenate(parts), expected)
    assert not np.array_equal(BlockRounding(INT8, 8, 3).encode(X, 0), rounding.encode(X, 0))
    assert not np.array_equal(BlockRounding(INT8, 7, 4).encode(X, 0), rounding.encode(X, 0))


def philox(counter, key):
    """Salmon et al., SC 2011, by the letter."""
    c, k = list(counter), list(key)
    for _ in range(10):
        first, second = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(second >> 32) ^ c[1] ^ k[0], second & 0xFFFFFFFF, (first >> 32) ^ c[3] ^ k[1], first & 0xFFFFFFFF]
        k = [(k[0] + 0x9E3779B9) & 0xFFFFFFFF, (k[1] + 0xBB67AE85) & 0xFFFFFFFF]
    return c


def test_draws_are_the_halves_of_philox_words_in_the_order_of_the_format():
    draws = np.empty(640)
    for i in range(640):
        words = philox([(i >> 9) << 6 | (i & 63), 0, 5, 4096 | 7 << 24], [9, 0])
        draws[i] = words[(i >> 6) & 3] >> (16 * ((i >> 8) & 1)) & 0xFFFF
    shards = BlockShards(X, BlockRounding(INT8, 9, 4096 << 32 | 5), None)
    found = shards.accumulate(None, shards.encode(0, 640))
    differ = found != reference(X, draws.astype(np.float32))
    assert differ.sum() <= 1  # float32 sums of draws may round the other way


def test_messages_of_another_length_are_refused():
    shards = BlockShards(X, BlockRounding(INT8), BlockRounding(INT8))
    total = shards.accumulate(None, shards.encode(0, 128))
    with pytest.raises(InvalidInput, match="message has 68 bytes, but 128 coordinates have 136"):
        shards.accumulate(total, shards.encode(0, 64))
    with pytest.raises(InvalidInput, match="pass that of this round"):
        shards.decode(shards.encode(0, 64), 0, 128, 2)


def test_native_code_refuses_what_does_not_fit():
    for block in (0, 24):
        with pytest.raises(InvalidInput, match="whole blocks"):
            BlockRounding(_native.BlockFormat(_native.BlockCode.int8, max(block, 1))).encode(X[:40], 0)


def test_padding_is_zero_and_only_where_it_is_needed():
    assert padded(X[:65], 64).tolist() == [*X[:65], *[0] * 63]
    assert np.shares_memory(padded(X, 64), X)
