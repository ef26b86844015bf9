"""Summaries of a column of a Spark table."""

from beforehand.integrations.spark.summaries import summary, top

__all__ = ["summary", "top"]
