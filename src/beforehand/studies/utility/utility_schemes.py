"""Saturating sums and partial rotation: two ways to carry THC on a plain all-reduce, which no codec here takes.

Saturation needs an adder that saturates, which the backends of torch lack; it beats filled lanes where workers hardly
agree, and not where they do. Partial rotation saves nothing on a CPU and cuts off half of some gradients. Both run in
one process on all workers' rows, for the claims of the study.
"""

import math
from typing import Any, Final, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.gradients.exchange import Floats
from beforehand.gradients.randomness import rounding_key
from beforehand.gradients.thc_table import Table
from beforehand.gradients.theory import truncation_energy

Levels: TypeAlias = tuple[tuple[int, int], ...]  # of the butterfly: ascending ranges [first, last)
LIMITS: Final = (1.5, 6.0)  # of the range in units of what is expected of a sum
TARGETS: Final = {4: 0.12, 6: 0.012, 8: 0.001}  # share of lanes at their limit, by bits
GROW, SHRINK = 1 / 0.95, 2**-0.02
JUMP = 4.0  # of the longest gradient, up or down, beyond which the last sum says nothing of the next


def padded(rows: Floats) -> Floats:
    """The rows with zeros up to a power of two."""
    size = rows.shape[1]
    return np.pad(rows, ((0, 0), (0, 2 ** math.ceil(math.log2(size)) - size)))


def rotated(x: Floats, levels: Levels, *, seed: int, stream: int = 0, back: bool = False) -> Floats:
    """`x` with random signs, then mixed by these levels of the Hadamard transform alone; or back. Keeps lengths."""
    y = np.array(x, np.float32)
    for index, (first, last) in enumerate(levels):
        outer = index == (len(levels) - 1 if back else 0)
        signs = ("after" if back else "before") if outer else None
        _native.hadamard_stages(y, lo=first, hi=last, seed=seed, stream=stream, signs=signs)
    y *= np.float32(2.0 ** (-_mixed(levels) / 2))
    return y


def partly_rotated(rows: Floats, table: Table, levels: Levels, *, seed: int) -> Floats:
    """The mean of all workers by THC with these levels of the rotation.

    Args:
        rows: float32, (workers, 2**k).
        table: Of THC.
        levels: Of the butterfly; `((0, k),)` is all of it.
        seed: Of signs and rounding.
    """
    workers, size = rows.shape
    longest = float(np.linalg.norm(rows.astype(np.float64), axis=1).max())
    limit = table.half_range * longest / math.sqrt(size)
    sums = np.zeros(size, np.uint32)
    points: NDArray[Any] = np.empty(size, np.uint8 if table.granularity < 256 else np.uint16)
    values, scale = np.array(table.values, np.uint16), table.granularity / (2 * limit)
    for rank, row in enumerate(rows):
        y = rotated(row, levels, seed=seed)
        _native.thc_points(y, scale, values, seed=rounding_key(seed, rank), stream=0, threads=1, out=points)
        sums += points
    mean = (sums * (2 * limit / (table.granularity * workers)) - limit).astype(np.float32)
    return rotated(mean, levels, seed=seed, back=True)


def truncated_share(x: Floats, levels: Levels, t: float) -> float:
    """The share of a gradient's energy that a partial rotation is expected to leave beyond the range.

    Coordinates mix only with those of their group. A group with more energy than others is wider than the range, which
    follows from the energy of all.

    Args:
        x: One worker's gradient, 2**k coordinates.
        levels: Of the butterfly.
        t: Half of the range, in standard deviations of the whole.
    """
    energies: NDArray[Any] = x.astype(np.float64) ** 2
    for first, last in reversed(levels):  # from the top, so that the places of lower levels stay
        energies = energies.reshape(-1, 2 ** (last - first), 2**first).sum(axis=1)
    groups = energies.reshape(-1)
    total = float(groups.sum())
    beyond = 0.0
    for energy in groups[groups > 0].tolist():
        deviation = math.sqrt(energy / 2 ** _mixed(levels) * x.size / total)
        beyond += energy * truncation_energy(t / deviation)
    return beyond / total


def safe(rows: Floats, levels: Levels, t: float) -> bool:
    """Whether every worker's gradient may be rotated so: else all rotate fully in this round."""
    return all(truncated_share(row, levels, t) <= 2 * truncation_energy(t) + 0.002 for row in rows)


def _mixed(levels: Levels) -> int:
    return sum(last - first for first, last in levels)


@final
class SaturatingSum:
    """Sums of rotated gradients in signed lanes that stop at their limits, on every hop.

    The step must follow the length of the sum, which is known of the last round; one that follows a single worker's
    range saturates up to a quarter of the lanes of four workers. A controller moves the range so that a given share of
    lanes is at a limit.

    Args:
        bits: Of a lane: 4, 6 or 8.
        seed: Of signs and rounding.
    """

    def __init__(self, bits: int, *, seed: int = 0) -> None:
        self.factor = 3.0  # of the range over the root mean square of the last sum
        self.at_limit = 0.0
        self._largest = 2 ** (bits - 1) - 1
        self._target = TARGETS[bits]
        self._seed = seed
        self._random = np.random.default_rng(seed)
        self._round = 0
        self._expected = 0.0  # root mean square of the next sum
        self._longest = 0.0

    def reduce(self, rows: Floats) -> Floats:
        """The mean of one round; `rows` are float32, (workers, 2**k), and not all zero."""
        workers, size = rows.shape
        levels = ((0, size.bit_length() - 1),)
        longest = float(np.linalg.norm(rows.astype(np.float64), axis=1).max())
        if not self._longest / JUMP <= longest <= self._longest * JUMP:
            self._expected = workers * longest / math.sqrt(size)
        step = self.factor * self._expected / self._largest
        total = np.zeros(size, np.int32)
        for row in rows:
            y = rotated(row, levels, seed=self._seed, stream=self._round) / np.float32(step)
            own = np.floor(y + self._random.random(size, np.float32)).astype(np.int32)
            own = np.clip(own, -self._largest, self._largest)
            total = np.clip(total + own, -self._largest, self._largest)
        self.at_limit = float(np.mean(np.abs(total) == self._largest))
        moved = self.factor * (GROW if self.at_limit > self._target else SHRINK)
        self.factor = min(max(moved, LIMITS[0]), LIMITS[1])
        self._expected = step * math.sqrt(float(np.mean(np.square(total, dtype=np.float64))))
        self._longest = longest
        mean = (total * (step / workers)).astype(np.float32)
        back = rotated(mean, levels, seed=self._seed, stream=self._round, back=True)
        self._round += 1
        return back
