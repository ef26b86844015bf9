import pickle
import subprocess
import sys

import numpy as np
import pyarrow
import pytest
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer
from sklearn.utils.estimator_checks import check_estimator

from beforehand.core.errors import InvalidInput
from beforehand.integrations.sklearn import AdaptiveQuantizer
from beforehand.quantization import levels


def columns(seed, rows=500, count=6):
    """Columns of different shape: bells, long tails, two hills, integers."""
    random = np.random.default_rng(seed)
    made = [
        random.standard_normal(rows),
        random.lognormal(size=rows),
        random.standard_t(3, rows),
        random.standard_normal(rows) + 20 * random.integers(0, 2, rows),
        random.integers(0, 60, rows).astype(float),
        1e3 + random.random(rows),
    ]
    return np.stack([made[i % len(made)] for i in range(count)], axis=1)


@pytest.mark.parametrize("objective", ["mse", "unbiased"])
def test_scikit_learn_takes_it_for_one_of_its_own(objective):
    check_estimator(AdaptiveQuantizer(objective=objective), on_skip=None)


@pytest.mark.slow
def test_no_column_has_a_larger_error_than_under_the_k_means_of_scikit_learn():
    X = np.concatenate([columns(seed, count=5) for seed in range(10)], axis=1)
    ours = AdaptiveQuantizer(16).fit(X)
    bins = KBinsDiscretizer(16, strategy="kmeans", encode="ordinal", subsample=None).fit_transform(X).astype(int)
    for j in range(X.shape[1]):
        means = np.bincount(bins[:, j], X[:, j]) / np.maximum(np.bincount(bins[:, j]), 1)
        theirs = ((X[:, j] - means[bins[:, j]]) ** 2).sum()
        assert ours.levels_.group_squared_error[j] <= theirs * (1 + 1e-9)


def test_the_way_back_costs_the_error_that_was_announced():
    X = columns(0)
    quantizer = AdaptiveQuantizer(8).fit(X)
    codes = quantizer.transform(X)
    assert codes.dtype == np.uint8
    assert codes.shape == X.shape
    assert ((quantizer.inverse_transform(codes) - X) ** 2).sum() == pytest.approx(quantizer.squared_error_)


def test_the_levels_are_those_of_the_columns():
    X = columns(1)
    for objective in ("mse", "unbiased"):
        quantizer = AdaptiveQuantizer(16, objective=objective).fit(X)
        for j, table in enumerate(np.asarray(quantizer.levels_)):
            assert (table == levels(X[:, j], 16, objective=objective).values).all()


def test_above_256_levels_codes_are_wider():
    X = columns(2, rows=1000, count=2)
    quantizer = AdaptiveQuantizer(300).fit(X)
    codes = quantizer.transform(X)
    assert codes.dtype == np.uint16
    assert codes.max() == 299
    assert AdaptiveQuantizer(256).fit(X).transform(X).dtype == np.uint8


def test_unbiased_codes_are_right_on_average_and_bound_to_the_seed():
    X = np.repeat(columns(3, rows=50, count=2), 400, axis=0)
    codes = AdaptiveQuantizer(8, objective="unbiased", seed=5).fit(X)
    again = codes.inverse_transform(codes.transform(X))
    means = again.reshape(50, 400, 2).mean(axis=1)
    spread = np.ptp(np.asarray(codes.levels_), axis=1) / 2 / 20
    assert (np.abs(means - X[::400]) < 4.5 * spread).all()
    assert (codes.transform(X, stream=3) == codes.transform(X, stream=3)).all()
    assert (codes.fit(X).transform(X) == codes.fit(X).transform(X)).all()
    other = clone(codes).set_params(seed=6).fit(X)
    assert (other.transform(X) != codes.fit(X).transform(X)).any()


