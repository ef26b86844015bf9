"""Compression of what an outer loop exchanges: the way that parameters went since the last time."""

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from beforehand.core.errors import BeforehandError, InvalidInput
from beforehand.gradients import THC, Layout, LowRank, Table
from beforehand.gradients.codec import Codec
from beforehand.gradients.codecs import check_codec
from beforehand.integrations.torch import state as states
from beforehand.integrations.torch.agree import agreed
from beforehand.integrations.torch.bucket_encoders import BucketEncoders
from beforehand.integrations.torch.drivers import GroupDriver
from beforehand.integrations.torch.host import torch_for
from beforehand.integrations.torch.opening import opener, reduction_of
from beforehand.integrations.triton import choice

if TYPE_CHECKING:
    import torch
    from torch.distributed import ProcessGroup

BUCKET = 2**23  # coordinates that are averaged at a time, unless one tensor has more


def compress_delta(
    parameters_before: "Iterable[torch.Tensor]",
    parameters_after: "Iterable[torch.Tensor]",
    codec: Codec,
    group: "ProcessGroup | None" = None,
    *,
    state: dict[str, Any],
) -> "list[torch.Tensor]":
    """Average over ranks how far parameters went, as the pseudo-gradients of an outer optimizer.

    Call it on all ranks, after each of them has trained by itself for a while.

    Args:
        parameters_before: Equal on all ranks, as they were after the last exchange.
        parameters_after: The same ones now.
        codec: How the differences travel.
        group: Whose ranks exchange; None is the default one.
        state: A dict of yours, empty at first. It holds what the codec keeps from one call to the next, and the number
            of calls; hand in the same one each time, and save it with each rank's checkpoint.

    Returns:
        The mean of before - after for each parameter, in its shape, dtype and place. This is `parameter.grad` of an
        outer optimizer, which then steps from `parameters_before`.

    Guarantee:
        All ranks get the same bits, but for `LowRank` on machines of several kinds. Differences that are not finite
        are averaged exactly.

    Cost:
        A copy of the parameters in float32, some 32 MiB at a time, and what the codec costs. Waits as long as the group
        does.

    Raises:
        MissingDependency: torch is not installed.
        InvalidInput: Parameters before and after have different shapes; ranks were given different codecs or
            parameters, or differ in the number of calls; `state` is of another codec. On all ranks.
        CapacityExceeded: Sums of so many ranks do not fit the lanes.
        CorruptData: `state` is nothing that this function wrote.

    Example:
        DiLoCo's outer loop, with 500 steps in between::

            state = {}
            for outer in range(100):
                before = [each.detach().clone() for each in model.parameters()]
                train(model, steps=500)
                mean = compress_delta(before, model.parameters(), TopKChunked(), state=state)
                with torch.no_grad():
                    for parameter, at, step in zip(model.parameters(), before, mean):
                        parameter.copy_(at)
                        parameter.grad = step
                outer_optimizer.step()

    Reference:
        Douillard et al.: DiLoCo: Distributed Low-Communication Training of Language Models. arXiv:2311.08105.
    """
    torch = torch_for("compress_delta")
    before, after = list(parameters_before), [each.detach() for each in parameters_after]
    driver = GroupDriver(group)
    problem: BeforehandError | None = None
    offer: tuple[Table, ...] | None = None
    step, kept = 0, dict[str, Any]()
    if isinstance(codec, LowRank):
        codec = replace(codec, start_step=0)  # which is for the buckets of DDP, that are cut anew
    try:
        check_codec(codec)
        _check(before, after)
        offer = codec.tables(driver.workers) if isinstance(codec, THC) else None
        step, kept = states.loaded(codec, driver, state, strict=False) if state else (0, {})
        _encoders(codec, driver, offer).rounds(Layout([("probe", (1,))]), 0, 0)
    except BeforehandError as error:
        problem = error
    facts = {
        "codec": codec.to_json() if problem is None else "",
        "the number of calls": str(step),
        "the parameters": str([tuple(each.shape) for each in before]),
    }
    tables = agreed(group, facts, problem, offer)
    if driver.workers == 1:
        return [old - new for old, new in zip(before, after, strict=True)]
    device, carrier = before[0].device, None
    if choice.runs_on(device, codec):
        reduction, carrier = reduction_of(codec, "auto"), choice.carrier(driver)
        encoders = BucketEncoders(choice.opener(codec, device, driver.rank, driver.workers, reduction, tables))
    else:
        encoders = _encoders(codec, driver, tables)
    encoders.load(kept)
    found: list[Any] = [torch.zeros_like(each) for each in before]
    for bucket, members in enumerate(_buckets([each.numel() for each in before])):
        layout = Layout((str(i), tuple(before[i].shape)) for i in members)
        given = torch.cat([(before[i].float() - after[i].float()).reshape(-1) for i in members])
        rounds = encoders.rounds(layout, bucket, step)
        if carrier is None:
            mean = torch.from_numpy(rounds.run(given.cpu().numpy(), driver, driver.phases))
        else:
            mean = rounds.run(given, carrier, driver.phases)
        for i, where in zip(members, layout.slices.values(), strict=True):
            found[i].copy_(mean[where].view(before[i].shape))
    state.clear()
    state.update(states.state_dict(codec, driver, step + 1, encoders.state()))
    return found


def _check(before: list[Any], after: list[Any]) -> None:
    shapes = [[tuple(each.shape) for each in given] for given in (before, after)]
    if shapes[0] != shapes[1] or not any(each.numel() for each in before):
        raise InvalidInput(
            f"parameters have the shapes {shapes[0]} before and {shapes[1]} after, but must have the same ones, and "
            "at least one coordinate"
        )


def _encoders(codec: Codec, driver: GroupDriver, tables: tuple[Table, ...] | None) -> BucketEncoders:
    return BucketEncoders(opener(codec, driver.rank, driver.workers, reduction_of(codec, "auto"), tables, 1))


def _buckets(sizes: list[int]) -> list[list[int]]:
    """Runs of tensors that are averaged together, those without coordinates left out."""
    cut: list[list[int]] = [[]]
    held = 0
    for i, size in enumerate(sizes):
        if held and held + size > BUCKET:
            cut.append([])
            held = 0
        if size:
            cut[-1].append(i)
            held += size
    return cut
