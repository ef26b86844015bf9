"""Summaries that a plan may choose: what each is made of, and how far off it was in a replay."""

import math
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import cached_property
from inspect import signature
from typing import Any, Final, final

import numpy as np

from beforehand.core.errors import InvalidInput
from beforehand.core.predictor import Price
from beforehand.core.report import Outcome
from beforehand.streams.count_min import CountMin
from beforehand.streams.frequency import FirstOf
from beforehand.streams.learned import LearnedSpaceSaving
from beforehand.streams.learned_window import LearnedSlidingWindow
from beforehand.streams.predictor import KeyPredictor
from beforehand.streams.replay import Floats, Metric, Replay, Stream, replay, replay_window
from beforehand.streams.sizes import is_whole
from beforehand.streams.space_saving import SpaceSaving
from beforehand.streams.window import SlidingWindow

CLASSES: Final[dict[str, Any]] = {
    each.__name__: each for each in (SpaceSaving, LearnedSpaceSaving, CountMin, SlidingWindow, LearnedSlidingWindow)
}
POLICIES: Final = ("gated", "filtered", "exact", "assoc")
SHARES: Final = (0.25, 0.15, 0.4)  # of the counters, in the memory of a window
UPPER_SHARES: Final = (0.25, 0.4, 0.5)  # where upper bounds count: at 0.5 there are as many counters as blocks
DICTIONARY: Final = "exact dictionary"
DICTIONARY_BYTES: Final = 32  # a key
LEAST: Final = 128  # bytes
ENOUGH: Final = 8192  # for every summary: what is refused with more, is refused for another reason
CLOSE: Final = 1.05  # how near a search for the least memory comes


class NotEnough(InvalidInput):
    """The memory does not suffice for a summary."""


@final
@dataclass(frozen=True, kw_only=True)
class Design:
    """A summary but for its memory.

    Args:
        name: What tables call it.
        kind: The name of its class.
        options: Its options.
        predictor: What it asks, if it asks.
    """

    name: str
    kind: str
    options: dict[str, Any]
    predictor: Any = None

    def build(self, memory: int) -> Any:
        """A new summary of that many bytes.

        Raises:
            NotEnough: they do not suffice.
        """
        try:
            return build(self.kind, self.options | {"memory": memory}, self.predictor)
        except InvalidInput as error:
            if memory < ENOUGH:
                raise NotEnough(str(error)) from error
            raise


def build(kind: str, options: dict[str, Any], predictor: Any) -> Any:
    """A new summary.

    Raises:
        InvalidInput: the options, which a plan may have from a file, are none of this kind.
    """
    options = dict(options)
    first = [] if predictor is None else [predictor]
    if "window" in options:
        first.append(options.pop("window"))
    try:
        signature(CLASSES[kind]).bind(*first, **options)
    except TypeError as error:
        raise InvalidInput(f"no {kind} has such options: {error}; plan again") from error
    return CLASSES[kind](*first, **options)


