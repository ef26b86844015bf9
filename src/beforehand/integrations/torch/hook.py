"""What DDP calls for every bucket of gradients, and the one thread that exchanges them in that order."""

import contextlib
import queue
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias, final

from beforehand.core.errors import BeforehandError, Closed, InvalidInput, TimedOut
from beforehand.gradients import Layout
from beforehand.integrations.torch.averaging import Averaging
from beforehand.integrations.torch.host import torch_for

Shapes: TypeAlias = Mapping[int, tuple[str, tuple[int, ...]]]  # name and shape of a parameter, by its id

STOPPING = 5.0  # seconds to wait for an exchange in progress when the process ends


class Work(NamedTuple):
    """A bucket that waits for its mean."""

    bucket: int
    layout: Layout
    buffer: Any
    future: Any
    step: int
    exact: bool
    loss_scale: float
    last: bool  # of its step
    ready: Any  # the event of CUDA after which the buffer is filled, or None


@final
class Hook:
    """The state of the hook: the step, the buckets, and the thread."""

    def __init__(
        self,
        shapes: Shapes,
        averaging: Averaging,
        device: Any,
        *,
        warmup_steps: int,
        loss_scale: Callable[[], float] | None,
        narrow: bool,
    ) -> None:
        self.step = 0
        self.paused = False
        self.averaging = averaging
        self.cuts: tuple[Layout, ...] = ()  # of the last step that was compressed
        self.resumed: tuple[Layout, ...] = ()  # those of the run that this one goes on from, before its first step
        self._torch = torch_for("attach_ddp")
        self.shapes = shapes
        self._warmup = warmup_steps
        self._loss_scale = loss_scale
        self._narrow = narrow  # whether buckets may have 16 bits, so that exact sums need copies
        self._device = device
        self._stream = self._torch.cuda.Stream(device) if device.type == "cuda" else None
        self._scale, self._scaled = 1.0, -1  # the loss scale, and the step that it was asked in
        self._synchronized = 0
        self._cutting: list[Layout] = []
        self._error: Exception | None = None
        self._work: queue.SimpleQueue[Work | Exception | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name="beforehand", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread, and wait for it: an interpreter that ends would stop it inside C++, which aborts."""
        self._work.put(None)
        self.averaging.driver.leave()  # where it may wait
        if threading.current_thread() is not self._thread:
            self._thread.join(STOPPING)

    def check(self) -> None:
        """Raise what has failed before."""
        if self._error is not None:
            raise self._error

    def __call__(self, bucket: Any) -> Any:
        """A future of the bucket's mean."""
        self.check()
        try:
            return self._started(bucket)
        except Exception as error:
            self._work.put(error)
            raise

    def resync(self, model: Any, every: int) -> None:
        """Take the parameters of rank 0, once in so many steps."""
        if self.step and self.step % every == 0 and self._synchronized != self.step:
            self._synchronized = self.step
            with self._torch.no_grad():
                for parameter in model.module.parameters():
                    self._torch.distributed.broadcast(parameter, group=self.averaging.driver.group, group_src=0)

    def _started(self, bucket: Any) -> Any:
        buffer, last, step = bucket.buffer(), bucket.is_last(), self.step
        self.step += last
        exact = self.paused or step < self._warmup
        if self.averaging.driver.workers == 1:
            future = self._torch.futures.Future()
            future.set_result(buffer)
            return future
        if exact and not self._narrow:  # then the whole step is exact, and the thread has nothing to do
            return self._summed(buffer)
        parameters = bucket.parameters()
        if any(id(each) not in self.shapes for each in parameters):
            raise InvalidInput("a parameter is another one than when the hook was attached; wrap the model anew")
        layout = Layout(self.shapes[id(each)] for each in parameters)
        cuda = self._stream is not None
        future = self._torch.futures.Future(devices=[self._device] if cuda else None)
        if self._loss_scale is not None and self._scaled != step:  # once in a step: a GPU stops to answer
            self._scale, self._scaled = float(self._loss_scale()), step
        ready = self._torch.cuda.current_stream(self._device).record_event() if cuda else None
        self._work.put(Work(bucket.index(), layout, buffer, future, step, exact, self._scale, last, ready))
        return future.then(_value)

    def _summed(self, buffer: Any) -> Any:
        """The future of torch's own all-reduce."""
        driver = self.averaging.driver
        buffer *= 1 / driver.workers  # as without a hook, to the bit
        self.averaging.counts.add_exact(buffer, driver.workers)
        work = self._torch.distributed.all_reduce(buffer, group=driver.group, async_op=True)
        return work.get_future().then(_first)

    def _serve(self) -> None:
        """Exchange one bucket after another; hand a failure to all that wait, here and on other ranks."""
        held: list[Work] = []
        while (work := self._work.get()) is not None:
            if isinstance(work, Exception):
                self._fail(work)
                continue
            held.append(work)
            done = held
            if self._error is None:
                try:
                    with self._after(work):
                        done = self._averaged(held)
                except Exception as error:
                    self._fail(_told(error, work))
            for each in done:
                with self._after(each):
                    each.future.set_result(each.buffer if self._error is None else self._error)
            held = [] if done else held

    def _averaged(self, held: list[Work]) -> list[Work]:
        """Average the bucket that came, or hold it until its step is complete; returns those that are done."""
        newest = held[-1]
        if newest.exact:
            self.averaging.sum(newest.buffer)
            return held
        if not self.resumed:
            self._cutting.append(newest.layout)
            self.averaging.average(newest.buffer, newest.layout, newest.bucket, newest.step, newest.loss_scale)
            if newest.last:
                self.cuts, self._cutting = tuple(self._cutting), []
            return held
        if not newest.last:
            return []
        self._averaged_as_before(held)
        self.cuts, self.resumed = self.resumed, ()
        return held

    def _averaged_as_before(self, held: list[Work]) -> None:
        """Average the buckets of a step as the run that is resumed had cut them, so that it goes on with the same bits.

        A new run cuts its first step otherwise.
        """
        parts = {name: work.buffer[where] for work in held for name, where in work.layout.slices.items()}
        for bucket, layout in enumerate(self.resumed):
            joined = self._torch.cat([parts[name] for name in layout.slices])
            self.averaging.average(joined, layout, bucket, held[-1].step, held[-1].loss_scale)
            for name, where in layout.slices.items():
                parts[name].copy_(joined[where])

    @contextlib.contextmanager
    def _after(self, work: Work) -> Iterator[None]:
        """On CUDA, in a stream of our own, once the bucket is filled."""
        if self._stream is None:
            yield
            return
        with self._torch.cuda.stream(self._stream):
            self._stream.wait_event(work.ready)
            work.buffer.record_stream(self._stream)
            yield

    def _fail(self, error: Exception) -> None:
        """Refuse all further work, and leave the group, so that no other rank waits for this one."""
        self._error = error
        cause: BaseException | None = error
        while cause is not None:  # frames that failed still hold the group, which closes with its last reference
            traceback.clear_frames(cause.__traceback__)
            cause = cause.__cause__ or cause.__context__
        self.averaging.leave()


def _told(error: Exception, work: Work) -> Exception:
    """The error of a collective, with what was going on."""
    if isinstance(error, BeforehandError) or not isinstance(error, RuntimeError):
        return error
    kind = TimedOut if "timed out" in str(error).lower() else Closed
    told = kind(
        f"bucket {work.bucket} was not exchanged in step {work.step} ({error}); look for the rank that failed first"
    )
    told.__cause__ = error
    return told


def _value(future: Any) -> Any:
    """What a future holds; an exception is raised, which DDP cannot do."""
    held = future.value()
    if isinstance(held, Exception):
        raise held
    return held


def _first(future: Any) -> Any:
    """The tensor of an all-reduce."""
    return future.value()[0]
