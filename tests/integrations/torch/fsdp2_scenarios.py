"""What each process does in the tests of FSDP2."""

import time
import warnings

import torch
from torch import nn
from torch.distributed._composable.replicate_with_fsdp import replicate
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.fsdp._fully_shard._fsdp_common import FSDPMeshInfo, ShardPlacementResult
from torch.distributed.tensor import Shard

from beforehand.core.errors import BeforehandError
from beforehand.gradients import THC, BlockInt, Cast, LowRank
from beforehand.gradients.codecs import codec_from_json
from beforehand.integrations.torch import attach_fsdp2

BATCH = 8  # of all processes together


class Net(nn.Module):
    """Two layers of 19,264 and 18,422 parameters, whose rows do not divide by 2 or 4, and a small one."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.last = nn.Linear(63, 301), nn.Linear(301, 61), nn.Linear(61, 5)

    def forward(self, x, skip=False):
        x = torch.relu(self.first(x))
        return x[:, :5].clone() if skip else self.last(torch.relu(self.second(x)))


def sharded(policy=None, mesh=None):
    """The model with its two large layers sharded for themselves."""
    net = Net()
    options = {"mesh": mesh} | ({"mp_policy": policy} if policy else {})
    for layer in (net.first, net.second):
        fully_shard(layer, **options)
    return fully_shard(net, **options)


def batch(step):
    """Inputs of all processes."""
    draw = torch.Generator().manual_seed(step)
    return torch.randn(BATCH, 63, generator=draw)


def share(rows, rank, workers):
    """What one process sees of a batch."""
    return rows[rank * len(rows) // workers : (rank + 1) * len(rows) // workers]


def loss_of(net, x):
    """Some loss that is a mean over samples."""
    return (net(x) ** 2).mean()


def gradients(net):
    """All of a sharded model's gradient."""
    return torch.cat([each.grad.full_tensor().float().reshape(-1) for each in net.parameters()])


def mean_gradient(rank, workers, alone, force_sum):
    """The largest relative distance in 20 steps from the gradient of one process that sees the whole batch."""
    mesh = init_device_mesh("cpu", (workers, 1), mesh_dim_names=("each", "alone"))["alone"] if alone else None
    seen, place = (1, 0) if alone else (workers, rank)
    net, reference = sharded(mesh=mesh), Net()
    handle = attach_fsdp2(net, codec_from_json('{"codec": "Cast", "dtype": "float32"}'))
    if force_sum:
        for each in net.modules():
            if hasattr(each, "set_gradient_divide_factor"):
                each.set_gradient_divide_factor(1.0)
                each.set_force_sum_reduction_for_comms(True)
    optimizers = [torch.optim.SGD(each.parameters(), lr=0.1, momentum=0.9) for each in (net, reference)]
    worst = 0.0
    for step in range(20):
        x = batch(step)
        loss_of(net, share(x, place, seen)).backward()
        loss_of(reference, x).backward()
        if force_sum:
            for each in net.parameters():
                each.grad /= seen
        exact = torch.cat([each.grad.reshape(-1) for each in reference.parameters()])
        worst = max(worst, float((gradients(net) - exact).norm() / exact.norm()))
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
    return worst, handle.stats()


def replicated_shards(rank, text):
    """On a mesh of two by two: the squared distance from the gradient of one process that sees all, and the stats."""
    net, reference = sharded(mesh=init_device_mesh("cpu", (2, 2), mesh_dim_names=("replicas", "shards"))), Net()
    handle = attach_fsdp2(net, codec_from_json(text))
    loss_of(net, share(batch(0), rank, 4)).backward()
    loss_of(reference, batch(0)).backward()
    exact = torch.cat([each.grad.reshape(-1) for each in reference.parameters()])
    return float(((gradients(net) - exact).norm() / exact.norm()) ** 2), handle.stats()


def scattered(rank, text, lengths, given):
    """What the hook leaves in its output, as a mean and as a sum, for these rows of all processes; and bytes."""
    group, codec = torch.distributed.group.WORLD, codec_from_json(text)
    hook = attached(codec)
    found = []
    for length in lengths:
        rows = torch.from_numpy(given[length][rank].reshape(-1).copy())
        for op in (torch.distributed.ReduceOp.AVG, torch.distributed.ReduceOp.SUM):
            output = hook.allocate((length,), dtype=torch.float32, device=rows.device)
            hook(output_tensor=output, input_tensor=rows, group=group, op=op)
            found.append(output.numpy())
    return found


