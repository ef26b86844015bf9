"""What each of two processes does where something is refused, or fails."""

import contextlib
import time

import numpy as np
import torch
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.distributed.fsdp import fully_shard

from beforehand.integrations.torch import attach_ddp, attach_fsdp2, compress_delta
from tests.integrations.torch.ddp_models import backward, batch, codec_of, mlp, wrapped


def attach(rank, texts, transports, options, kinds):
    """Attach what each rank was given; the error, if any, and how long it took."""
    made = {
        "mlp": lambda: wrapped(mlp()),
        "nested": lambda: wrapped(torch.nn.Sequential(mlp())),
        "bare": mlp,
        "sparse": lambda: wrapped(torch.nn.Embedding(100, 8, sparse=True)),
    }
    model = (made[kinds[rank]] if kinds[rank] != "hooked" else made["mlp"])()
    if kinds[rank] == "hooked":
        model.register_comm_hook(None, allreduce_hook)
    began = time.monotonic()
    try:
        codec = codec_of(texts[rank]) if texts[rank].startswith("{") else texts[rank]
        attach_ddp(model, codec, transport=transports[rank], **options[rank])
    except Exception as error:
        return type(error).__name__, str(error), time.monotonic() - began
    return None


class Failing:
    """A driver's answer on rank 1 that fails at some round."""

    def __init__(self, driver, at):
        self.answer_as_before, self.left = driver.answer, at

    def __call__(self, exchange):
        self.left -= 1
        if self.left < 0:
            raise ValueError("a bit fell over")
        return self.answer_as_before(exchange)


def fails(rank, text):
    """The errors of the step in which rank 1 fails and of the one after, and the seconds until the first."""
    model = wrapped(mlp())
    handle = attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0)
    for step in range(3):
        backward(model, rank, step)
    driver = handle._hook.averaging.driver
    if rank == 1:
        driver.answer = Failing(driver, 1)
    told, began = [], time.monotonic()
    for step in range(3, 5):
        with contextlib.suppress(AssertionError):
            try:
                backward(model, rank, step)
            except Exception as error:
                told.append((type(error).__name__, str(error), time.monotonic() - began))
    return told


def differs(rank, text):
    """The error when rank 1 decodes another mean than rank 0, and samples look."""
    model = wrapped(mlp())
    handle = attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0, vnmse_every=2)
    driver = handle._hook.averaging.driver
    answer = driver.answer

    def tampered(exchange):
        found = answer(exchange)
        if rank == 1 and found.dtype == np.float32:
            found[0] += 1
        return found

    driver.answer = tampered
    try:
        for step in range(3):
            backward(model, rank, step)
    except Exception as error:
        return str(error)
    return None


def joined(rank, text):
    """The error of a forward pass inside `join`."""
    model = wrapped(mlp())
    attach_ddp(model, codec_of(text))
    with contextlib.suppress(RuntimeError):
        try:
            with model.join():
                model(batch(rank, 0)[0])
        except Exception as error:
            return str(error)
    return None


def replaced(rank, text):
    """The error after a parameter was made anew."""
    model = wrapped(mlp())
    handle = attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0)
    for step in range(3):
        backward(model, rank, step)
    handle._hook.shapes = {}
    try:
        backward(model, rank, 3)
    except Exception as error:
        return str(error)
    return None


def attach_names(rank):
    """What is said to those who pass a codec's name."""
    said = []
    sharded = torch.nn.Linear(8, 8)
    fully_shard(sharded)
    for attached in (
        lambda: attach_ddp(wrapped(mlp()), "THC"),
        lambda: attach_fsdp2(sharded, "THC"),
        lambda: compress_delta([torch.ones(2)], [torch.ones(2)], "THC", state={}),
    ):
        try:
            attached()
        except Exception as error:
            said.append(f"{type(error).__name__}: {error}")
    return said
