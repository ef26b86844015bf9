import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import Cast, TopK, drive_local
from tests.gradients.rounds import layout_of, lognormal, opened

EVERY = TopK(density=0.25, value_dtype="float32")


def test_what_is_not_sent_is_sent_later():
    rows = lognormal(3, 64)
    encoders = opened(EVERY, layout_of(64), 3)
    total = sum(drive_local(encoders, rows).means[0].astype(np.float64) for _ in range(40))
    left = sum(encoder.state()["feedback/weight"].astype(np.float64) for encoder in encoders) / 3
    assert np.allclose(total + left, 40 * rows.mean(axis=0), rtol=1e-4, atol=1e-4)


def test_feedback_is_kept_without_the_loss_scale():
    rows = lognormal(2, 64)
    plain, scaled = opened(EVERY, layout_of(64), 2), opened(EVERY, layout_of(64), 2)
    for scale in (1024, 4):
        mean = drive_local(plain, rows).means[0]
        assert np.array_equal(drive_local(scaled, rows * scale, loss_scale=scale).means[0], mean * scale)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_arrives_as_in_a_plain_sum_and_spares_feedback(bad):
    rows = lognormal(3, 64)
    encoders = opened(EVERY, layout_of(64), 3)
    drive_local(encoders, rows)
    before = [encoder.state()["feedback/weight"] for encoder in encoders]
    spoiled = rows.copy()
    spoiled[1, 5] = bad
    mean = drive_local(encoders, spoiled).means[0]
    assert encoders[0].last.fallback == "nonfinite"
    assert np.allclose(mean, spoiled.mean(axis=0), rtol=1e-5, equal_nan=True)
    after = [encoder.state()["feedback/weight"] for encoder in encoders]
    assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))
    assert np.isfinite(drive_local(encoders, rows).means[0]).all()
    assert encoders[0].last.fallback is None


def test_a_sum_beyond_sixteen_bits_is_exact():
    rows = np.full((2, 3), 1e5, np.float32)
    encoders = opened(Cast("float16"), layout_of(3), 2)
    assert (drive_local(encoders, rows).means[0] == 1e5).all()
    assert encoders[0].last.fallback == "nonfinite"


def test_state_continues_a_run():
    rows = lognormal(2, 64)
    first = opened(EVERY, layout_of(64), 2)
    drive_local(first, rows)
    resumed = opened(EVERY, layout_of(64), 2, step=first[0].step)
    for encoder, other in zip(resumed, first, strict=True):
        encoder.load(other.state())
    assert np.array_equal(drive_local(resumed, rows).means[0], drive_local(first, rows).means[0])
    assert opened(Cast(), layout_of(64), 2)[0].state() == {}


def test_neither_a_foreign_gradient_nor_a_foreign_reduction_is_taken():
    encoder = opened(EVERY, layout_of(64), 1)[0]
    with pytest.raises(InvalidInput, match=r"float32\[64\]"):
        drive_local([encoder], [np.zeros(63, np.float32)])
    with pytest.raises(InvalidInput, match="TopK can use gather"):
        EVERY.open(layout_of(64), rank=0, workers=1, reduction="sum")
