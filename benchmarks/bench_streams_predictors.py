"""How well our predictors rank keys that they never saw, and at what price, against scikit-learn.

Not for you where every key has come before: then a `LookupTable` knows each, and no regression is needed.

Run: python benchmarks/bench_streams_predictors.py [-o FILE]
"""

import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from report import options, take

from beforehand.reporting import Sheet, seconds
from beforehand.streams import CharNgrams, FirstOf, KeyBits, LookupTable
from beforehand.workloads.streams import code_tokens, flows

HEAVY = 100  # how often a key must come for AUC to call it heavy
RUNS = 3


class Split(NamedTuple):
    """What is learned from, a third of the stream, and all keys of the rest with their counts."""

    learned: list[Any]
    counts: NDArray[np.int64]
    asked: list[Any]
    true: NDArray[np.int64]
    unseen: NDArray[np.bool_]


def split(stream: NDArray[Any]) -> Split:
    """Cut a stream."""
    cut = len(stream) // 3
    learned, counts = np.unique(stream[:cut], return_counts=True)
    asked, true = np.unique(stream[cut:], return_counts=True)
    return Split(learned.tolist(), counts, asked.tolist(), true, ~np.isin(asked, learned))


def ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """From 1 on; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    found: NDArray[np.float64] = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return found


def row(name: str, data: Split, fit: Callable[[], Callable[[list[Any]], Any]], size: int | None) -> list[str]:
    """Fit, predict, and judge on the keys that were never seen."""
    begun = time.process_time()
    predict = fit()
    fitting = time.process_time() - begun
    predicted = np.asarray(predict(data.asked))
    each = seconds(lambda: predict(data.asked), RUNS) / len(data.asked)
    guess, true = ranks(predicted[data.unseen]), data.true[data.unseen]
    heavy = true >= HEAVY
    above = guess[heavy].sum() - heavy.sum() * (heavy.sum() + 1) / 2
    figures = (f"{np.corrcoef(guess, ranks(true))[0, 1]:.2f}", f"{above / (heavy.sum() * (~heavy).sum()):.2f}")
    return [name, "-" if size is None else f"{size:,}", f"{fitting:.2f}", f"{1e9 * each:,.0f}", *figures]


def ours(name: str, predictor: Any, data: Split) -> list[str]:
    """One of ours."""
    predictor.fit(data.learned, data.counts)
    return row(name, data, lambda: predictor.fit(data.learned, data.counts).predict, len(predictor.to_bytes()))


def rival(data: Split) -> Iterator[list[str]]:
    """Hashed n-grams and ridge regression of scikit-learn, with as many weights, and samples weighed as ours are."""
    if not find_spec("sklearn"):
        print("scikit-learn is left out; pip install scikit-learn")
        return
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import Ridge
    from sklearn.pipeline import make_pipeline

    def fit() -> Callable[[list[Any]], Any]:
        grams = HashingVectorizer(analyzer="char", ngram_range=(1, 4), n_features=1024, alternate_sign=False)
        model = make_pipeline(grams, Ridge(alpha=1.0, solver="sparse_cg", max_iter=30))
        weights = np.clip(np.sqrt(data.counts), 1, 30)
        predict: Callable[[list[Any]], Any] = model.fit(
            data.learned, np.log2(data.counts), ridge__sample_weight=weights
        ).predict
        return predict

    yield row(f"scikit-learn {version('scikit-learn')}, n-grams and ridge", data, fit, None)


def sheet(title: str, data: Split, rows: list[list[str]]) -> Sheet:
    """One table."""
    return Sheet(
        title=title,
        columns=["predictor", "bytes", "fit s", "ns a key", "Spearman", f"AUC of {HEAVY} or more"],
        rows=rows,
        below=f"Learned from {len(data.learned):,} keys, asked about {len(data.asked):,}; judged on those "
        f"{np.count_nonzero(data.unseen):,} that were never seen. Processor time; lists of Python strings or integers.",
    )


def tokens() -> Sheet:
    """Identifiers in the order of the code of the standard library."""
    data = split(code_tokens()["key"])
    rows = [
        ours("CharNgrams, 1,024 buckets", CharNgrams(), data),
        ours("CharNgrams, 256 buckets", CharNgrams(buckets=256), data),
        ours("LookupTable, then CharNgrams", FirstOf(LookupTable(), CharNgrams()), data),
    ]
    return sheet("Identifiers of the standard library", data, [*rows, *rival(data)])


def addresses() -> Sheet:
    """Pairs of addresses, whose networks tell much of how heavy they are."""
    data = split(flows(2_600_000, 400_000, seed=0)["key"])
    rows = [ours(f"KeyBits, {buckets:,} buckets", KeyBits(buckets=buckets), data) for buckets in (256, 512, 1024, 2048)]
    return sheet("Flows between addresses", data, rows)


def main() -> None:
    """Measure, print, and keep."""
    take((tokens, addresses), options(__doc__ or "").parse_args().output)


if __name__ == "__main__":
    main()
