"""How slow the network between the processes of a group is."""

import statistics
import time
from collections.abc import Sequence
from typing import Any

from beforehand.core.errors import InvalidInput
from beforehand.gradients.inputs import whole
from beforehand.gradients.link import Link
from beforehand.integrations.torch.host import torch_for


def measure_link(
    process_group: Any = None, *, sizes: Sequence[int] = (2**12, 2**16, 2**20, 2**24), repeats: int = 5
) -> Link:
    """Time all-reduces between the processes, and fit latency and rate to them.

    Every process of the group calls it at the same time, with the same arguments.

    Args:
        process_group: Of torch, with at least two processes; None is the default one.
        sizes: Bytes of the buffers, multiples of 4, at least two different ones.
        repeats: Of each size, after one that does not count; the median counts, of the slowest process.

    Returns:
        The same link in all processes.

    Cost:
        All-reduces of 117 MB with the sizes given: on two workers at 50 Mb/s 17 s, at 1 Gb/s one second.

    Raises:
        MissingDependency: torch is not installed.
        InvalidInput: The group has one process; sizes or repeats break their rule; times do not grow with sizes.

    Example:
        In each process of a training job::

            link = measure_link()
            if torch.distributed.get_rank() == 0:
                pathlib.Path("link.json").write_text(link.to_json())
    """
    torch = torch_for("measure_link")
    collectives = torch.distributed
    workers = collectives.get_world_size(process_group)
    if workers < 2:
        raise InvalidInput("the group has one process, but a link joins at least two; start more")
    if len(set(sizes)) < 2 or any(size < 4 or size % 4 for size in sizes):
        raise InvalidInput(f"sizes are {list(sizes)}, but must be at least two different multiples of 4")
    whole("repeats", repeats, 1)
    device = "cuda" if collectives.get_backend(process_group) == "nccl" else "cpu"
    medians = []
    for size in sizes:
        buffer = torch.zeros(size // 4, device=device)
        taken = []
        for _ in range(1 + repeats):
            collectives.barrier(process_group)
            began = time.perf_counter()
            collectives.all_reduce(buffer, group=process_group)
            float(buffer[0])  # waits for a device
            taken.append(time.perf_counter() - began)
        medians.append(statistics.median(taken[1:]))
    slowest = torch.tensor(medians, dtype=torch.float64, device=device)
    collectives.all_reduce(slowest, op=collectives.ReduceOp.MAX, group=process_group)
    return Link.fit(sizes, slowest.tolist(), workers)
