"""What codecs of one kind of exchange share: feedback, and an exact second try when the result is not finite."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, Self, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

from beforehand.gradients.codec import Reduction, Transport, check_open, codec_to_json, options_from_json
from beforehand.gradients.exchange import Exchange, Floats, Round, RoundStats, Sum
from beforehand.gradients.feedback import Feedback
from beforehand.gradients.inputs import as_gradient, check_loss_scale
from beforehand.gradients.layout import Layout
from beforehand.gradients.wire import WireBytes


class Outcome(NamedTuple):
    """What a scheme's exchange gave.

    `left` takes off of the gradient what this worker's own message stands for. Only feedback asks, and hands in a
    gradient that may be written to; None where a codec has none.
    """

    mean: Floats
    left: Callable[[Floats], Floats] | None = None
    squared_error: float | None = None


class Opening(NamedTuple):
    """How a codec was opened."""

    rank: int
    workers: int
    bucket: int
    reduction: Reduction
    threads: int


Exchanged: TypeAlias = Generator[Exchange, NDArray[Any], Outcome]
Scheme: TypeAlias = Callable[[Floats, int], Exchanged]  # takes the gradient, which it only reads, and the step


def exact_mean(gradient: Floats, workers: int) -> Round:
    """The mean by a sum in float32."""
    total = yield Sum(gradient)
    return np.divide(total, np.float32(workers), dtype=np.float32)


@final
class SchemeEncoder:
    """What `SchemeCodec.open` returns."""

    def __init__(self, scheme: Scheme, layout: Layout, workers: int, *, feedback: bool, step: int) -> None:
        self.workers = workers
        self.step = step
        self.last = RoundStats()
        self._scheme = scheme
        self._size = layout.size
        self._feedback = Feedback(layout) if feedback else None

    def reduce(self, gradient: Floats, *, loss_scale: float = 1.0) -> Round:
        """One round of the scheme, and where that is not finite, one in float32, which leaves feedback as it is.

        All workers hold the same result, so all take the same way.
        """
        check_loss_scale(loss_scale)
        given = as_gradient(gradient, self._size)
        x = given if self._feedback is None else self._feedback.added(given, loss_scale)
        outcome = yield from self._scheme(x, self.step)
        mean, fallback = outcome.mean, None
        if not np.isfinite(mean).all():
            mean, fallback = (yield from exact_mean(given, self.workers)), "nonfinite"
        elif self._feedback is not None and outcome.left is not None:
            self._feedback.keep(outcome.left(x), loss_scale)
        self.last = RoundStats(fallback=fallback, squared_error=outcome.squared_error)
        self.step += 1
        return mean

    def state(self) -> dict[str, NDArray[Any]]:
        """The feedback of each parameter."""
        return {} if self._feedback is None else self._feedback.state()

    def load(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Take what belongs to this bucket."""
        if self._feedback is not None:
            self._feedback.load(state)


class SchemeCodec(ABC):
    """A codec whose rounds are one scheme, and nothing else is kept but feedback. Subclasses are frozen dataclasses."""

    name: ClassVar[str]
    homomorphic: ClassVar[bool]
    reductions: ClassVar[tuple[Reduction, ...]]

    @property
    @abstractmethod
    def unbiased(self) -> bool:
        """Whether the mean over many seeds is the true one."""

    def open(
        self,
        layout: Layout,
        *,
        rank: int,
        workers: int,
        reduction: Reduction,
        bucket: int = 0,
        step: int = 0,
        threads: int = 1,
    ) -> SchemeEncoder:
        """An encoder for one worker's bucket.

        Args:
            layout: Of the bucket.
            rank: Of this worker, from 0.
            workers: How many there are.
            reduction: One of `reductions`.
            bucket: Number of this bucket.
            step: Of the run, where it begins.
            threads: For blocks and levels; results do not depend on it.

        Raises:
            InvalidInput: This codec cannot use the reduction, or there is no such rank.
            CapacityExceeded: The bucket is too large for the codec's numbers of coordinates, or its own too high.
        """
        check_open(self, rank=rank, workers=workers, reduction=reduction)
        scheme = self._scheme(layout, Opening(rank, workers, bucket, reduction, threads))
        return SchemeEncoder(scheme, layout, workers, feedback=self._remembers, step=step)

    @abstractmethod
    def wire_bytes(self, layout: Layout, *, workers: int, transport: Transport = "auto") -> WireBytes:
        """What one worker sends in a round."""

    def expected_vnmse(
        self, workers: int, *, correlation: float, norms: Sequence[float] | None = None, fill: float = 1.0
    ) -> float | None:
        """None: the error depends on the data, and has no closed form."""
        return None

    def to_json(self) -> str:
        """The options."""
        return codec_to_json(self)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The codec that `to_json` described."""
        return options_from_json(cls, cls.name, text)

    @abstractmethod
    def _scheme(self, layout: Layout, at: Opening) -> Scheme:
        """The exchange of one worker's bucket."""

    @property
    @abstractmethod
    def _remembers(self) -> bool:
        """Whether what a round did not send is added to the next gradient."""
