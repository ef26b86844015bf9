"""What each process does where the digits are learned under a codec."""

import hashlib

import torch
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from beforehand.gradients.codecs import codec_from_json
from beforehand.integrations.torch import attach_ddp, attach_fsdp2
from beforehand.workloads.training_jobs import Digits

TARGET = 0.97  # of the digits that are tested


def by_hook(rank, text, workers, transport, steps):
    """Steps of DDP until the target, or None; and a digest of the weights at the end."""
    job = Digits()
    model = DistributedDataParallel(job.model(0), bucket_cap_mb=0.15)
    attach_ddp(model, codec_from_json(text), transport=transport, smallest_bucket=0)
    return learned(job, model, rank, workers, steps), digest(model.state_dict())


def by_shards(rank, text, workers, steps):
    """The same of FSDP2."""
    job = Digits()
    model = fully_shard(job.model(0))
    attach_fsdp2(model, codec_from_json(text))
    found = learned(job, model, rank, workers, steps)
    return found, digest({name: each.full_tensor() for name, each in model.state_dict().items()})


def learned(job, model, rank, workers, steps):
    """The first step at which the target is met."""
    optimizer, batches = job.optimizer(model.parameters()), job.batches(rank, workers, seed=0)
    found = None
    for step in range(1, steps + 1):
        optimizer.zero_grad()
        job.loss(model, next(batches)).backward()
        optimizer.step()
        if found is None and step % job.evaluate_every == 0 and job.evaluate(model)["accuracy"] >= TARGET:
            found = step
    return found


def digest(weights):
    """The same on all ranks, if they hold the same bits."""
    joined = torch.cat([each.reshape(-1) for each in weights.values()])
    return hashlib.sha256(joined.detach().numpy().tobytes()).hexdigest()
