"""What each of two processes does where a loss is scaled."""

import warnings

import numpy as np
import torch

from beforehand.integrations.torch import attach_ddp
from tests.integrations.torch.ddp_models import (
    backward,
    codec_of,
    loss_of,
    mlp,
    parameters,
    reference,
    wrapped,
)


def scaled(rank, text, told):
    """Unscaled gradients of steps whose loss scale changes, the exact ones, and the warnings of this library."""
    model, scale, asked = wrapped(mlp()), [1024.0], []
    options = {"loss_scale": lambda: asked.append(0) or scale[0]} if told else {}
    attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0, **options)
    total = np.zeros((2, 85_002))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for step in range(20):
            scale[0] = 1024.0 if step < 10 else 32.0
            total += backward(model, rank, 0, scale=scale[0]) / scale[0], reference(0)
    return total, [str(each.message) for each in caught if "loss_scale" in str(each.message)], len(asked)


def restless(rank, text):
    """Warnings of this library in steps whose gradients halve and double, as those of small batches do."""
    model = wrapped(mlp())
    attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for step in range(20):
            backward(model, rank, 0, scale=1.0 + step % 2)
    return [str(each.message) for each in caught if "loss_scale" in str(each.message)]


def scaler(rank, text):
    """Steps of a GradScaler whose scale overflows at first, its scale after each, and whether parameters moved."""
    model = wrapped(mlp())
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0001)
    grown = torch.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=3)
    attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0, loss_scale=grown.get_scale)
    scales, moved = [], []
    for step in range(12):
        before = parameters(model)
        optimizer.zero_grad()
        grown.scale(256 * loss_of(model, rank, step)).backward()
        grown.step(optimizer)
        grown.update()
        scales.append(grown.get_scale())
        moved.append(not np.array_equal(before, parameters(model)))
    return scales, moved, parameters(model)
