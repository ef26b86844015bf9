"""A column of ten million rows on a local Spark with two cores: ours beside Spark's own approx_top_k, same run.

Zipf 1.0 over a million keys, integers and strings, cached in memory before the clock starts. Of the runs after the
first one, which starts Python workers and compiles, the best counts; the ways take turns. Processor time is that of
Spark, its workers and this process together.

Not for you when the table is a query away from Spark and keys with counts are enough: approx_top_k is one expression.
"""

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from report import options, take

from beforehand.integrations.spark import top
from beforehand.reporting import Sheet

KEYS, ROWS, TOP, REPEATS = 10**6, 10**7, 100, 5


def tables(spark: Any, folder: str) -> dict[str, Any]:
    """The stream as a column of each type."""
    import pyarrow
    from pyarrow import parquet

    random, weights = np.random.default_rng(0), np.cumsum(1 / np.arange(1, KEYS + 1))
    keys = random.permutation(KEYS)[np.searchsorted(weights, random.random(ROWS) * weights[-1])]
    parquet.write_table(pyarrow.table({"key": keys}), f"{folder}/keys.parquet")  # handed over, it takes minutes
    numbers = spark.read.parquet(folder).repartition(8).cache()
    texts = numbers.selectExpr("concat('/page/', key) key").cache()
    assert numbers.count() == texts.count() == ROWS
    return {"integers": numbers, "strings": texts}


def contenders(table: Any) -> dict[str, Callable[[], dict[Any, int]]]:
    """Each finds the heaviest keys with their counts."""
    from pyspark.sql import functions

    def spark_s_own(tracked: int) -> dict[Any, int]:
        [row] = table.select(functions.expr(f"approx_top_k(key, {TOP}, {tracked})")).collect()
        return {item.item: item["count"] for item in row[0]}

    def exact() -> dict[Any, int]:
        counted = table.groupBy("key").count().orderBy(functions.desc("count")).limit(TOP)
        return {row.key: row["count"] for row in counted.collect()}

    def pass_through() -> dict[Any, int]:
        def rows(batches: Any) -> Any:
            for batch in batches:
                yield batch.slice(0, 1)

        table.mapInArrow(rows, table.schema).collect()
        return {}

    def ours(memory: str) -> dict[Any, int]:
        return {row.key: round(row.estimate) for row in top(table, "key", TOP, memory)}

    return {
        "ours, 256 KiB": partial(ours, "256KiB"),
        "ours, 1 MiB": partial(ours, "1MiB"),
        "approx_top_k, 10,000 keys (its default)": partial(spark_s_own, 10_000),
        "approx_top_k, 50,000 keys": partial(spark_s_own, 50_000),
        "group by, exact": exact,
        "mapInArrow that only reads": pass_through,
    }


def processor_seconds() -> float:
    """Of this process, Spark and its workers."""
    found = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, parent, *fields = stat.read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        found[int(stat.parent.name)] = int(parent), sum(map(int, fields[9:13]))
    family = {os.getpid()}
    while more := {process for process, (parent, _) in found.items() if parent in family} - family:
        family |= more
    return sum(found[process][1] for process in family) / os.sysconf("SC_CLK_TCK")


def heaviest(name: str, table: Any) -> Sheet:
    """A table for one type of keys."""
    ways = contenders(table)
    seconds: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    found: dict[str, dict[Any, int]] = {}
    for turn in range(REPEATS):
        for way, find in list(ways.items())[:: 1 if turn % 2 == 0 else -1]:
            began, used = time.perf_counter(), processor_seconds()
            found[way] = find()
            seconds[way].append((time.perf_counter() - began, processor_seconds() - used))
    true, rows = found["group by, exact"], []
    for way, keys in found.items():
        right = len(keys.keys() & true.keys())
        off = max((abs(count - true[key]) for key, count in keys.items() if key in true), default=0)
        wall, processor = (min(each) for each in zip(*seconds[way][1:], strict=True))
        cells = [f"{right} of {TOP}", f"{off:,}"] if keys else ["", ""]
        rows.append([way, f"{processor:.1f}", f"{wall:.1f}", *cells])
    return Sheet(
        title=f"{ROWS:,} {name}, 8 partitions",
        columns=["", "processor s", "wall s", "of the true top", "largest error of a count"],
        rows=rows,
        below=f"pyspark {version('pyspark')} and pyarrow {version('pyarrow')}, local[2].",
    )


def main() -> None:
    """Measure, print, and keep."""
    chosen = options(__doc__ or "").parse_args()
    if not find_spec("pyspark"):
        print("pyspark is not installed; make bench-spark runs this where it is")
        return
    from pyspark.sql import SparkSession

    os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.memory", "6g")
        .config("spark.sql.shuffle.partitions", "8")
        .getOrCreate()
    )
    spark.sparkContext.setLogLevel("OFF")
    with TemporaryDirectory() as folder:
        take([partial(heaviest, name, table) for name, table in tables(spark, folder).items()], chosen.output)
    spark.stop()


if __name__ == "__main__":
    main()
