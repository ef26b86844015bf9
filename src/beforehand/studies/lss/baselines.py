"""What predictions do to simpler things: a floor under Space Saving, and Count-Min beside exact counters."""

import itertools
import math
from dataclasses import dataclass
from typing import Any, Final, Literal, final

import numpy as np
from numpy.typing import NDArray

from beforehand.reporting import Sheet
from beforehand.streams import CountMin, SpaceSaving
from beforehand.streams.theory import learned_gain
from beforehand.studies.lss.runs import UNIVERSE
from beforehand.workloads import streams

Use = Literal["filter", "pin"]
USES: Final[tuple[tuple[Use, float, float], ...]] = (  # use, precision, recall
    ("filter", 1.0, 0.0),
    ("filter", 0.5, 0.8),
    ("filter", 1.0, 1.0),
    ("pin", 1.0, 0.2),
    ("pin", 0.1, 0.02),
)
LOSS: Final = 15
SHARES: Final = (0.1, 0.3)


@final
@dataclass(frozen=True)
class Floor:
    """How far a use of predictions moves the floor, by formula and replayed."""

    stream: str
    k: int
    use: Use
    precision: float
    recall: float
    plain: int
    formula: float
    replayed: float


def floors(quick: bool) -> list[Floor]:
    """Predictors of given precision and recall on streams in random order."""
    arrivals = 1_000_000 if quick else 4_000_000
    keys = {f"Zipf {alpha:g}": streams.zipf(arrivals, UNIVERSE, alpha, seed=5)["key"] for alpha in (1.0, 1.25)}
    if not quick:
        _, words = np.unique(streams.code_tokens()["key"], return_inverse=True)
        keys["shuffled code tokens"] = np.random.default_rng(0).permutation(words)
    return [
        _floor(name, stream, k, *use)
        for name, stream in keys.items()
        for k in ((1024,) if quick else (1024, 4096))
        for use in USES
    ]


def _floor(name: str, stream: NDArray[Any], k: int, use: Use, precision: float, recall: float) -> Floor:
    _, places, counts = np.unique(stream, return_inverse=True, return_counts=True)
    places = places.astype(np.uint64)
    random, order = np.random.default_rng(1), np.argsort(-counts, kind="stable")
    chance = np.full(counts.size, min(1.0, recall * k * (1 - precision) / (precision * (counts.size - k))))
    flagged = np.empty(counts.size, bool)
    chance[:k] = recall
    flagged[order] = random.random(counts.size) < chance
    plain = _replayed(places, k)
    if use == "filter":
        kept = flagged[places] | (_occurrence(places, counts) > LOSS)
        floor = _replayed(places[kept], k)
    else:
        floor = _replayed(places[~flagged[places]], k - int(flagged.sum()))
    gain = learned_gain(counts, precision, recall, k, use=use, loss=LOSS)
    return Floor(name, k, use, precision, recall, plain, gain.floor, floor / plain)


def _replayed(places: NDArray[Any], k: int) -> int:
    """The most that a key without a counter may have come."""
    summary = SpaceSaving(capacity=k, policy="exact")
    summary.update(places)
    lower, upper = summary.bounds(np.iinfo(np.uint64).max)
    return upper - lower


def _occurrence(places: NDArray[Any], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """For the how-manieth time each arrival's key comes."""
    by_key = np.argsort(places, kind="stable")
    which = np.empty(places.size, np.int64)
    which[by_key] = np.arange(places.size) - np.repeat(np.cumsum(counts) - counts, counts) + 1
    return which


def floor_sheet(found: list[Floor]) -> Sheet:
    """All of them."""
    return Sheet(
        title="What precision and recall can buy",
        columns=["stream", "k", "use", "precision", "recall", "floor", "its share by formula", "replayed"],
        rows=[
            [each.stream, str(each.k), each.use, f"{each.precision:g}", f"{each.recall:g}", f"{each.plain:,}",
             f"{each.formula:.3f}", f"{each.replayed:.3f}"]
            for each in found
        ],
        below=f"The floor is the most that a key without a counter may have come; a share of that without predictions. "
        f"Filter: keys that are not flagged lose their first {LOSS} arrivals; a recall of 0 is a filter without a "
        "predictor. Pin: flagged keys get counters for ever.",
    )  # fmt: skip


@final
@dataclass(frozen=True)
class Sketched:
    """Errors of Count-Min behind exact counters for predicted heavy keys, over those of Count-Min alone."""

    kilobytes: int
    said: str
    share: float
    conservative: bool
    weighted_error: float
    rmse: float


def sketches(quick: bool) -> list[Sketched]:
    """Learned Count-Min as Hsu et al. describe it, on Zipf 1."""
    stream = streams.zipf(1_000_000 if quick else 4_000_000, UNIVERSE, 1.0, seed=6)["key"]
    keys, counts = np.unique(stream, return_counts=True)
    noisy = np.log(counts) + np.random.default_rng(2).standard_normal(keys.size)
    found = []
    for kilobytes, conservative in itertools.product((96,) if quick else (96, 384), (False, True)):
        memory = 1024 * kilobytes
        alone = _errors(CountMin(memory=memory, conservative=conservative), stream, keys, counts)
        for (said, score), share in itertools.product({"clairvoyant": counts, "noisy": noisy}.items(), SHARES):
            exact = np.zeros(keys.size, bool)
            exact[np.argsort(-score, kind="stable")[: int(share * memory) // 16]] = True
            sketch = CountMin(memory=int((1 - share) * memory), conservative=conservative)
            rest = stream[~exact[np.searchsorted(keys, stream)]]
            errors = _errors(sketch, rest, keys[~exact], counts[~exact])
            ratios = [learned / plain for learned, plain in zip(errors, alone, strict=True)]
            found.append(Sketched(kilobytes, said, share, conservative, ratios[0], math.sqrt(ratios[1])))
    return found


def _errors(
    sketch: CountMin, stream: NDArray[Any], keys: NDArray[Any], counts: NDArray[np.int64]
) -> tuple[float, float]:
    """Sums over keys: errors, each as often as the key comes, and squares."""
    sketch.update(stream)
    errors = sketch.estimate(keys) - counts
    return float(np.sum(counts * errors)), float(np.sum(errors**2))


def sketch_sheet(found: list[Sketched]) -> Sheet:
    """All of them."""
    return Sheet(
        title="Exact counters for predicted heavy keys before Count-Min",
        columns=["KiB", "Count-Min", "predictor", "share for exact counters", "weighted error", "RMSE"],
        rows=[
            [str(each.kilobytes), "conservative" if each.conservative else "plain", each.said, f"{each.share:g}",
             f"{each.weighted_error:.2f}", f"{each.rmse:.2f}"]
            for each in found
        ],
        below="Shares of the errors of Count-Min alone, of the same kind, with all of the memory. Zipf 1, four rows, "
        "16 bytes for an exact counter. Predictions are free.",
    )  # fmt: skip
