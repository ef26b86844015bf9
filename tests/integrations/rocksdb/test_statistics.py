"""Statistics add up over column families, and give advice only where there is a reason."""

import pytest

from beforehand.integrations.rocksdb.statistics import SUMMED, statistics_of

pytestmark = pytest.mark.rocksdb


def family(**counts):
    """What the extension reports of a family in which all is well."""
    usual = dict.fromkeys(SUMMED, 0) | {
        "scans": 30_000,
        "empty_scans": 20_000,
        "tables_checked": 60_000,
        "tables_skipped": 40_000,
        "empty_checks": 40_000,
        "false_positives": 400,
        "live_tables": 4,
        "live_filters": 4,
        "filter_bytes": 6_000,
        "table_readers_bytes": 10_000,
        "filters_built": 5,
        "keys_filtered": 5_000,
        "build_seconds": 0.001,
    }
    return usual | {"expecting": 4, "expected_sum": 0.04, "cache_hits": 7, "cache_misses": 3} | counts


def test_families_are_summed_and_their_files_averaged():
    both = statistics_of([family(), family(expecting=0, expected_sum=0.0, false_positives=1_200)])
    assert (both.scans, both.tables_checked, both.live_filters) == (60_000, 120_000, 8)
    assert both.expected_false_positive_rate == 0.01
    assert both.observed_false_positive_rate == 1_600 / 80_000
    assert (both.cache_hits, both.cache_misses) == (7, 3)  # of the database, not of a family


def test_without_checks_and_models_there_are_no_rates():
    none = statistics_of([family(empty_checks=0, false_positives=0, expecting=0, expected_sum=0.0)])
    assert none.observed_false_positive_rate is none.expected_false_positive_rate is None
    assert "none observed in 0 checks of empty scans, none expected" in none.explain()


def test_all_is_well_without_advice():
    text = statistics_of([family()]).explain()
    assert "30000 scans, 20000 of them empty, came to files 60000 times: 66.7% were skipped" in text
    assert "5 filters were built in 0.001 s, 200 ns a key" in text
    assert "compact()" not in text


@pytest.mark.parametrize(
    ("counts", "advised"),
    [
        ({"false_positives": 801}, True),
        ({"false_positives": 799}, False),
        ({"false_positives": 5_000, "empty_checks": 9_999}, False),
        ({"false_positives": 5_000, "expecting": 0, "expected_sum": 0.0}, False),
    ],
)
def test_compacting_is_advised_above_twice_the_expected_rate_after_enough_checks(counts, advised):
    text = statistics_of([family(**counts)]).explain()
    assert ("the workload has changed; compact() designs anew" in text) == advised


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ({"live_filters": 3}, "Files without a filter are searched by every scan: compact()"),
        ({"unfilterable_files": 2}, "2 files could not be filtered, for their keys; 0 builds failed"),
        ({"build_failures": 1}, "0 files could not be filtered, for their keys; 1 builds failed"),
        ({"tables_skipped": 0}, "No file was ever skipped"),
    ],
)
def test_what_keeps_filters_from_helping_is_said(counts, words):
    assert words in statistics_of([family(**counts)]).explain()
