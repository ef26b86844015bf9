"""Each key of a batch has one owner, whatever form the batch has."""

import numpy as np
import pyarrow
import pytest

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams.sharding import as_batch, owned_rows, partition, pick, split

NUMBERS = np.random.default_rng(0).integers(-(2**63), 2**63, 20_000)
WORDS = [f"word {n % 700}" for n in NUMBERS.tolist()]


def parts_of(keys, shards=5, seed=3):
    return [list(part) for part, _ in split(keys, None, shards, seed)]


@pytest.mark.parametrize("shards", [1, 2, 7, 300])
def test_each_key_goes_to_one_shard_and_keeps_its_place(shards):
    parts = parts_of(NUMBERS % 1000, shards)
    assert len(parts) == shards
    assert sorted(key for part in parts for key in part) == sorted(NUMBERS % 1000)
    owner = {key: shard for shard, part in enumerate(parts) for key in part}
    assert sum(len(set(part)) for part in parts) == len(owner) == 1000
    for shard, part in enumerate(parts):
        assert part == [key for key in (NUMBERS % 1000).tolist() if owner[key] == shard]


def test_shards_get_about_as_many_keys_each():
    counts = np.array([len(part) for part in parts_of(NUMBERS, 8)])
    assert np.abs(counts - 2500).max() < 5 * np.sqrt(2500)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64, ">i4"])
def test_integers_of_any_dtype_have_the_same_owners(dtype):
    small = NUMBERS % 100
    assert parts_of(small.astype(dtype)) == parts_of(small) == parts_of(small.tolist())
    assert parts_of(np.repeat(small.astype(dtype), 2)[::2]) == parts_of(small)


def test_negative_integers_keep_their_sign():
    assert all(part.dtype == np.int64 for part, _ in split(NUMBERS, None, 3, 0))
    assert {key for part in parts_of(-np.arange(50)) for key in part} == set(range(-49, 1))


@pytest.mark.parametrize(
    "keys",
    [
        WORDS,
        tuple(WORDS),
        np.array(WORDS),
        np.array(WORDS, object),
        pyarrow.array(WORDS),
        pyarrow.chunked_array([WORDS[:7000], WORDS[7000:]]),
    ],
    ids=["list", "tuple", "U", "object", "arrow", "chunked"],
)
def test_strings_in_any_form_have_the_same_owners(keys):
    assert [[str(key) for key in part] for part in parts_of(keys)] == parts_of(WORDS)


def test_an_arrow_stream_is_read_once():
    table = pyarrow.table({"key": WORDS})
    stream = pyarrow.chunked_array(table["key"])
    assert [[str(key) for key in part] for part in parts_of(stream)] == parts_of(WORDS)


def test_without_pyarrow_its_arrays_are_read_all_the_same(monkeypatch):
    keys = pyarrow.array(WORDS)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    assert parts_of(keys) == parts_of(WORDS)


@pytest.mark.parametrize("keys", ["one", b"one", 7, np.int64(7), np.array(7)], ids=repr)
def test_one_key_is_a_batch_of_one(keys):
    assert sorted(map(len, parts_of(keys, 3))) == [0, 0, 1]


@pytest.mark.parametrize("keys", [[], np.zeros(0, np.int64), np.zeros(0, "U3")], ids=["list", "int64", "U"])
def test_an_empty_batch_is_empty_everywhere(keys):
    assert parts_of(keys, 3) == [[], [], []]


def test_nulls_go_to_the_first_shard():
    parts = parts_of([None, "a", None, "b"], 4)
    assert [part.count(None) for part in parts] == [2, 0, 0, 0]


def test_weights_go_with_their_keys():
    weights = np.arange(len(WORDS)) + 1
    for part, weight in split(WORDS, weights, 4, 0):
        assert part == [WORDS[w - 1] for w in weight]
    assert all(weight.tolist() == [3] for _, weight in split(WORDS, np.array([3]), 4, 0))
    for part, weight in split(NUMBERS, weights, 4, 0):
        assert (part == NUMBERS[weight - 1]).all()


def test_the_seed_decides_who_owns_what():
    assert parts_of(NUMBERS, seed=1) == parts_of(NUMBERS, seed=1) != parts_of(NUMBERS, seed=2)


def test_rows_are_those_of_the_owners():
    batch = as_batch(tuple(WORDS))
    picked = [pick(batch, rows) for rows in owned_rows(batch, 5, 3)]
    assert picked == parts_of(WORDS)
    assert all((np.diff(rows.astype(np.int64)) > 0).all() for rows in owned_rows(batch, 5, 3))


def test_owners_are_the_same_for_ever():
    rows, counts = _native.shard_rows(_native.Keys(np.arange(12, dtype=np.uint64), 0), 3, 0)
    assert rows.tolist() == [3, 5, 6, 7, 10, 11, 2, 4, 8, 9, 0, 1]
    assert counts.tolist() == [6, 4, 2]


def test_weights_of_another_length_are_refused():
    with pytest.raises(InvalidInput, match="weights are 2 for 3 keys"):
        split([1, 2, 3], np.array([1, 2]), 2, 0)


def test_what_is_no_key_is_refused():
    with pytest.raises(InvalidInput, match="float64"):
        split(np.zeros(3), None, 2, 0)


def test_partition_takes_keys_and_weights_as_summaries_do():
    parts = partition(WORDS, 5, seed=3)
    assert [keys for keys, _ in parts] == parts_of(WORDS)
    assert all(weights is None for _, weights in parts)
    for keys, weights in partition(WORDS, np.int64(4), list(range(1, len(WORDS) + 1))):
        assert keys == [WORDS[weight - 1] for weight in weights]
    assert sorted(len(keys) for keys, _ in partition("one", 3, 5)) == [0, 0, 1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([1], 0), "parts is 0, but must be a whole number from 1 to 65535"),
        (([1], 2**16), "parts is 65536"),
        (([1], 2.0), r"parts is 2\.0"),
        (([1], 2, 0.5), "weights are float64"),
        (([1], 2, 0), "weights contain 0"),
        (([1.5], 2), "float"),
    ],
)
def test_partition_refuses_what_breaks_its_rules(arguments, words):
    with pytest.raises(InvalidInput, match=words):
        partition(*arguments)
    with pytest.raises(InvalidInput, match="seed is -1"):
        partition([1], 2, seed=-1)
