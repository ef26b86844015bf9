#!/usr/bin/env bash
# Of one Parquet file, x >= 0.7 gives pyarrow no row where DuckDB and polars find one; a bound parameter changes DuckDB's mind.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check pyarrow==26.0.1 duckdb==2.0.1 polars==2.1.0 numpy==2.4.6
cd "$folder"
"$folder/bin/python" - <<'END'
import datetime
import sys
from importlib.metadata import version

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

print(*(f"{name} {version(name)}" for name in ("pyarrow", "duckdb", "polars")), sep=", ")
pq.write_table(pa.table({"x": pa.array([0.7], pa.float32())}), "float.parquet")
dataset = ds.dataset("float.parquet")
rows = {
    "pyarrow": dataset.to_table(filter=ds.field("x") >= 0.7).num_rows,
    "DuckDB, literal": len(duckdb.sql("select x from 'float.parquet' where x >= 0.7").fetchall()),
    "DuckDB, parameter": len(duckdb.execute("select x from 'float.parquet' where x >= ?", [0.7]).fetchall()),
    "polars": pl.scan_parquet("float.parquet").filter(pl.col("x") >= 0.7).collect().height,
}
print("float32 column that holds 0.7 (which is 0.699999988), rows where x >= 0.7:")
for name, count in rows.items():
    print(f"  {name:20}{count}")
moment = datetime.datetime(2026, 1, 1, 0, 0, 0, 500_000)
later = moment + datetime.timedelta(microseconds=1)
pq.write_table(pa.table({"t": pa.array([moment], pa.timestamp("ms"))}), "time.parquet")
dataset = ds.dataset("time.parquet")
times = {
    "pyarrow": dataset.to_table(filter=ds.field("t") >= pa.scalar(later)).num_rows,
    "DuckDB": len(duckdb.execute("select t from 'time.parquet' where t >= ?", [later]).fetchall()),
    "polars": pl.scan_parquet("time.parquet").filter(pl.col("t") >= later).collect().height,
}
print("timestamp[ms] column that holds .500, rows where t >= .500001:")
for name, count in times.items():
    print(f"  {name:20}{count}")
print("""
DuckDB and polars round a literal to float32 before they compare, pyarrow widens the column; polars also cuts a point in
time down to the column's unit. Who prunes for all of them must keep what any of them may find: bounds rounded outwards.""")
expected = [0, 1, 0, 1], [0, 0, 1]
sys.exit(0 if ([*rows.values()], [*times.values()]) == expected else "THE BEHAVIOR HAS CHANGED")
END
