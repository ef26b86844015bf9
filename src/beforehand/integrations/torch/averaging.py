"""Buckets of gradients become means over all ranks: through a codec, or exactly."""

import contextlib
import hashlib
import warnings
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, final

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.gradients import Gather, Layout, Sum, WireBytes, vnmse
from beforehand.gradients.exchange import Driver, Floats
from beforehand.gradients.wire import summed
from beforehand.integrations.torch.bucket_encoders import BucketEncoders
from beforehand.integrations.torch.drivers import GroupDriver
from beforehand.integrations.torch.host import COMPRESSED, torch_for
from beforehand.integrations.torch.phases import Rounds

NEAR = 0.03  # to a whole power of two, in its exponent, which the norm of a bucket has to come to be suspicious
CALM = 5  # comparisons of norms before one can be


@dataclass
class Counts:
    """What the rounds so far amount to."""

    exact: WireBytes = field(default_factory=lambda: WireBytes(0, 0))  # sent for exact sums
    plain: float = 0.0  # bytes that float32 would have sent
    at_limit: dict[Layout, float] = field(default_factory=dict)
    rho: dict[Layout, float] = field(default_factory=dict)
    truncation: dict[Layout, float] = field(default_factory=dict)
    vnmse: list[float] = field(default_factory=list)
    fallbacks: Counter[str] = field(default_factory=Counter)

    def add_exact(self, buffer: Any, workers: int) -> None:
        """An all-reduce of a tensor."""
        self.exact = self.exact.plus(summed(buffer.numel() * buffer.element_size(), workers))
        self.plain += summed(4 * buffer.numel(), workers).total

    def add_round(self, layout: Layout, rounds: Rounds) -> None:
        """A round of a bucket through a codec."""
        self.plain += summed(4 * layout.size, rounds.encoder.workers).total
        last = rounds.encoder.last
        self.at_limit[layout] = last.at_limit
        for kept, value in ((self.rho, last.rho), (self.truncation, last.truncation)):
            if value is not None:
                kept[layout] = value
        if last.fallback is not None:
            self.fallbacks[last.fallback] += 1


@final
class Averaging:
    """Averages one bucket after another over the ranks of a driver.

    Args:
        encoders: Of the buckets.
        driver: Of this rank.
        smallest_bucket: Coordinates below which a bucket is summed exactly.
        vnmse_every: Steps between samples of the error; 0 takes none.
        replicas_agree: Whether all ranks come to the same bits by construction, which samples then check.
        scale_unknown: Whether what earlier rounds left would be wrong if a loss scale changed.
        carrier: Of tensors that are coded on their device; None hands arrays to the encoders.
    """

    def __init__(
        self,
        encoders: BucketEncoders,
        driver: GroupDriver,
        *,
        smallest_bucket: int,
        vnmse_every: int,
        replicas_agree: bool,
        scale_unknown: bool,
        carrier: Driver | None = None,
    ) -> None:
        self.encoders = encoders
        self.driver = driver
        self.counts = Counts()
        self._torch = torch_for("attach_ddp")
        self._smallest, self._every, self._agree = smallest_bucket, vnmse_every, replicas_agree
        self._probe = GroupDriver(driver.group)  # of samples, whose bytes and seconds are not counted
        self._scale_unknown = scale_unknown
        self._carrier = carrier
        self._norms: dict[Layout, float] = {}
        self._jumps: dict[Layout, tuple[int, float]] = {}  # comparisons of norms, and the widest jump

    def average(self, buffer: Any, layout: Layout, bucket: int, step: int, loss_scale: float) -> None:
        """Make a bucket the mean over ranks, through its encoder if it is large enough."""
        self.driver.phases.bucket = bucket
        if layout.size < self._smallest or str(buffer.dtype) not in COMPRESSED:
            self.sum(buffer)
            return
        rounds = self.encoders.rounds(layout, bucket, step)
        gradient, phases = buffer.float(), self.driver.phases
        if self._scale_unknown:
            self._watch(layout, gradient)
        sampled = self._every > 0 and step % self._every == 0
        truth = self._truth(rounds, layout, _array(gradient), loss_scale) if sampled else None
        if self._carrier is None:
            mean = self._torch.from_numpy(rounds.run(_array(gradient), self.driver, phases, loss_scale=loss_scale))
        else:
            mean = rounds.run(gradient, self._carrier, phases, loss_scale=loss_scale)
        self.counts.add_round(layout, rounds)
        if truth is not None:
            self._judge(_array(mean), truth)
        buffer.copy_(mean)

    def sum(self, buffer: Any) -> None:
        """Make a bucket the exact mean: in float32, or in its own dtype where that is none that codecs know."""
        total = buffer.float() if str(buffer.dtype) in COMPRESSED else buffer
        with self.driver.phases.phase("exchange"):
            total *= 1 / self.driver.workers
            self._torch.distributed.all_reduce(total, group=self.driver.group)
        if total is not buffer:
            buffer.copy_(total)
        self.counts.add_exact(total, self.driver.workers)

    def leave(self) -> None:
        """Close the connections to other ranks, on which they then fail instead of waiting."""
        self._probe.group = None
        with contextlib.suppress(Exception):
            self.driver.abandon()

    def _truth(self, rounds: Rounds, layout: Layout, gradient: Floats, loss_scale: float) -> Floats:
        """The exact mean of what is about to be encoded: gradients, and what is left of earlier rounds."""
        encoded, kept = gradient.copy(), rounds.encoder.state()
        for name, where in layout.slices.items():
            if f"feedback/{name}" in kept:
                encoded[where] += np.float32(loss_scale) * kept[f"feedback/{name}"].reshape(-1)
        total: Floats = self._probe.answer(Sum(encoded / np.float32(self.driver.workers)))
        return total

    def _judge(self, mean: Floats, truth: Floats) -> None:
        """Sample the error, and whether all ranks hold the same mean."""
        if np.isfinite(truth).all():
            self.counts.vnmse.append(vnmse(mean, truth))
        if not self._agree:
            return
        digest = hashlib.blake2b(mean.tobytes(), digest_size=16).digest()
        rows = self._probe.answer(Gather(np.frombuffer(digest, np.uint8)))
        differ = [rank for rank, row in enumerate(rows) if not np.array_equal(row, rows[0])]
        if differ:
            raise InvalidInput(
                f"ranks {', '.join(map(str, differ))} came to another mean than rank 0; run the same build everywhere"
            )

    def _watch(self, layout: Layout, gradient: Any) -> None:
        """Warn once if a norm jumps by a power of two, as when a loss scale changes, and never came near it."""
        norm = float(gradient.norm())
        if not 0 < norm < np.inf:
            return
        before, self._norms[layout] = self._norms.get(layout, norm), norm
        jump = float(np.log2(norm / before))
        steps, widest = self._jumps.get(layout, (0, 0.0))
        self._jumps[layout] = steps + 1, max(widest, abs(jump))
        usual = steps < CALM or abs(jump) < 2 * widest  # small batches halve and double a norm by themselves
        if not usual and round(jump) != 0 and abs(jump - round(jump)) < NEAR:
            self._scale_unknown = False
            warnings.warn(
                f"gradients jumped by 2**{round(jump)}; if a GradScaler did that, what earlier rounds left is scaled "
                "wrongly: pass loss_scale=scaler.get_scale to attach_ddp",
                stacklevel=2,
            )


def _array(tensor: Any) -> Floats:
    """A tensor as an array: of the CPU the same memory."""
    array: Floats = tensor.cpu().numpy()
    return array
