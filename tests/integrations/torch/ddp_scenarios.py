"""What each process does in the tests of the hook."""

import json

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel

from beforehand import gradients as area
from beforehand.integrations.torch import attach_ddp

WORKERS = 2


def codec_of(text):
    return getattr(area, json.loads(text)["codec"]).from_json(text)


def mlp(dtype=torch.float32):
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10)
    ).to(dtype)


def wrapped(model, **options):
    return DistributedDataParallel(model, **{"bucket_cap_mb": 0.15} | options)


def batch(rank, step, dtype=torch.float32):
    draw = np.random.default_rng([rank, step])
    return torch.from_numpy(draw.normal(size=(16, 64))).to(dtype), torch.from_numpy(draw.integers(0, 10, 16))


def backward(model, rank, step, scale=1.0):
    """The gradients that the step leaves, as one array."""
    x, y = batch(rank, step, next(model.parameters()).dtype)
    model.zero_grad()
    (torch.nn.functional.cross_entropy(model(x).float(), y) * scale).backward()
    return gradients(model)


def gradients(model):
    return np.concatenate([each.grad.float().numpy().ravel() for each in model.parameters()])


def reference(step, model=None):
    """The mean of all ranks' gradients, computed by one."""
    model = model or mlp()
    return np.mean([backward(model, rank, step) for rank in range(WORKERS)], axis=0, dtype=np.float64)


def means(rank, text, steps, transport, options, wrapping):
    """The gradients of each step, the exact ones, and what the handle says."""
    model = wrapped(mlp(), **wrapping)
    handle = attach_ddp(model, codec_of(text), transport=transport, **options)
    found = [backward(model, rank, step) for step in range(steps)]
    return found, [reference(step) for step in range(steps)], handle.stats()
