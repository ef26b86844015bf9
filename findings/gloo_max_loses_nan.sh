#!/usr/bin/env bash
# torch's all_reduce by MAX or MIN over gloo keeps a NaN or drops it, by which rank holds it and where in the tensor it lies.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cat >"$folder/run.py" <<'END'
import sys
import tempfile
from math import isnan, nan

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

RANKS = 3


def work(rank, store, queue):
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=RANKS)
    results = []
    for who in range(RANKS):
        x = torch.full((4,), nan if rank == who else float(rank))
        dist.all_reduce(x, dist.ReduceOp.MAX)
        results.append(x.tolist())
    queue.put(results)
    dist.barrier()


if __name__ == "__main__":
    queue = mp.get_context("spawn").SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(work, (f"{folder}/store", queue), nprocs=RANKS)
    found = [queue.get() for _ in range(RANKS)]
    together = torch.stack([torch.full((4,), value) for value in (nan, 1.0, 2.0)]).amax(0).tolist()
    print(f"torch {torch.__version__}, gloo, 3 ranks, 4 values each; all_reduce(x, MAX)")
    print(f"torch.amax of the same in one process   -> {together}")
    for who, result in enumerate(found[0]):
        print(f"rank {who} holds nan 4 times                -> {result}")
    print("""
Whether the NaN survives depends on the order in which a segment of the tensor meets the ranks. A largest norm, loss or
amax that is finite after all_reduce says nothing of the ranks: reduce a flag, torch.isnan(x).any().int(), beside it.""")
    lost = [sum(not isnan(value) for value in result) for result in found[0]]
    same = all(map(isnan, together)) and max(lost) == 4 and min(lost) < 4
    sys.exit(0 if same else "THE BEHAVIOR HAS CHANGED")
END
"$folder/bin/python" -W ignore "$folder/run.py"
