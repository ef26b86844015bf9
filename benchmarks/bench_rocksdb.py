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
from typing import Final

import numpy as np
from numpy.typing import NDArray
from report import options, take

from beforehand.integrations.rocksdb import DB
from beforehand.integrations.rocksdb.host import extension
from beforehand.reporting import Sheet
from beforehand.studies.proteus.in_rocksdb import CREATION, FILTERS, OURS, VALUE, big_endian, opened, spread, written
from beforehand.workloads import ranges

WORKLOADS: Final = ("correlated", "uniform", "split")
HITS: Final = (0.0, 0.5, 0.9)
FLOOR: Final = "refused at once"
REPEATS, LONGEST, DISTANCE, SAMPLE, SCANS = 3, 16, 1024, 20_000, 50_000

Scans = tuple[list[bytes], list[bytes]]


@dataclass
class Cell:
    """What a filter did in one workload, a repetition after the other; per scan."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    blocks: list[float] = field(default_factory=list)
    checked: float = 0.0
    skipped: float = 0.0


def scans(keys: NDArray[np.uint64], kind: str, hits: float, seed: int) -> Scans:
    """Bounds in bytes, the upper one exclusive, as RocksDB has it."""
    drawn = ranges.queries(keys, SCANS, kind=kind, longest=LONGEST, distance=DISTANCE, hits=hits, seed=seed)  # type: ignore[arg-type]
    return big_endian(drawn["lo"]), big_endian(drawn["hi"] + np.uint64(1))


def refused(bounds: Scans) -> Scans:
    """At the same places, ranges that no key of 8 bytes can be in: filters say no before they look."""
    return [lo + b"\0" for lo in bounds[0]], [lo + b"\0\0" for lo in bounds[0]]


def measure(db: DB, bounds: Scans, seconds: float, cell: Cell) -> None:
    """Scan for about so long, in order."""
    lo, hi = bounds
    before, blocks = db.statistics(), extension().block_reads()
    wall, cpu, done, step = time.perf_counter(), time.thread_time(), 0, 50
    while done == 0 or (done < len(lo) and time.perf_counter() - wall < seconds):
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
        seconds = time.perf_counter()
        found = written(folder / name, name, keys, sample, bits=bits)
        seconds = time.perf_counter() - seconds
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
        below=f"{len(keys):,} normal keys of 8 bytes in random order, values of {VALUE} bytes, no log; a key is "
        f"filtered again by each compaction. {bits:g} bits a key; the sample is {SAMPLE:,} split queries. At rest two "
        "files are on level 0, and all others below.",
    )


def scanned(folder: Path, keys: NDArray[np.uint64], bits: float, seconds: float, direct: bool) -> Iterator[Sheet]:
    """A table for each workload."""
    with ExitStack() as stack:
        databases = {
            name: stack.enter_context(
                opened(folder / name, name, bits=bits, creation=CREATION | {"use_direct_reads": str(direct).lower()})
            )
            for name in FILTERS
        }
        for kind in WORKLOADS:
            rows = [row for hits in HITS for row in _rows(databases, scans(keys, kind, hits, seed=7), seconds, hits)]
            pages = "direct I/O: ratios of wall time show how slow this disk is" if direct else "pages in memory"
            yield Sheet(
                title=f"{kind} scans, {pages}",
                columns=["non-empty", "filter", "wall us", "CPU us", "none / this, CPU", "blocks", "files", "skipped"],
                rows=rows,
                below="Of one scan: medians of 3 turns; ratios with the least and the most. Files: whose filter was "
                f"asked, and the share of them that was skipped. {FLOOR}: ranges at the same places that no key of 8 "
                "bytes can be in, so that filters say no before they look; this is what RocksDB takes, and Python.",
            )


def _rows(databases: dict[str, DB], bounds: Scans, seconds: float, hits: float) -> Iterator[list[str]]:
    """Filters in turns, each turn with scans of its own; the first one warms the caches."""
    cells = {name: Cell() for name in (*databases, *([] if hits else [FLOOR]))}
    lo, hi = bounds
    for turn in range(REPEATS + 1):
        part = slice(turn * SCANS // (REPEATS + 1), (turn + 1) * SCANS // (REPEATS + 1))
        mine = (lo[part], hi[part])
        for name in cells if turn % 2 else reversed(cells):
            cell = Cell() if turn == 0 else cells[name]
            if name == FLOOR:
                measure(databases[OURS], refused(mine), seconds, cell)
            else:
                measure(databases[name], mine, seconds, cell)
    middle = statistics.median
    for name, cell in cells.items():
        ratios = [one / other for one, other in zip(cells["none"].cpu, cell.cpu, strict=True)]
        yield [
            f"{hits:.0%}",
            name,
            f"{1e6 * middle(cell.wall):.1f}",
            f"{1e6 * middle(cell.cpu):.2f}",
            spread(ratios),
            f"{middle(cell.blocks):.3f}",
            f"{cell.checked:.1f}",
            f"{cell.skipped:.1%}" if cell.checked else "",
        ]


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
