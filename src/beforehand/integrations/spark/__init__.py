"""Summaries of a column of a Spark table, levels for it, and its codes."""

from beforehand.integrations.spark.columns import column_histogram, decode_column, encode_column
from beforehand.integrations.spark.summaries import summary, top

__all__ = ["column_histogram", "decode_column", "encode_column", "summary", "top"]
