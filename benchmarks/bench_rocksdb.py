"""Scans in RocksDB with each range filter and without: time, blocks, files skipped; and what filters cost to build.

Needs the extension (make bench-rocksdb has it). One database for each filter, with the same keys and options; the same
scans, in turns. Two minutes for each filter, and 600 MB of disk; --keys and --seconds make it smaller.

Not for you where most scans find rows, or where ranges are longer than the gaps between keys: nothing is skipped there.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from report import options, take

from beforehand.integrations.rocksdb import DB
from beforehand.integrations.rocksdb.families import Family
from beforehand.integrations.rocksdb.host import extension
from beforehand.integrations.rocksdb.options import FilterOptions, recorder_for
from beforehand.reporting import Sheet
from beforehand.workloads import ranges

FILTERS: Final = ("none", "surf", "rosetta", "prefix-bloom", "proteus, paper", "proteus")
WORKLOADS: Final = ("correlated", "uniform", "split")
HITS: Final = (0.0, 0.5, 0.9)
REPEATS, LONGEST, DISTANCE, SAMPLE, SCANS, BATCH = 3, 16, 1024, 20_000, 50_000, 1000
CREATION: Final = {
    "write_buffer_size": "16M",
    "target_file_size_base": "16M",
    "max_bytes_for_level_base": "64M",
    "max_background_jobs": "2",
    "compression": "kNoCompression",
}
TABLES: Final = {"block_cache": "16M", "filter_policy": "bloomfilter:10:false"}

Scans = tuple[list[bytes], list[bytes]]


@dataclass
class Cell:
    """What a filter did in one workload, a repetition after the other; per scan."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    blocks: list[float] = field(default_factory=list)
    checked: float = 0.0
    skipped: float = 0.0


def opened(path: Path, name: str, bits: float, sample: Any, *, direct: bool = False) -> DB:
    """The database of a filter; Proteus as its paper has it is known to the extension alone."""
    filter = None if name == "none" else name.split(",")[0]
    settings = FilterOptions(filter=filter, bits_per_key=bits, key_type="uint64", queries=sample)
    family = Family(name="default", options=settings, policy=None, recorder=recorder_for(settings)).native()
    native = extension().Database(
        str(path),
        [(*family[:-1], name.endswith("paper"))],
        CREATION | {"use_direct_reads": str(direct).lower()},
        dict(TABLES),
        True,
        256 << 20,
    )
    return DB(native, str(path))


def load(db: DB, keys: NDArray[np.uint64]) -> float:
    """Seconds that it takes to write all keys in random order, to flush, and to wait for compactions."""
    random = np.random.default_rng(0)
    shuffled, noise = random.permutation(keys), random.bytes(1 << 20)
    began = time.perf_counter()
    for first in range(0, len(keys), BATCH):
        batch = []
        for place, key in enumerate(shuffled[first : first + BATCH].tolist(), first):
            at = place * 131 % (len(noise) - 128)
            batch.append(("put", key.to_bytes(8, "big"), noise[at : at + 128] + bytes(128)))
        db.write(batch, wal=False)
    db.flush()
    return time.perf_counter() - began


def scans(keys: NDArray[np.uint64], kind: str, hits: float, seed: int) -> Scans:
    """Bounds in bytes, the upper one exclusive, as RocksDB has it."""
    drawn = ranges.queries(keys, SCANS, kind=kind, longest=LONGEST, distance=DISTANCE, hits=hits, seed=seed)  # type: ignore[arg-type]
    return _big_endian(drawn["lo"]), _big_endian(drawn["hi"] + np.uint64(1))


def measure(db: DB, bounds: Scans, seconds: float, cell: Cell) -> None:
    """Scan for about so long, in order."""
    lo, hi = bounds
    before, blocks = db.statistics(), extension().block_reads()
    wall, cpu, done, step = time.perf_counter(), time.thread_time(), 0, 50
    while done < len(lo) and time.perf_counter() - wall < seconds:
        db.scan_many(lo[done : done + step], hi[done : done + step])
        done, step = min(done + step, len(lo)), min(2 * step, 1000)
    cell.wall.append((time.perf_counter() - wall) / done)
    cell.cpu.append((time.thread_time() - cpu) / done)
    cell.blocks.append((extension().block_reads() - blocks) / done)
    after = db.statistics()
    cell.checked = (after.tables_checked - before.tables_checked) / done
    cell.skipped = (after.tables_skipped - before.tables_skipped) / max(1, after.tables_checked - before.tables_checked)


