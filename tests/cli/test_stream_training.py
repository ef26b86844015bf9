import numpy as np
import pytest

from beforehand.cli.stream_training import Quality


def test_quality_is_that_of_ten_lines_of_numpy():
    random = np.random.default_rng(0)
    counts = random.integers(1, 300, 400)
    predicted = np.round(np.log2(counts) + random.standard_normal(400), 1)
    found = Quality.of(predicted, counts, total=2 * counts.sum())
    heavy, light = predicted[counts >= 100], predicted[counts < 100]
    above = np.mean(np.sign(heavy[:, None] - light[None, :]) / 2 + 0.5)
    ranks = [np.array([(values < each).sum() + (values <= each).sum() for each in values])
             for values in (predicted, counts)]  # fmt: skip
    assert (found.keys, found.share) == (400, 0.5)
    assert found.auc == pytest.approx(above)
    assert found.spearman == pytest.approx(np.corrcoef(*ranks)[0, 1])


def test_quality_is_undefined_where_there_is_nothing_to_order():
    ones = np.ones(3, np.int64)
    assert Quality.of(np.ones(3), ones, total=3) == Quality(keys=3, share=1.0, spearman=None, auc=None)
    assert Quality.of(np.ones(0), ones[:0], total=3) == Quality(keys=0, share=0.0, spearman=None, auc=None)
    assert Quality.of(np.array([1.0, 2.0]), np.array([200, 300]), total=500).auc is None
