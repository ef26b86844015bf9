import numpy as np
import pytest

from beforehand.scheduling.serving.predictors.hidden_states import Answer
from beforehand.scheduling.serving.predictors.length_probe import LengthProbe, bin_of, edges
from beforehand.scheduling.serving.predictors.probe_errors import judge_layer, refreshed, report_on

K = 8


@pytest.fixture
def probe():
    weights = (np.zeros((4, 3)), np.zeros(3), np.zeros((3, K)), np.zeros(K))
    return LengthProbe(layer=0, bins=edges(K, 64), weights=weights, marginal=np.full(K, 1 / K))


def answers(lengths, seed=0):
    """Their prompts tell their lengths."""
    random = np.random.default_rng(seed)
    return [Answer([3 + length % 50, *random.integers(60, 90, 3).tolist()], [7] * length, True) for length in lengths]


def sure(probe, given):
    """Probabilities that name the right bin at every token."""
    return [np.eye(K, dtype="f4")[bin_of(probe.bins, np.arange(len(each.answer), 0, -1.0))] for each in given]


def test_a_probe_that_is_sure_and_right_errs_by_the_width_of_its_bins(probe):
    given = answers([5, 60, 33])
    judged = judge_layer(probe, given, sure(probe, given))
    assert judged.accuracy == 1
    assert judged.cross_entropy == pytest.approx(0, abs=1e-6)
    assert judged.raw == pytest.approx(2, abs=0.3)
    assert judged.smoothed == pytest.approx(2, abs=0.3)


def test_answers_that_were_cut_count_in_no_error(probe):
    given = answers([5, 60])
    with_cut = [*given, Answer([1], [7] * 64, False)]
    rows = sure(probe, given)
    judged = judge_layer(probe, with_cut, [*rows, np.full((64, K), 1 / K, "f4")])
    assert judged.raw == judge_layer(probe, given, rows).raw
    assert len(judged.answers) == 2


def test_between_two_readings_the_last_one_is_counted_down(probe):
    rows = [np.tile(np.eye(K, dtype="f4")[7], (20, 1))]
    [found] = refreshed(probe, rows, 8, smooth=False)
    assert found.tolist() == [60 - at % 8 for at in range(20)]
    [found] = refreshed(probe, [np.tile(np.eye(K, dtype="f4")[0], (20, 1))], 8, smooth=False)
    assert found.tolist() == [max(4 - at % 8, 1) for at in range(20)]


def test_all_answers_together_are_smoothed_as_each_alone(probe):
    random = np.random.default_rng(0)
    rows = [random.dirichlet(np.ones(K), length).astype("f4") for length in (3, 17, 9)]
    together = refreshed(probe, rows, 4)
    alone = [refreshed(probe, [each], 4)[0] for each in rows]
    assert np.concatenate(together) == pytest.approx(np.concatenate(alone))


def test_the_report_sets_the_probe_beside_predictors_that_see_less(probe):
    lengths = np.random.default_rng(1).integers(1, 64, 120)
    train, test = answers(lengths[:100]), answers(lengths[100:], seed=1)
    judged = judge_layer(probe, test, sure(probe, test))
    report = report_on(probe, judged, train=train, counts=(100, 10, 20), cut=0.0, layers=(), seed=0)
    errors = report.errors
    assert errors["clairvoyant"] == (0, 0)
    assert errors["smoothed every token"][0] < errors["smoothed every 8"][0] < errors["median counted down"][0]
    assert errors["PromptLength counted down"][0] < errors["median counted down"][0]
    assert len(report.truth) == len(report.progress) == len(report.predicted) == lengths[100:].sum()
    assert len(report.deciles["raw every token"]) == 10
    assert 0 <= report.calibration <= 0.05
    assert report.sampled["raw every token"] == pytest.approx(2, abs=0.4)
