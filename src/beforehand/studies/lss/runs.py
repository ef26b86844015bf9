"""Every policy on every stream: errors, violations of bounds, and what the predictor was asked."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, final

import numpy as np
from numpy.typing import NDArray

from beforehand.core.predictor import Price
from beforehand.reporting import Sheet
from beforehand.streams import (
    CharNgrams,
    FirstOf,
    FromCallable,
    KeyBits,
    LearnedSpaceSaving,
    LookupTable,
    SpaceSaving,
    evaluate,
)
from beforehand.streams.learned import LearnedPolicy
from beforehand.streams.space_saving import Policy
from beforehand.streams.summary import Estimator, Tracking
from beforehand.workloads import streams

PLAIN: Final[dict[str, tuple[Policy, Estimator]]] = {
    "exact": ("exact", "count"),
    "exact by mid": ("exact", "mid"),
    "filtered": ("filtered", "mid"),
    "gated": ("gated", "mid"),
}
LEARNED: Final[tuple[LearnedPolicy, ...]] = ("lss", "lss+", "calibrated")
ORACLES: Final = ("clairvoyant", "noisy", "random", "inverted")
UNIVERSE: Final = 1_000_000
KILOBYTES: Final = (24, 96, 384)


@final
@dataclass(frozen=True)
class Run:
    """One summary on one stream.

    Args:
        stream: Its name.
        kilobytes: What the summary takes, in KiB.
        policy: Of the summary.
        said: How well its predictor knew the keys; empty without one.
        rmse: Over distinct keys.
        weighted_error: Over arrivals.
        recall: Of the 1000 heaviest keys.
        violations: Keys outside their bounds.
        asked: Keys that a predictor was asked about during updates; 0 for an oracle, which costs nothing.
        items_per_second: Updates, predictions included.
    """

    stream: str
    kilobytes: int
    policy: str
    said: str
    rmse: float
    weighted_error: float
    recall: float
    violations: int
    asked: int
    items_per_second: float


@final
@dataclass(frozen=True)
class Stream:
    """Keys, and predictors by how well they know them."""

    name: str
    keys: Any
    predictors: dict[str, Any] = field(repr=False)


@final
@dataclass(frozen=True)
class Scale:
    """How much is measured."""

    arrivals: int
    alphas: tuple[float, ...]
    kilobytes: tuple[int, ...]
    tokens: int | None  # at most; None: all

    def __str__(self) -> str:
        """In words."""
        listed = " and ".join(f"{alpha:g}" for alpha in self.alphas)
        sizes = ", ".join(str(size) for size in self.kilobytes)
        return f"{self.arrivals:.0e} arrivals, Zipf {listed} over 1e6 keys; {sizes} KiB".replace("e+0", "e")


def scale(quick: bool) -> Scale:
    """What a test bears, or the whole."""
    return Scale(1_000_000, (1.0,), (24, 96), 500_000) if quick else Scale(10_000_000, (1.0, 1.25), KILOBYTES, None)


def zipf(arrivals: int, alpha: float) -> Stream:
    """A stream in random order, with predictors that know its counts more or less."""
    keys = streams.zipf(arrivals, UNIVERSE, alpha, seed=3)["key"]
    inverse = pow(int(streams.GOLDEN), -1, 2**64)
    ranks: Callable[[Any], NDArray[np.uint64]] = lambda asked: asked * np.uint64(inverse)  # noqa: E731
    counts = np.bincount(ranks(keys).astype(np.int64), minlength=UNIVERSE)
    logs, random = np.log2(np.maximum(counts, 1)), np.random.default_rng(0)

    def known(says: NDArray[np.float64]) -> FromCallable:
        return FromCallable(lambda asked: says[ranks(asked)], price=Price(), horizon=arrivals)

    says = (
        logs,
        logs + random.standard_normal(UNIVERSE) / math.log(2),
        random.permutation(logs),
        logs.max() - logs,
    )
    return Stream(f"Zipf {alpha:g}", keys, {name: known(each) for name, each in zip(ORACLES, says, strict=True)})


def real(at: Scale, quick: bool) -> Iterator[Stream]:
    """Streams whose keys tell something; the first third trains."""
    packets = streams.flows(at.arrivals // 2, at.arrivals // 13, seed=0)["key"]
    cut = packets.size // 3
    yield Stream("flows", packets[cut:], {"key bits": KeyBits(buckets=512).fit(packets[:cut])})
    words = streams.code_tokens()["key"][: at.tokens].tolist()
    cut = len(words) // 3
    model = FirstOf(LookupTable(entries=8192), CharNgrams(buckets=1024)).fit(words[:cut])
    yield Stream("code tokens", words[cut:], {"table and n-grams": model})


def measure(stream: Stream, kilobytes: tuple[int, ...]) -> list[Run]:
    """All policies with all predictors."""
    runs = []
    for size in kilobytes:
        for name, (plain, estimator) in PLAIN.items():
            runs.append(_run(stream, size, name, "", SpaceSaving(memory=1024 * size, policy=plain), 0, estimator))
        for said, predictor in stream.predictors.items():
            for policy in LEARNED:
                summary, twin = (LearnedSpaceSaving(predictor, memory=1024 * size, policy=policy) for _ in range(2))
                if said not in ORACLES:  # alone, as an evaluation also asks about every key at the end
                    twin.update(stream.keys)
                runs.append(_run(stream, size, policy, said, summary, twin.report()["keys"], "mid"))
    return runs


def _run(
    stream: Stream, kilobytes: int, policy: str, said: str, summary: Tracking, asked: int, estimator: Estimator
) -> Run:
    found = evaluate(summary, stream.keys, k=(1000,), estimator=estimator)
    metrics = found.metrics
    return Run(
        stream.name, kilobytes, policy, said, metrics["rmse"], metrics["weighted_error"], metrics["recall@1000"],
        found.violations, asked, found.items_per_second,
    )  # fmt: skip


def sheet(runs: list[Run]) -> Sheet:
    """All of them."""
    rows = []
    for run in runs:
        exact, gated = (at(runs, run.stream, run.kilobytes, policy).rmse for policy in ("exact", "gated"))
        name = f"{run.policy}, {run.said}" if run.said else run.policy
        rows.append(
            [run.stream, str(run.kilobytes), name, f"{run.rmse:.4g}", f"{run.rmse / exact:.2f}",
             f"{run.rmse / gated:.2f}", f"{run.weighted_error:.4g}", f"{run.recall:.3f}",
             f"{run.asked / 1e6:.2g} M" if run.asked else "", f"{run.items_per_second / 1e6:.1f}"]
        )  # fmt: skip
    return Sheet(
        title="Every policy at equal bytes",
        columns=["stream", "KiB", "policy, predictor", "RMSE", "of exact", "of gated", "weighted error", "recall@1000",
                 "keys asked", "M items/s"],
        rows=rows,
        below="RMSE over distinct keys and the error weighted by count, of `count` for exact and of `mid` for all "
        "others. Models are not in the bytes; predicting is in the time. Noisy: standard deviation 1 in ln(count). "
        "Recall ranks tracked keys, and where there are fewer than 1000 all keys by their estimates.",
    )  # fmt: skip


def at(runs: list[Run], stream: str, kilobytes: int, policy: str, said: str = "") -> Run:
    """The one that is meant."""
    return next(
        run for run in runs if (run.stream, run.kilobytes, run.policy, run.said) == (stream, kilobytes, policy, said)
    )


def ratios(runs: list[Run], policy: str, said: str | None, to: str, what: str = "rmse") -> list[float]:
    """What a policy has of another's figure, with this predictor, or with all that have learned from the past."""
    taken = [run for run in runs if run.policy == policy and (run.said == said if said else run.asked)]
    others = [at(runs, run.stream, run.kilobytes, to, run.said if to in LEARNED else "") for run in taken]
    return [getattr(run, what) / getattr(other, what) for run, other in zip(taken, others, strict=True)]
