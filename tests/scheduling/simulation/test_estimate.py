import math

import numpy as np
import pytest

from beforehand.scheduling.simulation.estimate import Batching, controlled, plain, student


def test_student_is_that_of_the_tables():
    assert student(6) == pytest.approx(2.447, rel=0.006)
    assert student(26) == pytest.approx(2.0555, rel=1e-4)
    assert student(29) == pytest.approx(2.0452, rel=1e-4)


def test_what_the_variates_explain_is_known_exactly():
    rng = np.random.default_rng(0)
    variates = rng.normal(loc=[1, 2, 3], size=(30, 3))
    found = controlled(5 + variates @ [1, -2, 0.5], variates, np.array([1.0, 2.0, 3.0]))
    assert found.mean == pytest.approx(5 + 1 - 4 + 1.5, rel=1e-12)
    assert found.interval < 1e-12
    assert found.variance_reduction == math.inf


def test_a_variate_that_does_not_vary_is_left_out():
    rng = np.random.default_rng(1)
    noise = rng.normal(size=30)
    variates = np.column_stack([rng.normal(size=30), np.full(30, 2.0)])
    with_it = controlled(variates[:, 0] + noise, variates, np.array([0.0, 2.0]))
    without = controlled(variates[:, 0] + noise, variates[:, :1], np.array([0.0]))
    assert with_it == pytest.approx(without)


def test_without_variates_it_is_the_mean_of_batches():
    means = np.arange(10.0)
    found = plain(means)
    assert found.mean == 4.5
    assert found.interval == pytest.approx(2.262 * np.std(means, ddof=1) / math.sqrt(10), rel=2e-3)
    assert found.variance_reduction == 1


def test_batches_cover_the_jobs_after_the_warm_up():
    assert Batching(jobs=23, warmup=3, batches=6).ends.tolist() == [3, 7, 10, 13, 17, 20, 23]
    assert Batching(jobs=1, warmup=0, batches=3).ends.tolist() == [0, 1, 1, 1]
