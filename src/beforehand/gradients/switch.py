"""A model of aggregation inside a switch: packets may be lost, doubled, reordered and late; sums stay exact."""

import math
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, cast, final, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand.core.errors import InvalidInput
from beforehand.gradients.exchange import Combine, Encoder, Exchange, Floats, Gather
from beforehand.gradients.inputs import check_seed, one_of, real
from beforehand.gradients.integer_shards import OnMissing, check_service, integer_shards, needed
from beforehand.gradients.lanes import LANES, check_capacity
from beforehand.gradients.local import Answers, exchange_all, in_lockstep
from beforehand.gradients.packets import Network
from beforehand.gradients.slots import Slots
from beforehand.gradients.switch_run import Run
from beforehand.gradients.wire import WireBytes, served

MOST_RESENT: Final = 10_000  # times that a worker sends a packet again before the first can arrive


class SwitchRound(NamedTuple):
    """One round through the switch.

    Args:
        means: Each worker's; equal where no chunk was gone.
        counts: Workers inside the sum of each chunk.
        sent: Payload of one worker's norms and codes, and of all norms and sums that it was sent, each once.
        packets: All that were sent, both ways.
        retransmissions: Packets that workers sent once more, as no answer came in time.
        gone: Chunks whose sum a worker did not get, over all workers.
        late: Messages that were not added, as their chunk was complete.
        seconds: Virtual time until the last worker was done.
    """

    means: list[Floats]
    counts: NDArray[np.uint16]
    sent: WireBytes
    packets: int
    retransmissions: int
    gone: int
    late: int
    seconds: float


