#!/usr/bin/env bash
# An exception that a communication hook of DDP sets in its future arrives in backward() as a failed cast to a tensor.
# TORCH_INDEX=URL adds an index with builds of torch without CUDA.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder"
"$folder/bin/pip" install -q --disable-pip-version-check ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} numpy==2.4.6 torch==2.13.0
cat > "$folder/finding.py" <<'END'
import sys
import tempfile

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel


def by_set_exception(state, bucket):
    future = torch.futures.Future()
    future.set_exception(ValueError("disk full"))
    return future


def by_a_callback(state, bucket):
    def raised(done):
        raise done.value()

    future = torch.futures.Future()
    later = future.then(raised)
    future.set_result(ValueError("disk full"))
    return later


def told(hook):
    model = DistributedDataParallel(torch.nn.Linear(4, 4))
    model.register_comm_hook(None, hook)
    try:
        model(torch.ones(1, 4)).sum().backward()
    except Exception as error:
        return f"{type(error).__name__}: {str(error).splitlines()[0]}"


print(f"torch {torch.__version__}: what backward() raises when a hook fails with ValueError('disk full')")
with tempfile.TemporaryDirectory() as folder:
    dist.init_process_group("gloo", store=dist.FileStore(f"{folder}/store", 1), rank=0, world_size=1)
    first, second = told(by_set_exception), told(by_a_callback)
    dist.destroy_process_group()
print(f"future.set_exception(error)            {first}")
print(f"a callback of future.then that raises  {second}")
print("""
Future.set_exception only teaches wait() of Python to raise; DDP reads the future in C++, finds the exception where it expects a
tensor, and names neither its type nor its traceback. A hook that may fail should return future.then(callback), and raise in the
callback: then type and words arrive.""")
if not first.startswith("RuntimeError: Unable to cast disk full") or "ValueError: disk full" not in second:
    sys.exit("THE BEHAVIOR HAS CHANGED")
END
"$folder/bin/python" "$folder/finding.py"
