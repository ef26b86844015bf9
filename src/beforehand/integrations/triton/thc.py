"""THC where the gradient lies on a GPU: tensors instead of arrays, and the same bits."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, cast, final

import numpy as np
import torch
from numpy.typing import NDArray

from beforehand.core.errors import CapacityExceeded
from beforehand.gradients.agreement import Agreement
from beforehand.gradients.codec import Reduction
from beforehand.gradients.exchange import Combine, Gather, RoundStats, Shards, Sum
from beforehand.gradients.feedback import Feedback
from beforehand.gradients.lanes import LANES, Lanes, smallest_lanes
from beforehand.gradients.layout import Layout
from beforehand.gradients.randomness import rounding_key, stream
from beforehand.gradients.thc import THC
from beforehand.gradients.thc_pieces import Pieces, squares
from beforehand.gradients.thc_shards import GROUP, Range
from beforehand.gradients.thc_table import Table
from beforehand.integrations.triton import launch

MOST = 2**30  # coordinates of a bucket, so that kernels count them, and a few more, in 32 bits
ALONE = Lanes(16, "int16", 1)  # sums that are in no lanes yet


@final
class DeviceTHC:
    """What `THC.open` returns, for gradients on a GPU.

    A `Gather` is of bytes on the host, where the norms decide what happens next. `Sum` and `Combine` are of tensors on
    the device.

    Guarantee:
        Messages, means and state are those of `THC.open` to the bit; so a rank may take the one and the next rank the
        other.

    Raises:
        CapacityExceeded: The bucket has more than 2^30 coordinates, or sums do not fit the lanes.
    """

    def __init__(
        self,
        codec: THC,
        layout: Layout,
        device: torch.device,
        *,
        rank: int,
        workers: int,
        reduction: Reduction,
        bucket: int = 0,
        step: int = 0,
        tables: tuple[Table, ...] | None = None,
    ) -> None:
        self.workers = workers
        self.step = step
        self.last = RoundStats()
        self._layout = layout
        self._tables = codec.tables(workers) if tables is None else tables
        self._pieces = Pieces(layout.pieces(), self._tables, seed=codec.seed, rank=rank, bucket=bucket, threads=1)
        if self._pieces.size > MOST:
            raise CapacityExceeded(
                f"bucket has {layout.size} coordinates, but kernels take at most {MOST}; take smaller buckets"
            )
        self._seed, self._key, self._bucket = codec.seed, rounding_key(codec.seed, rank), bucket
        self._lanes = LANES[codec.lanes]
        self._sums = reduction == "sum"
        self._full = codec.feedback == "full"
        self._feedback = (
            None if codec.feedback == "none" else torch.zeros(layout.size, dtype=torch.float32, device=device)
        )
        self._agreement = Agreement(self._tables)
        self._buffer = torch.zeros(self._pieces.size, dtype=torch.float32, device=device)

    def reduce(self, gradient: torch.Tensor, *, loss_scale: float = 1.0) -> Any:
        """One round: a `Gather` of norms, then a `Combine` of codes or a `Sum` of lanes; a tensor of its own."""
        x = gradient if self._feedback is None else gradient + _scalar(loss_scale, gradient) * self._feedback
        self._buffer[: len(x)] = x
        self._buffer[len(x) :] = 0
        told = self._pieces.told(launch.squares(self._buffer, self._pieces.all), self._agreement.favored)
        norms = self._pieces.read((yield Gather(told)), self.workers)
        if norms.exact:
            total = yield Sum(cast(Any, gradient))
            self.last = RoundStats(rho=self._agreement.rho, fallback="nonfinite")
            self.step += 1
            return total / _scalar(self.workers, total)
        table, ranges = self._tables[norms.table], self._pieces.ranges(norms)
        self._turn(self._buffer, ranges, "before")
        beyond = None if self._feedback is None or self._full else self._beyond(ranges)
        rounded, outside = self._round(table, ranges)
        if self._sums:
            sums = yield Sum(cast(Any, self._lanes_of(rounded)))
            mean = decoded(sums, self._lanes, ranges, table.granularity, self.workers, self._pieces.size)
        else:
            mean = yield Combine(cast(Shards, DeviceShards(rounded, table, ranges)))
        squared = launch.squares(mean, self._pieces.all)
        energy = sum(piece.length * square for piece, square in zip(self._pieces.all, squared, strict=True))
        self._agreement.observe(squares(norms.by_worker), energy, norms.table)
        self._turn(mean, ranges, "after")
        if self._feedback is not None:
            rest = self._own(rounded, table, ranges) if beyond is None else beyond
            self._turn(rest, ranges, "after")
            rest = rest[: len(x)]
            self._feedback = (x - rest if self._full else rest) / _scalar(loss_scale, x)
        self.last = RoundStats(
            at_limit=outside.item() / len(mean), rho=self._agreement.rho, truncation=table.truncation
        )
        self.step += 1
        return mean[: len(x)]

    def state(self) -> dict[str, NDArray[Any]]:
        """As that of `THC.open`, on the host."""
        kept = {}
        if self._feedback is not None:
            host = Feedback(self._layout)
            host.rest[:] = self._feedback.cpu().numpy()
            kept = host.state()
        return kept | self._agreement.state(self._layout.tensors[0][0])

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what belongs to this bucket."""
        if self._feedback is not None:
            host = Feedback(self._layout)
            host.load(state)
            self._feedback = torch.from_numpy(host.rest).to(self._buffer.device)
        self._agreement.load(state, self._layout.tensors[0][0])

    def _turn(self, x: torch.Tensor, ranges: Sequence[Range], signs: Literal["before", "after"]) -> None:
        """Rotate every piece, or back, in place and without a factor."""
        for index, (piece, limit) in enumerate(ranges):
            part = x[piece.start : piece.start + piece.length]
            if limit == 0:
                part.zero_()
            else:
                where = stream(self.step, self._bucket, index)
                launch.hadamard(part, seed=self._seed, stream=where, signs=signs)

    def _round(self, table: Table, ranges: Sequence[Range]) -> tuple[torch.Tensor, torch.Tensor]:
        """The packed codes of the rotated buffer, or for a sum its points; and how many coordinates were outside."""
        device, bits = self._buffer.device, 0 if self._sums else table.bits
        outside = torch.zeros(1, dtype=torch.int32, device=device)
        if bits:
            rounded = torch.zeros(self._pieces.size * bits // 8, dtype=torch.uint8, device=device)
        else:
            dtype = torch.uint8 if table.granularity < 256 else torch.int16
            rounded = torch.zeros(self._pieces.size, dtype=dtype, device=device)
        points = launch.on_device(table, device)
        for index, (piece, limit) in enumerate(ranges):
            if limit > 0:
                end = piece.start + piece.length
                part = slice(*(len(rounded) * edge // self._pieces.size for edge in (piece.start, end)))
                launch.round_groups(
                    self._buffer[piece.start : end],
                    table.granularity / (2 * limit * piece.length),
                    points,
                    bits=bits,
                    seed=self._key,
                    stream=stream(self.step, self._bucket, index),
                    out=rounded[part],
                    outside=outside,
                )
        return rounded, outside

    def _lanes_of(self, points: torch.Tensor) -> torch.Tensor:
        return points if self._lanes.width == 8 else launch.pack_lanes(points, self._lanes)

    def _own(self, rounded: torch.Tensor, table: Table, ranges: Sequence[Range]) -> torch.Tensor:
        """What this worker's own message stands for, before the inverse rotation."""
        if not self._sums:
            rounded = launch.add_points(rounded[None], launch.on_device(table, rounded.device), bits=table.bits)
        return decoded(rounded, ALONE, ranges, table.granularity, 1, self._pieces.size)

    def _beyond(self, ranges: Sequence[Range]) -> torch.Tensor:
        """What the range cuts off of the rotated buffer, on the scale of `decoded`."""
        cut = torch.zeros_like(self._buffer)
        for piece, limit in ranges:
            part, most = slice(piece.start, piece.start + piece.length), float(np.float32(limit))
            h = self._buffer[part] / piece.length
            cut[part] = h - h.clamp(-most, most)
        return cut


@final
class DeviceShards:
    """`THCShards` on a GPU, where the messages of all workers are added in one go."""

    unit = GROUP

    def __init__(self, packed: torch.Tensor, table: Table, ranges: Sequence[Range]) -> None:
        self.size = ranges[-1].piece.start + ranges[-1].piece.length
        self._packed = packed
        self._table = table
        self._ranges = ranges

    def encode(self, first: int, last: int) -> torch.Tensor:
        """This worker's packed codes."""
        return self._packed[first * self._table.bits // 8 : last * self._table.bits // 8]

    def add(self, messages: torch.Tensor) -> torch.Tensor:
        """The result of all workers' messages, uint8[workers, bytes]: sums in the narrowest lanes that hold them."""
        sums = launch.add_points(messages, launch.on_device(self._table, messages.device), bits=self._table.bits)
        return launch.pack_lanes(sums, self._narrowest(len(messages))).view(torch.uint8)

    def result_bytes(self, coordinates: int, count: int) -> int:
        """Those of the lanes."""
        return self._narrowest(count).nbytes(coordinates)

    def decode(self, message: torch.Tensor, first: int, last: int, count: int) -> torch.Tensor:
        """The mean before the inverse rotation."""
        lanes = self._narrowest(count)
        sums = message.view(getattr(torch, lanes.container))
        return decoded(sums, lanes, self._ranges, self._table.granularity, count, last - first, first)

    def _narrowest(self, count: int) -> Lanes:
        return smallest_lanes(count * self._table.granularity)


def decoded(
    sums: torch.Tensor, lanes: Lanes, ranges: Sequence[Range], granularity: int, count: int, size: int, first: int = 0
) -> torch.Tensor:
    """The mean before the inverse rotation of `size` sums from coordinate `first` on."""
    mean = torch.empty(size, dtype=torch.float32, device=sums.device)
    for each in ranges:
        start = max(each.piece.start - first, 0)
        end = min(each.piece.start + each.piece.length - first, size)
        if start < end:
            launch.decode_lanes(sums, lanes, start, *each.affine(granularity, count), mean[start:end])
    return mean


def _scalar(number: float, like: torch.Tensor) -> torch.Tensor:
    """A number on the device: torch divides by one of the host by multiplying with its inverse, which rounds twice."""
    return torch.tensor(number, dtype=torch.float32, device=like.device)