@final
class Switch:
    """Add the codes of n workers as a switch would: in few slots, chunk by chunk, over packets that get lost.

    A deterministic simulation in virtual time, for trying what loss and stragglers do to training, and the reference
    for `Aggregator`. Norms and exact sums do not pass the switch; they are exchanged without loss. It claims nothing
    about a real chip.

    Args:
        workers: How many there are, from 1.
        slots: Chunks that a worker has on the way at most.
        chunk: Coordinates of a packet, a multiple of 512.
        lanes: Bits of a coordinate's sum, 8 or 16.
        quorum: Share of workers that completes a chunk, above 0 and at most 1.
        loss: Share of packets that get lost, from 0 to 0.9.
        duplicate: Share of packets that arrive twice, from 0 to 1.
        reorder: Share of packets held back by up to two timeouts more, from 0 to 1.
        delay: Shortest and longest time of a packet, in virtual seconds.
        slow_workers: Factor on the delay of packets from and to these ranks.
        timeout: After which a worker sends once more, in virtual seconds.
        on_missing: What a worker that came too late takes for the mean of a chunk: `"zero"`, `"own"` its own values, or
            `"raise"` TimedOut.
        seed: Of loss, duplication, reordering and delays.

    Guarantee:
        The same seed gives the same packets, bit for bit. A sum counts each worker at most once, and all workers that
        get one get the same. With `quorum=1` means have the bits of `drive_local`, whatever the network does.

    Raises:
        InvalidInput: An option is out of range.

    Example:
        >>> import numpy as np
        >>> from beforehand.gradients import THC, Layout
        >>> layout, rows = Layout([("weight", (4096,))]), np.random.default_rng(0).normal(size=(3, 4096))
        >>> encoders = [THC().open(layout, rank=rank, workers=3, reduction="combine") for rank in range(3)]
        >>> found = Switch(workers=3, loss=0.1, seed=1).drive(encoders, list(rows.astype(np.float32)))
        >>> found.counts, found.retransmissions > 0
        (array([3, 3, 3, 3], dtype=uint16), True)

    See also:
        Aggregator, which serves real workers over TCP.

    Reference:
        Li et al.: THC. NSDI 2024, arXiv:2302.08545. Epochs in place of versions are this library's own.
    """

    def __init__(
        self,
        *,
        workers: int,
        slots: int = 128,
        chunk: int = 1024,
        lanes: int = 8,
        quorum: float = 1.0,
        loss: float = 0.0,
        duplicate: float = 0.0,
        reorder: float = 0.0,
        delay: tuple[float, float] = (1.0, 1.0),
        slow_workers: Mapping[int, float] | None = None,
        timeout: float = 20.0,
        on_missing: OnMissing = "zero",
        seed: int = 0,
    ) -> None:
        check_service(workers=workers, slots=slots, chunk=chunk, lanes=lanes, quorum=quorum)
        one_of("on_missing", on_missing, get_args(OnMissing))
        for name, share, most in (("loss", loss, 0.9), ("duplicate", duplicate, 1), ("reorder", reorder, 1)):
            real(name, share)
            if not 0 <= share <= most:
                raise InvalidInput(f"{name} is {share}, but must be from 0 to {most}")
        if not 0 < delay[0] <= delay[1] < math.inf:
            raise InvalidInput(f"delay is {delay}, but must be two times above 0, the shorter one first")
        slow = dict(slow_workers or {})
        for rank, factor in slow.items():
            if rank not in range(workers) or not 1 <= factor < math.inf:
                raise InvalidInput(f"slow_workers has {rank}: {factor}, but must have ranks and factors of at least 1")
        if not 0 < timeout < math.inf:
            raise InvalidInput(f"timeout is {timeout}, but must be above 0 and finite")
        slowest = delay[1] * max(slow.values(), default=1)
        if slowest > MOST_RESENT * timeout:
            raise InvalidInput(
                f"timeout is {timeout}, but packets take up to {slowest}, so that each would be sent more than "
                f"{MOST_RESENT} times; take a longer one"
            )
        check_seed(seed)
        self._workers, self._chunk, self._lanes, self._window = workers, chunk, LANES[lanes], slots
        self._on_missing: OnMissing = on_missing
        self._timeout = timeout
        self._slots = Slots(slots, needed(quorum, workers))
        self._network = Network(
            loss=loss, duplicate=duplicate, reorder=reorder, delay=delay, hold=2 * timeout, slow=slow, seed=seed
        )
        self._position = 0  # of the next chunk in the run

    def drive(
        self, encoders: Sequence[Encoder], gradients: Sequence[Floats], *, loss_scale: float = 1.0
    ) -> SwitchRound:
        """Run one round of all workers; packets of it may still arrive in the next.

        Args:
            encoders: One for each worker, by rank, opened for `"combine"`.
            gradients: Their gradients, float32, 1-D.
            loss_scale: By which gradients are multiplied (AMP).

        Raises:
            InvalidInput: The codec sends no integers, or there are not as many encoders as workers.
            CapacityExceeded: The sums do not fit the lanes.
            TimedOut: `on_missing` is `"raise"`, and a chunk was gone.
        """
        if len(encoders) != self._workers:
            raise InvalidInput(f"there are {len(encoders)} encoders, but {self._workers} workers; pass one for each")
        runs: list[Run] = []
        seconds: list[float] = []

        def answer_all(exchanges: Sequence[Exchange]) -> Answers:
            if not isinstance(exchanges[0], Combine):
                answers, sent = exchange_all(exchanges)
                if isinstance(exchanges[0], Gather):
                    sent = served(exchanges[0].payload.nbytes, self._workers)
                return answers, sent
            shards = [integer_shards(each) for each in cast(Sequence[Combine], exchanges)]
            check_capacity(self._workers, int(shards[0].points.max()), self._lanes.width)
            run = Run(
                shards,
                self._slots,
                self._network,
                chunk=self._chunk,
                window=self._window,
                position=self._position,
                timeout=self._timeout,
                on_missing=self._on_missing,
            )
            self._position += len(run.chunks)
            seconds.append(run.finish())
            runs.append(run)
            down = sum(self._lanes.nbytes(last - first) for first, last in run.chunks)
            return list(run.means), WireBytes(shards[0].encode(0, shards[0].size).nbytes, down)

        means, sent = in_lockstep(encoders, gradients, answer_all, loss_scale=loss_scale)
        return SwitchRound(
            means=means,
            counts=np.concatenate([np.empty(0, np.uint16), *(run.counts for run in runs)]),
            sent=sent,
            packets=sum(run.packets for run in runs),
            retransmissions=sum(run.retransmissions for run in runs),
            gone=sum(run.gone for run in runs),
            late=sum(run.late for run in runs),
            seconds=sum(seconds),
        )