def test_batches_of_any_size_average_as_the_whole_does():
    X = np.concatenate([np.full((1000, 3), 0.3), np.zeros((1, 3)), np.ones((1, 3))])
    for size in (1, 7, 100, 1000):
        quantizer = AdaptiveQuantizer(2, objective="unbiased", seed=1).fit(X)
        batches = [X[:1000][i : i + size] for i in range(0, 1000, size)]
        decoded = np.concatenate([quantizer.inverse_transform(quantizer.transform(batch)) for batch in batches])
        assert decoded.shape == (1000, 3)
        assert np.abs(decoded.mean(axis=0) - 0.3).max() < 4.5 * np.sqrt(0.3 * 0.7 / 1000)
        again = AdaptiveQuantizer(2, objective="unbiased", seed=1).fit(X)
        resumed = pickle.loads(pickle.dumps(again))
        for kind in (again, resumed):
            assert (kind.inverse_transform(kind.transform(batches[0])) == decoded[: len(batches[0])]).all()
        streams = [again.transform(batch, stream=100 + i) for i, batch in enumerate(batches)]
        assert abs(np.concatenate(streams).mean() - 0.3) < 0.05


def test_values_beyond_the_fit_are_clipped_or_refused():
    X = columns(4)
    clipping = AdaptiveQuantizer(4, objective="unbiased").fit(X)
    assert (clipping.transform(X.max(axis=0, keepdims=True) + 1) == 3).all()
    assert (clipping.transform(X.min(axis=0, keepdims=True) - 1) == 0).all()
    refusing = AdaptiveQuantizer(4, objective="unbiased", outside="raise").fit(X)
    with pytest.raises(InvalidInput, match="outside"):
        refusing.transform(X + 1e6)


def test_a_weight_of_two_is_two_rows_and_a_weight_of_zero_is_none():
    X = columns(5)
    weight = np.random.default_rng(0).integers(0, 3, len(X))
    weighted = AdaptiveQuantizer(8).fit(X, sample_weight=weight)
    repeated = AdaptiveQuantizer(8).fit(np.repeat(X, weight, axis=0))
    np.testing.assert_allclose(weighted.levels_, repeated.levels_, rtol=1e-9)
    assert weighted.squared_error_ == pytest.approx(repeated.squared_error_)


def test_batches_come_close_to_the_whole():
    X = columns(6, rows=20_000)
    whole, batches = AdaptiveQuantizer(16).fit(X), AdaptiveQuantizer(16)
    for batch in np.array_split(X, 7):
        batches.partial_fit(batch)
    error = ((batches.inverse_transform(batches.transform(X)) - X) ** 2).sum(axis=0)
    assert (error <= 1.01 * whole.levels_.group_squared_error).all()
    assert batches.squared_error_ == pytest.approx(error.sum(), rel=0.01)
    assert batches.levels_.shape == X.shape
    assert batches.levels_.vnmse == pytest.approx(batches.squared_error_ / (X**2).sum())
    assert AdaptiveQuantizer(2).partial_fit(np.zeros((5, 3))).levels_.vnmse == 0


@pytest.mark.parametrize("first", [np.full((3, 6), 0.3), np.zeros((1, 6)), columns(20, rows=50) * 1e-6 + 1e6])
@pytest.mark.parametrize("method", ["auto", "histogram"])
def test_no_first_batch_does_lasting_harm(first, method):
    X = columns(6, rows=20_000)
    batches = AdaptiveQuantizer(64, method=method).partial_fit(first)
    for batch in np.array_split(X, 40):
        batches.partial_fit(batch)
    whole = np.concatenate([first, X])
    best = AdaptiveQuantizer(64).fit(whole).levels_.group_squared_error
    error = ((batches.inverse_transform(batches.transform(whole)) - whole) ** 2).sum(axis=0)
    assert (error <= 1.1 * best + 1e-6).all()


def test_few_rows_in_batches_are_those_rows_at_once():
    X = columns(21, rows=300)
    whole, batches = AdaptiveQuantizer(8).fit(X), AdaptiveQuantizer(8)
    for row in X:
        batches.partial_fit(row[np.newaxis])
    assert (np.asarray(batches.levels_) == np.asarray(whole.levels_)).all()
    assert batches.levels_.exact


def test_batches_take_weights():
    X = columns(7)
    weight = np.random.default_rng(0).integers(0, 3, len(X))
    weighted = AdaptiveQuantizer(8).partial_fit(X, sample_weight=weight)
    repeated = AdaptiveQuantizer(8).partial_fit(X[weight > 0]).partial_fit(X[weight > 1])
    np.testing.assert_allclose(weighted.levels_, repeated.levels_, rtol=1e-6)


