"""What the engine knows beforehand: predicted lengths and calls, when they are asked for, and what that costs."""

import math
from dataclasses import dataclass
from typing import Any, Final, Protocol, final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Predictor
from beforehand.scheduling.inputs import one_of
from beforehand.scheduling.policies.policy import Policy
from beforehand.scheduling.policies.view import ToolView, View
from beforehand.scheduling.serving.predictors.outlived import Outlived
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations
from beforehand.scheduling.serving.simulator.job import Job
from beforehand.scheduling.serving.simulator.request import Requests

UNSEEN_TOKENS: Final = 32.0  # of what a tool returns, and of the answer after it, before the first call
UNSEEN_LENGTH: Final = 256.0  # of an answer, before the first has ended
BATCH: Final = 64  # finished lengths that are noted at once


class Refiner(Protocol):
    """What predicts the rest of an answer while it is written."""

    def draw(self, remaining: NDArray[Any], progress: NDArray[Any], rng: "np.random.Generator") -> NDArray[Any]:
        """A prediction for each true number of remaining tokens, `progress` of the answer being there."""


@final
@dataclass(frozen=True, slots=True)
class Source:
    """Predictions for every segment of a trace, and the seconds that one of them costs."""

    values: NDArray[np.float64]
    seconds: float = 0.0
    failures: int = 0


def source(name: str, given: Any, truth: NDArray[np.float64], what: str) -> Source:
    """Predictions as a user gave them: "exact", an array, or a predictor, which is asked once for all.

    A predictor that raises, or returns anything but a number for each, gives nan: its failures are counted, and the
    mean of what has been seen stands in.

    Raises:
        InvalidInput: it is none of these; an array has another length.
    """
    if isinstance(given, str):
        one_of(name, given, ("exact",))
        return Source(truth)
    if isinstance(given, Predictor):
        seconds = float(given.price.seconds)
        try:
            values = np.array(given.predict(truth), np.float64)
        except Exception:  # whatever a predictor raises, the engine goes on
            values = np.full(len(truth), math.nan)
        if values.shape != truth.shape:
            values = np.full(len(truth), math.nan)
        return Source(values, seconds, int(np.isnan(values).sum()))
    try:
        values = np.array(given, np.float64)
    except (TypeError, ValueError):
        raise InvalidInput(f"{name} is {given!r}, but must be 'exact', an array or a predictor") from None
    if values.shape != truth.shape:
        raise InvalidInput(f"{name} has shape {values.shape}, but must hold one number for each {what}: {len(truth)}")
    return Source(values, 0.0, int(np.isnan(values).sum()))


