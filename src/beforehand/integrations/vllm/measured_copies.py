"""Copies of KV cache between device and host, timed."""

import time
from typing import Any, Final

from beforehand.scheduling.serving.calibration.copies import CopyTimes, fit_copies

SIZES: Final = tuple(mebibytes << 20 for mebibytes in (1, 4, 16, 64, 256))
REPEATS: Final = 5


def measure_copies(device: Any, block_bytes: int, *, most: int = SIZES[-1]) -> CopyTimes:
    """Time copies of scattered blocks to the host and back, and fit latency and bandwidth of one direction.

    Args:
        device: Where the KV cache is, as torch knows it.
        block_bytes: Bytes of a block of it.
        most: Bytes of the largest copy; a cache may leave no room for more.

    Raises:
        InvalidInput: `most` is so small that all copies are of one size.
    """
    import torch

    device = torch.device(device)
    apart = device.type != "cpu"
    sizes, seconds = [], []
    for size in (each for each in SIZES if each <= most):
        blocks = max(size // block_bytes, 1)
        cache = torch.zeros((2 * blocks, block_bytes), dtype=torch.uint8, device=device)
        host = torch.zeros((blocks, block_bytes), dtype=torch.uint8, pin_memory=apart)
        order = torch.randperm(2 * blocks, device=device)[:blocks]
        for repeat in range(REPEATS + 1):
            for out in (True, False):
                _settle(device)
                began = time.perf_counter()
                if out:
                    host.copy_(cache.index_select(0, order))
                else:
                    cache.index_copy_(0, order, host.to(device))
                _settle(device)
                if repeat:  # the first one allocates
                    sizes.append(blocks * block_bytes)
                    seconds.append(time.perf_counter() - began)
    return fit_copies(sizes, seconds)


def _settle(device: Any) -> None:
    """Wait until the device has nothing to do."""
    import torch

    if device.type != "cpu":
        torch.accelerator.synchronize(device)
