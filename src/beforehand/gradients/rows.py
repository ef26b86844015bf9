"""One row for each worker, as floats or in blocks of integers: what is exchanged, and the mean of a row."""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from beforehand.gradients.block_shards import BlockRounding
from beforehand.gradients.exchange import Floats, Gather, Message, RoundStats
from beforehand.gradients.half import narrowed, widened


@dataclass(frozen=True, eq=False)
class Scatter:
    """A message for each worker: uint8[n, k], row r for worker r, is answered by uint8[n, k], row s from worker s."""

    messages: Message


RowRound: TypeAlias = Generator[Gather | Scatter, Message, Floats]


class Rows(Protocol):
    """One worker's end of a bucket of one row for each worker, with all that is kept from round to round."""

    padded: int  # coordinates of a row where it is handed in, zero beyond its own
    step: int  # of the next round; all workers' agree
    last: RoundStats

    def reduce(self, rows: Floats) -> RowRound:
        """One round over float32[workers, padded], which it may write to: returns the mean of this worker's row."""

    def state(self) -> dict[str, NDArray[Any]]:
        """What to keep for a resumed run, but the step."""

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what `state` returned."""


def exact_rows(rows: Floats) -> RowRound:
    """The mean of this worker's row, in float32, added in the order of ranks."""
    answer = yield Scatter(np.ascontiguousarray(rows).view(np.uint8))
    return _mean(answer.view(np.float32))


@final
class CastRows:
    """Rows as they are, or in 16 bits; sums are in float32."""

    def __init__(self, length: int, dtype: str) -> None:
        self.padded = length
        self.step = 0
        self.last = RoundStats()
        self._dtype = dtype

    def reduce(self, rows: Floats) -> RowRound:
        """One round: a `Scatter`."""
        self.step += 1
        if self._dtype == "float32":
            return (yield from exact_rows(rows))
        values = narrowed(rows, self._dtype)
        answer = yield Scatter(values.view(np.uint8))
        return _mean(widened(row, self._dtype) for row in answer.view(values.dtype))

    def state(self) -> dict[str, NDArray[Any]]:
        """Nothing."""
        return {}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Nothing is kept."""


@final
class BlockRows:
    """Rows in blocks that share a scale; a block that is not finite decodes to NaN on its owner."""

    def __init__(self, length: int, rounding: Callable[[int], BlockRounding], *, workers: int) -> None:
        block = rounding(0).format.block
        self.padded = -(-length // block) * block
        self.step = 0
        self.last = RoundStats()
        self._length = length
        self._rounding = rounding
        self._workers = workers

    def reduce(self, rows: Floats) -> RowRound:
        """One round: a `Scatter`."""
        rounding = self._rounding(self.step)
        answer = yield Scatter(np.stack([rounding.encode(row, rank * self.padded) for rank, row in enumerate(rows)]))
        total = np.empty(self.padded, np.float32)
        for rank, message in enumerate(answer):
            rounding.add(message, total, first=rank == 0)
        self.step += 1
        total /= np.float32(self._workers)
        return total[: self._length]

    def state(self) -> dict[str, NDArray[Any]]:
        """Nothing."""
        return {}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Nothing is kept."""


def _mean(rows: Iterable[Floats]) -> Floats:
    """The mean of all rows, added from the first to the last, of which there is at least one."""
    left = iter(rows)
    total, count = np.array(next(left)), 1
    for row in left:
        total += row
        count += 1
    total /= np.float32(count)
    return total
