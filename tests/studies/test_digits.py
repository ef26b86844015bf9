import sys

import numpy as np
import pytest

from beforehand.core.errors import MissingDependency
from beforehand.studies import digits


def test_the_network_learns_to_read():
    assert digits.train(workers=2, steps=21).accuracy < digits.train(workers=2, steps=100).accuracy
    assert digits.train(steps=140).accuracy > 0.95


def test_gradients_are_those_of_the_loss():
    random = np.random.default_rng(0)
    parameters = [each.astype(np.float64) for each in digits.start(random)]
    images, labels = random.normal(size=(5, 64)), np.array([3, 1, 4, 1, 5])

    def loss():
        scores = digits.layers_of(parameters, images)[-1]
        logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
        return -logs[np.arange(5), labels].mean()

    found, place = digits.gradient(parameters, images, labels), 0
    for parameter in parameters:
        index = parameter.size // 3
        before = parameter.flat[index]
        parameter.flat[index] = before + 1e-6
        above = loss()
        parameter.flat[index] = before - 1e-6
        assert found[place + index] == pytest.approx((above - loss()) / 2e-6, rel=1e-4, abs=1e-8)
        parameter.flat[index] = before
        place += parameter.size
    assert len(found) == place == sum(np.prod(shape) for _, shape in digits.TENSORS)


def test_gradients_of_all_workers_are_kept_and_the_given_mean_decides():
    kept = digits.train(workers=3, steps=2, keep=(0, 1)).gradients
    assert {step: rows.shape for step, rows in kept.items()} == {0: (3, 85_002), 1: (3, 85_002)}
    still = digits.train(lambda rows: np.zeros_like(rows[0]), workers=3, steps=2, keep=(0, 1)).gradients
    assert np.array_equal(still[0], kept[0])
    assert not np.array_equal(still[1], kept[1])


def test_without_scikit_learn_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(MissingDependency, match="pip install beforehand"):
        digits.train()
