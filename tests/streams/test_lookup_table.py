import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams import LookupTable


@pytest.mark.parametrize("entries", [1, 7, 100, 8192, 20_000])
def test_the_heaviest_keys_are_known_to_an_eighth_of_a_logarithm(entries):
    random = np.random.default_rng(0)
    keys, counts = random.integers(0, 2**63, 10_000), random.zipf(1.5, 10_000).clip(max=2**31)
    table = LookupTable(entries=entries).fit(keys, counts)
    order = np.lexsort((keys, -counts))
    heavy, light = order[:entries], order[entries:]
    assert table.knows(keys[heavy]).all()
    assert not table.knows(keys[light]).any()
    assert table.predict(keys[heavy]).tolist() == (np.rint(8 * np.log2(counts[heavy])) / 8).tolist()
    assert (table.predict(keys[light]) == -1).all()


def test_counts_beyond_its_range_are_as_heavy_as_it_can_say():
    table = LookupTable(default=7).fit([1, 2, 3], [2**40, 2**31, 1])
    assert table.predict([1, 2, 3, 4]).tolist() == [31.875, 31, 0, 7]


def test_of_equally_heavy_keys_the_smaller_ones_stay():
    table = LookupTable(entries=2).fit([9, 4, 7, 5], [3, 3, 3, 4])
    assert table.knows([4, 5, 7, 9]).tolist() == [True, True, False, False]


def equal_fingerprints():
    """Two integers that the table cannot tell apart."""
    keys = np.random.default_rng(0).integers(0, 2**63, 300_000, dtype=np.uint64)
    found = _native.fingerprints(keys)
    order = np.argsort(found, kind="stable")
    twins = np.flatnonzero(found[order][1:] == found[order][:-1])
    assert 3 < twins.size < 30  # 300,000^2 / 2^33 of them
    return [int(key) for key in keys[order[twins[0] : twins[0] + 2]]]


def test_of_two_keys_with_equal_fingerprints_the_heavier_stays():
    one, two = equal_fingerprints()
    for counts in ([4, 16], [16, 4]):
        table = LookupTable().fit([one, two, 5], [*counts, 1])
        assert table.predict([one, two]).tolist() == [4, 4]
        assert "2 keys" in repr(table)


@given(st.dictionaries(st.integers(-(2**63), 2**63 - 1), st.integers(1, 2**31), min_size=1), st.integers(1, 50))
def test_any_table_answers_as_a_dictionary_of_its_heaviest_keys(counts, entries):
    keys = np.array(list(counts), np.int64)
    table = LookupTable(entries=entries).fit(keys, list(counts.values()))
    kept = sorted(counts, key=lambda key: (-counts[key], key % 2**64))[:entries]
    assert set(keys[table.knows(keys)].tolist()) == set(kept)
    expected = [round(8 * np.log2(counts[key])) / 8 if key in kept else -1 for key in counts]
    assert table.predict(keys).tolist() == expected


def test_an_entry_takes_5_bytes_and_a_few_more_for_all():
    for size in (1, 10, 1000):
        data = LookupTable().fit(np.arange(size)).to_bytes()
        assert len(data) == 80 + 16 + -(-(16 + 16 + 5 * size) // 8) * 8


@pytest.mark.parametrize("entries", [0, -1, 2**28 + 1, 2.0, "8"])
def test_a_table_has_a_whole_number_of_entries(entries):
    with pytest.raises(InvalidInput, match="must be a whole number from 1 to 268435456"):
        LookupTable(entries=entries)


@pytest.mark.parametrize(("default", "message"), [("a", "must be a number"), (np.nan, "finite"), (1e39, "float32")])
def test_the_default_is_a_number(default, message):
    with pytest.raises(InvalidInput, match=message):
        LookupTable(default=default)
