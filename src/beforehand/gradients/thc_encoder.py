"""One worker's end of a bucket under THC."""

import functools
from collections.abc import Mapping
from typing import Any, Literal, final

import numpy as np
from numpy.typing import NDArray

from beforehand.gradients.agreement import Agreement
from beforehand.gradients.exchange import Combine, Floats, Gather, Round, RoundStats, Sum
from beforehand.gradients.feedback import Feedback
from beforehand.gradients.inputs import as_gradient, check_loss_scale
from beforehand.gradients.lanes import Lanes
from beforehand.gradients.layout import Layout
from beforehand.gradients.thc_pieces import Pieces, energy, squares
from beforehand.gradients.thc_shards import Range, THCShards, decoded
from beforehand.gradients.thc_table import Table


@final
class THCEncoder:
    """What `THC.open` returns."""

    def __init__(
        self,
        layout: Layout,
        tables: tuple[Table, ...],
        lanes: Lanes,
        *,
        rank: int,
        workers: int,
        reduction: str,
        feedback: Literal["none", "full", "truncation"],
        seed: int,
        bucket: int,
        step: int,
        threads: int,
    ) -> None:
        self.workers = workers
        self.step = step
        self.last = RoundStats()
        self._layout = layout
        self._pieces = Pieces(layout.pieces(), tables, seed=seed, rank=rank, bucket=bucket, threads=threads)
        self._tables = tables
        self._lanes = lanes
        self._sums = reduction == "sum"
        self._feedback = None if feedback == "none" else Feedback(layout)
        self._full = feedback == "full"
        self._agreement = Agreement(tables)
        self._buffer = np.zeros(self._pieces.size, np.float32)

    def reduce(self, gradient: Floats, *, loss_scale: float = 1.0) -> Round:
        """One round: a `Gather` of norms, then a `Combine` of codes or a `Sum` of lanes."""
        check_loss_scale(loss_scale)
        given, n = as_gradient(gradient, self._layout.size), self.workers
        x = given if self._feedback is None else self._feedback.added(given, loss_scale)
        self._buffer[: len(x)] = x
        self._buffer[len(x) :] = 0
        proposal = self._pieces.proposal(self._buffer, self._agreement.favored)
        rotate = functools.cache(lambda: self._pieces.rotate(self._buffer, self.step))  # once, by whomever
        norms = self._pieces.read((yield Gather(proposal, rotate)), n)
        if norms.exact:
            total = yield Sum(np.array(given))
            self.last = RoundStats(rho=self._agreement.rho, fallback="nonfinite")
            self.step += 1
            total /= np.float32(n)
            return total
        table, ranges = self._tables[norms.table], self._pieces.ranges(norms)
        rotate()
        rest = None if self._feedback is None or self._full else self._beyond(ranges)
        if self._sums:
            rounded, outside = self._pieces.points(self._buffer, table, ranges, self.step)
            sums = yield Sum(self._lanes.pack(rounded))
            mean = decoded(self._lanes.unpack(sums, len(rounded)), ranges, table.granularity, n)
        else:
            rounded, outside = self._pieces.codes(self._buffer, table, ranges, self.step)
            mean = yield Combine(THCShards(rounded, table, ranges))
        self._agreement.observe(squares(norms.by_worker), energy(mean, ranges), norms.table)
        self._pieces.turn(mean, ranges, self.step, "after")
        if self._feedback is not None:
            if rest is None:
                points = rounded if self._sums else THCShards(rounded, table, ranges).accumulate(None, rounded)
                rest = decoded(points, ranges, table.granularity, 1)
            self._pieces.turn(rest, ranges, self.step, "after")
            rest = rest[: len(x)]
            self._feedback.keep(x - rest if self._full else rest, loss_scale)
        self.last = RoundStats(at_limit=outside / len(mean), rho=self._agreement.rho, truncation=table.truncation)
        self.step += 1
        return mean[: len(x)]

    def state(self) -> dict[str, NDArray[Any]]:
        """The feedback of each parameter, and what the choice of tables knows."""
        kept = {} if self._feedback is None else self._feedback.state()
        return kept | self._agreement.state(self._layout.tensors[0][0])

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what belongs to this bucket."""
        if self._feedback is not None:
            self._feedback.load(state)
        self._agreement.load(state, self._layout.tensors[0][0])

    def _beyond(self, ranges: tuple[Range, ...]) -> Floats:
        """What the range cuts off of the rotated buffer, on the scale of `decoded`."""
        cut = np.zeros_like(self._buffer)
        for piece, limit in ranges:
            part = slice(piece.start, piece.start + piece.length)
            h = self._buffer[part] / np.float32(piece.length)
            cut[part] = h - np.clip(h, np.float32(-limit), np.float32(limit))
        return cut
