"""Count exactly beside a summary, and say how far off it is."""

import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final, get_args

import numpy as np
from numpy.typing import NDArray

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.streams.keys import Keys
from beforehand.streams.ranking import Ranking, check_heavy
from beforehand.streams.sketch import Sketch
from beforehand.streams.summary import Summary
from beforehand.streams.top import Top

Metric = Literal["rmse", "weighted_error", "relative_error", "recall", "heavy_hitters"]


@final
@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` has measured.

    Args:
        estimator: What the estimates were; no error says anything without it.
        metrics: The errors by name: "rmse", "weighted_error", "relative_error@k", "recall@k", "precision at phi",
            "recall at phi", "on_arrival_rmse".
        violations: Distinct keys whose true weight lies outside their bounds: 0 wherever bounds are certified.
        candidates: For which k the keys were ranked by the estimates of all distinct keys, as the summary tracks fewer
            or none; in use you would need such a list.
        arrivals: Length of the stream.
        distinct: Distinct keys that were judged.
        nbytes: Memory of the summary, without a model.
        model_bytes: Memory of its predictor, 0 without one.
        items_per_second: Arrivals in a second of process time in `update`, predictions included.

    Example:
        >>> from beforehand.streams import SpaceSaving
        >>> evaluation = evaluate(SpaceSaving(capacity=2), [7, 7, 7, 8, 9], metrics=["rmse"])
        >>> evaluation.estimator, evaluation.metrics["rmse"], evaluation.violations
        ('count', 0.816496580927726, 0)
    """

    estimator: str
    metrics: dict[str, float]
    violations: int
    candidates: tuple[int, ...]
    arrivals: int
    distinct: int
    nbytes: int
    model_bytes: int
    items_per_second: float


def evaluate(
    summary: Summary,
    keys: Keys,
    *,
    metrics: Sequence[Metric] = ("rmse", "weighted_error", "recall"),
    k: Sequence[int] = (100, 1000),
    phi: Sequence[float] = (0.001,),
    estimator: str | None = None,
    on_arrival: bool = False,
    every: int = 8,
    warmup: int | None = None,
) -> Evaluation:
    """Run an empty summary over a stream, count exactly beside it, and compare.

    With f the true weights, N their sum and e the estimates of all distinct keys, of a window those in it at the end:

    * "rmse": the root of the mean of (e - f)**2 over distinct keys. The estimator decides most of it.
    * "weighted_error": the sum of `f |e - f|`, divided by N: the error of a key as often as it comes (Hsu et al.).
    * "relative_error": for each k the mean of `|e - f| / f` over the k heaviest keys.
    * "recall": for each k the share of the k keys of `top(k)` that weigh as much as the k-th heaviest; ties count.
    * "heavy_hitters": for each phi precision and recall of `heavy_hitters(phi)`, where f > phi N is heavy.

    Args:
        summary: Any summary of this area that has counted nothing yet. Afterwards it holds the stream.
        keys: The stream, without nulls; it must be readable twice.
        metrics: Which errors to take.
        k: Lengths of lists for "recall" and "relative_error".
        phi: Shares of the stream for "heavy_hitters".
        estimator: Which estimates to take; the summary's own if not given. Rankings always take its own.
        on_arrival: Also take the root of the mean squared error of each arrival's key just after it was counted.
        every: Of how many arrivals `on_arrival` asks after one; the stream is then handed over in pieces of that
            length, which costs more for each key.
        warmup: Arrivals that `on_arrival` leaves out; two windows of a summary with a window, else 0, if not given.

    Cost:
        32 bytes or more for each distinct key, and some 50 ns for each arrival beside what the summary takes.

    Raises:
        InvalidInput: An argument breaks its rule; the summary is not empty; keys are none or contain nulls. Nothing was
            counted.

    Example:
        >>> from beforehand.streams import SpaceSaving
        >>> stream = np.random.default_rng(0).zipf(1.5, 50_000)
        >>> found = evaluate(SpaceSaving(memory="6KiB", policy="exact"), stream, k=[10])
        >>> found.violations, found.metrics["recall@10"]
        (0, 1.0)
    """
    _check(summary, metrics, k, phi, every, warmup)
    summary._estimator(estimator)
    held = _native.Keys(keys, summary.seed)
    if held.scalar or held.nulls or len(held) == 0:
        raise InvalidInput(f"keys are {len(held)} with {held.nulls} nulls, but must be a stream without nulls")
    ids, window = held.ids(), getattr(summary, "window", len(held))
    found: dict[str, float] = {}
    if on_arrival:
        first = warmup if warmup is not None else 2 * window if hasattr(summary, "window") else 0
        seconds, found["on_arrival_rmse"] = _arrive(summary, held, ids, window, estimator, every, first)
    else:
        begun = time.process_time()
        summary.update(keys)
        seconds = time.process_time() - begun
    start = max(0, len(ids) - window)
    truth = _native.ExactCounts()
    truth.update(ids[start:])
    judged = _Judged(summary, truth, held.take(start + truth.firsts), estimator)
    for metric in metrics:
        match metric:
            case "rmse":
                found["rmse"] = math.sqrt(np.mean(judged.errors**2))
            case "weighted_error":
                found["weighted_error"] = float(np.average(judged.errors, weights=judged.true))
            case "relative_error":
                found |= {f"relative_error@{n}": judged.relative_error(n) for n in k}
            case "recall":
                found |= {f"recall@{n}": judged.recall(n) for n in k}
            case "heavy_hitters":
                for share in phi:
                    found[f"precision at {share}"], found[f"recall at {share}"] = judged.heavy_hitters(share)
    predictor = getattr(summary, "predictor", None)
    return Evaluation(
        estimator=summary._default if estimator is None else estimator,
        metrics=found,
        violations=judged.violations(),
        candidates=tuple(n for n in k if "recall" in metrics and not judged.ranks(n)),
        arrivals=len(ids),
        distinct=len(judged.true),
        nbytes=summary.nbytes,
        model_bytes=0 if predictor is None else int(predictor.price.bytes),
        items_per_second=len(ids) / max(seconds, 1e-9),
    )


class _Judged:
    """A summary beside the truth about the distinct keys of its stream."""

    def __init__(self, summary: Any, truth: _native.ExactCounts, distinct: Any, estimator: str | None) -> None:
        self.summary, self.truth, self.distinct = summary, truth, distinct
        self.true = truth.counts
        self.estimates = np.asarray(summary.estimate(distinct, estimator=estimator))
        self.errors: NDArray[np.float64] = np.abs(self.estimates - self.true)

    def relative_error(self, n: int) -> float:
        heaviest = np.argsort(-self.true.astype(np.int64), kind="stable")[:n]
        return float(np.mean(self.errors[heaviest] / self.true[heaviest]))

    def ranks(self, n: int) -> bool:
        """Whether the summary itself can name so many keys, or all there are."""
        return isinstance(self.summary, Ranking) and len(self.summary) >= min(n, len(self.true))

    def recall(self, n: int) -> float:
        most = min(n, len(self.true))
        if self.ranks(n):
            listed = self._true_of(self.summary.top(most))
        else:
            listed = self.true[np.argsort(-self.estimates, kind="stable")[:most]]
        return float(np.mean(listed >= np.sort(self.true)[-most]))

    def heavy_hitters(self, share: float) -> tuple[float, float]:
        """Precision and recall."""
        options = {"keys": self.distinct} if isinstance(self.summary, Sketch) else {}
        listed = self._true_of(self.summary.heavy_hitters(share, **options))
        heavy = share * float(self.true.sum())
        right, all_heavy = int(np.sum(listed > heavy)), int(np.sum(self.true > heavy))
        return right / len(listed) if len(listed) else 1.0, right / all_heavy if all_heavy else 1.0

    def violations(self) -> int:
        lower, upper = self.summary.bounds(self.distinct)
        return int(np.sum((self.true < lower) | (self.true > upper)))

    def _true_of(self, listed: Top) -> NDArray[np.uint64]:
        return self.truth.count(_native.Keys(listed.keys, self.summary.seed).ids())


def _arrive(
    summary: Any, held: Any, ids: Any, window: int, estimator: str | None, every: int, warmup: int
) -> tuple[float, float]:
    """Seconds in `update`, and the error of every so many arrivals beyond the first."""
    true = _native.ExactCounts.running(ids, window)
    seconds, squares = 0.0, []
    for stop in range(every, len(ids) + 1, every):
        piece = held.take(np.arange(stop - every, stop, dtype=np.uint64))
        begun = time.process_time()
        summary.update(piece)
        seconds += time.process_time() - begun
        if stop > warmup:
            squares.append((summary.estimate(piece[-1], estimator=estimator) - float(true[stop - 1])) ** 2)
    rest = len(ids) % every
    if rest:
        summary.update(held.take(np.arange(len(ids) - rest, len(ids), dtype=np.uint64)))
    return seconds, math.sqrt(np.mean(squares)) if squares else math.nan


def _check(
    summary: Summary, metrics: Sequence[str], k: Sequence[int], phi: Sequence[float], every: int, warmup: int | None
) -> None:
    for name, value in (("metrics", metrics), ("k", k), ("phi", phi)):
        if isinstance(value, str) or not isinstance(value, Iterable):
            raise InvalidInput(f"{name} is {value!r}, but must be a sequence; pass [{value!r}]")
    for metric in metrics:
        if metric not in get_args(Metric):
            raise InvalidInput(f"metrics contain {metric!r}, but each must be one of {', '.join(get_args(Metric))}")
    if any(n < 1 for n in k):
        raise InvalidInput(f"k is {list(k)}, but each must be at least 1")
    for share in phi:
        check_heavy(share, "no_false_negatives")
    if every < 1 or (warmup is not None and warmup < 0):
        raise InvalidInput(f"every is {every} and warmup {warmup}, but they must be at least 1 and 0")
    if summary.total != 0:
        raise InvalidInput(f"summary has counted {summary.total} already; clear() it, or pass a new one")
