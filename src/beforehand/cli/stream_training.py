"""Predictors fitted on the first part of a stream, and judged on the rest."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from beforehand.cli.interrupts import Interrupts
from beforehand.cli.stream_check import Numbered
from beforehand.cli.stream_inputs import StreamInput
from beforehand.cli.stream_progress import watching
from beforehand.cli.stream_results import counted

Model = Literal["auto", "table", "ngrams", "bits", "table+ngrams"]
LEAST = 10_000  # arrivals
HEAVY = 100  # how often a key comes that AUC is to tell from the others


LEGEND = (
    "share: of all arrivals; spearman: how well keys are ordered by weight, 0 is chance and 1 perfect; auc: how surely "
    f"keys with {HEAVY} arrivals or more are told from others, 0.5 is chance and 1 perfect; undefined: too "
    "few keys to tell"
)


class Trained(NamedTuple):
    """A predictor, and how good it is."""

    predictor: Any
    quality: dict[str, Any]


@final
@dataclass(frozen=True, kw_only=True)
class Quality:
    """How well a predictor orders keys of the part that it has not seen.

    Args:
        keys: How many they are.
        share: Of the arrivals of that part.
        spearman: Rank correlation of predicted and true counts; None where it is not defined.
        auc: Chance that a key that comes 100 times is predicted above one that does not; None where it is not defined.
    """

    keys: int
    share: float
    spearman: float | None
    auc: float | None

    @classmethod
    def of(cls, predicted: NDArray[Any], counts: NDArray[np.int64], total: int) -> "Quality":
        """Compare predictions with true counts."""
        heavy = counts >= HEAVY
        pairs = np.count_nonzero(heavy) * np.count_nonzero(~heavy)
        ranks = _ranks(predicted)
        above = np.sum(ranks[heavy]) - np.count_nonzero(heavy) * (np.count_nonzero(heavy) + 1) / 2
        ordered = predicted.size and np.ptp(predicted) > 0 and np.ptp(counts) > 0
        return cls(
            keys=counts.size,
            share=float(np.sum(counts) / total),
            spearman=float(np.corrcoef(ranks, _ranks(counts))[0, 1]) if ordered else None,
            auc=float(above / pairs) if pairs else None,
        )


def train(source: StreamInput, model: Model, *, entries: int, buckets: int | None, fraction: float) -> Trained:
    """Fit a predictor on the first part of a stream, and judge it on the rest.

    Args:
        source: The stream.
        model: Which predictor; "auto" goes by the keys.
        entries: Keys that a table remembers.
        buckets: Weights of the others; None for as many as they have by themselves.
        fraction: Share of the arrivals, the first, to learn from.

    Raises:
        InvalidInput: there are fewer than 10,000 arrivals; the model does not read keys of this kind.
    """
    numbered, numbers, weight = _read(source)
    cut = math.ceil(fraction * numbers.size)
    learned, rest = (
        np.bincount(numbers[part], weight[part], len(numbered.keys)).astype(np.int64)
        for part in (slice(cut), slice(cut, None))
    )
    seen = np.flatnonzero(learned)
    predictor = made(model, text=not isinstance(numbered.keys[0], int), entries=entries, buckets=buckets)
    predictor.fit([numbered.keys[i] for i in seen], learned[seen])
    if cut == numbers.size:
        return Trained(predictor, {"judged": "on nothing, as all arrivals were learned from"})
    return Trained(predictor, _judged(predictor, numbered.keys, learned, rest))


def _read(source: StreamInput) -> tuple[Numbered, NDArray[np.int64], NDArray[np.int64]]:
    """All distinct keys, the number of the key of each arrival, and its weight."""
    from beforehand.core.errors import InvalidInput

    numbered = Numbered()
    parts: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    with Interrupts() as interrupts, watching(source.size()) as watch:

        def update(keys: Any, weights: Any) -> None:
            parts.append(numbered.numbers(keys, weights))
            watch.counted(len(keys))

        source.feed(update, interrupts, watch.heard)
        if interrupts.asked:
            raise KeyboardInterrupt
    arrivals = sum(part.size for part, _ in parts)
    if arrivals < LEAST:
        raise InvalidInput(
            f"the stream has {counted(arrivals, 'arrival')}, but a model learns from at least {LEAST:,}; read more"
        )
    numbers, weight = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    return numbered, numbers, weight


def made(model: Model, *, text: bool, entries: int, buckets: int | None) -> Any:
    """The predictor of that name, not fitted; "auto" goes by whether keys are text."""
    from beforehand.streams import CharNgrams, FirstOf, KeyBits, LookupTable

    sized: dict[str, Any] = {} if buckets is None else {"buckets": buckets}
    if model == "auto":
        model = "table+ngrams" if text else "bits"
    match model:
        case "table":
            return LookupTable(entries=entries)
        case "bits":
            return KeyBits(**sized)
        case "ngrams":
            return CharNgrams(**sized)
    return FirstOf(LookupTable(entries=entries), CharNgrams(**sized))


def _judged(
    predictor: Any, keys: list[Any], learned: NDArray[np.int64], rest: NDArray[np.int64]
) -> dict[str, dict[str, Any]]:
    """How well it orders the keys of the rest: all of them, and those that it has not learned from."""
    came = np.flatnonzero(rest)
    predicted = np.asarray(predictor.predict([keys[i] for i in came]), np.float64)
    new = learned[came] == 0
    total = int(np.sum(rest))
    return {
        "on_the_rest": asdict(Quality.of(predicted, rest[came], total)),
        "on_keys_unseen": asdict(Quality.of(predicted[new], rest[came[new]], total)),
    }


def _ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """From 1 on; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]
