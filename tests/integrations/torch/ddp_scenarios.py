"""What each of two processes does where the means of a hook are looked at."""

import warnings

import numpy as np
import torch
from torch.nn.parallel import DistributedDataParallel

from beforehand.integrations.torch import attach_ddp
from tests.integrations.torch.ddp_models import (
    WORKERS,
    backward,
    batch,
    codec_of,
    gradients,
    loss_of,
    mlp,
    reference,
    wrapped,
)


def means(rank, text, steps, transport, options, wrapping):
    """The gradients of each step, the exact ones, and what the handle says."""
    model = wrapped(mlp(), **wrapping)
    handle = attach_ddp(model, codec_of(text), transport=transport, **options)
    found = [backward(model, rank, step) for step in range(steps)]
    return found, [reference(step) for step in range(steps)], handle.stats()


def dtypes(rank, text, name):
    """The same in another dtype, against torch's own reduction, and the dtype of the gradients."""
    plain, model = (wrapped(mlp().to(getattr(torch, name))) for _ in range(2))
    attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0)
    pairs = [(backward(model, rank, step), backward(plain, rank, step)) for step in range(4)]
    return pairs, str(next(model.parameters()).grad.dtype)


def paused(rank, text):
    """Gradients of steps with the codec on, off and on again; those of torch alone; and bytes after each step."""
    plain, model = wrapped(mlp()), wrapped(mlp())
    handle = attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0)
    pairs, sent = [], []
    for step in range(6):
        (handle.pause if step == 3 else handle.resume)()
        pairs.append((backward(model, rank, step), backward(plain, rank, step)))
        sent.append(handle.stats().sent.total)
    return pairs, sent


def accumulated(rank, text):
    """Two batches before each exchange, and the mean over ranks of their sum."""
    model, alone = wrapped(mlp()), mlp()
    handle = attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0)
    found, exact = [], []
    for step in range(0, 8, 2):
        model.zero_grad()
        with model.no_sync():
            loss_of(model, rank, step).backward()
        loss_of(model, rank, step + 1).backward()
        found.append(gradients(model))
        exact.append(reference(step, alone) + reference(step + 1, alone))
    return found, exact, handle.stats().steps


class Branches(torch.nn.Module):
    """Two ways to the loss, of which each step takes one or both."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.left, self.right = torch.nn.Linear(64, 300), torch.nn.Linear(64, 300)
        self.head = torch.nn.Linear(300, 10)

    def forward(self, x, ways):
        return self.head(sum(getattr(self, way)(x) for way in ways).relu())


def branches(rank, text):
    """Steps in which a branch has no gradient on one rank, or on all."""
    model, alone = wrapped(Branches(), find_unused_parameters=True), Branches()
    attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0)
    both = [("left", "right")] * 2
    ways = [both, both, both, [("left",), ("right",)], [("left",), ("left",)], both]
    found, exact = [], []
    for step, way in enumerate(ways):
        found.append(backward(model, rank, step, way[rank]))
        exact.append(np.mean([backward(alone, each, step, way[each]) for each in range(WORKERS)], axis=0))
    return found, exact


def rebuilt(rank, text):
    """The sums over many steps of the means and of the exact gradients, and the buckets of the first step and the last.

    With feedback they stay together, unless what was left gets lost when torch cuts the buckets anew.
    """
    model, alone = wrapped(mlp()), mlp()
    handle = attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0)
    hook = handle._hook
    hook._warmup = 0  # so that the first step is compressed, in the buckets before the rebuild
    cuts = []
    total = np.zeros((2, 85_002))
    for step in range(20):
        total += backward(model, rank, step % 3), reference(step % 3, alone)
        cuts.append([[name for name, _ in layout.tensors] for layout in hook.cuts])
    kept = handle.state_dict()["kept"]
    rest = {name: value.numpy() for name, value in kept.items()}
    return total, cuts[0], cuts[-1], rest


def not_finite(rank, text, value):
    """Gradients of steps of which rank 1 spoils the fourth."""
    model = wrapped(mlp())
    handle = attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0)
    found = [backward(model, rank, step, scale=value if (rank, step) == (1, 3) else 1.0) for step in range(6)]
    return found, [reference(step) for step in range(6)], handle.stats().fallbacks


def zero(rank, text):
    """Gradients of steps whose losses do not count, and of the one after them."""
    model = wrapped(mlp())
    attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0)
    return [backward(model, rank, step, scale=0.0 if 2 <= step < 4 else 1.0) for step in range(5)], reference(4)


def two_models(rank, text):
    """Two models that take turns, and each alone."""
    found = []
    for turns in ((0, 1), (0,), (1,)):
        models = [wrapped(mlp()) for _ in range(2)]
        handles = [attach_ddp(models[which], codec_of(text), warmup_steps=2, smallest_bucket=0) for which in turns]
        steps = {which: [] for which in turns}
        for step in range(4):
            for which in turns:
                steps[which].append(backward(models[which], rank, step + 10 * which))
        found.append(steps)
        assert len(handles) == len(turns)
    return found


def compiled(rank, text):
    """Gradients of a compiled model and of one that is not."""
    pairs = []
    models = [
        DistributedDataParallel(mlp()) for _ in range(2)
    ]  # the compiler wants the first bucket to be the smallest
    for model in models:
        attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the compiler
        graph = torch.compile(models[0], backend="aot_eager")
        for step in range(4):
            x, y = batch(rank, step)
            models[0].zero_grad()
            torch.nn.functional.cross_entropy(graph(x), y).backward()
            pairs.append((gradients(models[0]), backward(models[1], rank, step)))
    return pairs


def resynced(rank, text):
    """Whether parameters differ between ranks before and after forward passes, in training and outside of it."""
    model = wrapped(mlp())
    attach_ddp(model, codec_of(text), resync_every=2)
    found = []
    for step in range(4):
        with torch.no_grad():
            next(model.parameters())[0, 0] = rank
        model.eval()
        if rank == 0:
            model(batch(rank, step)[0])  # no rank waits for another
        model.train()
        backward(model, rank, step)
        found.append(float(next(model.parameters()).detach()[0, 0]))
    return found


def complex_parameters(rank, text):
    """The gradient of a bucket that holds complex numbers, after warmup, and the true one."""

    class Turned(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.factor = torch.nn.Parameter(torch.ones(700, dtype=torch.complex64))

        def forward(self, x):
            return (self.factor * x).sum().abs()

    model = DistributedDataParallel(Turned())
    attach_ddp(model, codec_of(text), smallest_bucket=0, warmup_steps=2)
    inputs = [torch.polar(torch.ones(700), torch.arange(700.0) * (1 + each)) for each in range(WORKERS)]
    for _ in range(4):
        model.zero_grad()
        model(inputs[rank]).backward()
    alone = [Turned() for _ in inputs]
    for each, x in zip(alone, inputs, strict=True):
        each(x).backward()
    truth = sum(torch.view_as_real(each.factor.grad) for each in alone) / WORKERS
    return torch.view_as_real(model.module.factor.grad).numpy(), truth.numpy()


def alone(rank, text):
    """A group of one rank: gradients with the hook and without."""
    group = torch.distributed.new_group([rank], use_local_synchronization=True)
    model, plain = wrapped(mlp(), process_group=group), mlp()
    handle = attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0)
    pairs = [(backward(model, rank, step), backward(plain, rank, step)) for step in range(4)]
    return pairs, handle.stats().sent.total, handle.stats().explain()