def test_fit_forgets_the_batches_and_batches_the_fit():
    X, other = columns(8), columns(9) + 100
    quantizer = AdaptiveQuantizer(8).partial_fit(other).fit(X)
    assert (np.asarray(quantizer.levels_) == np.asarray(AdaptiveQuantizer(8).fit(X).levels_)).all()
    assert np.asarray(quantizer.partial_fit(other).levels_).min() > 90


def test_columns_of_few_values_get_as_many_levels_and_no_error():
    X = np.stack([np.zeros(30), np.arange(30.0) % 2, np.arange(30.0)], axis=1)
    for quantizer in (AdaptiveQuantizer(32).fit(X), AdaptiveQuantizer(32).partial_fit(X)):
        assert quantizer.squared_error_ == 0
        assert list(quantizer.levels_.counts) == [1, 2, 30]
        assert (quantizer.inverse_transform(quantizer.transform(X)) == X).all()


def test_names_of_columns_are_kept():
    names = ["age", "height"]
    quantizer = AdaptiveQuantizer(4).fit(pyarrow.table(list(columns(10, count=2).T), names=names))
    assert list(quantizer.feature_names_in_) == names
    assert list(quantizer.get_feature_names_out()) == names


def test_a_pickle_and_a_pipeline_give_the_same_codes():
    X = columns(11) ** 2
    for quantizer in (AdaptiveQuantizer(8).fit(X), AdaptiveQuantizer(8).partial_fit(X)):
        copy = pickle.loads(pickle.dumps(quantizer))
        assert (copy.transform(X) == quantizer.transform(X)).all()
    stopped = AdaptiveQuantizer(8).partial_fit(X[:250])
    resumed = pickle.loads(pickle.dumps(stopped)).partial_fit(X[250:])
    assert (np.asarray(resumed.levels_) == np.asarray(stopped.partial_fit(X[250:]).levels_)).all()
    pipeline = make_pipeline(FunctionTransformer(np.sqrt), AdaptiveQuantizer(8)).fit(X)
    assert (pipeline.transform(X) == AdaptiveQuantizer(8).fit_transform(np.sqrt(X))).all()


def test_single_precision_stays_single():
    X = columns(12).astype(np.float32)
    quantizer = AdaptiveQuantizer(8).fit(X)
    assert quantizer.inverse_transform(quantizer.transform(X)).dtype == np.float32


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_levels": 1, "objective": "unbiased"}, "s is 1"),
        ({"objective": "median"}, "objective is 'median'"),
        ({"method": "guess"}, "method is 'guess'"),
    ],
)
def test_options_that_break_their_rule_are_refused_by_fit(options, message):
    with pytest.raises(InvalidInput, match=message):
        AdaptiveQuantizer(**options).fit(columns(13))


def test_what_is_no_code_is_refused():
    quantizer = AdaptiveQuantizer(4).fit(columns(14, count=2))
    for wrong in ([[0, 4]], [[-1, 0]], [[0.5, 0]]):
        with pytest.raises(InvalidInput, match="not a code of its column; pass what transform"):
            quantizer.inverse_transform(wrong)
    with pytest.raises(InvalidInput, match="3 columns of codes, but 2 were fitted"):
        quantizer.inverse_transform([[0, 0, 0]])


def test_methods_that_need_all_data_at_once_refuse_batches():
    with pytest.raises(InvalidInput, match="method is 'exact', but partial_fit needs a histogram"):
        AdaptiveQuantizer(4, method="exact").partial_fit(columns(15))


@pytest.mark.parametrize("weight", [np.zeros(500), np.full(500, -1.0), np.full(500, np.nan), np.ones(3)])
def test_weights_that_cannot_be_are_refused(weight):
    with pytest.raises(InvalidInput, match="sample_weight"):
        AdaptiveQuantizer(4).fit(columns(16), sample_weight=weight)


def test_without_scikit_learn_one_sentence_says_what_to_install():
    code = "import sys; sys.modules['sklearn'] = None; import beforehand.integrations.sklearn"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    last = ran.stderr.strip().splitlines()[-1]
    assert last.endswith("MissingDependency: AdaptiveQuantizer needs scikit-learn; pip install 'beforehand[sklearn]'")
