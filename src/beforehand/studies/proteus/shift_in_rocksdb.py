"""The workload that shifts, in a database that is written to all the while: its compactions design filters anew."""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from beforehand.integrations.rocksdb import DB
from beforehand.ranges import QueryRecorder
from beforehand.reporting import Sheet
from beforehand.studies.proteus import shift
from beforehand.studies.proteus.in_rocksdb import BITS, CREATION, big_endian, load, opened, settle
from beforehand.studies.proteus.shift import CAPACITY, PHASES, STEPS, Phase
from beforehand.workloads import ranges

FILTER: Final = "Proteus, extended"
VALUE: Final = 64
SMALL: Final = CREATION | {  # level 1 holds little, so that what is written soon reaches every file of the last level
    "write_buffer_size": "1M",
    "target_file_size_base": "2M",
    "max_bytes_for_level_base": "2M",
    "max_bytes_for_level_multiplier": "50",
}
TURNS: Final = 10  # of reads and writes in a step


def phases(keys: int, operations: int) -> list[Phase]:
    """All three, of so many operations each: half of them empty scans, half of them puts of keys that are there."""
    every = ranges.uniform_keys(keys, seed=42)
    shuffled = np.random.default_rng(0).permutation(every)
    found: list[Phase] = []
    with tempfile.TemporaryDirectory() as folder:
        tuned = {}
        for kind, longest in dict.fromkeys(PHASES):
            sample, asked = (
                ranges.queries(every, count, kind=kind, longest=longest, seed=seed)
                for count, seed in ((CAPACITY, 1), (operations // 2, 2))
            )
            with opened(Path(folder, kind), FILTER, (sample["lo"], sample["hi"]), creation=SMALL) as db:
                load(db, shuffled, VALUE)
                settle(db)
                tuned[kind] = _rate(db, big_endian(asked["lo"]), big_endian(asked["hi"] + np.uint64(1)), [])
        recorder = QueryRecorder(capacity=CAPACITY, every=max(1, operations // (6 * CAPACITY)), seed=0)
        warm = ranges.queries(every, CAPACITY, kind=PHASES[0][0], longest=PHASES[0][1], seed=1)
        recorder.record(warm["lo"], warm["hi"])
        with opened(Path(folder, "shifts"), FILTER, recorder=recorder, creation=SMALL) as db:
            load(db, shuffled, VALUE)
            for number, (kind, longest) in enumerate(PHASES):
                rates = _phase(db, every, kind, longest, operations // 2, 10 + number)
                last = float(np.mean(rates[-STEPS // 4 :]))
                found.append(Phase(f"{kind} ranges to {longest}", rates[0], max(rates), last, tuned[kind]))
    return found


def sheet(found: list[Phase], keys: int, operations: int) -> Sheet:
    """A phase a row."""
    return replace(
        shift.sheet(found),
        title="While the workload shifts, in RocksDB",
        below=f"Of the files that empty scans came to, the share that filters let pass. {keys:,} keys "
        f"with values of {VALUE} bytes, {BITS:g} bits per key; {operations:,} operations a phase, of which every other "
        f"one writes a key that is there. Flushes and compactions build filters from a recorder of {CAPACITY:,} "
        "queries; those tuned to a phase are of a database that was loaded with its sample. The last quarter differs "
        "from run to run with the time at which compactions run: what it has above tuned filters comes mostly from "
        "files written before the phase, or early in it, while the recorder still held queries of the phase before.",
    )


def _phase(db: DB, every: NDArray[np.uint64], kind: str, longest: int, scans: int, seed: int) -> list[float]:
    asked = ranges.queries(every, scans, kind=kind, longest=longest, seed=seed)  # type: ignore[arg-type]
    rewritten = big_endian(np.random.default_rng(seed).choice(every, scans))
    lo, hi = big_endian(asked["lo"]), big_endian(asked["hi"] + np.uint64(1))
    rates = []
    for step in range(STEPS):
        part = slice(step * scans // STEPS, (step + 1) * scans // STEPS)
        rates.append(_rate(db, lo[part], hi[part], rewritten[part]))
    return rates


def _rate(db: DB, lo: list[bytes], hi: list[bytes], rewritten: list[bytes]) -> float:
    """The share of files that were let pass, while keys are written in turns with the scans."""
    before = db.statistics()
    for turn in range(TURNS):
        part = slice(turn * len(lo) // TURNS, (turn + 1) * len(lo) // TURNS)
        db.scan_many(lo[part], hi[part])
        db.write([("put", key, bytes(VALUE)) for key in rewritten[part]], wal=False)
    after = db.statistics()
    return (after.false_positives - before.false_positives) / max(1, after.empty_checks - before.empty_checks)
