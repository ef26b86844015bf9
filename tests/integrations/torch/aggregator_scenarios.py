"""What each process does in the tests of the hook through an aggregator, which rank 0 runs."""

import contextlib
import os

import torch.distributed as dist

from beforehand.core.errors import BeforehandError
from beforehand.gradients import Aggregator
from beforehand.integrations.torch import attach_ddp
from tests.integrations.torch.ddp_models import backward, codec_of, mlp, wrapped


@contextlib.contextmanager
def served(rank, **options):
    """The address of an aggregator that lives until all ranks are done with it."""
    server = Aggregator(workers=dist.get_world_size(), **options) if rank == 0 else None
    said = [server.address if server else None]
    dist.broadcast_object_list(said)
    yield said[0]
    dist.barrier()
    if server:
        server.close()


def gradients(rank, text, steps, transport, service):
    """The gradients of each step, and what the handle says."""
    with served(rank, token="secret", **service) as address:
        model = wrapped(mlp())
        given = f"aggregator://secret@{address}" if transport == "aggregator" else transport
        handle = attach_ddp(model, codec_of(text), transport=given, smallest_bucket=0, vnmse_every=2)
        found = [backward(model, rank, step) for step in range(steps)]
        return found, handle.stats(), handle.transport


def refusal(rank, text, token, service):
    """The error of each rank."""
    with served(rank, token="secret", **service) as address:
        try:
            attach_ddp(wrapped(mlp()), codec_of(text), transport=f"aggregator://{token}@{address}")
        except BeforehandError as error:
            return f"{type(error).__name__}: {error}"


def nobody_there(rank, text):
    """The error of each rank where nothing listens."""
    try:
        attach_ddp(wrapped(mlp()), codec_of(text), transport="aggregator://127.0.0.1:1")
    except BeforehandError as error:
        return type(error).__name__


def survivor(rank, text, steps, quorum, timeout):
    """Rank 1 dies on the way; how far rank 0 comes, and what it is told."""
    server = Aggregator(workers=2, quorum=quorum, timeout=timeout) if rank == 0 else None
    said = [server.address if server else None]
    dist.broadcast_object_list(said)
    model = wrapped(mlp())
    attach_ddp(model, codec_of(text), transport=f"aggregator://{said[0]}", smallest_bucket=0)
    found = []
    for step in range(steps):
        if rank == 1 and step == steps // 2:
            os._exit(1)
        try:
            found.append(backward(model, rank, step))
        except Exception as error:  # torch wraps what a hook raises
            return found, f"{type(error).__name__}: {error}"
    return found, None
