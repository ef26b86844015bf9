"""Compression of the gradients of torch's DistributedDataParallel, by its communication hook."""

import secrets
import warnings
import weakref
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from beforehand import __version__
from beforehand.core.errors import BeforehandError, InvalidInput
from beforehand.gradients import THC, AggregatorClient, Layout, LowRank, Table
from beforehand.gradients.buckets import SMALLEST
from beforehand.gradients.codec import Codec, Reduction
from beforehand.gradients.codecs import check_codec
from beforehand.gradients.inputs import whole
from beforehand.integrations.torch.agree import agreed
from beforehand.integrations.torch.averaging import Averaging
from beforehand.integrations.torch.bucket_encoders import BucketEncoders
from beforehand.integrations.torch.drivers import GroupDriver
from beforehand.integrations.torch.handle import Handle
from beforehand.integrations.torch.hook import Hook
from beforehand.integrations.torch.host import torch_for
from beforehand.integrations.torch.opening import AGGREGATOR, opener, reduction_of
from beforehand.integrations.triton import choice

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup
    from torch.nn.parallel import DistributedDataParallel


def attach_ddp(
    model: "DistributedDataParallel",
    codec: Codec,
    *,
    transport: str = "auto",
    warmup_steps: int = 3,
    smallest_bucket: int = SMALLEST,
    process_group: "ProcessGroup | None" = None,
    loss_scale: Callable[[], float] | None = None,
    vnmse_every: int = 0,
    threads: int = 1,
    resync_every: int = 0,
) -> Handle:
    """Exchange the gradients of a model through a codec, while the backward pass goes on.

    Call it once on every rank, before the first step.

    Args:
        model: The model, wrapped already.
        codec: How gradients travel.
        transport: `"allreduce"`, `"two_shot"`, `"gather"`, or `"aggregator://host:port"` for an `Aggregator` of so many
            workers, `"aggregator://token@host:port"` if it wants a token; `"auto"` takes what suits the codec best.
        warmup_steps: Steps whose gradients are summed exactly, at least 2: torch cuts buckets anew after the first.
        smallest_bucket: Coordinates below which a bucket is summed exactly.
        process_group: Whose ranks exchange; None is that of the model. The exchange has a group of its own.
        loss_scale: By which losses are multiplied, asked in each step: `scaler.get_scale` of a `GradScaler`.
        vnmse_every: Steps between samples of the error, each of which costs an exact sum; 0 takes none.
        threads: For each transform; results do not depend on it.
        resync_every: Steps between broadcasts of the parameters of rank 0, before a forward pass in training; 0 is
            never. For ranks whose means differ: `LowRank` on machines of several kinds, an aggregator with a quorum
            below 1.

    Guarantee:
        All ranks hold the same means to the bit, but for the two cases of `resync_every`. Gradients that are
        not finite arrive as without compression, and spoil no later step. What a codec keeps between rounds belongs to
        parameters, so it outlives the cutting of new buckets. A failure on one rank makes the backward pass of all
        raise.

    Cost:
        One thread encodes, exchanges and decodes bucket by bucket. On one rank nothing is touched. On CUDA, THC is
        coded by kernels in Triton, which are compiled in the first rounds; other codecs copy a bucket to the host and
        back.

    Raises:
        MissingDependency: torch is not installed.
        InvalidInput: The model is no `DistributedDataParallel`, has a hook or sparse gradients; the codec cannot use
            the transport; ranks were given different codecs, options or models.
        CapacityExceeded: Sums of so many ranks do not fit the lanes.
        Closed: No aggregator answers.

    Example:
        After the model is wrapped, on every rank::

            handle = attach_ddp(model, THC(bits=4))
            train(model)
            print(handle.stats().explain())
    """
    torch = torch_for("attach_ddp")
    if not isinstance(model, torch.nn.parallel.DistributedDataParallel):
        raise InvalidInput(f"model is a {type(model).__name__}, but must be wrapped in DistributedDataParallel first")
    group = model.process_group if process_group is None else process_group
    workers, rank = torch.distributed.get_world_size(group), torch.distributed.get_rank(group)
    named = {name: _shape(torch, each) for name, each in model.module.named_parameters() if each.requires_grad}
    problem: Exception | None = None
    offer: tuple[Reduction, tuple[Table, ...] | None] = ("sum", None)
    shown, service = _without_token(str(transport))
    try:
        check_codec(codec)
        whole("warmup_steps", warmup_steps, 2)
        whole("smallest_bucket", smallest_bucket, 0)
        whole("vnmse_every", vnmse_every, 0)
        whole("threads", threads, 1)
        whole("resync_every", resync_every, 0)
        if loss_scale is not None and not callable(loss_scale):
            raise InvalidInput(f"loss_scale is {loss_scale!r}, but must be a function, as scaler.get_scale")
        _check_model(torch, model)
        offer = (reduction_of(codec, transport), codec.tables(workers) if isinstance(codec, THC) else None)
        opener(codec, rank, workers, *offer, threads)(Layout([("probe", (1,))]), 0, 0)
    except BeforehandError as error:
        problem = error
    facts = {
        "codec": codec.to_json() if problem is None else "",
        "transport": shown,
        "warmup_steps": str(warmup_steps),
        "smallest_bucket": str(smallest_bucket),
        "vnmse_every": str(vnmse_every),
        "resync_every": str(resync_every),
        "torch": torch.__version__,
        "beforehand": __version__,
        "the model's parameters": str(named),
    }
    reduction, tables = agreed(group, facts, problem, offer)
    if isinstance(codec, THC) and codec.bits != "lane" and reduction == "sum":
        warnings.warn(
            f"THC(bits={codec.bits}) through an all-reduce sends lanes, of which it fills few levels; "
            'bits="lane" errs less at the same bytes',
            stacklevel=2,
        )
    device = next(model.parameters()).device
    aggregator = None
    if service is not None and workers > 1:
        aggregator = _joined(group, codec, service, rank=rank, workers=workers, tables=tables)
    driver = GroupDriver(_own_group(torch, group, device), aggregator=aggregator)
    if aggregator is None and choice.runs_on(device, codec):
        opened, carrier = choice.opener(codec, device, rank, workers, reduction, tables), choice.carrier(driver)
    else:
        opened, carrier = opener(codec, rank, workers, reduction, tables, threads), None
    averaging = Averaging(
        BucketEncoders(opened),
        driver,
        smallest_bucket=smallest_bucket,
        vnmse_every=vnmse_every,
        replicas_agree=not isinstance(codec, LowRank) and not (aggregator is not None and aggregator.partial),
        scale_unknown=loss_scale is None and getattr(codec, "feedback", "none") != "none",
        carrier=carrier,
    )
    hook = Hook(
        {id(each): (name, named[name]) for name, each in model.module.named_parameters() if name in named},
        averaging,
        device,
        warmup_steps=warmup_steps,
        loss_scale=loss_scale,
        narrow=any(each.dtype in (torch.float16, torch.bfloat16) for each in model.parameters()),
    )
    weakref.finalize(model, hook.stop)
    model.register_comm_hook(hook, compressed_gradients)
    model.register_forward_pre_hook(partial(_before_forward, hook, resync_every))
    return Handle(codec, shown, hook)


