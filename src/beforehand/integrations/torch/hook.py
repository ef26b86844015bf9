"""What DDP calls for every bucket of gradients, and the one thread that exchanges them in that order."""

import contextlib
import hashlib
import queue
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, final

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.gradients import Gather, Layout, Sum, WireBytes, vnmse
from beforehand.gradients.exchange import Driver, Floats
from beforehand.gradients.wire import summed
from beforehand.integrations.torch.bucket_encoders import BucketEncoders
from beforehand.integrations.torch.drivers import GroupDriver
from beforehand.integrations.torch.host import torch_for
from beforehand.integrations.torch.phases import Rounds

COMPRESSED = ("torch.float32", "torch.float16", "torch.bfloat16")  # dtypes of buckets; others are summed as they are


@dataclass(kw_only=True)
class Options:
    """What `attach_ddp` was told."""

    warmup_steps: int
    smallest_bucket: int
    loss_scale: Callable[[], float] | None
    vnmse_every: int
    replicas_agree: bool  # to the bit, by construction


@dataclass
class Counts:
    """What the rounds so far amount to."""

    sent: WireBytes = field(default_factory=lambda: WireBytes(0, 0))  # of exact sums
    at_limit: dict[Layout, float] = field(default_factory=dict)
    rho: dict[Layout, float] = field(default_factory=dict)
    truncation: dict[Layout, float] = field(default_factory=dict)
    vnmse: list[float] = field(default_factory=list)
    fallbacks: Counter[str] = field(default_factory=Counter)


class Work(NamedTuple):
    """One bucket that is to become the mean of all ranks."""

    bucket: int
    layout: Layout
    buffer: Any
    future: Any
    step: int
    exact: bool
    loss_scale: float
    ready: Any  # an event of CUDA, or None


