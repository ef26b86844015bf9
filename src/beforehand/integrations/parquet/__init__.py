"""Range filters beside Parquet files: which row groups may hold a value between two bounds."""

from beforehand.integrations.parquet.polars_source import scan_parquet_ranges
from beforehand.integrations.parquet.range_index import RangeIndex

__all__ = ["RangeIndex", "scan_parquet_ranges"]
