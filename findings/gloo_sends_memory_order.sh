#!/usr/bin/env bash
# torch's collectives over gloo move memory, not values by their place: a transposed weight arrives rearranged, without a word.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
cat >"$folder/run.py" <<'END'
import sys
import tempfile

import torch
import torch.distributed as dist
import torch.multiprocessing as mp


def work(rank, store, queue):
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    weight = torch.tensor([[1.0, 2, 3], [4, 5, 6]])  # the same on both ranks
    mine = weight.t() if rank == 0 else weight.t().contiguous()
    total = mine.clone()
    dist.all_reduce(total)
    sent = mine.clone() if rank == 0 else torch.zeros(3, 2)
    dist.broadcast(sent, 0)
    image = torch.arange(8.0).view(1, 2, 2, 2)
    image = image.to(memory_format=torch.channels_last) if rank == 0 else torch.zeros_like(image)
    dist.broadcast(image, 0)
    queue.put((rank, mine.tolist(), total.tolist(), sent.tolist(), image.flatten().tolist()))
    dist.barrier()


if __name__ == "__main__":
    queue = mp.get_context("spawn").SimpleQueue()
    with tempfile.TemporaryDirectory() as folder:
        mp.spawn(work, (f"{folder}/store", queue), nprocs=2)
    zero, one = sorted(queue.get() for _ in range(2))
    print(f"torch {torch.__version__}, gloo, 2 ranks with equal values of equal shape; rank 0 holds a view, weight.t()")
    print(f"both ranks hold             {zero[1]}\n")
    print(f"all_reduce: rank 0          {zero[2]}\n            rank 1          {one[2]}")
    print(f"broadcast from 0: rank 1    {one[3]}")
    print(f"channels_last 0..7: rank 1  {one[4]}")
    print("""
Shapes are equal, so nothing raises; the sum adds values of different places, and differs between ranks. What one rank
made by .t(), permute or channels_last must be .contiguous() before a collective, on every rank or on none.""")
    right = [[2 * value for value in row] for row in zero[1]]
    same = zero[1] == one[1] and zero[2] != right != one[2] and zero[2] != one[2]
    same = same and one[3] == [[1, 2], [3, 4], [5, 6]] and one[4] != list(range(8))
    sys.exit(0 if same else "THE BEHAVIOR HAS CHANGED")
END
"$folder/bin/python" -W ignore "$folder/run.py"
