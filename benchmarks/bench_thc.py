"""THC's kernels beside the same in operators of numpy and torch, and its errors beside those foretold, in one run.

Not for you where the network is no bottleneck: then nothing beats a plain sum in float32. torch is measured if it is
installed.
"""

import importlib.util
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
from report import options, take

from beforehand import _native
from beforehand.gradients import THC, Layout, correlation, drive_local, simulate, thc_table
from beforehand.reporting import Sheet
from beforehand.workloads.gradient_samples import gradients

SIZE, ROUNDS = 2**20, 25
INSTRUCTIONS = {"AVX-512": "v4", "AVX2": "v3", "SSE2": "v1"}
TABLE = thc_table(4, 30, 1 / 32)
STEPS = ("round and pack", "add codes", "decode lanes", "a whole round")


def best(run: Callable[[], object]) -> float:
    """Million coordinates a second of processor time, the best of several rounds."""
    shortest = math.inf
    for _ in range(ROUNDS):
        start = time.thread_time_ns()
        run()
        shortest = min(shortest, time.thread_time_ns() - start)
    return SIZE / shortest * 1e3


def ours() -> list[float]:
    """This process's instruction set."""
    h = np.random.default_rng(0).standard_normal(SIZE).astype(np.float32)
    points, scale = np.array(TABLE.values, np.uint16), TABLE.granularity / (2 * TABLE.half_range)
    packed, sums, mean = np.zeros(SIZE // 2, np.uint8), np.zeros(SIZE, np.uint8), np.zeros(SIZE, np.float32)
    layout, rows = Layout([("gradient", (SIZE,))]), np.stack([h, h])
    encoders = [THC().open(layout, rank=rank, workers=2, reduction="combine") for rank in range(2)]
    return [
        best(lambda: _native.thc_encode(h, scale, points, bits=4, seed=1, stream=2, threads=1, out=packed)),
        best(lambda: _native.thc_accumulate(packed, points, bits=4, first=False, sums=sums)),
        best(lambda: _native.decode_lanes(sums, 0.5, 1.0, mean)),
        2 * best(lambda: drive_local(encoders, list(rows))),
    ]


def of(instructions: str) -> list[float]:
    """Ours, in a process that uses these instructions at most."""
    command = [sys.executable, __file__, "--ours"]
    environment = os.environ | {"BEFOREHAND_ISA": instructions}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return [float(word) for word in done.stdout.split()]


def in_numpy() -> list[float]:
    """The same arithmetic in operators of numpy, one draw for each coordinate."""
    random = np.random.default_rng(0)
    h, table = random.standard_normal(SIZE, np.float32), np.array(TABLE.values, np.uint8)
    lo, base, inverse = _cells()
    sums, half = np.zeros(SIZE, np.uint8), SIZE // 2

    def encode() -> np.ndarray:
        u = np.clip(h * np.float32(TABLE.granularity / (2 * TABLE.half_range)) + np.float32(15), 0, 30)
        f = u.astype(np.int32)
        z = lo[f] + (random.random(SIZE, np.float32) < (u - base[f]) * inverse[f])
        return z[:half] | z[half:] << 4

    packed = encode()

    def add() -> None:
        sums[:half] += table[packed & 15]
        sums[half:] += table[packed >> 4]

    return [best(encode), best(add), best(lambda: sums * np.float32(0.5) - np.float32(1))]


def in_torch() -> list[float]:
    """The same in operators of torch, on one thread."""
    import torch

    torch.set_num_threads(1)
    h, table = torch.randn(SIZE), torch.tensor(TABLE.values, dtype=torch.uint8)
    lo, base, inverse = (torch.from_numpy(each) for each in _cells())
    sums, half = torch.zeros(SIZE, dtype=torch.uint8), SIZE // 2

    def encode() -> "torch.Tensor":
        u = (h * (TABLE.granularity / (2 * TABLE.half_range)) + 15).clamp(0, 30)
        f = u.long()
        z = lo[f] + (torch.rand(SIZE) < (u - base[f]) * inverse[f])
        return z[:half] | z[half:] << 4

    packed = encode()

    def add() -> None:
        sums[:half] += table[(packed & 15).long()]
        sums[half:] += table[(packed >> 4).long()]

    return [best(encode), best(add), best(lambda: sums.float() * 0.5 - 1)]


def as_published() -> list[float]:
    """The operators of torch that the published code takes: a draw to a grid of 1,001, then one between levels."""
    import torch

    torch.set_num_threads(1)
    t, points = TABLE.half_range, np.array(TABLE.values)
    grid = np.linspace(0, TABLE.granularity, 1001)
    below = np.minimum(np.searchsorted(points, grid, side="right") - 1, len(points) - 2)
    up = torch.from_numpy(((grid - points[below]) / (points[below + 1] - points[below])).astype(np.float32))
    lower, h, half = torch.from_numpy(below.astype(np.int32)), torch.randn(SIZE), SIZE // 2

    def encode() -> "torch.Tensor":
        x = h * 1.0
        outside = ((x > t).sum() + (x < -t).sum()) / SIZE
        assert outside < 1
        x = torch.clamp(x, -t, t)
        x /= 2 * t / 1000
        x = x.floor() + torch.bernoulli(x - x.floor())
        place = (x + 500).clamp(0, 1000).long()
        codes = torch.take(lower, place)
        codes += torch.bernoulli(torch.take(up, place)).int()
        codes = codes.to(torch.uint8)
        return codes[:half] | codes[half:] << 4

    return [best(encode)]


def _cells() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    points = np.array(TABLE.values)
    lo = np.minimum(np.searchsorted(points, np.arange(points[-1] + 1), side="right") - 1, len(points) - 2)
    gaps = points[lo + 1] - points[lo]
    return lo.astype(np.uint8), points[lo].astype(np.float32), (1 / gaps).astype(np.float32)


def speeds() -> Sheet:
    """Kernels of one thread."""
    found = {f"beforehand, {name}": of(isa) for name, isa in INSTRUCTIONS.items()} | {
        f"numpy {version('numpy')} operators": in_numpy()
    }
    if importlib.util.find_spec("torch"):
        found[f"torch {version('torch')} operators"] = in_torch()
        found["the same, as the published code draws"] = as_published()
    rows = [
        [name, *(f"{rate:,.0f}" for rate in rates), *[""] * (len(STEPS) - len(rates))] for name, rates in found.items()
    ]
    below = "A whole round is all that one of two workers does: norms, rotation, rounding, adding, decoding, back."
    return Sheet(
        title="Million coordinates a second, 2^20 of them, 4 bits", columns=["", *STEPS], rows=rows, below=below
    )


def errors() -> Sheet:
    """Measured and foretold."""
    rows = []
    for structure in ("normal", "layers", "columns", "hot_layer", "hot_row", "sparse"):
        for r in (0.0, 1.0):
            sample = gradients(structure, correlation=r, seed=1)["gradient"]
            cells = [structure, f"{r:.0f}"]
            for codec in (THC(granularity=30, truncation=1 / 32), THC(), THC(bits="lane")):
                measured = simulate(codec, sample, rounds=15).per_round[5:].mean()
                cells.append(f"{measured:.4f} / {codec.expected_vnmse(4, correlation=correlation(sample)):.4f}")
            rows.append(cells)
    columns = ["gradients", "correlation", "published table", "chosen table", "lanes filled"]
    below = "The chosen table is judged from the sixth round on; the last column sends 8 bits up as well."
    return Sheet(title="vNMSE of 4 workers, 8-bit lanes: measured / foretold", columns=columns, rows=rows, below=below)


if __name__ == "__main__":
    if sys.argv[1:] == ["--ours"]:
        print(*ours())
    else:
        take([speeds, errors], options(__doc__ or "").parse_args().output)
