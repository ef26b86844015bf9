#!/usr/bin/env bash
# Spark's mapInArrow takes columns by their place: names that say otherwise are ignored, and so are surplus columns.
set -euo pipefail
command -v java >/dev/null || { echo "no Java, which Spark needs: apt-get install openjdk-17-jre-headless" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check pyspark==4.3.0 pyarrow==26.0.1 'pandas<3'
PYSPARK_PYTHON="$folder/bin/python" SPARK_LOCAL_IP=127.0.0.1 "$folder/bin/python" - 2>"$folder/log" <<'END' || { tail -n 3 "$folder/log" >&2; exit 1; }
import sys
from importlib.metadata import version

import pyarrow as pa
from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
one_row = spark.range(1).coalesce(1)
one, nine = pa.array([1]), pa.array([9])


def declared_as(schema, **columns):
    """What comes out of a function that yields these columns, declared as the schema; or the start of the error."""

    def rows(batches):
        for _ in batches:
            yield pa.RecordBatch.from_pydict(columns)

    try:
        return one_row.mapInArrow(rows, schema).collect()[0].asDict()
    except Exception as error:
        return type(error).__name__


RESULTS = {
    "{low: 1, high: 9}": declared_as("low long, high long", low=one, high=nine),
    "{high: 9, low: 1}": declared_as("low long, high long", high=nine, low=one),
    "{low: 1, high: 9, extra: 5}": declared_as("low long, high long", low=one, high=nine, extra=pa.array([5])),
    "{low: int32 1, high: 9}": declared_as("low long, high long", low=pa.array([1], pa.int32()), high=nine),
}
print(f"pyspark {version('pyspark')}: df.mapInArrow(function, 'low long, high long')")
for yielded, got in RESULTS.items():
    print(f"yields {yielded:28} -> {got}")
print("""
A batch is not matched with the declared schema, neither by name nor by type: swapped columns come out swapped, without a
word. End the function with batch.select(schema.names).cast(schema), which orders and converts.""")
spark.stop()
right, swapped, surplus, narrow = RESULTS.values()
same = right == surplus == {"low": 1, "high": 9} and swapped == {"low": 9, "high": 1} and narrow == "UnsupportedOperationException"
sys.exit(0 if same else "THE BEHAVIOR HAS CHANGED")
END
