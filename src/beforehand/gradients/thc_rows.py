"""One row for each worker under THC: only its owner rotates the sum of a row back."""

from collections.abc import Mapping, Sequence
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from beforehand.gradients.agreement import Agreement
from beforehand.gradients.exchange import Floats, Gather, RoundStats
from beforehand.gradients.layout import Piece
from beforehand.gradients.rows import RowRound, Scatter, exact_rows
from beforehand.gradients.thc_pieces import Pieces, energy, squares
from beforehand.gradients.thc_shards import THCShards, decoded
from beforehand.gradients.thc_table import Table


def repeated(cut: Sequence[Piece], rows: int) -> list[Piece]:
    """The pieces of rows that lie one behind the other and are cut alike."""
    padded = cut[-1].start + cut[-1].length
    return [Piece(row * padded + start, size) for row in range(rows) for start, size in cut]


@final
class THCRows:
    """Rows rotated and rounded each by itself, since its owner has nothing else to rotate back with."""

    def __init__(self, length: int, tables: tuple[Table, ...], pieces: Pieces, *, rank: int, workers: int) -> None:
        each = len(pieces.all) // workers
        self.padded = pieces.size // workers
        self.step = 0
        self.last = RoundStats()
        self._length = length
        self._workers = workers
        self._tables = tables
        self._pieces = pieces
        self._own = slice(rank * each, (rank + 1) * each)
        self._agreement = Agreement(tables)

    def reduce(self, rows: Floats) -> RowRound:
        """One round: a `Gather` of norms, then a `Scatter` of codes, or of float32 where a number is not finite."""
        x = rows.reshape(-1)
        norms = self._pieces.read((yield Gather(self._pieces.proposal(x, self._agreement.favored))), self._workers)
        if norms.exact:
            mean = yield from exact_rows(rows[:, : self._length])
            self.last = RoundStats(rho=self._agreement.rho, fallback="nonfinite")
            self.step += 1
            return mean
        table, ranges = self._tables[norms.table], self._pieces.ranges(norms)
        self._pieces.turn(x, ranges, self.step, "before")
        codes, outside = self._pieces.codes(x, table, ranges, self.step)
        answer = yield Scatter(codes.reshape(self._workers, -1))
        own, shards, total = ranges[self._own], THCShards(codes, table, ranges), None
        for message in answer:
            total = shards.accumulate(total, message)
        assert total is not None
        mean = decoded(total, own, table.granularity, self._workers, own[0].piece.start)
        self._agreement.observe(squares(norms.by_worker[:, self._own]), energy(mean, own), norms.table)
        self._pieces.turn(mean, own, self.step, "after", first=self._own.start)
        self.last = RoundStats(at_limit=outside / len(x), rho=self._agreement.rho, truncation=table.truncation)
        self.step += 1
        return mean[: self._length]

    def state(self) -> dict[str, NDArray[Any]]:
        """What the choice of tables knows."""
        rho = self._agreement.rho
        return {} if rho is None else {"selector": np.array([rho, self._agreement.favored], np.float32)}

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what `state` returned."""
        if "selector" in state:
            rho, favored = state["selector"].tolist()
            self._agreement.rho = float(rho)
            self._agreement.favored = min(max(int(favored), 0), len(self._tables) - 1)
