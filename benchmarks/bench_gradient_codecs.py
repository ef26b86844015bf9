"""The codecs that THC is judged against: bytes, errors and speed of each, and selections beside those of libraries.

Not for you where the network is no bottleneck: then nothing beats a plain sum in float32. torch is measured if it is
installed.
"""

import importlib.util
import math
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
from report import options, take

from beforehand import _native
from beforehand.gradients import (
    QSGD,
    THC,
    Adaptive,
    BlockFloat8,
    BlockInt,
    Cast,
    Layout,
    LowRank,
    TernGrad,
    TopK,
    TopKChunked,
    drive_local,
    simulate,
)
from beforehand.gradients.half import narrowed
from beforehand.gradients.topk import largest
from beforehand.gradients.topk_chunked import largest_chunks
from beforehand.reporting import Sheet
from beforehand.workloads.gradient_samples import gradients

SIZE, ROUNDS = 2**20, 12
CODECS = {
    "float16": Cast("float16"),
    "bfloat16": Cast("bfloat16"),
    "THC, 4 bits": THC(),
    "int8, blocks of 256": BlockInt(),
    "int8, stochastic": BlockInt(rounding="stochastic"),
    "int4, blocks of 32": BlockInt(bits=4, block=32),
    "e4m3, blocks of 256": BlockFloat8(),
    "Adaptive, blocks of 4096": Adaptive(),
    "TopKChunked, 2 bits": TopKChunked(feedback="none"),
    "TopK, 1 %": TopK(feedback="none"),
    "LowRank, rank 4": LowRank(start_step=0, feedback="none"),
    "QSGD, 4 bits": QSGD(),
    "TernGrad": TernGrad(),
}


def best(run: Callable[[], object]) -> float:
    """Million coordinates a second of processor time, the best of several rounds."""
    shortest = math.inf
    for _ in range(ROUNDS):
        start = time.process_time_ns()
        run()
        shortest = min(shortest, time.process_time_ns() - start)
    return SIZE / shortest * 1e3


def codecs() -> Sheet:
    """All of them."""
    layout, rows = Layout([("weight", (1024, 1024))]), []
    pair = np.random.default_rng(0).standard_normal((2, SIZE)).astype(np.float32)
    samples = {name: gradients(name, correlation=0.5, seed=1)["gradient"] for name in ("normal", "layers", "sparse")}
    for name, codec in CODECS.items():
        encoders = [codec.open(layout, rank=rank, workers=2, reduction=codec.reductions[0]) for rank in range(2)]
        sent = codec.wire_bytes(layout, workers=4).total / SIZE
        speed = 2 * best(lambda encoders=encoders: drive_local(encoders, list(pair)))
        errors = [simulate(codec, sample, layout=square(sample.shape[1])).vnmse for sample in samples.values()]
        rows.append([name, f"{sent:.3f}", *(f"{error:.2g}" for error in errors), f"{speed:,.0f}"])
    return Sheet(
        title="4 workers: bytes for each parameter, vNMSE both ways; million coordinates a second",
        columns=["codec", "bytes", *samples, "M/s"],
        rows=rows,
        below="The speed is that of all one of two workers does in a round, on one thread; LowRank uses numpy's own. "
        "Errors are of one round without feedback.",
    )


def square(size: int) -> Layout:
    """A bucket whose coordinates are one matrix, as far as they fill its rows."""
    columns = 2 ** (size.bit_length() // 2)
    whole = size // columns * columns
    return Layout([("weight", (whole // columns, columns)), ("bias", (size - whole,))])


def selections() -> Sheet:
    """Which coordinates are sent."""
    x = np.random.default_rng(0).standard_normal(SIZE).astype(np.float32)
    energies, count = np.empty(SIZE // 64, np.float32), TopKChunked().selected(SIZE)

    def chunks() -> None:
        _native.chunk_energies(x, energies)
        largest_chunks(narrowed(energies, "bfloat16"), count)

    found = {
        "TopKChunked, chunks of 64": best(chunks),
        "TopK, 1 %": best(lambda: largest(x, SIZE // 100)),
        f"numpy {version('numpy')} argpartition, 1 %": best(lambda: np.argpartition(np.abs(x), -SIZE // 100)),
    }
    if importlib.util.find_spec("torch"):
        import torch

        torch.set_num_threads(1)
        tensor = torch.from_numpy(x)
        found[f"torch {version('torch')} topk, 1 %"] = best(lambda: torch.topk(tensor.abs(), SIZE // 100))
    rows = [[name, f"{rate:,.0f}"] for name, rate in found.items()]
    return Sheet(title="Selections, million coordinates a second", columns=["", "M/s"], rows=rows)


if __name__ == "__main__":
    take([codecs, selections], options(__doc__ or "").parse_args().output)