@final
@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A summary that was tried.

    Args:
        kind: The name of its class.
        options: All that makes it, but for the predictor.
        error: How far off it was.
        items_per_second: How fast it counted, with all predictions.
        price: Prediction, in seconds an arrival, and the share of the model that this summary has to bear, in bytes.
        memory_needed: Bytes with which it reaches the target, model included; None without a target.
    """

    kind: str
    options: dict[str, Any]
    error: Outcome
    items_per_second: float
    price: Price
    memory_needed: int | None = None

    def __post_init__(self) -> None:
        """Validate the fields."""
        if self.kind not in CLASSES or not isinstance(self.options, dict):
            raise InvalidInput(f"kind is {self.kind!r}, but must be one of {', '.join(CLASSES)}, with its options")
        whole("memory", self.options.get("memory"))
        if not isinstance(self.items_per_second, int | float) or not 0 < self.items_per_second < math.inf:
            raise InvalidInput(f"items_per_second is {self.items_per_second!r}, but must be above 0 and finite")
        if self.memory_needed is not None:
            whole("memory_needed", self.memory_needed)

    @property
    def design(self) -> str:
        """What tables call it."""
        return self.error.design

    @property
    def learned(self) -> bool:
        """Whether it asks a predictor."""
        return self.kind.startswith("Learned")


@final
@dataclass(frozen=True, kw_only=True)
class Trial:
    """How designs are tried: on which stream, and by what they are judged.

    Args:
        stream: What is replayed.
        metric: What counts.
        window: Arrivals of a sliding window; None for the whole stream.
        horizon: Arrivals that errors are scaled to; None for shares.
        shared_by: How many summaries share one model.
        seed: Of the resampling.
    """

    stream: Stream
    metric: Metric
    window: int | None
    horizon: int | None
    shared_by: int
    seed: int

    def run(self, design: Design, total: int) -> "Tried | None":
        """Replay the stream; None where that much memory, with the model, is not enough."""
        memory = math.floor(total - model_bytes(design.predictor) / self.shared_by)
        try:
            return self.replayed(design, memory)
        except NotEnough:
            return None

    def replayed(self, design: Design, memory: int) -> "Tried":
        """Replay the stream through a summary of that much memory.

        Raises:
            NotEnough: it does not suffice.
        """
        summary = design.build(memory)
        if self.window is None:
            result = replay(self.stream, summary, self.metric, horizon=self.horizon)
        else:
            result = replay_window(self.stream, summary, self.metric, self.window)
        return Tried(trial=self, design=design, memory=memory, replay=result)

    def least_memory(self, design: Design, target: float) -> int | None:
        """The fewest bytes with which all of the interval lies within the target, to 5 %; None if no number does.

        At most 12 replays: memory is halved on a logarithmic scale between too little and enough for all keys.
        """
        low, high = LEAST, 64 * max(self.stream.ids.size, self.window or 0) + (1 << 20)
        high += math.ceil(model_bytes(design.predictor) / self.shared_by)

        def reaches(total: int) -> bool:
            tried = self.run(design, total)
            return tried is not None and tried.error.high <= target

        if not reaches(high):
            return None
        while high > CLOSE * low:
            middle = math.isqrt(low * high)
            low, high = (low, middle) if reaches(middle) else (middle, high)
        return high


@final
@dataclass(frozen=True, kw_only=True, eq=False)
class Tried:
    """A replay of a design with so much memory."""

    trial: "Trial"
    design: Design
    memory: int
    replay: Replay

    @cached_property
    def draws(self) -> Floats:
        """The error in each resample."""
        return self.replay.draws(self.trial.seed)

    @cached_property
    def error(self) -> Outcome:
        """With its interval."""
        return Outcome.of(self.design.name, self.replay.value, self.draws)

    @property
    def items_per_second(self) -> float:
        """With all predictions."""
        return len(self.trial.stream) / max(self.replay.seconds, 1e-9)

    def candidate(self, memory_needed: int | None = None) -> Candidate:
        """What a plan keeps of it."""
        size = model_bytes(self.design.predictor) / self.trial.shared_by
        return Candidate(
            kind=self.design.kind,
            options=self.design.options | {"memory": self.memory},
            error=self.error,
            items_per_second=self.items_per_second,
            price=Price(seconds=self.replay.asked / len(self.trial.stream), bytes=size, per="item"),
            memory_needed=memory_needed,
        )


def saving(learned: Tried, baseline: Tried) -> Outcome:
    """The share of the baseline's error that a learned summary saves, on the same resamples."""

    def share(ours: Any, theirs: Any) -> Any:
        return 1 - np.divide(ours, theirs, out=np.ones(np.shape(ours)), where=np.asarray(theirs) > 0)

    value = float(share(np.float64(learned.replay.value), np.float64(baseline.replay.value)))
    return Outcome.of(learned.design.name, value, share(learned.draws, baseline.draws))


def designs(metric: Metric, window: int | None, predictors: Sequence[Any]) -> Iterator[Design]:
    """All that is worth a try, those that ask nothing first."""
    named = list(_named(predictors))
    if window is None:
        for policy in POLICIES:
            yield Design(name=policy, kind="SpaceSaving", options={"policy": policy})
        if metric != "recall":
            yield Design(name="conservative Count-Min", kind="CountMin", options={"conservative": True})
        for name, predictor in named:
            yield Design(name=f"calibrated by {name}", kind="LearnedSpaceSaving", options={}, predictor=predictor)
        return
    for share in UPPER_SHARES if metric == "upper" else SHARES:
        options = {"window": window, "counter_share": share}
        yield Design(name=f"window, {share:.0%} counters", kind="SlidingWindow", options=options)
        yield Design(
            name=f"doorkeeper, {share:.0%} counters", kind="SlidingWindow", options=options | {"filter": "doorkeeper"}
        )
        for name, predictor in named:
            yield Design(
                name=f"filtered by {name}, {share:.0%} counters",
                kind="LearnedSlidingWindow",
                options=options,
                predictor=predictor,
            )


def trained(predictors: Sequence[Any], stream: Stream) -> list[Any]:
    """The predictors, those that were not fitted as copies that learned from a stream."""
    found: list[Any] = []
    for each in predictors:
        if isinstance(each, KeyPredictor) and not each.fitted:
            copy: Any = deepcopy(each)
            found.append(copy.fit(stream.distinct, stream.counts))
        elif hasattr(each, "price") and (hasattr(each, "predict") or hasattr(each, "predict_gaps")):
            found.append(each)
        else:
            raise InvalidInput(f"predictors hold {each!r}, but each must have a price, and predict or predict_gaps")
    return found


def model_bytes(predictor: Any) -> float:
    """What a model takes; nothing where there is none."""
    return 0.0 if predictor is None else float(predictor.price.bytes)


def _named(predictors: Sequence[Any]) -> Iterator[tuple[str, Any]]:
    seen: dict[str, int] = {}
    for each in predictors:
        name = _name(each)
        seen[name] = seen.get(name, 0) + 1
        yield (name if seen[name] == 1 else f"{name} {seen[name]}"), each


def _name(predictor: Any) -> str:
    if isinstance(predictor, FirstOf):
        return "+".join(_name(part) for part in predictor.parts)
    return type(predictor).__name__


def whole(name: str, value: Any) -> int:
    """A whole number of at least 1, as one of Python.

    Raises:
        InvalidInput: it is none.
    """
    if not is_whole(value) or not 1 <= value < 2**63:
        raise InvalidInput(f"{name} is {value!r}, but must be a whole number of at least 1")
    return int(value)
