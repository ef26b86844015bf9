"""Encoders of a device among those of the host: their tensors travel as arrays."""

import torch

from beforehand.gradients import Combine, Sum
from beforehand.integrations.triton.thc import DeviceTHC


class Hosted:
    """A `DeviceTHC` that `drive_local` takes for an encoder."""

    def __init__(self, codec, layout, device, **options):
        self.encoder = DeviceTHC(codec, layout, device, **options)
        self.workers = self.encoder.workers
        self._device = device

    @property
    def last(self):
        return self.encoder.last

    def reduce(self, gradient, *, loss_scale=1.0):
        running = self.encoder.reduce(torch.tensor(gradient, device=self._device), loss_scale=loss_scale)
        answer = None
        while True:
            try:
                exchange = running.send(answer)
            except StopIteration as done:
                return done.value.cpu().numpy()
            if isinstance(exchange, Sum):
                answer = torch.tensor((yield Sum(exchange.values.cpu().numpy())), device=self._device)
            elif isinstance(exchange, Combine):
                answer = torch.tensor((yield Combine(HostedShards(exchange.shards))), device=self._device)
            else:
                answer = yield exchange


class HostedShards:
    """`DeviceShards` of which messages are arrays. A total is the list of what was added."""

    def __init__(self, shards):
        self._shards, self._device = shards, shards.encode(0, shards.size).device
        self.size, self.unit = shards.size, shards.unit

    def encode(self, first, last):
        return self._shards.encode(first, last).cpu().numpy()

    def accumulate(self, total, message):
        return [*(total or []), torch.tensor(message, device=self._device)]

    def finish(self, total, count):
        assert len(total) == count
        return self._shards.add(torch.stack(total)).cpu().numpy()

    def decode(self, message, first, last, count):
        return self._shards.decode(torch.tensor(message, device=self._device), first, last, count).cpu().numpy()
