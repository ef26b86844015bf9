#!/usr/bin/env bash
# On gloo a reduce-scatter sends as many bytes as an all-reduce: twice what its name promises.
# TORCH_INDEX=URL adds an index with builds of torch without CUDA.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} numpy==2.4.6 torch==2.13.0
cat > "$folder/finding.py" <<'END'
import sys
import tempfile
import time
import warnings

import torch
import torch.distributed as dist
import torch.multiprocessing as processes

RANKS, SHARD = 4, 2**20


def written():
    """Bytes that this process has written, those to sockets included."""
    with open("/proc/self/io") as counters:
        return next(int(line.split()[1]) for line in counters if line.startswith("wchar"))


def by_all_to_all(shard, whole):
    theirs = torch.empty_like(whole)
    dist.all_to_all_single(theirs, whole)
    torch.sum(theirs.view(RANKS, SHARD), dim=0, out=shard)


def one(rank, store):
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    dist.init_process_group("gloo", store=dist.FileStore(store, RANKS), rank=rank, world_size=RANKS)
    whole, shard = torch.full((RANKS * SHARD,), float(rank)), torch.empty(SHARD)
    ways = {
        "all_reduce": lambda: dist.all_reduce(whole.clone()),
        "reduce_scatter_single": lambda: dist.reduce_scatter_single(shard, whole),
        "all_to_all_single, then a sum": lambda: by_all_to_all(shard, whole),
    }
    sent = {}
    for name, way in ways.items():
        way()
        dist.barrier()
        before, began = written(), time.perf_counter()
        for _ in range(5):
            way()
        sent[name] = (written() - before) / 5 / (4 * SHARD)
        seconds = (time.perf_counter() - began) / 5
        if rank == 0:
            print(f"{name:30} {sent[name]:5.2f} shards sent by each rank, {seconds * 1e3:6.1f} ms")
    assert (shard == sum(range(RANKS))).all()
    dist.destroy_process_group()
    twice = sent["reduce_scatter_single"] > 1.9 * sent["all_to_all_single, then a sum"]
    if not (twice and abs(sent["reduce_scatter_single"] - sent["all_reduce"]) < 0.1):
        sys.exit("THE BEHAVIOR HAS CHANGED")


if __name__ == "__main__":
    print(f"torch {torch.__version__}, gloo: {RANKS} ranks reduce {RANKS * SHARD} floats to shards of {SHARD}")
    with tempfile.TemporaryDirectory() as folder:
        processes.spawn(one, (f"{folder}/store",), RANKS)
    print("""
Each rank needs to send each other one its shard, three shards here, and the reduce-scatter sends six: gloo's is an all-reduce
of everything, of which each rank keeps its part. FSDP on CPUs, and what is measured with it before a cluster is rented, pays for
that in every backward pass. An all-to-all and a sum of what arrives give the same result for half of the bytes.""")
END
"$folder/bin/python" "$folder/finding.py"
