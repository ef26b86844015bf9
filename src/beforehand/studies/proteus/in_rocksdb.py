"""Scans in RocksDB with Proteus, SuRF and Rosetta in the same place."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.integrations.rocksdb import DB
from beforehand.integrations.rocksdb.families import Family
from beforehand.integrations.rocksdb.host import extension
from beforehand.integrations.rocksdb.options import FilterOptions, recorder_for
from beforehand.integrations.rocksdb.statistics import FilterStatistics
from beforehand.ranges import QueryRecorder
from beforehand.reporting import Sheet
from beforehand.studies.proteus.workloads import Workload

PAPER: Final = "Proteus, paper"
OURS: Final = "Proteus, extended"
RIVALS: Final = ("SuRF", "Rosetta")
FILTERS: Final = {  # by the names of `beforehand.ranges`, and whether Proteus keeps to the paper's designs
    "none": (None, False),
    "SuRF": ("surf", False),
    "Rosetta": ("rosetta", False),
    "prefix Bloom": ("prefix-bloom", False),
    PAPER: ("proteus", True),
    OURS: ("proteus", False),
}
COMPARED: Final = ("none", *RIVALS, PAPER, OURS)
BITS: Final = 12.0
TURNS: Final = 5  # of each filter, besides one that warms the caches
VALUE: Final = 256  # bytes, half of them random
BATCH: Final = 1000
CREATION: Final = {
    "write_buffer_size": "16M",
    "target_file_size_base": "16M",
    "max_bytes_for_level_base": "64M",
    "max_background_jobs": "2",
    "compression": "kNoCompression",
}
TABLES: Final = {"block_cache": "16M", "filter_policy": "bloomfilter:10:false"}


@final
@dataclass(frozen=True)
class Row:
    """Times of an empty scan, in microseconds: of each filter a median wall, a median of the processor; and ratios.

    Args:
        workload: Its name.
        wall, cpu: Medians over the turns.
        ratios: Of each rival: its wall time over that of Proteus as the paper has it, turn by turn.
    """

    workload: str
    wall: dict[str, float]
    cpu: dict[str, float]
    ratios: dict[str, list[float]]


def opened(
    path: Path,
    name: str,
    sample: tuple[Any, Any] | None = None,
    *,
    bits: float = BITS,
    recorder: QueryRecorder | None = None,
    creation: dict[str, str] = CREATION,
) -> DB:
    """The database of a filter; that Proteus keeps to its paper's designs, the extension alone can be told."""
    filter, paper = FILTERS[name]
    settings = FilterOptions(filter=filter, bits_per_key=bits, key_type="uint64", queries=sample, recorder=recorder)
    family = Family(name="default", options=settings, policy=None, recorder=recorder_for(settings)).native()
    native = extension().Database(str(path), [(*family[:-1], paper)], creation, dict(TABLES), True, 256 << 20)
    return DB(native, str(path))


def written(
    path: Path, name: str, keys: NDArray[np.uint64], sample: tuple[Any, Any], *, bits: float = BITS
) -> FilterStatistics:
    """Write all keys in random order, so that two files lie on level 0 and all others below.

    Where it is left to RocksDB, the number of files on level 0 is a matter of chance, and a scan comes to all of them.
    """
    shuffled = np.random.default_rng(0).permutation(keys)
    last = len(keys) // 40
    with opened(path, name, sample, bits=bits) as db:
        load(db, shuffled[: -2 * last])
        built = db.statistics()
    with opened(path, name, sample, bits=bits, creation=CREATION | {"level0_file_num_compaction_trigger": "1"}) as db:
        settle(db)
    with opened(path, name, sample, bits=bits) as db:
        load(db, shuffled[-2 * last : -last])
        load(db, shuffled[-last:])
        settle(db)
        live = db.statistics()
    return replace(
        live,
        filters_built=built.filters_built,
        keys_filtered=built.keys_filtered,
        build_seconds=built.build_seconds,
    )


