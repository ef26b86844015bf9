"""The codecs that THC is judged against: bytes, errors and speed of each.

Not for you where the network is no bottleneck: then nothing beats a plain sum in float32.
"""

import math
import time
from collections.abc import Callable

import numpy as np
from report import options, take

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


if __name__ == "__main__":
    take([codecs], options(__doc__ or "").parse_args().output)
