"""A hundred million keys counted by one summary in this process, and by two Ray actors: wall time, same run.

Zipf 1.0 over a million keys, in batches of a million, 256 KiB a summary. Batches are made before the clock starts, and
the clock stops when the last has been counted. Three runs in alternate order; the best counts.

Not for you when keys come from one place that is slower than one core counts, which is 30 to 60 million a second.
"""

import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
from report import options, take

from beforehand.reporting import Sheet
from beforehand.streams import SpaceSaving

KEYS, BATCH, BATCHES, REPEATS = 10**6, 10**6, 10, 3
WAYS = {"one summary, one core": None, "two actors, by hash": "hash", "two actors, in turn": "round_robin"}


def batches() -> list[np.ndarray]:
    """Ten batches; the stream goes through them ten times."""
    random, weights = np.random.default_rng(0), np.cumsum(1 / np.arange(1, KEYS + 1))
    name = random.permutation(KEYS)
    return [name[np.searchsorted(weights, random.random(BATCH) * weights[-1])] for _ in range(BATCHES)]


def counted(
    stream: list[np.ndarray], factory: Callable[[], SpaceSaving], partition: Any, times: int
) -> tuple[float, Any]:
    """Seconds, and the summary."""
    if partition is None:
        made = factory()
    else:
        from beforehand.integrations.ray import ShardedSummary

        made = ShardedSummary(2, factory, partition=partition)
        made.result()  # both actors have started
    began = time.perf_counter()
    for _ in range(times):
        for batch in stream:
            made.update(batch)
    result = made if partition is None else made.result()
    return time.perf_counter() - began, result


def throughput(policy: Any) -> Sheet:
    """A table for one policy."""
    stream, factory = batches(), partial(SpaceSaving, memory="256KiB", policy=policy)
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    errors = {}
    for turn in range(REPEATS):
        for name, partition in list(WAYS.items())[:: 1 if turn % 2 == 0 else -1]:
            taken, result = counted(stream, factory, partition, 10)
            assert result.total == 10 * BATCH * BATCHES
            seconds[name].append(taken)
            errors[name] = result.error_bound
    alone = min(seconds["one summary, one core"])
    return Sheet(
        title=f"100 million keys, policy {policy}, 256 KiB a summary",
        columns=["", "seconds", "million keys a second", "times one core", "error bound"],
        rows=[
            [name, f"{min(taken):.2f}", f"{100 / min(taken):.0f}", f"{alone / min(taken):.2f}", f"{errors[name]:,}"]
            for name, taken in seconds.items()
        ],
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
