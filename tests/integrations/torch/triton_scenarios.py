"""What each process does in the tests of the driver and of the hook on a device."""

import json

import numpy as np
import torch

from beforehand import gradients as area
from beforehand.gradients import Layout
from beforehand.integrations.torch import attach_ddp, compress_delta
from beforehand.integrations.torch.drivers import GroupDriver
from beforehand.integrations.torch.phases import Rounds
from beforehand.integrations.triton import choice
from tests.integrations.torch.driver_scenarios import row

SIZES = (1, 1023, 2**12 + 1)


def _codec(text):
    return getattr(area, json.loads(text)["codec"]).from_json(text)


def rounds(rank, kind, text, reduction, workers):
    """Means of two rounds at each size, and the bytes sent."""
    device, host = torch.device(kind), GroupDriver()
    carrier, found = choice.carrier(host), []
    opened = choice.opener(_codec(text), device, rank, workers, reduction, None)
    for size in SIZES:
        running = Rounds(opened(Layout([("weight", (size,))]), 0, 0))
        given = [torch.tensor(row(rank, size, step), device=device) for step in range(2)]
        found.append([running.run(each, carrier, host.phases).cpu().numpy() for each in given])
    return found, tuple(host.sent)


class Told(torch.nn.Module):
    """A model whose gradients are what it is told, whatever a device rounds."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(60, 40))
        self.bias = torch.nn.Parameter(torch.zeros(60))

    def forward(self, gradient):
        return (self.weight * gradient[:2400].view(60, 40)).sum() + (self.bias * gradient[2400:]).sum()


def told(rank, kind, text, transport):
    """The gradients that the hook leaves in each step, what it keeps, and what it says.

    `kind` is a device whose kernels code, or "host".
    """
    choice.runs_on = lambda *_: kind != "host"
    device = torch.device("cpu" if kind == "host" else kind)
    model = Told().to(device)
    grouped = torch.nn.parallel.DistributedDataParallel(model)
    handle = attach_ddp(
        grouped, _codec(text), transport=transport, warmup_steps=2, smallest_bucket=0, vnmse_every=2, threads=1
    )
    found = []
    for step in range(5):
        given = row(rank, 2460, step) + 2 * row(7, 2460, step)
        given[0] = np.inf if step == 3 else given[0]
        model.zero_grad()
        grouped(torch.tensor(given, device=device)).backward()
        found += [each.grad.cpu().numpy() for each in model.parameters()]
    return found, handle.state_dict(), handle.stats()


def averaged(rank, kind, text):
    """Two means of deltas, and what the next call would go on from; `kind` as for `told`."""
    choice.runs_on = lambda *_: kind != "host"
    device = torch.device("cpu" if kind == "host" else kind)
    state, means = {}, []
    for step in range(2):
        before = [torch.tensor(row(rank, size, step), device=device) for size in (1500, 40)]
        after = [each * 0.5 for each in before]
        means += [each.cpu().numpy() for each in compress_delta(before, after, _codec(text), state=state)]
    return means, state["kept"]
