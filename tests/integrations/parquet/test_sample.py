import numpy as np
import pytest

from beforehand.integrations.parquet.column_type import ColumnType
from beforehand.integrations.parquet.sample import GAPS, QUERIES, guessed_queries

RANDOM = np.random.default_rng(0)


def guess(groups, name="int64", total=None, seed=0):
    return guessed_queries(groups, len(groups) if total is None else total, ColumnType.parse(name), seed)


def spread(lo, hi, count=8, size=500):
    return [RANDOM.integers(lo, hi, size) for _ in range(count)]


@pytest.mark.parametrize(
    ("name", "groups"),
    [
        ("int64", spread(-(2**60), 2**60)),
        ("uint64", [each.astype(np.uint64) for each in spread(0, 2**62)]),
        ("double", [RANDOM.normal(size=500) for _ in range(4)]),
        ("timestamp[us]", [each.view("M8[us]") for each in spread(0, 2**50)]),
        ("time64[ns]", [each.view("m8[ns]") for each in spread(0, 2**40)]),
    ],
)
def test_queries_are_short_ranges_of_the_column_s_kind_behind_its_values(name, groups):
    lo, hi = guess(groups, name)
    assert len(lo) == len(hi) == QUERIES
    assert (lo <= hi).all()
    assert lo.dtype == hi.dtype == groups[0].dtype
    keys = np.sort(np.concatenate(groups))
    gap = np.median(np.diff(keys)).astype(float)
    before = keys[np.searchsorted(keys, lo, "right") - 1]
    if name != "double":  # whose steps are not all alike
        assert (lo - before).astype(float).max() <= 1.5 * GAPS * gap
        assert (hi - lo).astype(float).max() <= 1.5 * GAPS * gap
    np.testing.assert_array_equal(lo, guess(groups, name)[0])
    assert (guess(groups, name, seed=1)[0] != lo).any()


def test_the_gap_of_row_groups_across_each_other_is_that_of_all_together():
    size = 2000
    across = spread(0, 2**50, 8, size)
    lo, hi = guess(across, total=800)
    reach = (hi - lo).max()
    expected = GAPS * np.log(2) * 2**50 / (size * 800)
    assert 0.5 < reach / expected < 2
    beside = [np.sort(RANDOM.integers(i * 2**50, (i + 1) * 2**50, size)) for i in range(8)]
    lo, hi = guess(beside, total=800)
    assert 0.5 < (hi - lo).max() / (GAPS * np.log(2) * 2**50 / size) < 2


def test_strings_differ_where_neighbors_do_however_much_or_little_all_have_in_common():
    names = [f"https://example.org/{n:06d}".encode() for n in RANDOM.integers(0, 10**6, 900)]
    lo, hi = guess([names[:300], names[300:600], [*names[600:], b"ftp", b"zzz"]], "string")
    assert all(a <= b for a, b in zip(lo, hi, strict=True))
    assert np.mean([each.startswith(b"https://example.org/") for each in lo]) > 0.9
    keys = np.array(sorted(names))
    empty = np.searchsorted(keys, np.array(lo)) == np.searchsorted(keys, np.array(hi), "right")
    assert 0.3 < empty.mean() < 0.98


def test_wide_decimals_of_both_signs_have_queries_between_them():
    keys = [(n + 2**127).to_bytes(16, "big") for n in range(-500, 500)]
    lo, hi = guess([keys[::2], keys[1::2]], "decimal128(38, 0)")
    assert len(set(lo)) > 500
    assert all(a <= b for a, b in zip(lo, hi, strict=True))


def test_queries_stay_inside_the_type():
    top = np.array([2**64 - 1, 2**64 - 2, 5], np.uint64)
    lo, hi = guess([top, top], "uint64")
    assert (lo <= hi).all()
    lo, hi = guess([np.array([np.inf, 1e308, -np.inf])], "double")
    assert not np.isnan(lo).any()
    assert not np.isnan(hi).any()


def test_without_keys_there_are_no_queries_and_one_key_is_enough():
    assert guess([]) is None
    assert guess([np.empty(0, np.int64)]) is None
    assert guess([[], []], "string") is None
    lo, hi = guess([np.array([7])])
    assert (lo >= 7).all()
    assert (hi >= lo).all()
    assert len(guess([[b"one"]], "string")[0]) == QUERIES