def attached(codec):
    """The hook of the first layer of a sharded model."""
    net = sharded()
    attach_fsdp2(net, codec)
    return net.first._get_fsdp_state()._fsdp_param_groups[0]._reduce_scatter_comm


def compared(rank, text, reduce_dtype):
    """A gradient through a codec, torch's own in the same dtype, and the exact one in float32; and the stats."""
    policy = MixedPrecisionPolicy(reduce_dtype=getattr(torch, reduce_dtype))
    found = []
    for each in (policy, policy, None):
        net = sharded(each)
        handle = None if found else attach_fsdp2(net, codec_from_json(text))
        loss_of(net, share(batch(0), rank, 2)).backward()
        found.append((gradients(net).numpy(), handle and handle.stats()))
    return [gradient for gradient, _ in found], found[0][1]


def accumulated(rank):
    """Two backward passes of which only the second reduces, against both at once; and how often modules reduced."""
    net, other = sharded(), sharded()
    handle = attach_fsdp2(net, Cast("float32"))
    for step, last in enumerate((False, True)):
        net.set_requires_gradient_sync(last)
        loss_of(net, share(batch(step), rank, 2)).backward()
        loss_of(other, share(batch(step), rank, 2)).backward()
    return float((gradients(net) - gradients(other)).norm() / gradients(other).norm()), handle.stats().steps


def unused(rank):
    """Steps in which some layers have no gradient: relative distances from torch's own gradients, and the stats."""
    net, other = sharded(), sharded()
    handle = attach_fsdp2(net, BlockInt())
    errors = []
    for step in range(4):
        for each in (net, other):
            each.zero_grad()
            (each(share(batch(step), rank, 2), skip=step % 2 == 1) ** 2).mean().backward()
        assert [each.grad is None for each in net.parameters()] == [each.grad is None for each in other.parameters()]
        mine, theirs = (
            torch.cat([each.grad.full_tensor().reshape(-1) for each in one.parameters() if each.grad is not None])
            for one in (net, other)
        )
        errors.append(float((mine - theirs).norm() / theirs.norm()))
    return errors, handle.stats()


def not_finite(rank, bad):
    """Gradients where one process had such an input, torch's own, and those of the next step; and the stats."""
    net, other = sharded(), sharded()
    handle = attach_fsdp2(net, THC())
    found = []
    for step in range(2):
        x = share(batch(step), rank, 2).clone()
        if rank == 1 and step == 0:
            x[0, 0] = bad
        for each in (net, other):
            each.zero_grad()
            loss_of(each, x).backward()
            found.append(gradients(each).numpy())
    return found, handle.stats()


def paused(rank):
    """Whether three steps, of which the second was paused, were exact."""
    net, other = sharded(), sharded()
    handle = attach_fsdp2(net, THC())
    exact = []
    for step in range(3):
        (handle.pause if step == 1 else handle.resume)()
        for each in (net, other):
            each.zero_grad()
            loss_of(each, share(batch(step), rank, 2)).backward()
        exact.append(bool(torch.allclose(gradients(net), gradients(other), rtol=1e-5, atol=1e-8)))
    return exact, handle.stats()


def resumed(rank):
    """Whether a run that loads what another kept goes on with its bits, and what a stranger's state raises."""
    net, handle = trained(rank, range(4))
    model, kept = {name: each.clone() for name, each in net.state_dict().items()}, handle.state_dict()
    trained(rank, range(4, 6), net)
    again, other = sharded(), {**kept, "rank": 1 - rank}
    again.load_state_dict(model)
    handle = attach_fsdp2(again, THC())
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        handle.load_state_dict(other)
    steps = handle.stats().steps
    said = [str(each.message) for each in told]
    for state, strict in (
        (other, True),
        ({**kept, "codec": "{}"}, False),
        ({**kept, "kept": {"step//x": torch.tensor(1)}}, False),
    ):
        said.append(raised(handle.load_state_dict, state, strict=strict))
    handle.load_state_dict(kept)
    trained(rank, range(4, 6), again)
    same = all(torch.equal(*both) for both in zip(full(net), full(again), strict=True))
    return same, steps, said


