"""Which summary a stream calls for, and whether a predictor is worth its price."""

import base64
import math
import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any, get_args

from beforehand.core.errors import InvalidInput
from beforehand.core.plan import check_plan, made_with
from beforehand.core.report import Report
from beforehand.streams import theory
from beforehand.streams.candidates import Trial, designs, trained, whole
from beforehand.streams.predictor import KeyPredictor
from beforehand.streams.replay import Metric, Stream
from beforehand.streams.search import Search, candidates
from beforehand.streams.sizes import as_bytes, is_real, is_whole
from beforehand.streams.space_saving import SpaceSaving
from beforehand.streams.stream_plan import StreamPlan, check_length

from_json = StreamPlan.from_json  # for `core.load_plan`, where a file does not name its kind


def plan(
    sample: object,
    *,
    memory: int | str | None = None,
    target: float | None = None,
    metric: Metric = "weighted_error",
    predictors: Sequence[Any] = (),
    window: int | None = None,
    horizon: int | None = None,
    shared_by: int = 1,
    min_rate: float | None = None,
    seed: int = 0,
) -> StreamPlan:
    """Choose a summary for streams like this one, and say whether a predictor would pay.

    The first half of the sample trains the predictors that were not fitted yet; the second half is counted by every
    design that fits into the memory, and each is judged by what it says then. A learned design gets what its model
    leaves of the memory.

    Args:
        sample: Keys in the order in which they arrived, without gaps, or a trace of kind `stream`. At least 10,000
            arrivals, or the verdict is *unclear*.
        memory: Bytes of the summary, or text such as "256KiB". Exactly one of `memory` and `target`.
        target: The error allowed, in the unit of the metric; the plan takes the least memory that reaches it.
        metric: `"weighted_error"`: mean error over arrivals; `"rmse"`: root mean square error over distinct keys (over
            arrivals in a window); `"recall"`: the share of the 100 heaviest keys that is missed; `"upper"`: root mean
            square error of the upper bounds of a window. Errors are shares of the stream's weight, or of the window.
        predictors: What learned designs may ask. Those that were not fitted are copied and fitted.
        window: Count only so many arrivals; None: the whole stream.
        horizon: Scale errors to a stream of so many arrivals.
        shared_by: How many summaries share one model: it decides most verdicts.
        min_rate: Items a second that a design must count, with its predictions.
        seed: Of the resampling.

    Guarantee:
        Intervals hold 95 % of 200 resamples of 20 contiguous blocks of the replayed half, the same for every design.
        *worth it*: the best learned design saves over 5 % of the error of the best one without a predictor, in all of
        the interval; *don't bother*: nowhere. Then the design is the one without a predictor. Assumed: the stream goes
        on as in its second half, with new keys at the same rate.

    Cost:
        One replay for each design, and for each predictor its fit; with `target` up to 12 replays for each design. A
        replay of a window asks it 8,000 times.

    Raises:
        InvalidInput: an argument breaks its rule; the memory suffices for no design, or no design reaches the target
            or the rate; a window leaves less than three of its lengths to replay.

    Example:
        >>> from beforehand.streams import CharNgrams, plan
        >>> from beforehand.workloads.streams import zipf
        >>> ranks = zipf(100_000, 50_000, 1.0, seed=0)["key"]
        >>> words = [f"/page/{key}" for key in ranks]  # whose spelling says nothing
        >>> chosen = plan(words, memory="8KiB", predictors=[CharNgrams(buckets=256)])
        >>> chosen.design, chosen.verdict
        ('gated', "don't bother")
        >>> chosen.build()
        SpaceSaving(capacity=294, policy='gated', total=0, tracked=0)
    """
    if (memory is None) == (target is None):
        raise InvalidInput(f"memory is {memory} and target is {target}, but exactly one of them must be given")
    target, min_rate = _positive("target", target), _positive("min_rate", min_rate)
    if metric not in get_args(Metric):
        raise InvalidInput(f"metric is {metric!r}, but must be one of {', '.join(get_args(Metric))}")
    if (metric == "upper" and window is None) or (metric == "recall" and window is not None):
        raise InvalidInput(f"metric is {metric!r}, but upper is for windows, and recall for whole streams")
    if not isinstance(predictors, Sequence):
        raise InvalidInput(f"predictors is {predictors!r}, but must be a sequence of them; pass [{predictors!r}]")
    if not is_whole(seed) or not 0 <= seed < 2**64:
        raise InvalidInput(f"seed is {seed!r}, but must be a whole number from 0 to 2**64 - 1")
    window = None if window is None else whole("window", window)
    horizon = None if horizon is None else whole("horizon", horizon)
    shared_by = whole("shared_by", shared_by)
    if horizon is not None and (window is not None or metric == "recall"):
        raise InvalidInput("horizon scales errors that grow with a stream; leave it out for a window and for recall")
    stream = Stream.read(sample)
    if len(stream) < 2:
        raise InvalidInput("sample has 1 arrival, but one half trains and the other is replayed; record more")
    first, second = stream.halves()
    check_length(second, window, "sample")
    trial = Trial(stream=second, metric=metric, window=window, horizon=horizon, shared_by=shared_by, seed=int(seed))
    every = list(designs(metric, window, trained(predictors, first)))
    search = Search(trial=trial, designs=every, arrivals=len(stream), min_rate=min_rate)
    needed: Mapping[str, int] = {}
    if target is not None:
        total, tried, needed = search.for_target(target)
    else:
        total = as_bytes(memory or 0)
        tried = search.at(total)
    choice = search.choose(tried)
    return StreamPlan(
        design=choice.best.design.name,
        candidates=candidates(tried, choice.baseline, needed),
        saving=choice.saved,
        verdict=choice.verdict,
        metric=metric,
        memory=total,
        target=target,
        window=window,
        horizon=horizon,
        shared_by=shared_by,
        arrivals=len(second),
        distinct=second.ids.size,
        law=_law(second, total) if window is None else None,
        untried=tuple(f"{name}: {why}" for name, why in search.untried.items()),
        predictor=_stored(choice.best.design.predictor),
        seed=int(seed),
        machine=f"{platform.platform()}, {platform.processor() or platform.machine()}, {os.cpu_count()} processors",
        versions=made_with(),
    )


def audit(plan: StreamPlan, holdout: object, *, predictor: Any = None) -> Report:
    """Replay a stream that the plan never saw: `plan.audit(holdout, predictor=predictor)`.

    Raises:
        InvalidInput: `plan` is not a `StreamPlan`; and what `StreamPlan.audit` raises.
    """
    check_plan(plan, StreamPlan)
    return plan.audit(holdout, predictor=predictor)


def _positive(name: str, value: Any) -> float | None:
    if value is None:
        return None
    if not is_real(value) or not 0 < value < math.inf:
        raise InvalidInput(f"{name} is {value!r}, but must be positive and finite")
    return float(value)


def _law(stream: Stream, memory: int) -> tuple[float, float] | None:
    """The floor of Space Saving in random order, and in the order of the stream, as shares of its weight."""
    try:
        summary = SpaceSaving(memory=memory)
    except InvalidInput:  # less than one counter
        return None
    summary.update(stream.keys, stream.weights)
    return theory.space_saving_floor(stream.counts, summary.capacity) / stream.total, summary.error_bound / stream.total


def _stored(predictor: Any) -> str | None:
    if isinstance(predictor, KeyPredictor) and predictor.storable:
        return base64.b64encode(predictor.to_bytes()).decode()
    return None
