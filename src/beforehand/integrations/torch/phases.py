"""Where the time of rounds goes: seconds of each phase, and ranges that torch's profiler shows."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, TypeAlias, final

from numpy.typing import NDArray

from beforehand.gradients import Encoder
from beforehand.gradients.exchange import Driver, Exchange, Floats
from beforehand.integrations.torch.host import torch_for

Phase: TypeAlias = Literal["encode", "exchange", "decode"]


@final
class Phases:
    """Seconds spent in each phase; each is a range of torch's profiler, as `beforehand.encode[3]` of bucket 3."""

    def __init__(self) -> None:
        self.seconds: dict[Phase, float] = {"encode": 0.0, "exchange": 0.0, "decode": 0.0}
        self.bucket = 0
        self._range = torch_for("Phases").profiler.record_function

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """All that happens inside belongs to this phase."""
        began = time.perf_counter()
        try:
            with self._range(f"beforehand.{name}[{self.bucket}]"):
                yield
        finally:
            self.seconds[name] += time.perf_counter() - began


@final
class Rounds:
    """The rounds of one encoder, by phases.

    What follows the last answer is decoding, what comes before is encoding. How many answers a round takes is known
    from the round before.
    """

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self._answers = 1

    def run(self, gradient: Floats, driver: Driver, phases: Phases, *, loss_scale: float = 1.0) -> Floats:
        """One round; see `drive`."""
        running = self.encoder.reduce(gradient, loss_scale=loss_scale)
        answer: NDArray[Any] | None = None
        answers = 0
        while True:
            with phases.phase("decode" if answers >= self._answers else "encode"):
                try:
                    exchange: Exchange = next(running) if answer is None else running.send(answer)
                except StopIteration as done:
                    self._answers = answers
                    mean: Floats = done.value
                    return mean
            answer = driver.answer(exchange)
            answers += 1
