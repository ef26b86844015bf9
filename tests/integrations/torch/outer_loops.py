"""One of two processes that train a model of characters in an outer loop; `python -m` with rank, address and a file.

The file gets, for each codec that follows, seconds of training, those of them spent on averages, and the loss.
"""

import json
import sys
import time
from pathlib import Path

import torch
from torch import distributed

from beforehand.gradients import codec_from_json
from beforehand.integrations.torch import compress_delta
from beforehand.workloads.training_jobs import CharLM

WORKERS, ROUNDS, INNER = 2, 6, 8


def trained(rank, codec):
    """Some rounds of AdamW by itself, then Nesterov's step along the mean way of both."""
    job, state = CharLM(), {}
    model = job.model(0)
    held = [each.detach().clone() for each in model.parameters()]
    outer = torch.optim.SGD(held, lr=0.7, momentum=0.9, nesterov=True)
    optimizer, batches = job.optimizer(model.parameters()), job.batches(rank, WORKERS, 0)
    distributed.barrier()
    began, averaging = time.perf_counter(), 0.0
    for _ in range(ROUNDS):
        for _ in range(INNER):
            optimizer.zero_grad()
            job.loss(model, next(batches)).backward()
            optimizer.step()
        distributed.barrier()  # both are here: nobody's average counts the other's steps
        arrived = time.perf_counter()
        means = compress_delta(held, model.parameters(), codec, state=state)
        averaging += time.perf_counter() - arrived
        for each, mean in zip(held, means, strict=True):
            each.grad = mean
        outer.step()
        with torch.no_grad():
            for parameter, each in zip(model.parameters(), held, strict=True):
                parameter.copy_(each)
    return time.perf_counter() - began, averaging, job.evaluate(model)["loss"]


def main(rank, address, path, *codecs):
    """All codecs, one after the other."""
    torch.set_num_threads(1)
    store = f"tcp://{address}:29400"
    distributed.init_process_group("gloo", init_method=store, rank=int(rank), world_size=WORKERS)
    found = [trained(int(rank), codec_from_json(text)) for text in codecs]
    distributed.destroy_process_group()
    Path(path).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