def built(folder: Path, keys: NDArray[np.uint64], bits: float) -> Sheet:
    """Loads a database for each filter."""
    drawn = ranges.queries(keys, SAMPLE, kind="split", longest=LONGEST, distance=DISTANCE, hits=None, seed=99)
    sample = (drawn["lo"], drawn["hi"])
    rows = []
    for name in FILTERS:
        with opened(folder / name, name, bits, sample) as db:
            seconds = load(db, keys)
            found = db.statistics()
            per_key = 1e9 * found.build_seconds / max(1, found.keys_filtered)
            size = sum(file.stat().st_size for file in (folder / name).glob("*.sst"))
            rows.append(
                [
                    name,
                    f"{seconds:.1f}",
                    f"{per_key:.0f}" if found.filters_built else "",
                    f"{8 * found.filter_bytes / len(keys):.2f}" if found.live_filters else "",
                    f"{size / 1e6:.0f}",
                    f"{found.live_tables}",
                    "" if found.expected_false_positive_rate is None else f"{found.expected_false_positive_rate:.2g}",
                ]
            )
    return Sheet(
        title="Writing the database",
        columns=["filter", "s", "ns a key and build", "bits a live key", "MB of files", "files", "expected rate"],
        rows=rows,
        below=f"{len(keys):,} normal keys of 8 bytes in random order, values of 256 bytes, no log; a key is filtered "
        f"again by each compaction. {bits:g} bits a key; the sample is {SAMPLE:,} split queries.",
    )


def scanned(folder: Path, keys: NDArray[np.uint64], bits: float, seconds: float, direct: bool) -> Iterator[Sheet]:
    """A table for each workload."""
    with ExitStack() as stack:
        databases = {
            name: stack.enter_context(opened(folder / name, name, bits, None, direct=direct)) for name in FILTERS
        }
        for kind in WORKLOADS:
            rows = [row for hits in HITS for row in _rows(databases, scans(keys, kind, hits, seed=7), seconds, hits)]
            pages = "direct I/O: ratios of wall time show how slow this disk is" if direct else "pages in memory"
            yield Sheet(
                title=f"{kind} scans, {pages}",
                columns=["non-empty", "filter", "wall us", "CPU us", "none / this, CPU", "blocks", "files", "skipped"],
                rows=rows,
                below="Of one scan: medians of 3 turns; ratios with the least and the most. Files: whose filter was "
                "asked, and the share of them that was skipped.",
            )


def _rows(databases: dict[str, DB], bounds: Scans, seconds: float, hits: float) -> Iterator[list[str]]:
    """Filters in turns, each turn with scans of its own; the first one warms the caches."""
    cells = {name: Cell() for name in FILTERS}
    lo, hi = bounds
    for turn in range(REPEATS + 1):
        part = slice(turn * SCANS // (REPEATS + 1), (turn + 1) * SCANS // (REPEATS + 1))
        for name in FILTERS if turn % 2 else reversed(FILTERS):
            measure(databases[name], (lo[part], hi[part]), seconds, Cell() if turn == 0 else cells[name])
    middle = statistics.median
    for name, cell in cells.items():
        ratios = [one / other for one, other in zip(cells["none"].cpu, cell.cpu, strict=True)]
        yield [
            f"{hits:.0%}",
            name,
            f"{1e6 * middle(cell.wall):.1f}",
            f"{1e6 * middle(cell.cpu):.2f}",
            f"{middle(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})",
            f"{middle(cell.blocks):.3f}",
            f"{cell.checked:.1f}",
            f"{cell.skipped:.1%}" if cell.checked else "",
        ]


def _big_endian(numbers: NDArray[np.uint64]) -> list[bytes]:
    return [number.to_bytes(8, "big") for number in numbers.tolist()]


def main() -> None:
    """Measure, where the extension is."""
    parser = options(__doc__ or "")
    parser.add_argument("--keys", type=int, default=2_000_000, help="keys of each database")
    parser.add_argument("--bits", type=float, default=12.0, help="bits of a filter for each key")
    parser.add_argument("--seconds", type=float, default=1.0, help="how long each workload is scanned at a time")
    parser.add_argument("--folder", type=Path, help="where the databases are made, and removed; by default in /tmp")
    asked = parser.parse_args()
    if not find_spec("beforehand._rocksdb"):
        print("beforehand._rocksdb is not built; make bench-rocksdb runs this where it is")
        return
    keys = ranges.normal_keys(asked.keys, seed=42)
    with tempfile.TemporaryDirectory(dir=asked.folder) as name:
        folder = Path(name)
        # One after the other: a database is opened once at a time.
        tables = chain.from_iterable(
            scanned(folder, keys, asked.bits, asked.seconds, direct) for direct in (True, False)
        )
        sheets = [lambda: built(folder, keys, asked.bits), *[lambda: next(tables)] * (2 * len(WORKLOADS))]
        take(sheets, asked.output)


if __name__ == "__main__":
    main()
