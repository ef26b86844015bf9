"""Named columns of files that others wrote: csv in every dialect, jsonl, json, npz, Parquet, and lines of text.

Only the columns that are asked for are read, so nothing in another one can make a file unreadable. pyarrow reads large
csv files where it is installed, with the same results.
"""

from beforehand.workloads.reading.arrow_csv import give_back
from beforehand.workloads.reading.files import look, read_lines, read_table
from beforehand.workloads.reading.options import Head, Reading
from beforehand.workloads.reading.table import Table

__all__ = ["Head", "Reading", "Table", "give_back", "look", "read_lines", "read_table"]
