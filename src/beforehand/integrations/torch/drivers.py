"""What carries the exchanges of gradients between the processes of a torch process group."""

from collections.abc import Callable
from typing import Any, final

import numpy as np
from numpy.typing import NDArray

from beforehand.gradients import AggregatorClient, Combine, Gather, Shards, Sum, WireBytes
from beforehand.gradients.exchange import Exchange, Floats, Message
from beforehand.gradients.rows import Scatter
from beforehand.gradients.wire import gathered, shard_cuts, shard_length, summed
from beforehand.integrations.torch.host import torch_for
from beforehand.integrations.torch.phases import Phases


@final
class GroupDriver:
    """Answer the exchanges of this process by collectives of a process group.

    A `Sum` is an all-reduce, a `Gather` an all-gather. A `Combine` is two-shot: an all-to-all brings each process the
    messages for its shard, which it adds by rank, and an all-gather brings the sums to all. A `Scatter` is an
    all-to-all.

    Args:
        group: A process group of torch, of gloo or NCCL; None is the default one.
        aggregator: Carries norms and codes in place of the group; exact sums stay with that.

    Guarantee:
        The bits are those of `drive_local`; only a `Sum` of floats follows the order of its backend. What is handed in
        is not written to.

    Cost:
        `sent` counts what this process has sent, without headers; `phases.seconds` what its parts took. Messages of an
        NCCL group are copied to the device and back.

    Raises:
        MissingDependency: torch is not installed.

    Example:
        In each of several processes::

            encoder = THC().open(Layout([("weight", (4096,))]), rank=rank, workers=2, reduction="combine")
            mean = drive(encoder, gradient, GroupDriver())
    """

    def __init__(
        self, group: Any = None, *, phases: Phases | None = None, aggregator: AggregatorClient | None = None
    ) -> None:
        self._torch = torch_for("GroupDriver")
        self._collectives = self._torch.distributed
        self.group = group
        self.rank: int = self._collectives.get_rank(group)
        self.workers: int = self._collectives.get_world_size(group)
        self.phases = phases or Phases()
        self.sent = WireBytes(0, 0)
        self.aggregator = aggregator
        self._device = "cuda" if self._collectives.get_backend(group) == "nccl" else "cpu"

    def answer(self, exchange: Exchange | Scatter) -> NDArray[Any]:
        """Take part in the exchange with the other processes."""
        if isinstance(exchange, Scatter):
            self.sent = self.sent.plus(WireBytes((self.workers - 1) * exchange.messages.shape[1], 0))
            return self._swapped(exchange.messages)
        if self.aggregator is not None and not isinstance(exchange, Sum):
            return self._aggregated(exchange, self.aggregator)
        if isinstance(exchange, Combine):
            return self._combine(exchange.shards)
        if isinstance(exchange, Gather):
            payload = exchange.payload
            self.sent = self.sent.plus(gathered(payload.nbytes, self.workers))
            return self._gather(payload, exchange.meanwhile)
        return self._sum(exchange.values)

    def leave(self) -> None:
        """Leave the aggregator, if there is one."""
        if self.aggregator is not None:
            self.aggregator.close()
            self.aggregator = None

    def abandon(self) -> None:
        """Give up, so that no other process waits for this one.

        Nothing else may hold the group: gloo closes its connections with the last reference.
        """
        self.leave()
        group, self.group = self.group, None
        self._collectives.destroy_process_group(group)

    def _aggregated(self, exchange: Gather | Combine, aggregator: AggregatorClient) -> NDArray[Any]:
        before = aggregator.sent
        with self.phases.phase("exchange"):
            answer = aggregator.answer(exchange)
        self.sent = self.sent.plus(WireBytes(aggregator.sent.up - before.up, aggregator.sent.down - before.down))
        return answer

    def _sum(self, values: NDArray[Any]) -> NDArray[Any]:
        bfloat16 = values.dtype == np.uint16  # the bits of it
        with self.phases.phase("exchange"):
            total = self._torch.from_numpy(np.array(values))  # the encoder keeps its own
            if bfloat16:
                total = total.view(self._torch.bfloat16)
            total = total.to(self._device)
            self._collectives.all_reduce(total, group=self.group)
            total = total.cpu()
        self.sent = self.sent.plus(summed(values.nbytes, self.workers))
        answer: NDArray[Any] = total.view(self._torch.uint16).numpy() if bfloat16 else total.numpy()
        return answer

    def _gather(self, payload: Message, meanwhile: Callable[[], None] | None = None) -> Message:
        with self.phases.phase("exchange"):
            mine = self._torch.from_numpy(np.array(payload)).to(self._device)
            together = self._torch.empty(self.workers * len(payload), dtype=self._torch.uint8, device=self._device)
            work = self._collectives.all_gather_single(together, mine, group=self.group, async_op=True)
        if meanwhile is not None:
            with self.phases.phase("encode"):
                meanwhile()
        with self.phases.phase("exchange"):
            work.wait()
            rows: Message = together.cpu().numpy().reshape(self.workers, len(payload))
        return rows

    def _combine(self, shards: Shards) -> Floats:
        size, n = shards.size, self.workers
        length = shard_length(size, shards.unit, n)
        cuts = shard_cuts(size, length, n)
        with self.phases.phase("encode"):
            messages = [shards.encode(first, last) for first, last in cuts if first < last]
            outgoing = np.zeros((n, messages[0].nbytes), np.uint8)
            for row, message in zip(outgoing, messages, strict=False):
                row[: message.nbytes] = message
        incoming = self._swapped(outgoing)
        result = np.zeros(shards.result_bytes(length, n), np.uint8)
        if self.rank < len(messages):
            with self.phases.phase("decode"):
                total = None
                for row in incoming:
                    total = shards.accumulate(total, row[: messages[self.rank].nbytes])
                assert total is not None
                finished = shards.finish(total, n)
                result[: finished.nbytes] = finished
        rows = self._gather(result)
        self.sent = self.sent.plus(WireBytes((n - 1) * outgoing.shape[1], (n - 1) * result.nbytes))
        with self.phases.phase("decode"):
            mean = np.empty(size, np.float32)
            for row, (first, last) in zip(rows, cuts, strict=True):
                if first < last:
                    message = row[: shards.result_bytes(last - first, n)]
                    mean[first:last] = shards.decode(message, first, last, n)
        return mean

    def _swapped(self, outgoing: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Row j goes to process j; row i of the answer came from process i."""
        with self.phases.phase("exchange"):
            mine = self._torch.from_numpy(outgoing).to(self._device)
            theirs = self._torch.empty_like(mine)
            self._collectives.all_to_all_single(theirs, mine, group=self.group)
            rows: NDArray[np.uint8] = theirs.cpu().numpy()
        return rows
