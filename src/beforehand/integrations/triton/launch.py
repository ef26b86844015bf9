"""What THC does on a GPU, tensor by tensor: the kernels, on the grids that suit a length."""

import functools
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from beforehand.gradients.lanes import Lanes
from beforehand.gradients.layout import Piece
from beforehand.gradients.thc_shards import GROUP
from beforehand.gradients.thc_table import Table
from beforehand.integrations.triton import kernels

BLOCK = 1024  # values whose squares are added in one go
TILE = 4096  # values of a transform that a program holds, where they lie together; where they do not, twice as many
RUN = 32  # values that lie together at least: those of one word of signs
STAGES = 8  # of a transform between runs, in one visit to memory


class Points(NamedTuple):
    """A table where kernels find it."""

    identity: bool  # all points have codes
    most: float
    values: torch.Tensor  # int32, by code
    cells: torch.Tensor  # int32, by what lies below: code | point << 8 | gap to the next point << 18
    shares: torch.Tensor  # float32, by what lies below: 65536 / gap


@functools.lru_cache(maxsize=256)
def on_device(table: Table, device: torch.device) -> Points:
    """The table, copied once."""
    values = np.array(table.values, np.int64)
    code = np.searchsorted(values[1:-1], np.arange(table.granularity + 1), side="right")
    gap = np.diff(values)[code]
    cells, shares = code | values[code] << 8 | gap << 18, np.float32(65536) / gap.astype(np.float32)
    identity = len(values) == table.granularity + 1
    held = [torch.from_numpy(each).to(device) for each in (values.astype(np.int32), cells.astype(np.int32), shares)]
    return Points(identity, float(table.granularity), *held)


def squares(x: torch.Tensor, pieces: Sequence[Piece]) -> list[float]:
    """`_native.sum_of_squares` of each piece; waits for the device."""
    blocks = len(x) // BLOCK
    sums = torch.empty(blocks, dtype=torch.float64, device=x.device)
    found = torch.empty(len(pieces), dtype=torch.float64, device=x.device)
    _launch(kernels.block_squares, blocks, 8, x, blocks, sums, NEAR=8)
    starts, counts, log = _blocks_of(tuple(pieces), x.device)
    _launch(kernels.piece_squares, len(pieces), 1, sums, starts, counts, found, LOG=log)
    listed: list[float] = found.tolist()
    return listed


def hadamard(x: torch.Tensor, *, seed: int, stream: int, signs: Literal["before", "after"]) -> None:
    """`_native.hadamard_stages` of a whole piece, in place."""
    done = min(len(x), TILE)
    passes = [(1, done, len(x))]
    left = (len(x) // done).bit_length() - 1
    for more in range(-(-left // STAGES), 0, -1):
        stages = -(-left // more)
        passes.append((1 << stages, max(RUN, 2 * TILE >> stages), done))
        done, left = done << stages, left - stages
    for i, (runs, length, stride) in enumerate(passes):
        where = {"BEFORE": signs == "before" and i == 0, "AFTER": signs == "after" and i == len(passes) - 1}
        _launch(
            kernels.hadamard_pass, len(x), runs * length, x, stride, seed, *_words(stream),
            RUNS=runs, LENGTH=length, **where, num_warps=8,
        )  # fmt: skip


def round_groups(
    h: torch.Tensor,
    scale: float,
    points: Points,
    *,
    bits: int,
    seed: int,
    stream: int,
    out: torch.Tensor,
    outside: torch.Tensor,
) -> None:
    """`_native.thc_encode`, or for 0 bits `_native.thc_points`; adds to `outside`, int32[1]."""
    groups = len(h) // GROUP
    range_ = (_float32(scale), points.most / 2, points.most, points.cells, points.shares)
    _launch(
        kernels.round_groups, groups, 8, h, groups, *range_, seed, *_words(stream), out, outside,
        BITS=bits, IDENTITY=points.identity, NEAR=8,
    )  # fmt: skip


def add_points(messages: torch.Tensor, points: Points, *, bits: int) -> torch.Tensor:
    """The sums, int32, of the points of packed codes, uint8[workers, bytes]."""
    workers, nbytes = messages.shape
    groups = nbytes * 8 // bits // GROUP
    sums = torch.empty(groups * GROUP, dtype=torch.int32, device=messages.device)
    _launch(
        kernels.add_points, groups, 4, messages, messages.stride(0), workers, groups, points.values, sums,
        BITS=bits, NEAR=4,
    )  # fmt: skip
    return sums


def pack_lanes(values: torch.Tensor, lanes: Lanes) -> torch.Tensor:
    """`Lanes.pack`."""
    containers = lanes.containers(len(values))
    packed = torch.empty(containers, dtype=getattr(torch, lanes.container), device=values.device)
    _launch(
        kernels.fill_lanes, containers, 1024, values, len(values), containers, packed,
        WIDTH=lanes.width, EACH=lanes.each, NEAR=1024,
    )  # fmt: skip
    return packed


def decode_lanes(sums: torch.Tensor, lanes: Lanes, first: int, factor: float, offset: float, out: torch.Tensor) -> None:
    """`_native.decode_lanes` of the sums from `first` on. A lane alone in its container may be narrower than that."""
    _launch(
        kernels.decode_lanes, len(out), 1024, sums, len(sums), first, len(out), _float32(factor), _float32(offset), out,
        WIDTH=lanes.width, ALONE=lanes.each == 1, NEAR=1024,
    )  # fmt: skip


def _launch(kernel: Any, items: int, near: int, *given: Any, **options: Any) -> None:
    """One program for every `near` items, in which no product is fused with a sum."""
    kernel[(-(-items // near),)](*given, **options, enable_fp_fusion=False)


def _words(stream: int) -> tuple[int, int]:
    """A stream as two numbers that Triton takes for int32, whatever they are."""
    low = stream & 0xFFFFFFFF
    return low - (low >> 31 << 32), stream >> 32


def _float32(x: float) -> float:
    return float(np.float32(x))


@functools.lru_cache(maxsize=1024)
def _blocks_of(pieces: tuple[Piece, ...], device: torch.device) -> tuple[torch.Tensor, torch.Tensor, int]:
    """Where the blocks of each piece begin, how many they are, and how deep the tree of the longest is."""
    starts, counts = ([getattr(piece, each) // BLOCK for piece in pieces] for each in ("start", "length"))
    held = [torch.tensor(each, dtype=torch.int32, device=device) for each in (starts, counts)]
    return held[0], held[1], max(counts).bit_length() - 1
