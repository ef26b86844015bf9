"""Compression of the gradients of modules that torch's `fully_shard` shards: FSDP2."""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from beforehand import __version__
from beforehand.core.errors import BeforehandError, InvalidInput
from beforehand.gradients import THC, Layout
from beforehand.gradients.codec import Codec
from beforehand.gradients.codecs import check_codec
from beforehand.gradients.inputs import whole
from beforehand.gradients.reduce_scatter import open_rows
from beforehand.integrations.torch.agree import agreed
from beforehand.integrations.torch.drivers import GroupDriver
from beforehand.integrations.torch.host import torch_for
from beforehand.integrations.torch.scattering import CodedReduceScatter, Opened, Shared
from beforehand.integrations.torch.sharded_handle import ShardedHandle

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup
    from torch.distributed.fsdp import FSDPModule


def attach_fsdp2(
    module: "FSDPModule", codec: Codec, *, process_group: "ProcessGroup | None" = None, threads: int = 1
) -> ShardedHandle:
    """Scatter the gradients of a sharded model through a codec, in the backward pass.

    Call it once on every rank, after the last `fully_shard` and before the first step. It covers the module and all in
    it that are sharded for themselves.

    Args:
        module: What `fully_shard` was called with last: the model.
        codec: `THC(bits=4)`, `BlockInt`, `BlockFloat8` or `Cast`, without feedback.
        process_group: Whose ranks exchange, those of the module's mesh in the same order; None is the mesh's own.
        threads: For each transform; results do not depend on it.

    Guarantee:
        Each rank's shard of the gradient is the mean that torch asks for, or the sum, of what the ranks' codes stand
        for, each rounded once. `Cast("float32")` gives torch's own result but for the order of additions. With THC a
        round in which a number is not finite is exact, on all ranks; in blocks, a whole block becomes NaN. Modules of
        fewer than 16,384 parameters are exact. No setting of the module is changed.

    Cost:
        THC sends 0.5 (n - 1) / n bytes for each parameter from each of n ranks, 8 times less than float32, and nothing
        comes back. One exchange takes place at a time, in the thread of the backward pass; tensors of a device are
        copied to the host and back. One buffer of the largest module's gradient in float32, for all modules together.
        On one rank torch does not reduce.

    Raises:
        MissingDependency: torch is not installed.
        InvalidInput: The module is not sharded, has no parameters, or several groups of them; it has a reduce-scatter
            of its own, or torch allocates its memory; the codec cannot scatter; ranks were given different codecs or
            models. In the first backward pass: the divide factor is one that only NCCL applies.
        CapacityExceeded: Sums of so many ranks do not fit the lanes.

    Example:
        After the model is sharded, on every rank::

            for layer in model.layers:
                fully_shard(layer)
            fully_shard(model)
            handle = attach_fsdp2(model, THC(bits=4))
            train(model)
            print(handle.stats().sent)
    """
    torch = torch_for("attach_fsdp2")
    sharded = torch.distributed.fsdp.FSDPModule
    if not isinstance(module, sharded):
        raise InvalidInput(f"module is a {type(module).__name__}, but must be sharded first; call fully_shard(module)")
    units = [
        _Unit(name, each, group)
        for name, each in module.named_modules()
        if isinstance(each, sharded)
        for group in each._get_fsdp_state()._fsdp_param_groups
    ]
    if not units:
        raise InvalidInput("module has no parameters, so that there is nothing to reduce; attach the model itself")
    groups = list({id(group): group for group in (process_group or unit.mesh_group for unit in units)}.values())
    problem: BeforehandError | None = None
    try:
        check_codec(codec)
        whole("threads", threads, 1)
        for unit in units:
            _check_unit(unit, process_group)
        for group in groups:
            _opener(codec, group, len(units) - 1, threads)(1)
    except BeforehandError as error:
        problem = error
    for group in groups:  # a rank with a problem tells it to every group, so that none waits
        try:
            agreed(group, _facts(codec, module, units, group if problem is None else None), problem, None)
        except BeforehandError as error:
            problem = error
    if problem is not None:
        raise problem
    shared = Shared()
    drivers = {id(group): GroupDriver(group, phases=shared.phases) for group in groups}
    hooks: dict[str, CodedReduceScatter] = {}
    for bucket, unit in enumerate(units):
        group = process_group or unit.mesh_group
        hooks[unit.name] = CodedReduceScatter(
            bucket, _opener(codec, group, bucket, threads), drivers[id(group)], shared
        )
        unit.module.set_custom_reduce_scatter(hooks[unit.name])
    return ShardedHandle(codec, hooks, list(drivers.values()), shared)


class _Unit(NamedTuple):
    """A module that is sharded for itself, and the group of its parameters as torch keeps it."""

    name: str
    module: Any
    parameters: Any

    @property
    def mesh_group(self) -> Any:
        """The ranks that hold its shards.

        Raises:
            InvalidInput: Every rank holds all of it.
        """
        mesh = self.parameters.mesh_info
        if not hasattr(mesh, "shard_process_group"):
            raise InvalidInput(f"{self.name or 'module'} is replicated, not sharded; call fully_shard")
        return mesh.shard_process_group


def _check_unit(unit: _Unit, process_group: Any) -> None:
    name, collectives = unit.name or "module", torch_for("attach_fsdp2").distributed
    if len(unit.module._get_fsdp_state()._fsdp_param_groups) > 1:
        raise InvalidInput(f"{name} has several groups of parameters, on meshes of their own; shard them one by one")
    kind = type(unit.parameters._reduce_scatter_comm).__name__
    if kind == CodedReduceScatter.__name__:
        raise InvalidInput(f"{name} is attached already; attach once, after the last fully_shard")
    if kind != "DefaultReduceScatter":
        raise InvalidInput(
            f"{name} reduces by a {kind}, but must have torch's default; call neither set_custom_reduce_scatter nor "
            "set_allocate_memory_from_process_group_for_comm before"
        )
    if process_group is not None:
        given, mesh = (collectives.get_process_group_ranks(each) for each in (process_group, unit.mesh_group))
        if given != mesh:
            raise InvalidInput(f"process_group has ranks {given}, but {name} is sharded over {mesh}; pass those")


def _opener(codec: Codec, group: Any, bucket: int, threads: int) -> Opened:
    collectives = torch_for("attach_fsdp2").distributed
    return partial(
        open_rows,
        codec,
        rank=collectives.get_rank(group),
        workers=collectives.get_world_size(group),
        bucket=bucket,
        threads=threads,
        draws=collectives.get_rank(),  # of all ranks, as those of other replicas must not err alike
    )


def _facts(codec: Codec, module: Any, units: Sequence[_Unit], group: Any) -> dict[str, str]:
    """What all ranks of a group must have in common; without a group what a rank with a problem can tell."""
    torch = torch_for("attach_fsdp2")
    facts = {
        "codec": "" if group is None else codec.to_json(),
        "torch": torch.__version__,
        "beforehand": __version__,
        "the digest of the parameters": Layout((name, each.shape) for name, each in module.named_parameters()).digest,
        "what is sharded for itself": ", ".join(unit.name or "module" for unit in units),
    }
    if isinstance(codec, THC) and group is not None:
        tables = codec.tables(torch.distributed.get_world_size(group))
        facts["the digest of the tables"] = " ".join(table.digest for table in tables)
    return facts
