"""Narrow ranges over a column of a Parquet file that is not sorted: an index against scans by pyarrow, DuckDB, polars.

Not for you where the column is sorted (the bounds of row groups prune by themselves), where ranges hold rows in most
row groups, or where a range is asked only once: the index reads the column once too.

Run: python benchmarks/bench_parquet.py [-o FILE] [--rows N]; it writes a file of about 300 MB to the folder for
temporary files, and reads it once before the clock starts. DuckDB and polars are left out where they are missing.
"""

import resource
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from report import options, take

from beforehand.integrations.parquet import RangeIndex, scan_parquet_ranges
from beforehand.reporting import Sheet

ROWS, GROUPS, BITS = 10_000_000, 100, 12
QUERIES = 8  # of each kind
WARM = 1


class Cost(NamedTuple):
    """Of one query, in seconds."""

    processor: float  # of all threads of this process
    wall: float


def write_file(path: Path, rows: int) -> None:
    """Ids in random order, two columns of numbers and one of text, in 100 row groups."""
    random = np.random.default_rng(0)
    ids = random.integers(0, 2**62, rows)
    size = rows // GROUPS
    schema = pa.schema({"id": pa.int64(), "value": pa.float64(), "code": pa.int32(), "name": pa.string()})
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for first in range(0, rows, size):
            part = ids[first : first + size]
            names = pc.binary_join_element_wise("user-", pa.array(part % 1_000_003).cast(pa.string()), "")
            table = {"id": part, "value": random.normal(size=len(part)), "code": part % 977, "name": names}
            writer.write_table(pa.table(table, schema=schema), row_group_size=size)


def cost(job: Callable[[], Any]) -> tuple[Cost, Any]:
    """One run, with the processor time of every thread."""
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    result = job()
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    return Cost(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall), result


def contenders(path: Path, index: RangeIndex) -> dict[str, Callable[[int, int], int]]:
    """What finds the rows of a range in all columns, and says how many they are."""
    whole = ds.dataset(path)

    def pyarrow_alone(lo: int, hi: int) -> int:
        return whole.to_table(filter=(pc.field("id") >= lo) & (pc.field("id") <= hi)).num_rows

    found = {
        "pyarrow, bounds of row groups": pyarrow_alone,
        "pyarrow with the index": lambda lo, hi: index.to_table("id", lo, hi).num_rows,
    }
    if find_spec("duckdb"):
        import duckdb

        connection = duckdb.connect()

        def duckdb_alone(lo: int, hi: int) -> int:
            return len(connection.execute(f"from '{path}' where id between ? and ?", [lo, hi]).fetchall())

        def duckdb_pruned(lo: int, hi: int) -> int:
            connection.register("kept", index.dataset("id", lo, hi))
            return len(connection.execute("from kept where id between ? and ?", [lo, hi]).fetchall())

        found |= {"DuckDB": duckdb_alone, "DuckDB with the index": duckdb_pruned}
    else:
        print("DuckDB is left out; pip install duckdb")
    if find_spec("polars"):
        import polars as pl

        def by_polars(frame: Any) -> Callable[[int, int], int]:
            return lambda lo, hi: frame.filter(pl.col("id").is_between(lo, hi)).collect().height

        found |= {
            "polars": by_polars(pl.scan_parquet(path)),
            "polars with the index": by_polars(scan_parquet_ranges(index)),
        }
    else:
        print("polars is left out; pip install polars")
    return found


def ranges(ids: np.ndarray, hit: bool) -> list[tuple[int, int]]:
    """Ranges that hold about two rows, or none though they lie between ids."""
    random = np.random.default_rng(1)
    width = 2 * 2**62 // len(ids)
    if hit:
        return [(int(lo), int(lo) + width) for lo in random.choice(ids, QUERIES + WARM) - width // 4]
    ordered = np.sort(ids)
    gaps = np.diff(ordered)
    place = random.choice(np.flatnonzero(gaps > np.median(gaps)), QUERIES + WARM)
    return [(int(ordered[i]) + int(gaps[i]) // 3, int(ordered[i]) + 2 * int(gaps[i]) // 3) for i in place]


def queries(path: Path, index: RangeIndex, ids: np.ndarray, hit: bool) -> Sheet:
    """One row for each reader, by medians over the queries, which take turns."""
    asked = ranges(ids, hit)
    readers = contenders(path, index)
    costs: dict[str, list[Cost]] = {name: [] for name in readers}
    counts = []
    for place, (lo, hi) in enumerate(asked):
        rows = {}
        for name, reader in readers.items():
            spent, rows[name] = cost(lambda reader=reader, lo=lo, hi=hi: reader(lo, hi))
            if place >= WARM:
                costs[name].append(spent)
        assert len(set(rows.values())) == 1, rows
        counts.append(next(iter(rows.values())))
    processor = {name: median(each.processor for each in spent) for name, spent in costs.items()}
    ours = processor["pyarrow with the index"]
    cells = []
    for name, spent in costs.items():
        wall = median(each.wall for each in spent)
        cells.append([name, f"{1e3 * processor[name]:.1f}", f"{1e3 * wall:.1f}", f"{processor[name] / ours:.1f}"])
    kept = [sum(map(len, index.prune("id", lo, hi).values())) for lo, hi in asked]
    return Sheet(
        title=f"{len(ids):,} rows, ranges that hold {np.mean(counts):.1f} rows on average",
        columns=["reader", "processor, ms", "wall, ms", "times the processor of pyarrow with the index"],
        rows=cells,
        below="All columns are read; the file is cached. "
        f"On average {np.mean(kept):.2f} of {GROUPS} row groups are kept; "
        f"{np.mean([count > 0 for count in counts]):.0%} of the ranges hold rows.",
    )


def sizes(path: Path, index: RangeIndex, spent: Cost) -> Sheet:
    """What the index costs."""
    lo, hi = 2**61, 2**61 + 2**30
    index.prune("id", lo, hi)
    repeats = 2000
    start = time.thread_time()
    for step in range(repeats):
        index.prune("id", lo + step, hi + step)
    each = (time.thread_time() - start) / repeats / GROUPS
    stored = path.stat().st_size
    rows = [
        ["file, MB", f"{stored / 1e6:.0f}"],
        ["index, MB", f"{index.nbytes / 1e6:.1f} ({index.nbytes / stored:.1%})"],
        ["building, with reading the column: processor, s", f"{spent.processor:.2f}"],
        ["building: wall, s", f"{spent.wall:.2f}"],
        ["prune, ns for each filter", f"{1e9 * each:.0f}"],
    ]
    return Sheet(title="What the index costs", columns=["", ""], rows=rows)


def main() -> None:
    """Measure and show."""
    parser = options(__doc__.partition("\n")[0])
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument(
        "--folder", type=Path, help="where the file lies from a run before, or is kept for the next one"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        path = (arguments.folder or Path(temporary)) / f"{arguments.rows}.parquet"
        if not path.exists():
            write_file(path, arguments.rows)
        ids = ds.dataset(path).to_table(columns=["id"])["id"].to_numpy()
        path.read_bytes()
        spent, index = cost(lambda: RangeIndex.build(path, columns=["id"], bits_per_key=BITS))
        index = RangeIndex.load(index.save())
        makers = [lambda hit=hit: queries(path, index, ids, hit) for hit in (True, False)]
        take([lambda: sizes(path, index, spent), *makers], arguments.output)


if __name__ == "__main__":
    main()
