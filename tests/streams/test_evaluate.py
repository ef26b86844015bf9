import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.streams import CountMin, CountSketch, SpaceSaving, evaluate

STREAM = np.random.default_rng(0).zipf(1.2, 40_000) % 5000
EVERY = ("rmse", "weighted_error", "relative_error", "recall", "heavy_hitters")
MAKE = {
    "exact": lambda: SpaceSaving(capacity=200),
    "assoc": lambda: SpaceSaving(capacity=200, policy="assoc"),
    "count-min": lambda: CountMin(width=300),
    "count-sketch": lambda: CountSketch(width=300),
}


@pytest.mark.parametrize("name", MAKE)
@pytest.mark.parametrize("text", [False, True])
def test_metrics_are_those_of_a_few_lines_of_numpy(name, text):
    stream = [f"key {key}" for key in STREAM] if text else STREAM
    found = evaluate(MAKE[name](), stream, metrics=EVERY, k=[50, 1000], phi=[0.01])
    summary = MAKE[name]()
    summary.update(stream)
    keys, f = np.unique(stream, return_counts=True)
    e = summary.estimate(keys)
    assert found.estimator == "count"
    assert found.metrics["rmse"] == pytest.approx(math.sqrt(((e - f) ** 2).mean()))
    assert found.metrics["weighted_error"] == pytest.approx((f * np.abs(e - f)).sum() / len(stream))
    for k in (50, 1000):
        top = np.argsort(-f)[:k]
        if f[top[-1]] > np.sort(f)[::-1][k]:  # the heaviest are who they are
            assert found.metrics[f"relative_error@{k}"] == pytest.approx((np.abs(e - f) / f)[top].mean())
        true = dict(zip(keys.tolist(), f.tolist(), strict=True))
        if name in ("exact", "assoc") and k == 50:
            listed = [true[row.key] for row in summary.top(k)]
            assert found.metrics["recall@50"] == pytest.approx(np.mean(np.array(listed) >= np.sort(f)[-k]))
    heavy = 0.01 * len(stream)
    options = {} if name in ("exact", "assoc") else {"keys": keys}
    listed = np.array([true[row.key] for row in summary.heavy_hitters(0.01, **options)])
    assert found.metrics["precision at 0.01"] == pytest.approx((listed > heavy).mean())
    assert found.metrics["recall at 0.01"] == pytest.approx((listed > heavy).sum() / (f > heavy).sum())
    assert found.candidates == ((1000,) if name in ("exact", "assoc") else (50, 1000))
    assert (found.arrivals, found.distinct, found.nbytes) == (len(stream), len(keys), summary.nbytes)
    assert found.model_bytes == 0
    assert found.items_per_second > 0
    lower, upper = summary.bounds(keys)
    assert found.violations == ((f < lower) | (f > upper)).sum()
    if name != "count-sketch":
        assert found.violations == 0


def test_violations_are_seen():
    sketch = CountSketch(width=5, depth=1, seed=3)
    assert evaluate(sketch, STREAM).violations > 0


def test_ties_count_as_recalled():
    stream = np.repeat(np.arange(10), [5, 3, 3, 3, 3, 3, 1, 1, 1, 1])
    found = evaluate(SpaceSaving(capacity=20), stream, metrics=["recall"], k=[3, 8, 100])
    assert found.metrics == {"recall@3": 1.0, "recall@8": 1.0, "recall@100": 1.0}
    assert found.candidates == ()
    few = evaluate(SpaceSaving(capacity=2), stream, metrics=["recall"], k=[2, 3])
    assert few.candidates == (3,)


def test_the_estimator_is_named_and_matters():
    by = {
        each: evaluate(SpaceSaving(capacity=100), STREAM, metrics=["rmse"], estimator=each)
        for each in ("count", "lower", "mid")
    }
    assert [found.estimator for found in by.values()] == list(by)
    assert by["lower"].metrics["rmse"] < by["mid"].metrics["rmse"] < by["count"].metrics["rmse"]


@pytest.mark.parametrize("name", ["exact", "count-min"])
def test_errors_on_arrival_are_those_just_after_the_update(name):
    stream, every, warmup = STREAM[:3001], 7, 100
    found = evaluate(MAKE[name](), stream, metrics=[], on_arrival=True, every=every, warmup=warmup)
    summary, count, squares = MAKE[name](), dict.fromkeys(stream.tolist(), 0), []
    for place, key in enumerate(stream.tolist(), start=1):
        summary.update(key)
        count[key] += 1
        if place % every == 0 and place > warmup:
            squares.append((summary.estimate(key) - count[key]) ** 2)
    assert found.metrics == {"on_arrival_rmse": pytest.approx(math.sqrt(np.mean(squares)))}
    assert math.isnan(evaluate(MAKE[name](), [1, 2], metrics=[], on_arrival=True).metrics["on_arrival_rmse"])


def test_the_summary_holds_the_stream_afterwards():
    for on_arrival in (False, True):
        summary, other = SpaceSaving(capacity=100), SpaceSaving(capacity=100)
        evaluate(summary, STREAM[:1003], on_arrival=on_arrival)
        other.update(STREAM[:1003])
        assert summary.to_bytes() == other.to_bytes()


def test_labels_may_be_missing():
    words = [f"w{key}" for key in STREAM[:5000]]
    with_labels, without = (
        evaluate(SpaceSaving(capacity=300, labels=labels), words, k=[20]) for labels in (True, False)
    )
    assert with_labels.metrics == without.metrics
    assert with_labels.metrics["recall@20"] > 0.9


@pytest.mark.parametrize(
    ("keys", "options", "message"),
    [
        ([1, None], {}, "keys are 2 with 1 nulls, but must be a stream without nulls"),
        ([], {}, "keys are 0 with 0 nulls"),
        (5, {}, "must be a stream"),
        ([1.5], {}, "of type float"),
        ([1], {"metrics": ["mse"]}, "metrics contain 'mse', but each must be one of rmse"),
        ([1], {"k": [0]}, r"k is \[0\], but each must be at least 1"),
        ([1], {"phi": [2]}, "phi is 2"),
        ([1], {"metrics": "rmse"}, "metrics is 'rmse', but must be a sequence"),
        ([1], {"k": 10}, r"k is 10, but must be a sequence; pass \[10\]"),
        ([1], {"phi": 0.1}, r"phi is 0\.1, but must be a sequence"),
        ([1], {"every": 0}, "every is 0"),
        ([1], {"warmup": -1}, "warmup -1"),
        ([1], {"estimator": "best"}, "estimator is 'best'"),
    ],
)
def test_what_breaks_a_rule_is_refused(keys, options, message):
    with pytest.raises(InvalidInput, match=message):
        evaluate(SpaceSaving(capacity=3), keys, **options)


def test_a_summary_that_has_counted_is_refused():
    summary = SpaceSaving(capacity=3)
    summary.update(1)
    with pytest.raises(InvalidInput, match="summary has counted 1 already"):
        evaluate(summary, [1, 2])
