"""How many keys a second summaries count, merge and store, against libraries that do the same, or count exactly.

Not for you where the distinct keys fit in memory and exact counts are wanted: then a group-by is nearly as fast.

Run: python benchmarks/bench_streams_speed.py [-o FILE]; BEFOREHAND_DATASKETCHES names a library of DataSketches in C++.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from report import options, take
from streams_contenders import Contender, integers, strings, summaries, version_of

from beforehand.reporting import Sheet
from beforehand.streams import SpaceSaving, from_bytes
from beforehand.workloads.streams import zipf

ARRIVALS, LISTED, SINGLE, UNIVERSE = 10_000_000, 1_000_000, 300_000, 1_000_000
ALPHAS = (1.0, 1.25, 1.5)
RUNS, SLOW = 5, 1.5  # what takes that many seconds is measured once
MERGED = 65_536  # counters of each


def best(jobs: Sequence[Callable[[], Any]], runs: int = RUNS) -> list[float]:
    """Seconds of process time of each job, the best of several rounds in which all take turns."""
    found = [float("inf")] * len(jobs)
    for turn in range(runs):
        order = range(len(jobs)) if turn % 2 == 0 else reversed(range(len(jobs)))
        for i in order:
            if SLOW < found[i] < float("inf"):
                continue
            begun = time.process_time()
            jobs[i]()
            found[i] = min(found[i], time.process_time() - begun)
    return found


def rates(contenders: dict[str, Contender], streams: Sequence[tuple[Any, Any]]) -> list[list[str]]:
    """Millions of keys a second on each stream, an array and the start of it as a list of Python objects."""
    columns = []
    for array, listed in streams:
        given = [listed if contender.listed else array for contender in contenders.values()]
        jobs = [lambda c=c, keys=keys: c.count(keys) for c, keys in zip(contenders.values(), given, strict=True)]
        columns.append([len(keys) / took / 1e6 for keys, took in zip(given, best(jobs), strict=True)])
    return [
        [name, version_of(contender), *(f"{column[i]:.1f}" for column in columns), contender.differs]
        for i, (name, contender) in enumerate(contenders.items())
    ]


def numbers() -> Sheet:
    """Arrays of uint64."""
    arrays = [zipf(ARRIVALS, UNIVERSE, alpha, seed=0)["key"] for alpha in ALPHAS]
    return Sheet(
        title="uint64 keys: millions a second",
        columns=["", "version", *(f"Zipf {alpha}" for alpha in ALPHAS), "differs"],
        rows=rates(summaries() | integers(), [(array, array[:LISTED].view(np.int64).tolist()) for array in arrays]),
        below=f"{ARRIVALS:,} arrivals over {UNIVERSE:,} keys. Those that take key after key get the first {LISTED:,} "
        f"as a list of int, made before the clock starts. The best of {RUNS} rounds.",
    )


def texts() -> Sheet:
    """Lists of str, and Arrow."""
    lists = [[f"/articles/{key}" for key in zipf(LISTED, UNIVERSE, alpha, seed=0)["key"].tolist()] for alpha in ALPHAS]
    ours = {name: contender._replace(listed=True) for name, contender in summaries().items()}
    rows = rates(ours | strings(), [(keys, keys) for keys in lists])
    import pyarrow

    arrow = {f"{name}, Arrow": each for name, each in summaries().items() if name.endswith(("assoc", "gated"))}
    rows += rates(arrow, [(pyarrow.array(keys), None) for keys in lists])
    return Sheet(
        title="Strings: millions a second",
        columns=["", "version", *(f"Zipf {alpha}" for alpha in ALPHAS), "differs"],
        rows=rows,
        below=f"{LISTED:,} arrivals of about 29 bytes, as a list of str. The best of {RUNS} rounds.",
    )


def single() -> Sheet:
    """One Python call for each key."""
    keys = zipf(SINGLE, UNIVERSE, 1.25, seed=0)["key"].view(np.int64).tolist()
    contenders = {name: each for name, each in integers().items() if name.startswith("datasketches")}

    def ours(policy: Any) -> Callable[[], Any]:
        def count() -> Any:
            update = SpaceSaving(capacity=16_384, policy=policy).update
            for key in keys:
                update(key)

        return count

    names = [f"beforehand {policy}" for policy in ("exact", "assoc", "gated")]
    jobs = [*map(ours, ("exact", "assoc", "gated")), *(lambda c=c: c.count(keys) for c in contenders.values())]
    rows = [[name, f"{SINGLE / took / 1e6:.1f}"] for name, took in zip([*names, *contenders], best(jobs), strict=True)]
    return Sheet(title="One call for each key: millions a second", columns=["", "Zipf 1.25"], rows=rows, below="")


def storing() -> Sheet:
    """Merging and bytes."""
    rows = []
    for policy in ("exact", "assoc", "filtered", "gated"):
        a, b = (SpaceSaving(capacity=MERGED, policy=policy) for _ in range(2))
        a.update(zipf(2_000_000, UNIVERSE, 1.0, seed=0)["key"])
        b.update(zipf(2_000_000, UNIVERSE, 1.0, seed=1)["key"])
        data = a.to_bytes()
        took = best([lambda a=a, b=b: a | b, a.to_bytes, lambda data=data: from_bytes(data), a.copy], 20)
        rows.append([policy, *(f"{1e3 * seconds:.2f}" for seconds in took), f"{len(data):,}"])
    return Sheet(
        title=f"Two summaries of {MERGED:,} counters: ms",
        columns=["policy", "a | b", "to_bytes", "from_bytes", "copy", "bytes"],
        rows=rows,
        below="`a | b` copies a first. The best of 20 rounds.",
    )


def main() -> None:
    """Measure, print, and keep."""
    take((numbers, texts, single, storing), options(__doc__ or "").parse_args().output)


if __name__ == "__main__":
    main()