@final
class Hook:
    """The state of the hook: the step, the encoders, and the thread."""

    def __init__(
        self,
        shapes: Mapping[int, tuple[str, tuple[int, ...]]],
        encoders: BucketEncoders,
        driver: GroupDriver,
        options: Options,
        carrier: Driver | None = None,  # of tensors that are coded on their device; else codecs get arrays
    ) -> None:
        self.step = 0
        self.paused = False
        self.encoders = encoders
        self.driver = driver
        self.counts = Counts()
        self._torch = torch_for("attach_ddp")
        self._shapes = shapes
        self._options = options
        self._carrier = carrier
        self._beside: Any = None  # the stream of CUDA that rounds run on
        self._probe = GroupDriver(driver.group)  # of samples, whose bytes and seconds are not counted
        self._synchronized = 0
        self._error: Exception | None = None
        self._work: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="beforehand", daemon=True).start()

    def stop(self) -> None:
        """End the thread."""
        self._work.put(None)

    def __call__(self, bucket: Any) -> Any:
        """Queue a bucket; the future that its mean will be in."""
        if self._error is not None:
            raise self._error
        options, buffer = self._options, bucket.buffer()
        layout = Layout(self._shapes[id(parameter)] for parameter in bucket.parameters())
        devices = [buffer.device] if buffer.is_cuda else None
        future = self._torch.futures.Future(devices=devices)
        work = Work(
            bucket.index(),
            layout,
            buffer,
            future,
            self.step,
            self.paused or self.step < options.warmup_steps,
            1.0 if options.loss_scale is None else float(options.loss_scale()),
            self._torch.cuda.current_stream(buffer.device).record_event() if buffer.is_cuda else None,
        )
        if bucket.is_last():
            self.step += 1
        self._work.put(work)
        return future.then(_value)

    def resync(self, model: Any, every: int) -> None:
        """Take the parameters of rank 0, once in so many steps."""
        if self.step and self.step % every == 0 and self._synchronized != self.step and self.driver.workers > 1:
            self._synchronized = self.step
            with self._torch.no_grad():
                for parameter in model.module.parameters():
                    self._torch.distributed.broadcast(parameter, group=self.driver.group, group_src=0)

    def _serve(self) -> None:
        """Exchange one bucket after another; after a failure, hand it to all that wait."""
        while (work := self._work.get()) is not None:
            with self._stream(work):
                try:
                    if self._error is None:
                        self._reduce(work)
                except Exception as error:
                    self._error = error
                    with contextlib.suppress(Exception):
                        self.driver.abandon()
                work.future.set_result(work.buffer if self._error is None else self._error)

    @contextlib.contextmanager
    def _stream(self, work: Work) -> Iterator[None]:
        """What is queued inside runs on the device beside the backward pass, once the bucket is full."""
        if work.ready is None:
            yield
            return
        cuda = self._torch.cuda
        with cuda.device(work.buffer.device):
            self._beside = self._beside or cuda.Stream()
            with cuda.stream(self._beside):
                self._beside.wait_event(work.ready)
                work.buffer.record_stream(self._beside)
                yield

    def _reduce(self, work: Work) -> None:
        """Make the buffer the mean of all ranks."""
        if self.driver.workers == 1:
            return
        phases = self.driver.phases
        phases.bucket = work.bucket
        plain = work.exact or work.layout.size < self._options.smallest_bucket
        if plain or str(work.buffer.dtype) not in COMPRESSED:
            self._sum(work.buffer)
            return
        rounds = self.encoders.rounds(work.layout, work.bucket, work.step)
        gradient, every = work.buffer.float(), self._options.vnmse_every
        truth = self._truth(rounds, work, _array(gradient)) if every and work.step % every == 0 else None
        if self._carrier is None:
            found = rounds.run(_array(gradient), self.driver, phases, loss_scale=work.loss_scale)
            mean = self._torch.from_numpy(found)
        else:
            mean = rounds.run(gradient, self._carrier, phases, loss_scale=work.loss_scale)
        self._count(work.layout, rounds)
        if truth is not None:
            self._judge(_array(mean), truth)
        work.buffer.copy_(mean)

    def _sum(self, buffer: Any) -> None:
        """The exact mean: in float32, or in the dtype of the bucket where that is none of ours."""
        ours = str(buffer.dtype) in COMPRESSED
        total = buffer.float() if ours else buffer
        with self.driver.phases.phase("exchange"):
            self._torch.distributed.all_reduce(total, group=self.driver.group)
            total /= self.driver.workers
        if total is not buffer:
            buffer.copy_(total)
        nbytes = total.numel() * total.element_size()
        self.counts.sent = self.counts.sent.plus(summed(nbytes, self.driver.workers))

    def _count(self, layout: Layout, rounds: Rounds) -> None:
        last, counts = rounds.encoder.last, self.counts
        counts.at_limit[layout] = last.at_limit
        if last.rho is not None:
            counts.rho[layout] = last.rho
        if last.truncation is not None:
            counts.truncation[layout] = last.truncation
        if last.fallback is not None:
            counts.fallbacks[last.fallback] += 1

    def _truth(self, rounds: Rounds, work: Work, gradient: Floats) -> Floats:
        """The exact mean of what is about to be encoded: gradients, and what is left of earlier rounds."""
        encoded, kept = gradient.copy(), rounds.encoder.state()
        for name, where in work.layout.slices.items():
            if f"feedback/{name}" in kept:
                encoded[where] += np.float32(work.loss_scale) * kept[f"feedback/{name}"].reshape(-1)
        total: Floats = self._probe.answer(Sum(encoded))
        total /= np.float32(self.driver.workers)
        return total

    def _judge(self, mean: Floats, truth: Floats) -> None:
        """Sample the error, and whether all ranks hold the same mean."""
        if not np.isfinite(truth).all():
            return
        self.counts.vnmse.append(vnmse(mean, truth))
        if self._options.replicas_agree:
            digest = hashlib.blake2b(mean.tobytes(), digest_size=16).digest()
            rows = self._probe.answer(Gather(np.frombuffer(digest, np.uint8)))
            differ = [rank for rank, row in enumerate(rows) if not np.array_equal(row, rows[0])]
            if differ:
                raise InvalidInput(f"ranks {differ} hold another mean than rank 0; compare libraries and machines")


def _array(tensor: Any) -> Floats:
    array: Floats = tensor.cpu().numpy()
    return array


def _value(future: Any) -> Any:
    """What a future holds; an exception is raised, which DDP cannot do."""
    held = future.value()
    if isinstance(held, Exception):
        raise held
    return held
