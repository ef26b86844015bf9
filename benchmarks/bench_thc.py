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
import zlib
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


def of(instructions: str) -> tuple[list[float], str]:
    """Ours, and the bits of a round, in a process that uses these instructions at most."""
    command = [sys.executable, __file__, "--ours"]
    environment = os.environ | {"BEFOREHAND_ISA": instructions}
    done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    *rates, checksum = done.stdout.split()
    return [float(rate) for rate in rates], checksum


def bits() -> str:
    """What a round gives, as a checksum: 3 workers, 2^20 coordinates, three tables."""
    rows = np.random.default_rng(1).lognormal(size=(3, SIZE)).astype(np.float32)
    seen = 0
    for codec in (THC(bits=2), THC(bits=3), THC(granularity=63), THC(bits="lane", lanes=10)):
        (reduction, *_), layout = codec.reductions, Layout([("gradient", (SIZE,))])
        encoders = [codec.open(layout, rank=rank, workers=3, reduction=reduction) for rank in range(3)]
        seen = zlib.crc32(drive_local(encoders, list(rows)).means[0].tobytes(), seen)
    return f"{seen:08x}"


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
    own = {f"beforehand, {name}": of(isa) for name, isa in INSTRUCTIONS.items()}
    found = {name: rates for name, (rates, _) in own.items()} | {f"numpy {version('numpy')} operators": in_numpy()}
    if importlib.util.find_spec("torch"):
        found[f"torch {version('torch')} operators"] = in_torch()
        found["the same, as the published code draws"] = as_published()
    rows = []
    for name, rates in found.items():
        shown = [f"{rate:,.0f}" for rate in rates] + [""] * (len(STEPS) - len(rates))
        rows.append([name, *shown, own[name][1] if name in own else ""])
    below = (
        "A whole round is all that one of two workers does: norms, rotation, rounding, adding, decoding, back. The "
        "last column is a checksum of the means of three workers, of tables of 2, 3 and 4 bits and of filled lanes."
    )
    columns = ["", *STEPS, "bits of a round"]
    return Sheet(title="Million coordinates a second, 2^20 of them, 4 bits", columns=columns, rows=rows, below=below)


def tables() -> Sheet:
    """How long solving takes."""
    rows = []
    for bits, granularity in ((4, 30), (4, 63), (4, 127), (8, 255), (8, 1023)):
        shortest = math.inf
        for _ in range(ROUNDS):
            start = time.thread_time_ns()
            thc_table(bits, granularity, 1 / 64)
            shortest = min(shortest, time.thread_time_ns() - start)
        rows.append([str(bits), str(granularity), f"{shortest / 1e6:.3f}"])
    return Sheet(title="Solving a table", columns=["bits", "granularity", "milliseconds"], rows=rows)


def threads() -> Sheet:
    """Wall time, which needs as many idle cores."""
    rows, points = [], np.array(TABLE.values, np.uint16)
    for power in (16, 18, 20, 22):
        h = np.random.default_rng(0).standard_normal(2**power).astype(np.float32)
        packed, cells = np.zeros(len(h) // 2, np.uint8), [f"2^{power}"]
        for kernel in (
            lambda n, h=h, out=packed: _native.thc_encode(h, 7.0, points, bits=4, seed=1, stream=2, threads=n, out=out),
            lambda n, h=h: _native.hadamard_stages(h, seed=1, stream=2, signs="before", threads=n),
        ):
            took = {1: math.inf, 2: math.inf}
            for _ in range(3 * ROUNDS):
                for n in took:
                    h[:] = 1.0  # a rotated vector grows
                    start = time.perf_counter_ns()
                    kernel(n)
                    took[n] = min(took[n], time.perf_counter_ns() - start)
            cells += [f"{took[1] / 1e3:,.0f}", f"{took[2] / 1e3:,.0f}", f"{took[1] / took[2]:.2f}"]
        rows.append(cells)
    columns = ["coordinates", "round and pack: 1", "2", "ratio", "rotate: 1", "2", "ratio"]
    return Sheet(title="Microseconds in one and in two threads, the best of many", columns=columns, rows=rows)


def errors() -> Sheet:
    """Measured and foretold."""
    rows = []
    for workers, r in ((1, 1.0), (4, 1.0), (8, 1.0), (8, 0.9)):
        sample = gradients("normal", workers=workers, correlation=r, seed=1)["gradient"]
        rows.append(_errors(f"normal, {workers} workers", r, sample))
    for structure in ("normal", "layers", "columns", "hot_layer", "hot_row", "sparse"):
        for r in (0.0, 1.0):
            sample = gradients(structure, correlation=r, seed=1)["gradient"]
            rows.append(_errors(structure, r, sample))
    columns = ["gradients", "correlation", "published table", "chosen table", "lanes filled"]
    below = "The chosen table is judged from the sixth round on; the last column sends 8 bits up as well."
    return Sheet(title="vNMSE of 4 workers, 8-bit lanes: measured / foretold", columns=columns, rows=rows, below=below)


def _errors(name: str, r: float, sample: np.ndarray) -> list[str]:
    cells = [name, f"{r:g}"]
    for codec in (THC(granularity=30, truncation=1 / 32), THC(), THC(bits="lane")):
        measured = simulate(codec, sample, rounds=15).per_round[5:].mean()
        cells.append(f"{measured:.4f} / {codec.expected_vnmse(len(sample), correlation=correlation(sample)):.4f}")
    return cells


if __name__ == "__main__":
    if sys.argv[1:] == ["--ours"]:
        print(*ours(), bits())
    else:
        take([speeds, threads, tables, errors], options(__doc__ or "").parse_args().output)
