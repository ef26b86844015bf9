"""Range filters inside RocksDB: scans skip the SST files that surely hold nothing of theirs."""

from beforehand.integrations.rocksdb.database import DB
from beforehand.integrations.rocksdb.options import FilterOptions
from beforehand.integrations.rocksdb.statistics import FilterStatistics

__all__ = ["DB", "FilterOptions", "FilterStatistics"]
