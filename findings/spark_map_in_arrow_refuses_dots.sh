#!/usr/bin/env bash
# Spark's mapInArrow and mapInPandas refuse a table if any of its columns has a dot in its name, used or not.
set -euo pipefail
command -v java >/dev/null || { echo "no Java, which Spark needs: apt-get install openjdk-17-jre-headless" >&2; exit 1; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check pyspark==4.3.0 pyarrow==26.0.1 'pandas<3'
PYSPARK_PYTHON="$folder/bin/python" SPARK_LOCAL_IP=127.0.0.1 "$folder/bin/python" - 2>"$folder/log" <<'END' || { tail -n 3 "$folder/log" >&2; exit 1; }
import sys
from importlib.metadata import version

from pyspark.sql import SparkSession

spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
spark.sparkContext.setLogLevel("OFF")
table = spark.range(1).selectExpr("id", "id + 1 as `http.status`")


def same(batches):
    yield from batches


def shown(act):
    """What comes out, or the start of the error."""
    try:
        return act().collect()[0].asDict()
    except Exception as error:
        return f"{type(error).__name__}: {str(error).split(']')[0]}]"


RESULTS = {
    "table.filter('id = 0')": shown(lambda: table.filter("id = 0")),
    "table.mapInArrow(same, table.schema)": shown(lambda: table.mapInArrow(same, table.schema)),
    "table.mapInPandas(same, table.schema)": shown(lambda: table.mapInPandas(same, table.schema)),
    "table.toDF('a', 'b').mapInArrow(same, table.schema)": shown(
        lambda: table.toDF("a", "b").mapInArrow(same, table.schema)
    ),
}
print(f"pyspark {version('pyspark')}: columns of table: {', '.join(table.columns)}")
for call, got in RESULTS.items():
    print(f"{call:52} -> {got}")
print("""
Both look their columns up by name without quoting it, so that a dot means a field of a struct; other methods that are not told
a name take such tables. Rename first: the declared schema names what comes out, by place, and may hold the dots.""")
spark.stop()
filtered, arrow, pandas, renamed = RESULTS.values()
row = {"id": 0, "http.status": 1}
refused = "AnalysisException: [UNRESOLVED_COLUMN.WITH_SUGGESTION]"
sys.exit(0 if filtered == renamed == row and arrow == pandas == refused else "THE BEHAVIOR HAS CHANGED")
END
