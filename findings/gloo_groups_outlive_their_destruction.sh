#!/usr/bin/env bash
# A gloo group that a rank destroys, or aborts, stays connected while any name refers to it: its peers wait for their timeout.
# TORCH_INDEX=URL adds an index with builds of torch without CUDA.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} numpy==2.4.6 torch==2.13.0
cat > "$folder/finding.py" <<'END'
import datetime
import sys
import tempfile
import time
import warnings

import torch
import torch.distributed as dist
import torch.multiprocessing as processes

TIMEOUT = 8


def give_up(way, group):
    if way == "group.abort()":
        group.abort()
    else:
        dist.destroy_process_group(group)
    return None if way.endswith("del group") else group


def one(rank, store):
    warnings.simplefilter("ignore")
    dist.init_process_group("gloo", store=dist.FileStore(store, 2), rank=rank, world_size=2)
    waited = {}
    for way in ("group.abort()", "destroy_process_group(group)", "destroy_process_group(group); del group"):
        group = dist.new_group([0, 1], timeout=datetime.timedelta(seconds=TIMEOUT))
        dist.all_reduce(torch.ones(1), group=group)
        if rank == 1:
            kept, group = group, None
            kept = give_up(way, kept)
            time.sleep(TIMEOUT + 2)
        else:
            began = time.monotonic()
            try:
                dist.all_reduce(torch.ones(1), group=group)
            except RuntimeError as error:
                said = str(error).split("] ", 1)[-1].split(".")[0]
            waited[way] = time.monotonic() - began
            print(f"{way:40} the peer waits {waited[way]:4.1f} s: {said[:45]}")
        dist.barrier()
    dist.destroy_process_group()
    if rank == 0 and [seconds > TIMEOUT / 2 for seconds in waited.values()] != [True, True, False]:
        sys.exit("THE BEHAVIOR HAS CHANGED")


if __name__ == "__main__":
    print(f"torch {torch.__version__}, gloo: one of two ranks gives up a group whose timeout is {TIMEOUT} s")
    with tempfile.TemporaryDirectory() as folder:
        processes.spawn(one, (f"{folder}/store",), 2)
    print("""
destroy_process_group only forgets the group, and abort does nothing on gloo: connections close with the last reference. A
rank that fails and wants the others to notice at once must drop its own names and those in the frames of its exceptions
(traceback.clear_frames); else they wait for the timeout of the group, by default half an hour.""")
END
"$folder/bin/python" "$folder/finding.py"
