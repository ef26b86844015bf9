"""What each of two processes does in the tests of the hook."""

import contextlib
import gc
import json
import threading
import time
import warnings

import numpy as np
import torch
from torch.distributed.algorithms.ddp_comm_hooks.default_hooks import allreduce_hook
from torch.distributed.fsdp import fully_shard
from torch.nn.parallel import DistributedDataParallel

from beforehand import gradients as area
from beforehand.integrations.torch import attach_ddp, attach_fsdp2, compress_delta

WORKERS = 2


def codec_of(text):
    return getattr(area, json.loads(text)["codec"]).from_json(text)


def mlp():
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(64, 256), torch.nn.ReLU(), torch.nn.Linear(256, 256), torch.nn.ReLU(), torch.nn.Linear(256, 10)
    )


class Branches(torch.nn.Module):
    """Two ways to the loss, of which each step takes one or both."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.left, self.right = torch.nn.Linear(64, 300), torch.nn.Linear(64, 300)
        self.head = torch.nn.Linear(300, 10)

    def forward(self, x, ways):
        return self.head(sum(getattr(self, way)(x) for way in ways).relu())


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


def parameters(model):
    return np.concatenate([each.detach().numpy().ravel() for each in model.parameters()])


def trained(model, rank, steps):
    """Parameters after steps of an optimizer."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05)
    for step in steps:
        backward(model, rank, step)
        optimizer.step()
    return parameters(model)


def checkpoint(rank, text, path, at, steps):
    """Train and save in the middle; the parameters at the end."""
    model = wrapped(mlp())
    handle = attach_ddp(model, codec_of(text), smallest_bucket=2000)
    trained(model, rank, range(at))
    saved = {"model": model.module.state_dict(), "compression": handle.state_dict()}
    torch.save(saved, f"{path}/{rank}.pt")
    return trained(model, rank, range(at, steps))


def resume(rank, text, path, at, steps):
    """What `checkpoint` saved, trained to the end; the parameters, and what the buckets were at first and at last."""
    saved = torch.load(f"{path}/{rank}.pt", weights_only=True)
    model = wrapped(mlp())
    model.module.load_state_dict(saved["model"])
    handle = attach_ddp(model, codec_of(text), smallest_bucket=2000)
    handle.load_state_dict(saved["compression"], strict=True)
    return trained(model, rank, range(at, steps)), handle.stats().steps


def loads(rank, text, path, whose, changes, strict):
    """The step after a state was loaded that is not this rank's own, or was changed; and the warnings."""
    state = torch.load(f"{path}/{whose}.pt", weights_only=True)["compression"] | changes
    if "kept" in changes:
        arrays = changes["kept"].items()
        state["kept"] = {name: torch.from_numpy(v) if isinstance(v, np.ndarray) else v for name, v in arrays}
    handle = attach_ddp(wrapped(mlp()), codec_of(text))
    torch.distributed.barrier()  # the other rank is attached too, before one may raise
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        handle.load_state_dict(state, strict)
    kept = handle.state_dict()
    return kept["step"], sorted(kept["kept"]), [str(each.message) for each in caught]


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


def profiled(rank, text):
    """The ranges that the profiler shows of one step."""
    model = wrapped(mlp())
    attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0)
    for step in range(4):
        backward(model, rank, step)
    every = torch._C._profiler._ExperimentalConfig(profile_all_threads=True)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], experimental_config=every) as profile:
        backward(model, rank, 4)
    return sorted(each.key for each in profile.key_averages() if each.key.startswith("beforehand"))


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


def ended(rank, text):
    """How many threads exchange while there is a model, and after it is gone."""
    model = wrapped(mlp())
    handle = attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0)
    for step in range(3):
        backward(model, rank, step)
    found = [sum(each.name == "beforehand" for each in threading.enumerate())]
    del model, handle
    gc.collect()
    return [*found, sum(each.name == "beforehand" for each in threading.enumerate())]


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


def alone(rank, text):
    """A group of one rank: gradients with the hook and without."""
    group = torch.distributed.new_group([rank], use_local_synchronization=True)
    model, plain = wrapped(mlp(), process_group=group), mlp()
    handle = attach_ddp(model, codec_of(text), warmup_steps=2, smallest_bucket=0)
    pairs = [(backward(model, rank, step), backward(plain, rank, step)) for step in range(4)]
    return pairs, handle.stats().sent.total, handle.stats().explain()


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
