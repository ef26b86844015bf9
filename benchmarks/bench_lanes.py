"""Sums of small integers on the wire: speed of lanes of every width, and what levels that fill them save.

Not for you where codes go to whoever owns a shard (two-shot, an aggregator): lanes are for plain sums.
"""

import math
import time
from collections.abc import Callable
from importlib.metadata import version

import numpy as np
from report import options, take

from beforehand import _native
from beforehand.gradients import THC, correlation, simulate
from beforehand.gradients.lanes import LANES
from beforehand.reporting import Sheet
from beforehand.workloads.gradient_samples import gradients

SIZE, ROUNDS = 2**20, 25


def best(run: Callable[[], object]) -> float:
    """Million values a second of processor time, the best of several rounds."""
    shortest = math.inf
    for _ in range(ROUNDS):
        start = time.thread_time_ns()
        run()
        shortest = min(shortest, time.thread_time_ns() - start)
    return SIZE / shortest * 1e3


def speeds() -> Sheet:
    """Packing, adding as a collective does, taking apart and decoding."""
    rows = []
    for width, lanes in LANES.items():
        dtype = np.uint8 if width <= 8 else np.uint16
        values = np.random.default_rng(0).integers(0, 2 ** (width - 1), SIZE).astype(dtype)
        packed, mean = lanes.pack(values), np.empty(SIZE, np.float32)
        total = packed.copy()
        found = [
            best(lambda lanes=lanes, values=values: lanes.pack(values)),
            best(lambda total=total, packed=packed: np.add(total, packed, out=total)),
            best(lambda lanes=lanes, total=total: lanes.unpack(total, SIZE)),
            best(lambda values=values, mean=mean: _native.decode_lanes(values, 0.5, 1.0, mean)),
            best(lambda lanes=lanes, values=values: in_numpy(lanes, values)) if width != 8 else math.inf,
        ]
        shown = ["nothing to do" if math.isinf(rate) or (width == 8 and k in (0, 2)) else f"{rate:,.0f}"
                 for k, rate in enumerate(found)]  # fmt: skip
        rows.append([f"{width} bits, {lanes.each} to a {lanes.container}", *shown])
    columns = ["lanes", "pack", "add containers", "unpack", "decode", f"pack in numpy {version('numpy')}"]
    return Sheet(title="Million values a second, 2^20 of them", columns=columns, rows=rows)


def in_numpy(lanes: object, values: np.ndarray) -> np.ndarray:
    """The containers in operators of numpy."""
    count = lanes.containers(len(values))
    packed = np.zeros(count, lanes.container)
    for lane in range(lanes.each):
        part = values[lane * count : (lane + 1) * count].astype(lanes.container)
        packed[: len(part)] |= part << (lane * lanes.width)
    return packed


def filled() -> Sheet:
    """4-bit codes and filled lanes through the same all-reduce."""
    rows = []
    for workers in (2, 4, 8, 16):
        sample = gradients("normal", workers=workers, correlation=0.0, seed=1)["gradient"]
        rho = correlation(sample)
        for lanes in (6, 7, 8, 10, 12):
            found = []
            for codec in (THC(lanes=lanes), THC(bits="lane", lanes=lanes)):
                try:
                    error = simulate(codec, sample, rounds=15).per_round[5:].mean()
                except OverflowError:
                    found.append(None)
                    continue
                found.append((error, codec.expected_vnmse(workers, correlation=rho)))
            if found[1] is None:
                continue
            cells = ["does not fit" if each is None else f"{each[0]:.5f} / {each[1]:.5f}" for each in found]
            ratio = "" if found[0] is None else f"{found[0][0] / found[1][0]:.1f}"
            rows.append([str(workers), str(lanes), *cells, ratio])
    below = "Normal gradients of workers that do not agree (rho = 1/n), at equal bytes; judged from the sixth round on."
    return Sheet(
        title="vNMSE, measured / foretold, by workers and lanes",
        columns=["workers", "bits of a lane", "4-bit codes", "lanes filled", "ratio"],
        rows=rows,
        below=below,
    )


if __name__ == "__main__":
    take([speeds, filled], options(__doc__ or "").parse_args().output)
