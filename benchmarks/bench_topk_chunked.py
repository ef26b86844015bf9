"""Which coordinates are sent: speed of selections beside those of libraries, and what chunks err beside single values.

Not for you where large values lie scattered: then chunks are no better than chance. torch is measured if it is
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
from beforehand.gradients import Layout, TopK, TopKChunked, drive_local, simulate
from beforehand.gradients.half import narrowed
from beforehand.gradients.topk import largest
from beforehand.gradients.topk_chunked import largest_chunks
from beforehand.reporting import Sheet
from beforehand.workloads.gradient_samples import gradients

SIZES, ROUNDS = (2**20, 2**23), 9


def best(run: Callable[[], object], size: int) -> float:
    """Million coordinates a second of processor time, the best of several rounds."""
    shortest = math.inf
    for _ in range(ROUNDS):
        start = time.process_time_ns()
        run()
        shortest = min(shortest, time.process_time_ns() - start)
    return size / shortest * 1e3


def selections() -> Sheet:
    """By size of the bucket."""
    rates: dict[str, list[float]] = {}
    for size in SIZES:
        x = np.random.default_rng(0).standard_normal(size).astype(np.float32)
        energies = np.empty(size // 64, np.float32)

        def chunks(x: np.ndarray = x, energies: np.ndarray = energies) -> None:
            _native.chunk_energies(x, energies)
            largest_chunks(narrowed(energies, "bfloat16"), TopKChunked().selected(len(x)))

        contenders: dict[str, Callable[[], object]] = {
            "TopKChunked, chunks of 64": chunks,
            "TopK, 1 %": lambda x=x: largest(x, len(x) // 100),
            f"numpy {version('numpy')} argpartition, 1 %": lambda x=x: np.argpartition(np.abs(x), -len(x) // 100),
        }
        if importlib.util.find_spec("torch"):
            import torch

            torch.set_num_threads(1)
            tensor = torch.from_numpy(x)
            contenders[f"torch {version('torch')} topk, 1 %"] = lambda tensor=tensor: torch.topk(
                tensor.abs(), len(tensor) // 100
            )
        for name, run in contenders.items():
            rates.setdefault(name, []).append(best(run, size))
    rows = [[name, *(f"{rate:,.0f}" for rate in found)] for name, found in rates.items()]
    columns = ["", *(f"2^{size.bit_length() - 1}" for size in SIZES)]
    return Sheet(title="Selections, million coordinates a second", columns=columns, rows=rows)


def rounds() -> Sheet:
    """All that one of two workers does."""
    rows = []
    for size in SIZES:
        layout, pair = Layout([("weight", (size,))]), np.random.default_rng(0).standard_normal((2, size))
        cells = [f"2^{size.bit_length() - 1}"]
        for codec in (TopKChunked(), TopKChunked(feedback="none"), TopK(), TopK(feedback="none")):
            (reduction,) = codec.reductions
            encoders = [codec.open(layout, rank=rank, workers=2, reduction=reduction) for rank in range(2)]
            given = list(pair.astype(np.float32))
            cells.append(f"{best(lambda e=encoders, g=given: drive_local(e, g), 2 * size):,.0f}")
        rows.append(cells)
    columns = ["coordinates", "TopKChunked", "without feedback", "TopK, 1 %", "without feedback"]
    return Sheet(title="A whole round of one of two workers, million coordinates a second", columns=columns, rows=rows)


def errors() -> Sheet:
    """At equal bits for each coordinate."""
    rows = []
    for structure in ("normal", "layers", "columns", "hot_layer", "hot_row", "sparse"):
        sample = gradients(structure, correlation=0.5, seed=1)["gradient"]
        shuffled = sample[:, np.random.default_rng(0).permutation(sample.shape[1])]
        for bits in (0.5, 2.0, 8.0):
            chunked = TopKChunked(bits_per_coordinate=bits, feedback="none")
            single = TopK(density=bits / 48, feedback="none")
            found = [simulate(single, sample), simulate(chunked, sample), simulate(chunked, shuffled)]
            rows.append([structure, f"{bits:g}", *(f"{each.vnmse:.3f}" for each in found)])
    return Sheet(
        title="vNMSE of 4 workers in one round without feedback",
        columns=["gradients", "bits of a coordinate", "TopK", "TopKChunked", "TopKChunked of shuffled coordinates"],
        rows=rows,
        below="TopK takes 48 bits for each value and place; a gather of it sends 4 workers' messages, a sum does not.",
    )


if __name__ == "__main__":
    take([selections, rounds, errors], options(__doc__ or "").parse_args().output)
