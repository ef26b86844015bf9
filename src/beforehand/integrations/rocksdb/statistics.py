"""What filters have done for the scans of a database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, final

ENOUGH_CHECKS: Final = 10_000  # before the rate that was observed is held against the one expected
SUMMED: Final = (
    "scans",
    "empty_scans",
    "tables_checked",
    "tables_skipped",
    "tables_without_filter",
    "empty_checks",
    "false_positives",
    "live_tables",
    "live_filters",
    "filter_bytes",
    "table_readers_bytes",
    "filters_built",
    "keys_filtered",
    "build_seconds",
    "build_failures",
    "unfilterable_files",
)


@final
@dataclass(frozen=True, kw_only=True)
class FilterStatistics:
    """Counts since the database was opened, and sizes as they are now.

    Args:
        scans: Scans that came to their end, and `scan_many`'s; those without filters too.
        empty_scans: Those that returned nothing.
        tables_checked: How often a scan came to a file with its filter.
        tables_skipped: How often the filter said that nothing is there, so that no block was read.
        tables_without_filter: How often the file had none that can be read, and was searched.
        empty_checks: Filters asked by scans that returned nothing.
        false_positives: Of these, how many let the scan pass: an upper bound, as a file may hold what is deleted.
        observed_false_positive_rate: `false_positives / empty_checks`; None before the first.
        expected_false_positive_rate: What the models said, on average over the files there are now; None if none did.
        live_tables, live_filters: Files there are now, and those with a filter.
        filter_bytes: Of the filters of these files, which RocksDB keeps in memory with each open file.
        table_readers_bytes: Of all that RocksDB keeps so, as it estimates it (`rocksdb.estimate-table-readers-mem`).
        filters_built, keys_filtered, build_seconds: By flushes and compactions, with the time for models and filters.
        build_failures: Files without a filter, as building one failed.
        unfilterable_files: Files without one, as a key had not 8 bytes (`uint64`), or keys took more than a GiB.
        cache_hits, cache_misses: Of the filters' directories, for the whole database.
    """

    scans: int
    empty_scans: int
    tables_checked: int
    tables_skipped: int
    tables_without_filter: int
    empty_checks: int
    false_positives: int
    observed_false_positive_rate: float | None
    expected_false_positive_rate: float | None
    live_tables: int
    live_filters: int
    filter_bytes: int
    table_readers_bytes: int
    filters_built: int
    keys_filtered: int
    build_seconds: float
    build_failures: int
    unfilterable_files: int
    cache_hits: int
    cache_misses: int

    def explain(self) -> str:
        """The same in words, with advice where there is some."""
        asked = self.tables_checked - self.tables_without_filter
        lines = [
            f"{self.scans} scans, {self.empty_scans} of them empty, came to files {self.tables_checked} times: "
            f"{_share(self.tables_skipped, self.tables_checked)} were skipped.",
            f"{self.live_filters} of {self.live_tables} files have a filter: {self.filter_bytes} bytes in all, of "
            f"{self.table_readers_bytes} that RocksDB keeps for open files.",
            f"False positives: {_rate(self.observed_false_positive_rate)} observed in {self.empty_checks} checks of "
            f"empty scans, {_rate(self.expected_false_positive_rate)} expected.",
        ]
        if self.filters_built:
            per_key = 1e9 * self.build_seconds / max(self.keys_filtered, 1)
            lines.append(
                f"{self.filters_built} filters were built in {self.build_seconds:.3g} s, {per_key:.0f} ns a key."
            )
        if self.live_filters < self.live_tables:
            lines.append(
                "Files without a filter are searched by every scan: compact() gives them one, if their keys allow."
            )
        if self.unfilterable_files or self.build_failures:
            lines.append(
                f"{self.unfilterable_files} files could not be filtered, for their keys; {self.build_failures} builds "
                "failed."
            )
        if self._worse_than_expected():
            lines.append(
                "The observed rate is over twice the expected one: the workload has changed; compact() designs anew."
            )
        if asked and not self.tables_skipped:
            lines.append("No file was ever skipped: these scans find rows in most files, and filters do not help them.")
        return "\n".join(lines)

    def _worse_than_expected(self) -> bool:
        observed, expected = self.observed_false_positive_rate, self.expected_false_positive_rate
        if observed is None or expected is None or self.empty_checks < ENOUGH_CHECKS:
            return False
        return observed > 2 * expected


def statistics_of(families: Sequence[Mapping[str, Any]]) -> FilterStatistics:
    """The sum of what column families report."""
    summed = {name: sum(family[name] for family in families) for name in SUMMED}
    expecting = sum(family["expecting"] for family in families)
    expected = sum(family["expected_sum"] for family in families) / expecting if expecting else None
    observed = summed["false_positives"] / summed["empty_checks"] if summed["empty_checks"] else None
    return FilterStatistics(
        observed_false_positive_rate=observed,
        expected_false_positive_rate=expected,
        cache_hits=families[0]["cache_hits"],
        cache_misses=families[0]["cache_misses"],
        **summed,
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "none"


def _rate(rate: float | None) -> str:
    return "none" if rate is None else f"{rate:.3g}"
