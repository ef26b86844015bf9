"""What carries exchanges of tensors on a GPU: collectives of the group, for NCCL with no copy on the host."""

from typing import Any, final

import torch
from torch import distributed

from beforehand.gradients import Combine, Gather, WireBytes
from beforehand.gradients.exchange import Exchange
from beforehand.gradients.wire import shard_cuts, shard_length, summed
from beforehand.integrations.torch.drivers import GroupDriver
from beforehand.integrations.triton.thc import DeviceShards


@final
class DeviceDriver:
    """`GroupDriver` for what `DeviceTHC` exchanges: tensors, and norms, which go by the host.

    Args:
        host: The driver of the same group. It also counts what is sent, and the seconds of each phase.

    Cost:
        Seconds are those of the thread, which queues kernels and waits for few of them.
    """

    def __init__(self, host: GroupDriver) -> None:
        self._host = host
        self._copies = distributed.get_backend(host.group) != "nccl"

    def answer(self, exchange: Exchange) -> Any:
        """Take part in the exchange with the other processes."""
        if isinstance(exchange, Gather):
            return self._host.answer(exchange)
        if isinstance(exchange, Combine):
            shards: Any = exchange.shards
            return self._combine(shards)
        values: Any = exchange.values
        with self._host.phases.phase("exchange"):
            total = self._near(values.clone())  # the encoder keeps its own
            distributed.all_reduce(total, group=self._host.group)
        self._sent(summed(total.nbytes, self._host.workers))
        return total.to(values.device)

    def _combine(self, shards: DeviceShards) -> torch.Tensor:
        """Two-shot, with the messages of `GroupDriver`."""
        host, size, n = self._host, shards.size, self._host.workers
        length = shard_length(size, shards.unit, n)
        cuts = shard_cuts(size, length, n)
        first, last = cuts[host.rank]
        with host.phases.phase("encode"):
            packed = shards.encode(0, size)
            outgoing = packed.new_zeros(n, len(shards.encode(*cuts[0])))
            outgoing.view(-1)[: len(packed)] = packed
        with host.phases.phase("exchange"):
            leaving = self._near(outgoing)
            arriving = torch.empty_like(leaving)
            distributed.all_to_all_single(arriving, leaving, group=host.group)
            incoming = arriving.to(packed.device)
        with host.phases.phase("decode"):
            result = packed.new_zeros(shards.result_bytes(length, n))
            if first < last:
                added = shards.add(incoming[:, : len(shards.encode(first, last))])
                result[: len(added)] = added
        with host.phases.phase("exchange"):
            mine = self._near(result)
            every = mine.new_empty(n * len(mine))
            distributed.all_gather_single(every, mine, group=host.group)
            rows = every.to(packed.device).view(n, len(mine))
        self._sent(WireBytes((n - 1) * outgoing.shape[1], (n - 1) * len(result)))
        with host.phases.phase("decode"):
            return torch.cat(
                [
                    shards.decode(row[: shards.result_bytes(last - first, n)], first, last, n)
                    for row, (first, last) in zip(rows, cuts, strict=True)
                    if first < last
                ]
            )

    def _near(self, tensor: torch.Tensor) -> torch.Tensor:
        """Where the backend takes it: gloo knows few collectives of a device."""
        return tensor.cpu() if self._copies else tensor

    def _sent(self, sent: WireBytes) -> None:
        self._host.sent = self._host.sent.plus(sent)