def trained(rank, steps, net=None):
    """A model after so many steps with THC, and its handle if it is new."""
    handle = None
    if net is None:
        net = sharded()
        handle = attach_fsdp2(net, THC())
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    for step in steps:
        loss_of(net, share(batch(step), rank, 2)).backward()
        optimizer.step()
        optimizer.zero_grad()
    return net, handle


def full(net):
    """All weights."""
    return [each.full_tensor() for each in net.state_dict().values()]


def raised(function, *args, **options):
    """What it raises, in words."""
    try:
        function(*args, **options)
    except BeforehandError as error:
        return f"{type(error).__name__}: {error}"
    return "nothing"


def refused(rank):
    """What attaching raises, by what is wrong."""
    world, alone = torch.distributed.group.WORLD, torch.distributed.new_group([rank], use_local_synchronization=True)
    attached_already, of_its_own, from_group = sharded(), sharded(), sharded()
    attach_fsdp2(attached_already, Cast())
    of_its_own.second.set_custom_reduce_scatter(attached_already)
    from_group.set_allocate_memory_from_process_group_for_comm(True)
    replicated = Net()
    replicate(replicated, mesh=init_device_mesh("cpu", (2,)))
    shallow = fully_shard(Net())
    cases = {
        "plain": (Net(), THC(), {}),
        "replicated": (replicated, THC(), {}),
        "several": (several(), THC(), {}),
        "empty": (fully_shard(nn.ReLU()), THC(), {}),
        "codec": (sharded(), LowRank(), {}),
        "lanes": (sharded(), THC(granularity=200), {}),
        "threads": (sharded(), THC(), {"threads": 0}),
        "twice": (attached_already, THC(), {}),
        "own": (of_its_own, THC(), {}),
        "memory": (from_group, THC(), {}),
        "group": (sharded(), THC(), {"process_group": alone}),
        "codecs": (sharded(), THC(seed=rank), {}),
        "one": (sharded(), THC() if rank == 0 else LowRank(), {}),
        "models": (shallow if rank == 0 else fully_shard(nn.Linear(9, 9)), THC(), {}),
        "units": (sharded() if rank == 0 else shallow, THC(), {}),
    }
    found = {name: raised(attach_fsdp2, net, codec, **options) for name, (net, codec, options) in cases.items()}
    attach_fsdp2(sharded(), THC(), process_group=world)
    return found


def several():
    """A module whose weights and biases are sharded over meshes of their own."""
    both, one = init_device_mesh("cpu", (2,)), init_device_mesh("cpu", (2, 1), mesh_dim_names=("a", "b"))["b"]
    where = [FSDPMeshInfo(each, shard_mesh_dim=0) for each in (one, both)]
    net = nn.Linear(6, 8)
    return fully_shard(
        net, mesh=both, shard_placement_fn=lambda each: ShardPlacementResult(Shard(0), where[each.ndim - 1])
    )


def divided(rank):
    """What a divide factor that only NCCL can apply raises in the backward pass."""
    net = sharded()
    attach_fsdp2(net, THC())
    for each in (net, net.first, net.second):
        each.set_gradient_divide_factor(3.0)
    return raised(loss_of(net, share(batch(0), rank, 2)).backward)


def left_alone(rank):
    """What the backward pass raises when the other process fails in its own, and after how many seconds."""
    net = sharded()
    attach_fsdp2(net, THC())
    if rank == 1:
        net.second.register_forward_pre_hook(failing)
    loss = loss_of(net, share(batch(0), rank, 2))
    began = time.monotonic()
    try:
        loss.backward()
    except Exception as error:
        return f"{type(error).__name__}: {error}", time.monotonic() - began


def failing(module, inputs):
    """Let the backward pass fail where it has passed the module."""
    inputs[0].register_hook(no_gradient)


def no_gradient(gradient):
    """A hook of a tensor."""
    raise ValueError("no gradient today")


def doubled(rank):
    """Whether gradients in float64 are torch's own, and the stats."""
    net, other = (sharded_double() for _ in range(2))
    handle = attach_fsdp2(net, THC())
    for each in (net, other):
        (each(share(batch(0), rank, 2).double()) ** 2).mean().backward()
    return torch.equal(net.weight.grad.full_tensor(), other.weight.grad.full_tensor()), handle.stats()


def sharded_double():
    torch.manual_seed(0)
    return fully_shard(nn.Linear(63, 301, dtype=torch.float64))
