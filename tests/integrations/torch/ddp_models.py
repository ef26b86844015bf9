"""The model and the batches that each of two processes has in the tests of the hook."""

import json

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel

from beforehand import gradients as area

WORKERS = 2


def codec_of(text):
    return getattr(area, json.loads(text)["codec"]).from_json(text)


def mlp():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10)
    )


def wrapped(model, **options):
    return DistributedDataParallel(model, **{"bucket_cap_mb": 0.15} | options)


def batch(rank, step):
    draw = np.random.default_rng([rank, step])
    return torch.from_numpy(draw.normal(size=(16, 64)).astype(np.float32)), torch.from_numpy(draw.integers(0, 10, 16))


def loss_of(model, rank, step, *way):
    x, y = batch(rank, step)
    return torch.nn.functional.cross_entropy(model(x.to(next(model.parameters()).dtype), *way).float(), y)


def backward(model, rank, step, *way, scale=1.0):
    """The gradients that a step leaves, as one array."""
    model.zero_grad()
    (loss_of(model, rank, step, *way) * scale).backward()
    return gradients(model)


def gradients(model):
    grads = [torch.zeros_like(each) if each.grad is None else each.grad for each in model.parameters()]
    return np.concatenate([each.double().numpy().ravel() for each in grads])


def reference(step, model=None):
    """The mean of all ranks' gradients, computed by one."""
    model = model or mlp()
    return np.mean([backward(model, rank, step) for rank in range(WORKERS)], axis=0)


def parameters(model):
    return np.concatenate([each.detach().numpy().ravel() for each in model.parameters()])
