"""Which buckets DDP makes of a model's gradients, so that a plan can tell when each can be exchanged."""

import math
from typing import Final

from beforehand.gradients.layout import Layout

FIRST: Final = 2**20  # bytes, of the bucket that is ready first
CAP: Final = 25 * 2**20  # of the others
SMALLEST: Final = 16384  # coordinates of a bucket that is worth compressing


def ready_buckets(layout: Layout) -> tuple[Layout, ...]:
    """The buckets that DDP makes by default, in the order in which backward fills them: the last tensors first.

    A bucket is closed as soon as it reaches its bytes, so that it may have more.

    Example:
        >>> layout = Layout([("first", (5_000_000,)), ("second", (3_000_000,)), ("last", (300_000,))])
        >>> [[name for name, _ in bucket.tensors] for bucket in ready_buckets(layout)]
        [['last'], ['second', 'first']]
    """
    found: list[Layout] = []
    tensors: list[tuple[str, tuple[int, ...]]] = []
    size = 0
    for name, shape in reversed(layout.tensors):
        if math.prod(shape) == 0:
            continue
        tensors.append((name, shape))
        size += 4 * math.prod(shape)
        if size >= (CAP if found else FIRST):
            found.append(Layout(tensors))
            tensors, size = [], 0
    return (*found, Layout(tensors)) if tensors else tuple(found)
