"""What each of two processes does where a hook is saved, loaded, watched or gone."""

import gc
import threading
import warnings

import numpy as np
import torch

from beforehand.integrations.torch import attach_ddp
from tests.integrations.torch.ddp_models import backward, codec_of, mlp, parameters, wrapped


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
