"""Hooks that torch ships, attached to a model as a user of torch would: the rivals of our codecs.

Not among them: batched_powerSGD_hook, which fails on an assertion of its own in torch 2.13 and 2.14, and the 8-bit
hooks, which fail on gloo.
"""

import importlib
import importlib.util
import os
import shutil
from typing import Any

HOOKS = "torch.distributed.algorithms.ddp_comm_hooks"
START = 2  # steps that PowerSGD sums plainly, the fewest that it takes; its own default is 1,000


def missing(*, root: bool = False) -> str:
    """What to do where there is no torch, or not the right to shape links that is asked for; nothing where all is."""
    if importlib.util.find_spec("torch") is None:
        return "not measured, as torch is missing: make bench-torch has it, or pip install torch"
    shapes = os.geteuid() == 0 and all(map(shutil.which, ("ip", "tc")))
    return "not measured, as its links need root and iproute2" if root and not shapes else ""


def torch_float32(model: Any) -> None:
    """DDP as it is."""


def torch_fp16(model: Any) -> None:
    """Sums in half precision."""
    model.register_comm_hook(None, importlib.import_module(f"{HOOKS}.default_hooks").fp16_compress_hook)


def power_sgd(model: Any, *, rank: int) -> None:
    """PowerSGD of this rank."""
    state = importlib.import_module(f"{HOOKS}.powerSGD_hook").PowerSGDState(
        process_group=None, matrix_approximation_rank=rank, start_powerSGD_iter=START, min_compression_rate=2
    )
    model.register_comm_hook(state, waiting)


def waiting(state, bucket):  # type: ignore[no-untyped-def]
    """torch's hook, to its end: with two buckets its second sums start in any order, and gloo ends with a mismatch."""
    future = importlib.import_module(f"{HOOKS}.powerSGD_hook").powerSGD_hook(state, bucket)
    future.wait()
    return future
