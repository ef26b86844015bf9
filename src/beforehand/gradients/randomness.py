"""Which random numbers a worker draws: the same rule on every machine, never the same numbers twice."""

from beforehand.core.errors import CapacityExceeded
from beforehand.gradients.layout import PIECES

_GOLDEN = 0x9E3779B97F4A7C15
_WORD = 2**64 - 1


def splitmix64(x: int) -> int:
    """The first output of SplitMix64 from this state."""
    x = (x + _GOLDEN) & _WORD
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _WORD
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _WORD
    return x ^ (x >> 31)


def rounding_key(seed: int, rank: int) -> int:
    """The key of a worker's own draws."""
    return splitmix64(seed ^ ((rank + 1) * _GOLDEN & _WORD))


def stream(step: int, bucket: int, part: int = 0) -> int:
    """The stream of one piece, or matrix, of one bucket in one step.

    Raises:
        CapacityExceeded: There are more than 4,096 buckets, or parts of one.
    """
    for name, count in (("bucket", bucket), ("piece", part)):
        if not 0 <= count < PIECES:
            raise CapacityExceeded(f"{name} is {count}, but must be below {PIECES}; take larger buckets or pieces")
    return (bucket * PIECES + part) << 32 | step % 2**32
