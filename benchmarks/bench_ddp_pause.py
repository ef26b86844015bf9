"""What the communication hook costs while its codec is off: steps of two processes on one machine, three ways in turns.

Needs torch. One minute; on a busy machine compare the ratios of one run only.
"""

import itertools
import json
import statistics
import subprocess
import sys
import time
import warnings
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch_hooks
from report import options, take

from beforehand.reporting import Sheet
from beforehand.workloads.training_jobs import CharLM

WORKERS, WARM, BLOCKS = 2, 5, 10  # steps before those that are timed; parts of the run whose ratios show the spread
PLAIN, TORCHS, OURS, CODED = "no hook", "torch allreduce_hook", "attach_ddp, paused", "attach_ddp, THC(bits=4)"


def trained(rank: int, store: str, sequences: int, steps: int) -> dict[str, list[float]]:
    """Seconds of each step."""
    import torch
    from torch import distributed
    from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
    from torch.nn.parallel import DistributedDataParallel

    from beforehand.gradients import THC
    from beforehand.integrations.torch import attach_ddp

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    distributed.init_process_group("gloo", store=distributed.FileStore(store, WORKERS), rank=rank, world_size=WORKERS)
    job, runs = CharLM(sequences=sequences), {}
    for name in (PLAIN, TORCHS, OURS, CODED):
        model = DistributedDataParallel(job.model(0))
        if name == TORCHS:
            model.register_comm_hook(None, allreduce_hook)
        elif name != PLAIN:
            handle = attach_ddp(model, THC())
            (handle.pause if name == OURS else handle.resume)()
        runs[name] = model, job.optimizer(model.parameters()), job.batches(rank, WORKERS, 0)
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    order = itertools.cycle(itertools.permutations(runs))
    for step in range(steps + WARM):
        for name in next(order):
            model, optimizer, batches = runs[name]
            batch = next(batches)
            distributed.barrier()
            began = time.perf_counter()
            job.loss(model, batch).backward()
            optimizer.step()
            optimizer.zero_grad()
            if step >= WARM:
                seconds[name].append(time.perf_counter() - began)
    distributed.destroy_process_group()
    return seconds


def measured(sequences: int, steps: int) -> dict[str, list[float]]:
    """What rank 0 found."""
    with TemporaryDirectory() as folder:
        calls = [json.dumps([rank, f"{folder}/store", sequences, steps]) for rank in range(WORKERS)]
        argv = [[sys.executable, __file__, "--rank", call, f"{folder}/{rank}.json"] for rank, call in enumerate(calls)]
        running = [subprocess.Popen(each) for each in argv]
        for process in running:
            if process.wait(timeout=1800):
                raise SystemExit("a rank failed; its words stand above")
        found: dict[str, list[float]] = json.loads(Path(f"{folder}/0.json").read_text())
        return found


def table(asked: Namespace) -> Sheet:
    """Milliseconds of a step, and ratios of medians to those without a hook."""
    rows: dict[str, list[str]] = {name: [name] for name in (PLAIN, TORCHS, OURS, CODED)}
    for sequences in asked.sequences:
        seconds = measured(sequences, asked.steps)
        for name, row in rows.items():
            ratios = [
                statistics.median(mine) / statistics.median(plain)
                for mine, plain in zip(blocks(seconds[name]), blocks(seconds[PLAIN]), strict=True)
            ]
            row.append(f"{1e3 * statistics.median(seconds[name]):.1f}")
            row.append(f"{statistics.median(ratios):.3f} ({min(ratios):.2f} to {max(ratios):.2f})")
    return Sheet(
        title=f"{WORKERS} processes over the loopback, model of characters, 5.6 MB of gradients",
        columns=["", *(f"{each} sequences, {what}" for each in asked.sequences for what in ("ms", "ratio"))],
        rows=list(rows.values()),
        below=f"Steps in turns, in each order equally often. Ratio: of medians, median (least to most) over {BLOCKS} "
        "parts of the run.",
    )


def blocks(seconds: list[float]) -> list[list[float]]:
    """The parts of a run."""
    length = len(seconds) // BLOCKS
    return [seconds[start : start + length] for start in range(0, BLOCKS * length, length)]


def main() -> None:
    """Run as a rank, or start all."""
    if "--rank" in sys.argv:
        call: list[Any] = json.loads(sys.argv[-2])
        Path(sys.argv[-1]).write_text(json.dumps(trained(*call)))
        return
    parser = options("The hook of DDP with its codec off.")
    parser.add_argument("--sequences", type=int, nargs="+", default=[4, 16], help="in the batch of one process")
    parser.add_argument("--steps", type=int, default=120)
    asked = parser.parse_args()
    if lacks := torch_hooks.missing():
        print(lacks)
        return
    take([lambda: table(asked)], asked.output)


if __name__ == "__main__":
    main()