@final
class Forecasts:
    """Fills the views of requests with predictions, and sums up what they cost."""

    def __init__(
        self,
        requests: Requests,
        policy: Policy,
        *,
        lengths: str | ArrayLike | Predictor | None,
        expensive: str | ArrayLike | Predictor | None,
        durations: Any,
        tools: Any,
        refine: Any,
        refine_every: int,
        seed: int,
    ) -> None:
        self._requests, self._policy = requests, policy
        truth = requests.output.astype(np.float64)
        wants = policy.asks(View(0.0, 0)) is not None
        self._cheap = self._expensive = None
        if lengths is None and wants:
            if requests.calls or np.isnan(requests.predicted).all():
                raise InvalidInput(
                    f"{policy} asks for predicted lengths, but lengths is None and the trace does not predict every "
                    "segment itself; pass lengths=, such as 'exact' or an array"
                )
            lengths = requests.predicted
        if wants:
            self._cheap = source("lengths", lengths, truth, "segment")
            if expensive is not None:
                self._expensive = source("expensive", expensive, truth, "segment")
        self.seconds = 0.0  # of predictions made since the engine last paid
        self.made = {"lengths": 0, "expensive": 0, "refined": 0}
        self.failed = sum(each.failures for each in (self._cheap, self._expensive) if each is not None)
        exact = self._cheap is not None and self._cheap.values is truth and self._expensive is None
        self._outlived = Outlived() if wants and refine is None and not exact else None
        self._finished: list[tuple[float, str]] = []
        self._mean = [0.0, 0.0]  # sum and number of finished lengths
        self._lengths = requests.output.tolist()
        self._set_refine(refine, refine_every, seed)
        self._set_tools(tools, durations)

    def _set_refine(self, refine: Any, every: int, seed: int) -> None:
        self.every = every if refine is not None and not isinstance(refine, str) and self._cheap is not None else 0
        self._exactly = isinstance(refine, str)
        if isinstance(refine, str):
            one_of("refine", refine, ("exact",))
        elif refine is not None and not hasattr(refine, "draw"):
            raise InvalidInput(f"refine is {refine!r}, but must be None, 'exact' or a ProbeReport")
        self._refiner = refine
        self._rng = np.random.Generator(np.random.Philox(key=[seed, 0]))
        price = getattr(refine, "price", None)
        self._refine_seconds = float(price.seconds) if price is not None else 0.0

    def _set_tools(self, tools: Any, durations: Any) -> None:
        requests = self._requests
        if isinstance(tools, str):
            one_of("tools", tools, ("exact", "none"))
            self._calls = None
        elif not (hasattr(tools, "predict") and hasattr(tools, "observe")):
            raise InvalidInput(f"tools is {tools!r}, but must be 'exact', 'none' or a ToolCalls")
        else:
            self._calls = tools
        self._foreseen = tools == "exact" if isinstance(tools, str) else False
        self.durations = ToolDurations() if durations is None else durations
        self._seconds: list[float] | None = None
        if not isinstance(self.durations, ToolDurations):
            self._seconds = self._fixed_durations(self.durations)
        self._tool = requests.tool.tolist()
        self._returned = requests.returned.tolist()
        self._means: dict[str, list[float]] = {}  # by tool: returned tokens, how many, tokens after, how many
        self._offered = [
            tuple(sorted(set(self._tool[low : high - 1])))
            for low, high in zip(requests.first[:-1], requests.first[1:], strict=True)
        ] if self._calls is not None else []  # fmt: skip

    def _fixed_durations(self, durations: Any) -> list[float]:
        requests = self._requests
        called = ~np.isnan(requests.seconds)
        filled = np.full(len(requests.output), math.nan)
        if isinstance(durations, str):
            one_of("durations", durations, ("mean", "exact"))
        if isinstance(durations, str) and durations == "mean":
            for tool in np.unique(requests.tool[called]):
                rows = called & (requests.tool == tool)
                filled[rows] = requests.seconds[rows].mean()
            numbers: list[float] = filled.tolist()
            return numbers
        filled[called] = source("durations", durations, requests.seconds[called], "call").values
        usable = filled[np.isfinite(filled) & (filled >= 0)]
        mean = float(usable.mean()) if len(usable) else 1.0
        filled[called & ~(filled >= 0)] = mean
        numbers = filled.tolist()
        return numbers

    def begin(self, job: Job) -> None:
        """Fill in the predictions of the segment that now becomes ready."""
        view, segment = job.view, job.segment
        job.refined, job.refined_at = math.nan, 0
        view.cheap = view.predicted = view.remaining = math.nan
        if self._cheap is not None:
            view.cheap = self._usable(self._cheap.values[segment], view)
            self.seconds += self._cheap.seconds
            self.made["lengths"] += 1
            job.asked = True
            if self._expensive is None:
                view.predicted = view.cheap
            elif self._policy.asks(view) == "expensive":
                view.predicted = self._usable(self._expensive.values[segment], view)
                self.seconds += self._expensive.seconds
                self.made["expensive"] += 1
            else:
                view.predicted, job.asked = view.cheap, False
            self.left(job)
        view.tool = self._expected_call(job)

    def _usable(self, value: float, view: View) -> float:
        if value != value:
            total, count = self._mean
            value = total / count if count else UNSEEN_LENGTH
        return float(min(max(value, 1.0), view.max_tokens))

    def left(self, job: Job) -> None:
        """Bring `remaining` up to date with the age that the view holds."""
        view = job.view
        predicted = view.predicted
        if predicted != predicted:
            return
        age = view.age
        if self._exactly:
            view.remaining = float(max(self._lengths[job.segment] - age, 1))
            return
        if job.refined == job.refined:
            left = job.refined - (age - job.refined_at)
        else:
            left = predicted - age
            if left <= 0.0 and self._outlived is not None:
                left = self._outlived.remaining(age, self._requests.tenant[job.row])
        most = view.max_tokens - age
        if left > most:
            left = most
        view.remaining = left if left > 1.0 else 1.0

    def refresh(self, job: Job) -> None:
        """Ask the refiner about a running request, whose view is up to date."""
        length, age = self._lengths[job.segment], job.view.age
        drawn = self._refiner.draw(np.array([length - age]), np.array([age / length]), self._rng)
        value = float(np.asarray(drawn)[0])
        self.seconds += self._refine_seconds
        self.made["refined"] += 1
        if value == value:
            job.refined, job.refined_at = max(value, 1.0), int(age)
        else:
            self.failed += 1
        self.left(job)

    def _expected_call(self, job: Job) -> ToolView | None:
        if self._calls is not None:
            expected: ToolView = self._calls.predict(self._offered[job.row], self._turn(job))
            if not expected.probability > 0:
                return None
            seconds = self.durations.mean(expected.name) if self._seconds is None else self._seconds[job.segment]
            expected.seconds = seconds if seconds == seconds else 1.0
            return expected
        return self.call(job) if self._foreseen and job.segment < job.last else None

    def _turn(self, job: Job) -> int:
        return int(job.segment - self._requests.first[job.row])

    def call(self, job: Job) -> ToolView:
        """What is known of the call that ends the segment, once it is known that one does."""
        tool = self._tool[job.segment]
        seconds = self.durations.mean(tool) if self._seconds is None else self._seconds[job.segment]
        returned, number, after, answers = self._means.get(tool, (0.0, 0.0, 0.0, 0.0))
        return ToolView(
            tool,
            seconds,
            returned / number if number else UNSEEN_TOKENS,
            after / answers if answers else UNSEEN_TOKENS,
        )

    def elapse(self, job: Job, elapsed: float) -> None:
        """Bring up to date what is known of a call that has lasted so long."""
        tool = job.view.tool
        assert tool is not None
        tool.elapsed = elapsed
        if self._seconds is not None:
            tool.seconds = max(self._seconds[job.segment] - elapsed, 0.0)
        elif elapsed:
            tool.seconds = self.durations.mean(tool.name, elapsed=elapsed)

    def ended(self, job: Job) -> None:
        """A segment has ended: its length is known now."""
        length = float(self._lengths[job.segment])
        self._mean[0] += length
        self._mean[1] += 1
        if self._outlived is not None:
            self._finished.append((length, self._requests.tenant[job.row]))
            if len(self._finished) >= BATCH or self._mean[1] <= BATCH:
                for tokens, tenant in self._finished:
                    self._outlived.observe(tokens, tenant)
                self._finished.clear()
        turn = self._turn(job)
        if turn:
            before = self._tool[job.segment - 1]
            seen = self._means.setdefault(before, [0.0] * 4)
            seen[2] += length
            seen[3] += 1
        if self._calls is not None:
            offered = self._offered[job.row]
            if turn:
                returned = self._returned[job.segment - 1]
                self._calls.observe(offered, turn - 1, self._tool[job.segment - 1], returned, length)
            if job.segment == job.last:
                self._calls.observe(offered, turn, None)

    def returned(self, job: Job, seconds: float) -> None:
        """The call of the segment has come back after so many seconds."""
        tool = self._tool[job.segment]
        if isinstance(self.durations, ToolDurations):
            self.durations.observe(tool, seconds)
        seen = self._means.setdefault(tool, [0.0] * 4)
        seen[0] += self._returned[job.segment]
        seen[1] += 1

    def paid(self) -> float:
        """The seconds of predictions since this was last asked."""
        seconds, self.seconds = self.seconds, 0.0
        return seconds

    def report(self) -> dict[str, float]:
        """How many predictions were made of each kind, and how many of them could not be used."""
        return {**self.made, "failed": self.failed}
