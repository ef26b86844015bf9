"""An outer loop as DiLoCo's over a slow link: seconds of a round, bytes, and seconds to a loss, by what carries deltas.

Two processes with gloo in network namespaces whose link the kernel shapes; so it needs root and torch. Each trains a
model of characters by itself for some steps of AdamW, then both average how far parameters went, by `compress_delta`,
and an outer SGD with Nesterov momentum steps. Codecs run one after the other. Five minutes.

Not for you where the network is fast, or steps between two averages are many: then averaging takes no time anyway.
"""

import itertools
import json
import statistics
import sys
import time
import warnings
from argparse import Namespace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch_hooks
from report import options, take

from beforehand.gradients import THC, BlockInt, Cast, LowRank, TopKChunked
from beforehand.reporting import Sheet
from beforehand.workloads.shaped_links import ShapedLinks
from beforehand.workloads.training_jobs import CharLM

WORKERS = 2
CODECS: dict[str, Any] = {
    "float32": Cast("float32"),
    "bfloat16": Cast("bfloat16"),
    "BlockInt, 8 bits": BlockInt(),
    "THC, lanes": THC(bits="lane"),
    "THC, 4 bits": THC(),
    "TopKChunked, 2 bits": TopKChunked(),
    "LowRank, 4": LowRank(),
}
RATE, MOMENTUM = 0.7, 0.9  # of the outer optimizer, as DiLoCo has them


def trained(rank: int, address: str, port: int, inner: int, rounds: int) -> dict[str, list[tuple[float, int, float]]]:
    """For each codec, and after each round: seconds so far without evaluation, bytes so far, and the loss."""
    import torch
    from torch import distributed

    from beforehand.integrations.torch import compress_delta

    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    distributed.init_process_group("gloo", init_method=f"tcp://{address}:{port}", rank=rank, world_size=WORKERS)
    job = CharLM()
    found: dict[str, list[tuple[float, int, float]]] = {}
    for name, codec in CODECS.items():
        model, state, curve = job.model(0), dict[str, Any](), []
        held = [each.detach().clone() for each in model.parameters()]
        outer = torch.optim.SGD(held, lr=RATE, momentum=MOMENTUM, nesterov=True)
        optimizer, batches = job.optimizer(model.parameters()), job.batches(rank, WORKERS, 0)
        seconds, begun = 0.0, written()
        for _ in range(rounds):
            distributed.barrier()
            began = time.perf_counter()
            for _ in range(inner):
                optimizer.zero_grad()
                job.loss(model, next(batches)).backward()
                optimizer.step()
            means = compress_delta(held, model.parameters(), codec, state=state)
            for each, mean in zip(held, means, strict=True):
                each.grad = mean
            outer.step()
            with torch.no_grad():
                for parameter, each in zip(model.parameters(), held, strict=True):
                    parameter.copy_(each)
            seconds += time.perf_counter() - began
            curve.append((seconds, written() - begun, job.evaluate(model)["loss"]))
        found[name] = curve
    distributed.destroy_process_group()
    return found


def written() -> int:
    """Bytes that this process has written, those to sockets included."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar"))


def table(asked: Namespace) -> Sheet:
    """A row for each codec."""
    with TemporaryDirectory() as folder, ShapedLinks(WORKERS, f"{asked.link}mbit") as links:
        running = []
        for rank in range(WORKERS):
            call = json.dumps([rank, links.address, 29500, asked.inner, asked.rounds])
            running.append(links.start(rank, [sys.executable, __file__, "--rank", call, f"{folder}/{rank}.json"]))
        for process in running:
            if process.wait(timeout=3600):
                raise SystemExit("a rank failed; its words stand above")
        found = json.loads(Path(f"{folder}/0.json").read_text())
    rows = []
    for name, curve in found.items():
        times = [0.0, *(seconds for seconds, _, _ in curve)]
        a_round = statistics.median(later - earlier for earlier, later in itertools.pairwise(times))
        met = next((f"{seconds:.1f}" for seconds, _, loss in curve if loss <= asked.target), f"not in {times[-1]:.0f}")
        sent = curve[-1][1] / len(curve) / 1e6
        rows.append([name, f"{sent:.3g}", f"{a_round:.2f}", f"{curve[-1][2]:.3f}", met])
    return Sheet(
        title=f"{WORKERS} workers at {asked.link} Mb/s, averages after {asked.inner} steps each",
        columns=["", "MB a round", "s a round", f"loss after {asked.rounds} rounds", f"s to a loss of {asked.target}"],
        rows=rows,
        below="MB that one worker writes in a round, headers included. The loss is that of the evaluation, whose "
        "seconds do not count.",
    )


def main() -> None:
    """Run as a rank, or start all."""
    if "--rank" in sys.argv:
        call: list[Any] = json.loads(sys.argv[-2])
        Path(sys.argv[-1]).write_text(json.dumps(trained(*call)))
        return
    parser = options("An outer loop under codecs.")
    parser.add_argument("--link", type=int, default=25, help="in Mb/s")
    parser.add_argument("--inner", type=int, default=10, help="steps between two averages")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--target", type=float, default=2.6, help="loss whose seconds are asked for")
    asked = parser.parse_args()
    if lacks := torch_hooks.missing(root=True):
        print(lacks)
        return
    take([lambda: table(asked)], asked.output)


if __name__ == "__main__":
    main()
