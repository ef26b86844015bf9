"""A hundred million keys counted by one summary in this process, and by two Ray actors, same run.

Zipf 1.0 over a million keys, in batches of a million, 256 KiB a summary. Batches are made before the clock starts, and
the clock stops when the last has been counted. Three runs in alternate order; the best counts. Processor time of the
driver and of the actors says how it goes on with more cores: the driver can feed as many actors as it is faster.

Not for you when keys come from one place that is slower than one core counts, which is 30 to 60 million a second.
"""

import contextlib
import os
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from report import options, take

from beforehand.integrations.ray import ShardedSummary
from beforehand.reporting import Sheet
from beforehand.streams import SpaceSaving

KEYS, BATCH, BATCHES, ROUNDS, REPEATS = 10**6, 10**6, 10, 10, 3
WAYS = {"one summary, one core": None, "two actors, by hash": "hash", "two actors, in turn": "round_robin"}


def batches() -> list[np.ndarray]:
    """Ten batches; the stream goes through them ten times."""
    random, weights = np.random.default_rng(0), np.cumsum(1 / np.arange(1, KEYS + 1))
    name = random.permutation(KEYS)
    return [name[np.searchsorted(weights, random.random(BATCH) * weights[-1])] for _ in range(BATCHES)]


def actors(expected: int) -> float:
    """Processor seconds of the actors, once those of earlier runs have ended."""
    found: list[int] = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            name, _, fields = stat.read_text().rpartition(")")
            if "(ray::Shard" in name:
                found.append(sum(map(int, fields.split()[11:13])))
    if len(found) != expected:
        time.sleep(0.1)
        return actors(expected)
    return sum(found) / os.sysconf("SC_CLK_TCK")


def counted(stream: list[np.ndarray], factory: Callable[[], SpaceSaving], partition: Any) -> tuple[list[float], Any]:
    """Seconds: wall, processor here and in the actors; and the summary."""
    made: Any = factory()
    if partition:
        made = ShardedSummary(2, factory, partition=partition)
        made.result()  # both actors have started
    many = 2 if partition else 0
    there = actors(many)
    began = time.perf_counter(), time.process_time(), there
    for _ in range(ROUNDS):
        for batch in stream:
            made.update(batch)
    result = made.result() if partition else made
    ended = time.perf_counter(), time.process_time(), actors(many)
    return [after - before for before, after in zip(began, ended, strict=True)], result


def throughput(policy: Any) -> Sheet:
    """A table for one policy."""
    stream, factory = batches(), partial(SpaceSaving, memory="256KiB", policy=policy)
    seconds: dict[str, list[list[float]]] = {name: [] for name in WAYS}
    errors = {}
    for turn in range(REPEATS):
        for name, partition in list(WAYS.items())[:: 1 if turn % 2 == 0 else -1]:
            taken, result = counted(stream, factory, partition)
            assert result.total == ROUNDS * BATCHES * BATCH
            seconds[name].append(taken)
            errors[name] = result.error_bound
    best = {name: [min(each) for each in zip(*taken, strict=True)] for name, taken in seconds.items()}
    alone, keys = best["one summary, one core"][0], ROUNDS * BATCHES * BATCH
    rows = []
    for name, (wall, here, there) in best.items():
        nanoseconds = [f"{1e9 * here / keys:.1f}", f"{1e9 * there / keys:.1f}" if there else ""]
        rows.append([name, f"{keys / wall / 1e6:.0f}", f"{alone / wall:.2f}", *nanoseconds, f"{errors[name]:,}"])
    return Sheet(
        title=f"{keys:,} keys, policy {policy}, 256 KiB a summary",
        columns=["", "M keys/s", "of one core", "ns a key here", "in both actors", "error bound"],
        rows=rows,
        below=f"ray {version('ray')}; the driver, which splits or hands on the batches, shares the two cores.",
    )


def main() -> None:
    """Measure, print, and keep."""
    chosen = options(__doc__ or "").parse_args()
    if not find_spec("ray"):
        print("ray is not installed; make bench-ray runs this where it is")
        return
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    take([partial(throughput, policy) for policy in ("exact", "gated")], chosen.output)


if __name__ == "__main__":
    main()
