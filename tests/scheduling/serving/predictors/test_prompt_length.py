"""Lengths from prompts: what is learned, what is refused, and files."""

import numpy as np
import pytest

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.core.files import load_tables, save_tables
from beforehand.core.predictor import Predictor
from beforehand.scheduling.serving.predictors.prompt_features import BUCKETS, layout_of, matrix
from beforehand.scheduling.serving.predictors.prompt_length import KIND, PromptLength
from beforehand.scheduling.serving.predictors.ridge import fit_ridge

RANDOM = np.random.default_rng(0)
ROWS = 400
KINDS = RANDOM.integers(0, 4, ROWS)  # each kind of prompt has its word and its length
PROMPTS = [np.append(RANDOM.integers(100, 200, 12), kind) for kind in KINDS]
LENGTHS = np.array([5, 40, 120, 400])[KINDS] * RANDOM.lognormal(0.0, 0.1, ROWS)
FEATURES = {"prompts": PROMPTS, "prompt_tokens": np.array([len(prompt) for prompt in PROMPTS])}


def held_out(features, lengths):
    rows = len(lengths)
    first = {name: column[: rows // 2] for name, column in features.items()}
    second = {name: column[rows // 2 :] for name, column in features.items()}
    predictor = PromptLength().fit(first, lengths[: rows // 2])
    return predictor, second, np.abs(predictor.predict(second) - lengths[rows // 2 :]).mean()


def test_a_word_that_tells_the_length_is_found():
    predictor, _, error = held_out(FEATURES, LENGTHS)
    assert isinstance(predictor, Predictor)
    assert predictor.price.seconds > 0
    assert error < 0.3 * np.abs(LENGTHS - np.median(LENGTHS)).mean()


@pytest.mark.parametrize("name", ["prefix_id", "tenant", "turn", "tools", "max_tokens"])
def test_every_column_of_a_trace_can_tell_the_length(name):
    column = (
        np.array(["a", "b", "c", "d"])[KINDS] if name == "tenant" else KINDS * (1000 if name == "max_tokens" else 1)
    )
    error = held_out({name: column}, LENGTHS)[2]
    assert error < np.abs(LENGTHS - np.median(LENGTHS)).mean()


def test_columns_that_mean_nothing_to_it_are_ignored():
    extra = {"arrival": np.arange(ROWS), "color": np.full(ROWS, "red")}
    alone = PromptLength().fit(FEATURES, LENGTHS).predict(FEATURES)
    assert np.array_equal(PromptLength().fit(FEATURES | extra, LENGTHS).predict(FEATURES), alone)


def test_nothing_is_predicted_beyond_what_was_seen_or_is_allowed():
    tokens = np.arange(1, 51)
    predictor = PromptLength().fit({"prompt_tokens": tokens, "max_tokens": np.full(50, 1e9)}, tokens**2)
    far = {"prompt_tokens": [10_000_000, 40, 0], "max_tokens": [1e9, 7, 1e9]}
    assert predictor.predict(far) == pytest.approx([2500.0, 7.0, 1.0])
    assert predictor.quantile(far, 1.0).max() == 2500.0


def test_quantiles_hold_that_share_of_the_requests_left_out():
    predictor, second, _ = held_out(FEATURES, LENGTHS)
    lengths = LENGTHS[ROWS // 2 :]
    for p in (0.1, 0.5, 0.9):
        assert np.mean(lengths <= predictor.quantile(second, p)) == pytest.approx(p, abs=0.12)


def test_equal_lengths_and_empty_prompts_are_no_trouble():
    predictor = PromptLength().fit({"prompts": [[]] * 20, "turn": np.zeros(20)}, np.full(20, 7))
    assert predictor.predict({"prompts": [[], [1, 2]], "turn": [0, 5]}) == pytest.approx([7.0, 7.0])
    assert predictor.predict({"prompts": [], "turn": []}).shape == (0,)


def test_the_bag_of_words_counts_in_logarithms_and_has_length_one():
    prompts = [[1, 1, 1, 2], [3]]
    bag = matrix({"prompts": prompts}, layout_of({"prompts": prompts}))
    assert np.linalg.norm(bag, axis=1) == pytest.approx([1.0, 1.0])
    assert sorted(np.abs(bag[0][bag[0] != 0])) == pytest.approx(np.log([2, 4]) / np.hypot(*np.log([2, 4])))


def test_a_ridge_with_more_columns_than_rows_is_that_of_the_normal_equations():
    x, y = RANDOM.standard_normal((20, 30)), RANDOM.standard_normal(20)
    ridge = fit_ridge(x, y)
    centered = x - x.mean(axis=0)
    penalties = np.logspace(-3, 3, 13)
    solved = [
        np.linalg.solve(centered.T @ centered + each * np.eye(30), centered.T @ (y - y.mean())) for each in penalties
    ]
    assert min(np.abs(each - ridge.weights).max() for each in solved) < 1e-8


def test_the_error_of_a_row_left_out_is_that_of_a_fit_without_it():
    x, y = RANDOM.standard_normal((40, 3)), RANDOM.standard_normal(40)
    ridge = fit_ridge(x, y)
    for row in range(5):
        rest = np.arange(40) != row
        center, mean = x[rest].mean(axis=0), y[rest].mean()
        gaps = []
        for penalty in np.logspace(-3, 3, 13):
            xc = x[rest] - center
            weights = np.linalg.solve(xc.T @ xc + penalty * np.eye(3), xc.T @ (y[rest] - mean))
            gaps.append(abs(y[row] - mean - (x[row] - center) @ weights - ridge.left_out[row]))
        assert min(gaps) < 0.02


@pytest.mark.parametrize(
    ("features", "lengths", "says"),
    [
        ({"prompt_tokens": np.ones(7)}, np.ones(7), "at least 8"),
        ({"prompt_tokens": np.ones(9)}, np.ones(8), "another number of rows"),
        ({"prompt_tokens": np.ones(8)}, np.full(8, np.nan), "lengths hold nan"),
        ({"prompt_tokens": np.full(8, -1)}, np.ones(8), "prompt_tokens has -1"),
        ({"turn": np.full(8, np.nan)}, np.ones(8), "turn has nan"),
        ({"arrival": np.ones(8)}, np.ones(8), "must hold one of"),
        ({}, np.ones(8), "features are none"),
    ],
)
def test_requests_that_teach_nothing_are_refused(features, lengths, says):
    with pytest.raises(InvalidInput, match=says):
        PromptLength().fit(features, lengths)


def test_a_prediction_needs_a_fit_and_its_features(tmp_path):
    for act in (lambda: PromptLength().predict(FEATURES), lambda: PromptLength().save(tmp_path / "x.npz")):
        with pytest.raises(InvalidInput, match="call fit first"):
            act()
    with pytest.raises(InvalidInput, match="no 'prompts'"):
        PromptLength().fit(FEATURES, LENGTHS).predict({"prompt_tokens": [3]})


def test_a_file_brings_the_same_predictions_back(tmp_path):
    features = FEATURES | {"tenant": np.array(["a", "b", "c", "d"])[KINDS], "prefix_id": KINDS}
    predictor = PromptLength().fit(features, LENGTHS)
    predictor.save(tmp_path / "length.npz")
    read = PromptLength.load(tmp_path / "length.npz")
    assert np.array_equal(read.predict(features), predictor.predict(features))
    assert np.array_equal(read.quantile(features, 0.9), predictor.quantile(features, 0.9))
    assert read.price == predictor.price


def rewritten(path, **changes):
    arrays, mark = load_tables(path)
    for name, value in changes.items():
        place = mark if name in mark else arrays
        place[name] = value
        if value is None:
            del place[name]
    save_tables(arrays, mark, path)


@pytest.mark.parametrize(
    "changes",
    [
        {KIND: 2},
        {"weights": np.zeros(3)},
        {"weights": None},
        {"variance": float("nan")},
        {"variance": -1.0},
        {"longest": 0.0},
        {"names": ["color"]},
        {"names": []},
        {"buckets": np.array([BUCKETS])},
        {"buckets": np.zeros((2, 2), np.int64)},
        {"residuals": np.zeros(3)},
        {"price": -1.0},
        {"center": np.array(["one"])},
        {"variance": "much"},
    ],
    ids=str,
)
def test_a_file_that_does_not_fit_is_refused(tmp_path, changes):
    path = tmp_path / "length.npz"
    PromptLength().fit(FEATURES, LENGTHS).save(path)
    rewritten(path, **changes)
    with pytest.raises(CorruptData, match="is not what PromptLength"):
        PromptLength.load(path)


def test_damaged_bytes_are_refused(tmp_path):
    path = tmp_path / "length.npz"
    PromptLength().fit(FEATURES, LENGTHS).save(path)
    whole = path.read_bytes()
    for wrong in (b"", b"nonsense", whole[: len(whole) // 2], whole[:100] + bytes(50) + whole[150:]):
        path.write_bytes(wrong)
        with pytest.raises(CorruptData):
            PromptLength.load(path)
    with pytest.raises(InvalidInput, match="cannot be read"):
        PromptLength.load(tmp_path / "nothing.npz")
