"""How far off summaries of equal bytes are: ours, with and without a predictor, and DataSketches.

Not for you where the distinct keys fit in memory: then count them exactly.

Run: python benchmarks/bench_streams_accuracy.py [-o FILE]; BEFOREHAND_DATASKETCHES names a library of the C++.
"""

import os
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from report import options, take
from streams_contenders import DATASKETCHES, NativeDataSketches

from beforehand.core import Price
from beforehand.reporting import Sheet
from beforehand.streams import (
    CharNgrams,
    CountMin,
    FirstOf,
    FromCallable,
    KeyBits,
    LearnedSpaceSaving,
    LookupTable,
    SpaceSaving,
    evaluate,
)
from beforehand.workloads.streams import code_tokens, flows, zipf

MEMORY = {"24 KiB": 24_576, "96 KiB": 98_304, "384 KiB": 393_216}
ARRIVALS, UNIVERSE = 10_000_000, 1_000_000
FLOW_ARRIVALS, FLOWS = 2_600_000, 400_000


class Errors(NamedTuple):
    """Root of the mean squared error of distinct keys, and the error of a key as often as it comes."""

    rmse: float
    weighted: float

    def __str__(self) -> str:
        """Both, with three digits."""
        return " / ".join(f"{error:,.0f}" if error >= 100 else f"{error:.3g}" for error in self)


def judged(make: Callable[[int], Any], estimator: str) -> Callable[[Any, int], Errors]:
    """Run one of ours in so much memory."""

    def run(keys: Any, memory: int) -> Errors:
        summary = make(memory)
        found = evaluate(summary, keys, metrics=("rmse", "weighted_error"), estimator=estimator)
        if found.violations:
            raise RuntimeError(f"{summary} has {found.violations} violations")
        return Errors(found.metrics["rmse"], found.metrics["weighted_error"])

    return run


def datasketches(keys: Any, memory: int) -> Errors:
    """The largest table that takes at most so many bytes: 18 for each of its places."""
    sketch = NativeDataSketches((memory // 18).bit_length() - 1)
    ids = np.unique(keys, return_inverse=True)[1].astype(np.uint64) if keys.dtype.kind not in "iu" else keys
    sketch.update(ids)
    distinct, true = np.unique(ids, return_counts=True)
    errors = np.abs(sketch.query(distinct)[1].astype(np.float64) - true)
    return Errors(float(np.sqrt(np.mean(errors**2))), float(np.average(errors, weights=true)))


def space_saving(policy: Any) -> Callable[[int], Any]:
    """Of one policy."""
    return lambda memory: SpaceSaving(memory=memory, policy=policy)


def learned(predictor: Any) -> Callable[[int], Any]:
    """Calibrated; the bytes of the model are not counted."""
    return lambda memory: LearnedSpaceSaving(predictor, memory=memory)


def plain() -> dict[str, Callable[[Any, int], Errors]]:
    """Contenders without a predictor."""
    found = {
        "exact, count": judged(space_saving("exact"), "count"),
        "exact, lower": judged(space_saving("exact"), "lower"),
        "assoc, count": judged(space_saving("assoc"), "count"),
        "Count-Min, 4 rows": judged(lambda memory: CountMin(memory=memory), "count"),
        "filtered, mid": judged(space_saving("filtered"), "mid"),
        "gated, mid": judged(space_saving("gated"), "mid"),
    }
    if os.environ.get(DATASKETCHES):
        found["DataSketches C++, 0.75 of the bytes"] = datasketches
    return found


def knowing(keys: Any) -> dict[str, Any]:
    """Predictors that know the truth: noisy, drawn at random, and upside down."""
    distinct, counts = np.unique(keys, return_counts=True)
    true, random = np.log2(counts), np.random.default_rng(0)

    def answering(answers: Any) -> Any:
        return FromCallable(lambda asked: answers[np.searchsorted(distinct, asked)], price=Price(seconds=0, per="key"))

    return {
        "noisy": answering(true + random.normal(size=len(true)) / np.log(2)),
        "random": answering(random.permutation(true)),
        "inverted": answering(true.max() - true),
    }


def table(title: str, keys: Any, predictors: dict[str, Any]) -> Sheet:
    """One row for each contender."""
    contenders = plain() | {
        f"calibrated, mid; {name}": judged(learned(predictor), "mid") for name, predictor in predictors.items()
    }
    found = {name: [run(keys, memory) for memory in MEMORY.values()] for name, run in contenders.items()}
    best = found["gated, mid"]
    rows = [
        [name, *map(str, errors), *(f"{each.rmse / of.rmse:.2f}" for each, of in zip(errors, best, strict=True))]
        for name, errors in found.items()
    ]
    return Sheet(
        title=f"{title}: RMSE / weighted error",
        columns=["", *MEMORY, *(f"RMSE of gated, {name}" for name in MEMORY)],
        rows=rows,
        below=f"{len(keys):,} arrivals, {len(np.unique(keys)):,} distinct keys. No bound was violated.",
    )


def zipfian(alpha: float) -> Sheet:
    """Predictors that know the truth."""
    keys = zipf(ARRIVALS, UNIVERSE, alpha, seed=0)["key"]
    return table(f"Zipf {alpha}", keys, knowing(keys))


def tokens() -> Sheet:
    """Identifiers of the standard library; a predictor that has seen a third."""
    keys = code_tokens()["key"]
    first, rest = np.split(keys, [len(keys) // 3])
    return table("Code tokens", rest, {"table and n-grams": FirstOf(LookupTable(), CharNgrams()).fit(first)})


def addresses() -> Sheet:
    """Flows; a predictor that has seen a third."""
    keys = flows(FLOW_ARRIVALS, FLOWS, seed=0)["key"]
    first, rest = np.split(keys, [len(keys) // 3])
    return table("Flows", rest, {"key bits": KeyBits().fit(first)})


def main() -> None:
    """Measure, print, and keep."""
    sheets = (lambda: zipfian(1.0), lambda: zipfian(1.25), tokens, addresses)
    take(sheets, options(__doc__ or "").parse_args().output)


if __name__ == "__main__":
    main()
