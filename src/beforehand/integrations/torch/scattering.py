"""What FSDP2 calls in place of its own reduce-scatter, for each module whose parameters it shards."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias, final

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.gradients.buckets import SMALLEST
from beforehand.gradients.exchange import Floats, Message
from beforehand.gradients.rows import CastRows, RowRound, Rows, Scatter
from beforehand.integrations.torch.drivers import GroupDriver
from beforehand.integrations.torch.host import COMPRESSED, torch_for
from beforehand.integrations.torch.phases import Phase, Phases

REFUSED_FACTOR = (
    "the divide factor is not the number of ranks, but a codec only takes means and sums; call "
    "set_force_sum_reduction_for_comms(True) as well, and torch divides the sum"
)

Opened: TypeAlias = Callable[[int], Rows]  # of the length of a row


@final
class Shared:
    """What the modules of one model have in common: they reduce one after another."""

    def __init__(self) -> None:
        self.paused = False
        self.phases = Phases()
        self.fallbacks: Counter[str] = Counter()
        self.plain = 0.0  # bytes that float32 would have sent
        self._scratch = np.empty(0, np.float32)

    def scratch(self, rows: int, length: int) -> Floats:
        """Memory for that many rows, the same for all modules: another copy of each module's gradient would not fit."""
        if self._scratch.size < rows * length:
            self._scratch = np.empty(rows * length, np.float32)
        return self._scratch[: rows * length].reshape(rows, length)


@final
class CodedReduceScatter:
    """The reduce-scatter of one module under a codec; what torch calls a ReduceScatter.

    Parameters without a gradient are left out of a round, so that rows may change their length from step to step. There
    is an encoder for each length, and all go on from the same step.
    """

    def __init__(self, bucket: int, opened: Opened, driver: GroupDriver, shared: Shared) -> None:
        self.step = 0
        self.rows: dict[int, Rows] = {}
        self._bucket = bucket
        self._open = opened
        self._driver = driver
        self._shared = shared
        self._torch = torch_for("attach_fsdp2")

    def allocate(self, size: Sequence[int], *, dtype: Any, device: Any) -> Any:
        """Memory for an input or an output."""
        return self._torch.empty(*size, dtype=dtype, device=device)

    def __call__(self, output_tensor: Any, input_tensor: Any, group: Any, op: Any, async_op: bool = False) -> None:
        """Leave the mean, or the sum, of this rank's row in the output; done when it returns.

        Raises:
            InvalidInput: The operation is neither of them.
        """
        collectives = self._torch.distributed
        average, total = (op == each for each in (collectives.ReduceOp.AVG, collectives.ReduceOp.SUM))
        if not (average or total):
            raise InvalidInput(REFUSED_FACTOR)
        if str(input_tensor.dtype) not in COMPRESSED:
            self._shared.fallbacks["dtype"] += 1
            collectives.reduce_scatter_single(output_tensor, input_tensor, op=op, group=group)
            return
        mean = self._mean(input_tensor)
        if total:
            mean *= np.float32(self._driver.workers)
        output_tensor.copy_(self._torch.from_numpy(mean))

    def opened(self, length: int) -> Rows:
        """The encoder for rows of this length."""
        if length not in self.rows:
            self.rows[length] = self._open(length)
        return self.rows[length]

    def _mean(self, given: Any) -> Floats:
        """The mean of this rank's row, in memory of its own."""
        n, phases = self._driver.workers, self._shared.phases
        length = given.numel() // n
        self._shared.plain += 4 * (n - 1) * length
        reason = "paused" if self._shared.paused else "small" if given.numel() < SMALLEST else None
        rows = CastRows(length, "float32") if reason else self.opened(length)
        rows.step = self.step
        phases.bucket = self._bucket
        with phases.phase("encode"):
            scratch = self._shared.scratch(n, rows.padded)
            self._torch.from_numpy(scratch)[:, :length].copy_(given.view(n, length))
            scratch[:, length:] = 0
        mean = self._run(rows.reduce(scratch))
        self.step += 1
        if fallback := reason or rows.last.fallback:
            self._shared.fallbacks[fallback] += 1
        return mean

    def _run(self, running: RowRound) -> Floats:
        """One round; what follows its last exchange is decoding."""
        phase: Phase = "encode"
        answer: Message | None = None
        while True:
            with self._shared.phases.phase(phase):
                try:
                    exchange = next(running) if answer is None else running.send(answer)
                except StopIteration as done:
                    mean: Floats = done.value
                    return mean
            answer = self._driver.answer(exchange)
            if isinstance(exchange, Scatter):
                phase = "decode"