def compressed_gradients(state, bucket):  # type: ignore[no-untyped-def]
    """The hook; torch asks for a function with a name, whose second parameter is called bucket, unannotated."""
    return state(bucket)


def _shape(torch: Any, parameter: Any) -> tuple[int, ...]:
    """As its gradient lies in a bucket, which holds complex numbers as pairs."""
    return tuple((torch.view_as_real(parameter) if parameter.is_complex() else parameter).shape)


def _check_model(torch: Any, model: Any) -> None:
    if model._comm_hooks:
        raise InvalidInput("model has a communication hook already, and torch cannot remove one; wrap the model anew")
    for name, module in model.module.named_modules():
        if isinstance(module, torch.nn.Embedding | torch.nn.EmbeddingBag) and module.sparse:
            raise InvalidInput(f"{name or 'model'} has sparse gradients; take sparse=False")


def _without_token(transport: str) -> tuple[str, str | None]:
    """What may be shown of a transport, and the aggregator that it names, token included."""
    if not str(transport).startswith(AGGREGATOR):
        return str(transport), None
    service = transport.removeprefix(AGGREGATOR)
    return AGGREGATOR + service.rpartition("@")[2], service


def _joined(
    group: Any, codec: Codec, service: str, *, rank: int, workers: int, tables: tuple[Table, ...] | None
) -> AggregatorClient:
    """A connection to the aggregator, of a job that rank 0 has numbered, once all ranks have theirs."""
    token, at, address = service.rpartition("@")
    job = agreed(group, {}, None, secrets.randbits(64))
    client: AggregatorClient | None = None
    problem: Exception | None = None
    try:
        client = AggregatorClient(
            address, codec, rank=rank, workers=workers, job=job, token=token if at else None, tables=tables
        )
    except BeforehandError as error:
        problem = error
    try:
        agreed(group, {}, problem, None)
    except BeforehandError:
        if client is not None:
            client.close()
        raise
    assert client is not None
    return client


def _own_group(torch: Any, group: Any, device: Any) -> Any:
    """A group of the same ranks, with the same timeout, in which no collective of the model comes between ours."""
    collectives = torch.distributed
    nccl = device.type == "cuda" and "nccl" in collectives.get_backend(group)
    options = getattr(group._get_backend(device), "options", None)
    timeout: timedelta | None = getattr(options, "_timeout", None)
    own = collectives.new_group(
        collectives.get_process_group_ranks(group),
        backend="nccl" if nccl else "gloo",
        timeout=timeout,
        use_local_synchronization=True,
    )
    if not nccl:
        collectives.barrier(group=own)  # else a rank could go on, and end, before the others have connected to it
    return own


def _before_forward(hook: Hook, resync_every: int, module: Any, args: Any) -> None:
    hook.check()  # before DDP finds the last backward pass unfinished, and guesses at unused parameters
    if module._join_config.enable:
        raise InvalidInput("model.join() is on, but compressed gradients need all ranks in every step; pad the inputs")
    if resync_every and module.training:
        hook.resync(module, resync_every)
