import numpy as np
import pytest

from beforehand.studies import digits
from beforehand.studies.thc import tolerance
from beforehand.studies.thc.tolerance import Trial


@pytest.fixture
def short(monkeypatch):
    """Trainings of three steps, whose last mean is kept."""
    means, train = [], digits.train

    def few(mean, *, workers, steps, seed):
        def kept(rows):
            means.append(mean(rows))
            return means[-1]

        return train(kept, workers=workers, steps=3, seed=seed)

    monkeypatch.setattr(tolerance.digits, "train", few)
    return means


def test_loss_alone_changes_no_bit_and_a_quorum_leaves_slow_workers_out(short):
    whole, lossy, quorum = tolerance.trials(quick=True)
    assert [each.setting for each in (whole, lossy, quorum)] == list(tolerance.QUICK)
    assert all(np.array_equal(*pair) for pair in zip(short[:3], short[3:6], strict=True))
    assert not np.array_equal(short[0], short[6])
    assert (whole.missing, whole.again) == (lossy.missing, 0) == (0, 0)
    assert lossy.again > 0
    assert quorum.missing == pytest.approx(0.3, abs=0.05)
    assert {len(row) for row in tolerance.sheet([whole, lossy, quorum]).rows} == {5}


def judged(lossy, slow):
    names = list(tolerance.QUICK)
    accuracies = ([0.95, 0.97], lossy, slow)
    return tolerance.tolerates([Trial(name, each, 0, 0, 1) for name, each in zip(names, accuracies, strict=True)], True)


def test_the_verdict_wants_the_same_bits_under_loss_and_two_points_at_most():
    same = [0.95, 0.97]
    assert judged(same, [0.94, 0.95]).holds
    assert not judged([0.95, 0.971], same).holds
    worse = judged(same, [0.92, 0.93])
    assert (worse.holds, worse.direction) == (False, True)
    assert not judged(same, [0.9, 0.9]).direction