def load(db: DB, keys: NDArray[np.uint64], value: int = VALUE) -> None:
    """Write keys as they come, without a log, and flush them."""
    noise = np.random.default_rng(1).bytes(1 << 20)
    for first in range(0, len(keys), BATCH):
        batch = []
        for place, key in enumerate(big_endian(keys[first : first + BATCH]), first):
            at = place * 131 % (len(noise) - value)
            batch.append(("put", key, noise[at : at + value // 2] + bytes(value // 2)))
        db.write(batch, wal=False)
    db.flush()


def settle(db: DB) -> None:
    """Wait until no compaction is left to do."""
    quiet = 0
    while quiet < 5:  # between two of them there may be none for a moment
        quiet = 0 if db._native.compacting("default") else quiet + 1
        time.sleep(0.02)


def big_endian(numbers: NDArray[np.uint64]) -> list[bytes]:
    """Keys as RocksDB orders them."""
    raw = numbers.astype(">u8").tobytes()
    return [raw[at : at + 8] for at in range(0, len(raw), 8)]


def measured(workload: Workload, scans: int) -> Row:
    """Scans of a workload in each database, in turns, read from the disk past the memory of the system.

    Args:
        workload: Keys, a sample, and empty ranges.
        scans: Of each filter in a turn.
    """
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        for name in COMPARED:
            written(Path(folder, name), name, workload.keys, workload.sample)
        direct = CREATION | {"use_direct_reads": "true"}
        databases = {name: stack.enter_context(opened(Path(folder, name), name, creation=direct)) for name in COMPARED}
        walls: dict[str, list[float]] = {name: [] for name in COMPARED}
        cpus: dict[str, list[float]] = {name: [] for name in COMPARED}
        for turn, (lo, hi) in enumerate(_parts(workload, scans)):
            for name in COMPARED if turn % 2 else reversed(COMPARED):
                wall, cpu = time.perf_counter(), time.thread_time()
                databases[name].scan_many(lo, hi)
                if turn:
                    walls[name].append(1e6 * (time.perf_counter() - wall) / len(lo))
                    cpus[name].append(1e6 * (time.thread_time() - cpu) / len(lo))
    return Row(
        workload.name,
        {name: statistics.median(each) for name, each in walls.items()},
        {name: statistics.median(each) for name, each in cpus.items()},
        {rival: [one / other for one, other in zip(walls[rival], walls[PAPER], strict=True)] for rival in RIVALS},
    )


def spread(ratios: list[float]) -> str:
    """The median, the least and the most."""
    return f"{statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"


def sheet(found: list[Row], keys: int, scans: int) -> Sheet:
    """A workload a row."""
    return Sheet(
        title="Empty scans in RocksDB",
        columns=["workload", *COMPARED, *(f"{rival} / {PAPER}, wall" for rival in RIVALS)],
        rows=[
            [
                row.workload,
                *(f"{row.wall[name]:.1f} [{row.cpu[name]:.2f}]" for name in COMPARED),
                *(spread(each) for each in row.ratios.values()),
            ]
            for row in found
        ],
        below=f"Microseconds of wall time a scan, in brackets of the processor: medians of {TURNS} turns of {scans:,} "
        f"scans, with direct reads, and a block cache of 16 MB; ratios with the least and the most. {keys:,} keys with "
        f"values of {VALUE} bytes in files of 16 MB, {BITS:g} bits per key. How much wall time a filter saves depends "
        "on how slow the disk is.",
    )


def _parts(workload: Workload, scans: int) -> Iterator[tuple[list[bytes], list[bytes]]]:
    """Scans of each turn, the first one of which warms the caches; upper bounds exclusive, as RocksDB has them."""
    lo, hi = workload.asked
    for turn in range(TURNS + 1):
        part = slice(turn * scans, (turn + 1) * scans)
        yield big_endian(lo[part]), big_endian(hi[part] + np.uint64(1))
