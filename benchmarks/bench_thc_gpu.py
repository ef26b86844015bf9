"""THC's kernels on a GPU beside a copy of the same gradient there, and the same in operators of torch, in one run.

Before anything is timed, a round over NCCL, of this one process, must have the bits of the CPU. Where there is no GPU
it says so; TRITON_INTERPRET=1 then runs it on a few coordinates, only to try the script.

Not for you between GPUs with NVLink: there nothing beats a plain sum.
"""

import importlib.util
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from report import options, take

from beforehand.gradients import THC, Layout, drive_local, thc_table
from beforehand.gradients.lanes import LANES
from beforehand.integrations.torch import GroupDriver
from beforehand.reporting import Sheet

REPEATS = 30
TABLE = thc_table(4, 63, 1 / 128)  # of four workers
SCALE = TABLE.granularity / (2 * TABLE.half_range)


def milliseconds(torch: Any, run: Callable[[], object]) -> float:
    """The median of several runs on the device, the first ones left out."""
    if not torch.cuda.is_available():
        run()
        start = time.perf_counter()
        run()
        return 1e3 * (time.perf_counter() - start)
    for _ in range(5):
        run()
    pairs = [tuple(torch.cuda.Event(enable_timing=True) for _ in range(2)) for _ in range(REPEATS)]
    for start, end in pairs:
        start.record()
        run()
        end.record()
    torch.cuda.synchronize()
    return statistics.median(start.elapsed_time(end) for start, end in pairs)


def steps(torch: Any, x: Any) -> dict[str, Callable[[], object]]:
    """What a worker of four does with a piece of this length, by name."""
    from beforehand.integrations.triton import launch

    size = len(x)
    points = launch.on_device(TABLE, x.device)
    packed = torch.zeros(size // 2, dtype=torch.uint8, device=x.device)
    outside = torch.zeros(1, dtype=torch.int32, device=x.device)
    messages, mean = torch.stack([packed[: size // 8]] * 4), torch.empty_like(x)
    turned = torch.zeros_like(x)  # as every turn makes numbers longer
    sums = torch.zeros(size, dtype=torch.uint8, device=x.device)
    piece = Layout([("gradient", (size,))]).pieces()
    signs = torch.where(torch.rand_like(x) < 0.5, -1.0, 1.0)
    levels = torch.tensor(TABLE.values, dtype=torch.float32, device=x.device)

    def rotate() -> None:
        launch.hadamard(turned, seed=1, stream=2, signs="before")

    def code() -> None:
        launch.round_groups(x, SCALE, points, bits=4, seed=1, stream=2, out=packed, outside=outside)

    def operators() -> Any:
        h, distance = x * signs, 1
        while distance < size:
            pairs = h.view(-1, 2, distance)
            h, distance = torch.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], 1).view(-1), 2 * distance
        u = (h * SCALE + TABLE.granularity / 2).clamp(0, TABLE.granularity)
        below = (torch.bucketize(u, levels, right=True) - 1).clamp(0, 14)
        share = (u - levels[below]) / (levels[below + 1] - levels[below])
        codes = (below + (torch.rand_like(u) < share)).to(torch.uint8).view(-1, 2)
        return codes[:, 0] | codes[:, 1] << 4

    def ours() -> None:
        launch.squares(x, piece)
        rotate()
        code()

    found: dict[str, Callable[[], object]] = {
        "copy of the gradient": lambda: mean.copy_(x),
        "cast to float16": lambda: x.half(),
        "squares, read on the host": lambda: launch.squares(x, piece),
        "rotate": rotate,
        "round and pack 4 bits": code,
        "add the shard of four": lambda: launch.add_points(messages, points, bits=4),
        "decode": lambda: launch.decode_lanes(sums, LANES[8], 0, 0.5, 1.0, mean),
        "encode: all three": ours,
        "encode in torch's operators": operators,
    }
    if importlib.util.find_spec("fast_hadamard_transform"):
        from fast_hadamard_transform import hadamard_transform

        rows = x.view(-1, 2**15) if size >= 2**15 else x.view(1, -1)  # it knows rows of up to 2^15
        found["fast-hadamard-transform, rows of 2^15"] = lambda: hadamard_transform(rows)
    return found


def times(torch: Any, device: Any, sizes: list[int]) -> Sheet:
    """Each step at each size, and how many copies it takes."""
    table: dict[str, list[str]] = {}
    for size in sizes:
        x = torch.randn(size, device=device)
        spent = {name: milliseconds(torch, run) for name, run in steps(torch, x).items()}
        for name, each in spent.items():
            copies = each / spent["copy of the gradient"]
            table.setdefault(name, []).extend([f"{size / each / 1e6:.1f}", f"{copies:.1f}"])
    heads = [head for size in sizes for head in (f"2^{size.bit_length() - 1}: G/s", "copies")]
    where = torch.cuda.get_device_name(device) if device.type == "cuda" else "interpreted: the speeds mean nothing"
    below = f"{where}, torch {torch.__version__}; medians of {REPEATS}."
    title = "Coordinates a second, and the time in copies"
    return Sheet(title=title, columns=["", *heads], rows=[[name, *row] for name, row in table.items()], below=below)


def same_bits(torch: Any, device: Any, size: int) -> None:
    """Raise if a round on the device, over NCCL, is not that of the CPU."""
    from beforehand.integrations.triton import choice

    x = np.random.default_rng(0).lognormal(size=size).astype(np.float32)
    layout, backend = Layout([("gradient", (size,))]), "nccl" if device.type == "cuda" else "gloo"
    with tempfile.TemporaryDirectory() as folder:
        store = torch.distributed.FileStore(f"{folder}/store", 1)
        torch.distributed.init_process_group(backend, store=store, rank=0, world_size=1)
        try:
            for codec, reduction in ((THC(), "combine"), (THC(bits="lane", lanes=10), "sum")):
                host = codec.open(layout, rank=0, workers=1, reduction=reduction)
                expected = drive_local([host], [x]).means[0]
                encoder = choice.opener(codec, device, 0, 1, reduction, None)(layout, 0, 0)
                carrier, running = choice.carrier(GroupDriver()), encoder.reduce(torch.tensor(x, device=device))
                answer: Any = None
                try:
                    while True:
                        answer = carrier.answer(running.send(answer))
                except StopIteration as done:
                    found = done.value.cpu().numpy()
                if found.tobytes() != expected.tobytes():
                    raise SystemExit(f"{codec}: the device has other bits than the CPU")
        finally:
            torch.distributed.destroy_process_group()


def main() -> None:
    """Compare, then time."""
    given = options(__doc__.partition("\n")[0]).parse_args()
    if not (importlib.util.find_spec("torch") and importlib.util.find_spec("triton")):
        print("torch or Triton is missing: make bench-triton has both")
        return
    import torch

    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    if not (torch.cuda.is_available() or interpreted):
        print("no GPU, so nothing is measured; TRITON_INTERPRET=1 tries the script")
        return
    device = torch.device("cpu" if interpreted else "cuda")
    same_bits(torch, device, 5000 if interpreted else 2**23 + 2**21 + 12345)
    sizes = [2**13] if interpreted else [2**20, 2**23]
    take([lambda: times(torch, device, sizes)], given.output)


if __name__ == "__main__":
    main()
