"""Hooks that torch ships, attached to a model as a user of torch would: the rivals of our codecs.

Not among them: batched_powerSGD_hook, which fails on an assertion of its own in torch 2.13, and the 8-bit hooks, which
fail on gloo.
"""

from typing import Any

from torch.distributed.algorithms.ddp_comm_hooks import default_hooks, powerSGD_hook

START = 2  # steps that PowerSGD sums plainly, the fewest that it takes; its own default is 1,000


def torch_fp16(model: Any) -> None:
    """Sums in half precision."""
    model.register_comm_hook(None, default_hooks.fp16_compress_hook)


def torch_power_sgd_4(model: Any) -> None:
    """Rank 4."""
    _power_sgd(model, 4)


def torch_power_sgd_1(model: Any) -> None:
    """Rank 1."""
    _power_sgd(model, 1)


def waiting(state, bucket):  # type: ignore[no-untyped-def]
    """torch's hook, to its end: with two buckets its second sums start in any order, and gloo ends with a mismatch."""
    future = powerSGD_hook.powerSGD_hook(state, bucket)
    future.wait()
    return future


def _power_sgd(model: Any, rank: int) -> None:
    state = powerSGD_hook.PowerSGDState(
        process_group=None, matrix_approximation_rank=rank, start_powerSGD_iter=START, min_compression_rate=2
    )
    model.register_comm_hook(state, waiting)
