"""How long it takes to move KV cache between device and host, from copies that were timed."""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.serving.calibration.non_negative import non_negative_least_squares


class CopyTimes(NamedTuple):
    """The line `latency + bytes / bytes_per_second`."""

    latency: float
    bytes_per_second: float


def fit_copies(sizes: ArrayLike, seconds: ArrayLike) -> CopyTimes:
    """The latency and the bandwidth of copies, as `swap_latency` and `swap_bytes_per_second` of a profile.

    Args:
        sizes: Bytes of each copy, above 0; at least two different sizes.
        seconds: What each took, above 0.

    Guarantee:
        The median of each size counts, so that one disturbed copy changes nothing. The latency is at least 0.

    Raises:
        InvalidInput: there is one size only; a number is out of range; longer copies take no longer.

    Example:
        >>> fit_copies([1e6, 2e6, 4e6], [0.002, 0.003, 0.005])
        CopyTimes(latency=0.001, bytes_per_second=1000000000.0)
    """
    moved, took = np.asarray(sizes, np.float64), np.asarray(seconds, np.float64)
    if moved.ndim != 1 or moved.shape != took.shape:
        raise InvalidInput(f"sizes has shape {moved.shape} and seconds {took.shape}, but both need a number a copy")
    for name, values in (("sizes", moved), ("seconds", took)):
        bad = np.flatnonzero(~((values > 0) & (values < 1e18)))
        if bad.size:
            raise InvalidInput(f"{name} is {values[bad[0]]:g} in copy {bad[0]}, but must be above 0; leave it out")
    distinct = np.unique(moved)
    if len(distinct) < 2:
        raise InvalidInput(
            f"there are copies of {len(distinct)} sizes, but a line needs two; time small and large ones"
        )
    middle = np.array([np.median(took[moved == size]) for size in distinct])
    design = np.column_stack((np.ones(len(distinct)), distinct)) / middle[:, None]
    latency, slope = non_negative_least_squares(design, np.ones(len(distinct)))
    if not slope > 0:
        raise InvalidInput(f"copies of {distinct[-1]:g} bytes take no longer than small ones; time larger ones")
    return CopyTimes(round(float(latency), 15), round(float(1 / slope), 3))
