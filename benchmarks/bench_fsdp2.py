"""Sharded training of a model of characters over slow links: seconds of a step, bytes and errors of reduce-scatters.

Real processes with gloo between them, in network namespaces whose links the kernel shapes; so it needs root and torch.
torch's own reduce-scatter, in its dtypes, takes turns with ours in the same processes, step by step. Some 15 minutes on
two cores without other work; --links and --workers take a part.

Parameters travel as well, in float32, once in each step, as fully_shard(reshard_after_forward=False) does; no codec
touches them. Not for you where the network is no bottleneck.
"""

import json
import statistics
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch_hooks
from report import keep, options, show

from beforehand.gradients import THC, BlockFloat8, BlockInt, Cast, vnmse
from beforehand.reporting import Sheet
from beforehand.workloads.shaped_links import ShapedLinks
from beforehand.workloads.training_jobs import CharLM

METHODS: dict[str, Any] = {  # a codec of ours, or the dtype in which torch reduces
    "torch float32": "float32",
    "torch bfloat16": "bfloat16",
    "torch float16": "float16",
    "Cast, float32": Cast("float32"),
    "Cast, bfloat16": Cast("bfloat16"),
    "BlockInt, 8 bits": BlockInt(),
    "BlockFloat8, e4m3": BlockFloat8(),
    "BlockInt, 4 bits of 32": BlockInt(bits=4, block=32),
    "THC, 4 bits": THC(),
    "THC, 3 bits": THC(bits=3),
}
RIVALS = [name for name, way in METHODS.items() if isinstance(way, str)]
WARM, COUNTED, EQUAL = 2, 7, 40  # steps before those that are timed; those; and those after which losses are compared
FAST = 10_000  # Mb/s where losses are compared


def trained(rank: int, workers: int, address: str, port: int, steps: int) -> dict[str, Any]:
    """All methods in turns, one step each: seconds and bytes of the steps, the first error, and the last loss."""
    import torch
    from torch import distributed
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    from beforehand.integrations.torch import attach_fsdp2

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # that the model returns a view
    distributed.init_process_group("gloo", init_method=f"tcp://{address}:{port}", rank=rank, world_size=workers)
    job, runs = CharLM(), {}
    found: dict[str, dict[str, Any]] = {}
    for name, way in METHODS.items():
        model = job.model(0)
        policy = MixedPrecisionPolicy(reduce_dtype=getattr(torch, way if isinstance(way, str) else "float32"))
        for layer in (*model.layers, model):
            fully_shard(layer, mp_policy=policy, reshard_after_forward=False)
        if not isinstance(way, str):
            attach_fsdp2(model, way)
        runs[name] = model, job.optimizer(model.parameters()), job.batches(rank, workers, 0)
        found[name] = {"seconds": [], "bytes": []}
    truth = None
    for step in range(steps):
        for name, (model, optimizer, batches) in runs.items():
            batch = next(batches)
            distributed.barrier()
            before, began = written(), time.perf_counter()
            loss = job.loss(model, batch)
            loss.backward()
            optimizer.step()
            if step >= WARM:
                found[name]["seconds"].append(time.perf_counter() - began)
                found[name]["bytes"].append(written() - before)
            if step == 0:
                gradient = torch.cat([each.grad.full_tensor().reshape(-1) for each in model.parameters()]).numpy()
                truth = gradient if truth is None else truth
                found[name]["vnmse"] = vnmse(gradient, truth)
            optimizer.zero_grad()
    for name, (model, *_) in runs.items():
        found[name]["loss"] = job.evaluate(model)["loss"]
    distributed.destroy_process_group()
    return found


def written() -> int:
    """Bytes that this process has written, those to sockets included."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar"))


def measured(workers: int, link: int, steps: int) -> list[dict[str, Any]]:
    """What `trained` found on every rank, over links of so many Mb/s."""
    with TemporaryDirectory() as folder, ShapedLinks(workers, f"{link}mbit") as links:
        running = []
        for rank in range(workers):
            call = json.dumps([rank, workers, links.address, 29500, steps])
            argv = [sys.executable, __file__, "--rank", call, f"{folder}/{rank}.json"]
            running.append(links.start(rank, argv))
        for rank, process in enumerate(running):
            if process.wait(timeout=1800):
                raise SystemExit(f"rank {rank} failed; its words stand above")
        return [json.loads(Path(f"{folder}/{rank}.json").read_text()) for rank in range(workers)]


def steps_table(workers: int, links: list[int]) -> Sheet:
    """Seconds of a step over each link."""
    rows: dict[str, list[str]] = {name: [name] for name in METHODS}
    for link in links:
        ranks = measured(workers, link, WARM + COUNTED)
        seconds = {name: statistics.median(ranks[0][name]["seconds"]) for name in METHODS}
        rival = min(seconds[name] for name in RIVALS)
        for name in METHODS:
            if len(rows[name]) == 1:
                of = ranks[0][name]
                rows[name] += [f"{statistics.median(of['bytes']) / 1e6:.2f}", f"{of['vnmse']:.2g}"]
            spread = ranks[0][name]["seconds"]
            rows[name].append(
                f"{seconds[name] * 1e3:.0f} ({min(spread) * 1e3:.0f} to {max(spread) * 1e3:.0f}), "
                f"{rival / seconds[name]:.2f}x"
            )
    columns = ["reduce-scatter", "MB sent a step", "vNMSE", *(f"ms at {link} Mb/s" for link in links)]
    return Sheet(
        title=f"{workers} processes: a step, and how many times faster than the best of torch's own",
        columns=columns,
        rows=list(rows.values()),
        below=f"torch {version('torch')}. Median of {COUNTED} steps, with the least and the largest. Bytes are those "
        "of one process without headers, parameters included. vNMSE is that of the first gradient, against torch's own "
        "in float32.",
    )


def loss_table() -> Sheet:
    """The loss of two processes after as many steps with each."""
    found = measured(2, FAST, EQUAL)[0]
    first = found["torch float32"]["loss"]
    return Sheet(
        title=f"2 processes: evaluation loss after {EQUAL} steps",
        columns=["reduce-scatter", "loss", "against torch float32"],
        rows=[[name, f"{of['loss']:.4f}", f"{of['loss'] / first - 1:+.2%}"] for name, of in found.items()],
    )


def main() -> None:
    """Run as a rank, or start all and print the tables."""
    if "--rank" in sys.argv:
        call, path = sys.argv[-2:]
        Path(path).write_text(json.dumps(trained(*json.loads(call))))
        return
    parser = options("FSDP2 under codecs.")
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 4])
    parser.add_argument("--links", type=int, nargs="+", default=[25, 50, 200, 1000], help="in Mb/s")
    asked = parser.parse_args()
    if lacks := torch_hooks.missing(root=True):
        print(lacks)
        return
    sheets = []
    for workers in asked.workers:
        sheets.append(steps_table(workers, asked.links))
        show(sheets[-1])
    sheets.append(loss_table())
    show(sheets[-1])
    if asked.output:
        keep(sheets, asked.output)


if __name__ == "__main__":
    main()
