"""Levels for a column of embeddings where it lies, on Ray or on Spark with two cores, beside one process of numpy.

A Parquet file of float32 lists, of `--data FILE.npy` (two dimensions, repeated up to 40 million values) or drawn. The
clock runs from the file to the histogram. numpy reads it once for the range, and once into 4,096 buckets of equal
width: counts alone, from which no error and no certificate follow. The best of three runs that take turns counts; the
first run, which starts workers, does not.

Not for you when one machine can read the column: one process of it is faster than two cores on Ray or Spark.
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

from beforehand.quantization.dataset_columns import merged, scale_of, together, told
from beforehand.reporting import Sheet

VALUES, WIDTH, REPEATS, GROUP = 40_000_000, 256, 3, 8192


def write(data: Path | None, folder: str) -> Path:
    """The table, in row groups of 8,192 lists."""
    import pyarrow as pa
    from pyarrow import parquet

    rows = np.load(data) if data else np.random.default_rng(0).standard_t(5, (VALUES // WIDTH, WIDTH))
    rows = np.resize(rows.astype(np.float32), (VALUES // rows.shape[1], rows.shape[1]))
    lists = pa.FixedSizeListArray.from_arrays(pa.array(rows.reshape(-1)), rows.shape[1])
    table = pa.table({"x": lists.cast(pa.list_(pa.float32()))})
    path = Path(folder) / "rows.parquet"
    parquet.write_table(table, path, row_group_size=GROUP, compression="none", use_dictionary=False)
    return path


def by_numpy(path: Path) -> Any:
    """Counts in buckets of equal width."""
    from pyarrow import parquet

    def pieces() -> Any:
        for batch in parquet.ParquetFile(path).iter_batches(GROUP):
            yield batch.column("x").flatten().to_numpy()

    ends = [(piece.min(), piece.max()) for piece in pieces()]
    within = min(low for low, _ in ends), max(high for _, high in ends)
    return sum(np.histogram(piece, 4096, within)[0] for piece in pieces())


def here(path: Path) -> Any:
    """Our two readings, in this process."""
    from pyarrow import parquet

    def parts(by: Any) -> Any:
        return together([told(parquet.ParquetFile(path).iter_batches(GROUP), "x", by)], "x", "raise")[2]

    by = scale_of(parts(None), 4096)
    return merged(parts(by), by)


def on_ray(path: Path) -> Any:
    """Our two readings, as tasks of Ray."""
    import ray

    from beforehand.integrations.ray import column_histogram

    return column_histogram(ray.data.read_parquet(str(path)), "x").histogram


def on_spark(path: Path, spark: Any) -> Any:
    """Our two readings, in Spark's Python workers."""
    from beforehand.integrations.spark import column_histogram

    return column_histogram(spark.read.parquet(str(path)), "x").histogram


def start() -> dict[str, Callable[[Path], Any]]:
    """The hosts that are installed."""
    found: dict[str, Callable[[Path], Any]] = {}
    if find_spec("ray"):
        import ray

        same_priority = {"worker_niceness": 0}  # by default workers give way to all else on the machine
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _system_config=same_priority)
        ray.data.DataContext.get_current().enable_progress_bars = False
        found[f"on Ray {version('ray')}, two cores"] = on_ray
    if find_spec("pyspark"):
        from pyspark.sql import SparkSession

        os.environ |= {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
        builder = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
        spark = builder.config("spark.ui.showConsoleProgress", "false").getOrCreate()
        spark.sparkContext.setLogLevel("OFF")
        found[f"on Spark {version('pyspark')}, two cores"] = partial(on_spark, spark=spark)
    return found


def readings(data: Path | None) -> Sheet:
    """The table."""
    ways = {"numpy, one process: range and counts": by_numpy, "ours, one process": here} | start()
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    bytes_of: dict[str, bytes] = {}
    with TemporaryDirectory() as folder:
        path = write(data, folder)
        for _ in range(REPEATS + 1):
            for way, find in ways.items():
                began = time.perf_counter()
                made = find(path)
                seconds[way].append(time.perf_counter() - began)
                if find is not by_numpy:
                    bytes_of[way] = made.to_bytes()
                    chosen = made.levels(16, certify=True)
    assert len(set(bytes_of.values())) == 1  # for every partitioning
    rows = []
    for way, taken in seconds.items():
        best = min(taken[1:])
        rows.append(
            [way, f"{best:.2f}", f"{1e9 * best / VALUES:.1f}", f"{len(bytes_of[way]):,}" if way in bytes_of else ""]
        )
    return Sheet(
        title=f"{VALUES:,} float32 in lists, {data.name if data else 'Student t5, drawn'}, from Parquet to a histogram",
        columns=["", "wall s", "ns a value", "bytes, the same for all"],
        rows=rows,
        below=f"16 levels from it: vNMSE {chosen.vnmse:.5f}, at most {chosen.gap:.3%} of it above the optimum.",
    )


def main() -> None:
    """Measure, print, and keep."""
    parser = options(__doc__ or "")
    parser.add_argument("--data", type=Path, help="a .npy file of two dimensions")
    chosen = parser.parse_args()
    if not find_spec("pyarrow"):
        print("pyarrow is not installed; make bench-ray and make bench-spark run this where it is")
        return
    take([partial(readings, chosen.data)], chosen.output)


if __name__ == "__main__":
    main()
