import numpy as np
import pytest

from beforehand import _native
from beforehand.core.errors import InvalidInput
from beforehand.gradients import Layout, LowRank, drive_local, vnmse
from beforehand.gradients.low_rank_encoder import orthonormal
from beforehand.gradients.randomness import stream
from tests.gradients.rounds import opened

LAYOUT = Layout([("a", (60, 40)), ("bias", (7,)), ("b", (60, 40)), ("c", (30, 5, 16))])


def product(draw, rank, rows=60, columns=40, scale=1.0):
    return scale * draw.normal(size=(rows, rank)) @ draw.normal(size=(rank, columns))


def gradients(draw, rank, workers=3, scale=1.0):
    """Every worker's matrices lie in the same few directions, so that their mean does."""
    basis = [draw.normal(size=(rank, columns)) for columns in (40, 40, 80)]
    rows = []
    for _ in range(workers):
        a, b, c = (draw.normal(size=(each, rank)) @ low for each, low in zip((60, 60, 30), basis, strict=True))
        rows.append(np.concatenate([a.ravel(), draw.normal(size=7), b.ravel(), c.ravel()]))
    return scale * np.array(rows, np.float32)


@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e12])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_mean_of_the_rank_is_recovered_from_the_first_step(rank, scale):
    draw = np.random.default_rng(rank)
    common = gradients(draw, rank, 1, scale)
    rows = np.concatenate([common, -2 * common, 5 * common])
    means, _ = drive_local(opened(LowRank(rank=3, start_step=0), LAYOUT, 3), rows)
    assert vnmse(means[0], rows.astype(np.float64).mean(axis=0)) < 1e-10


def test_repeated_steps_find_the_best_subspace():
    draw = np.random.default_rng(0)
    matrix = (product(draw, 3) + 0.1 * draw.normal(size=(60, 40))).astype(np.float32)
    layout = Layout([("a", (60, 40))])
    encoders = opened(LowRank(rank=3, start_step=0, feedback="none"), layout, 1)
    for _ in range(12):
        means, _ = drive_local(encoders, [matrix.ravel()])
    u, s, v = np.linalg.svd(matrix)
    assert vnmse(means[0], (u[:, :3] * s[:3] @ v[:3]).ravel()) < 1e-8


def test_steps_before_the_start_and_small_tensors_are_exact():
    rows = gradients(np.random.default_rng(0), 40)
    encoders = opened(LowRank(rank=2, start_step=2), LAYOUT, 3)
    exact = rows.mean(axis=0)
    for step in range(3):
        means, _ = drive_local(encoders, rows)
        assert (vnmse(means[0], exact) < 1e-12) == (step < 2)
        assert np.allclose(means[0][2400:2407], exact[2400:2407], rtol=1e-5)
    assert "feedback/bias" not in encoders[0].state()


def test_what_is_not_sent_is_sent_later_and_feedback_stays_bounded():
    draw = np.random.default_rng(0)
    base, encoders = draw.normal(size=LAYOUT.size), opened(LowRank(rank=4, start_step=0), LAYOUT, 3)
    sent, true, norms = np.zeros(LAYOUT.size), np.zeros(LAYOUT.size), []
    for _ in range(200):
        rows = (base + draw.normal(size=(3, LAYOUT.size))).astype(np.float32)
        sent += drive_local(encoders, rows).means[0]
        true += rows.mean(axis=0, dtype=np.float64)
        norms.append(np.linalg.norm(encoders[0].state()["feedback/a"]))
    left = np.mean([encoder.state()["feedback/a"] for encoder in encoders], axis=0).ravel()
    assert np.allclose(sent[:2400] + left, true[:2400], atol=2e-2)
    assert norms[-1] < 1.5 * norms[99]


def test_a_direction_that_gradients_left_is_found_again():
    draw = np.random.default_rng(0)
    poor, rich = gradients(draw, 1, 1), gradients(draw, 3, 1)
    encoders = opened(LowRank(rank=3, start_step=0, feedback="none"), LAYOUT, 1)
    for row in (np.zeros_like(poor), poor, poor, np.zeros_like(poor), poor, poor):
        drive_local(encoders, row)
    for _ in range(2):
        means, _ = drive_local(encoders, rich)
    assert vnmse(means[0], rich[0]) < 1e-6


def test_feedback_is_kept_without_the_loss_scale():
    rows = gradients(np.random.default_rng(0), 20)
    plain, scaled = opened(LowRank(start_step=0), LAYOUT, 3), opened(LowRank(start_step=0), LAYOUT, 3)
    for scale in (1024, 4):
        mean = drive_local(plain, rows).means[0]
        found = drive_local(scaled, rows * np.float32(scale), loss_scale=scale).means[0]
        assert vnmse(found / scale, mean) < 1e-9


def test_what_is_not_finite_arrives_as_in_a_plain_sum_and_spares_the_rest():
    rows = gradients(np.random.default_rng(0), 20)
    encoders = opened(LowRank(start_step=0), LAYOUT, 3)
    drive_local(encoders, rows)
    before = encoders[1].state()
    for place in (5, 2403):  # in a matrix, in what is not compressed
        spoiled = rows.copy()
        spoiled[1, place] = np.inf
        means, _ = drive_local(encoders, spoiled)
        assert means[0][place] == np.inf
        assert np.isfinite(np.delete(means[0], place)).all()
        assert encoders[0].last.fallback == "nonfinite"
    assert all(np.array_equal(before[key], kept) for key, kept in encoders[1].state().items())


def test_a_state_of_another_shape_is_refused():
    encoder = opened(LowRank(rank=2), LAYOUT, 1)[0]
    with pytest.raises(InvalidInput, match="factors/a has shape"):
        encoder.load(opened(LowRank(rank=3), LAYOUT, 1)[0].state())
    with pytest.raises(InvalidInput, match="feedback/a has shape"):
        encoder.load({"feedback/a": np.zeros((40, 60), np.float32)})
    encoder.load({})


def test_bases_are_orthonormal_and_zeros_stay_zero():
    draw = np.random.default_rng(0)
    columns = np.stack([draw.normal(size=(50, 4)), 1e-20 * draw.normal(size=(50, 4)), np.zeros((50, 4))])
    columns[0, :, 3] = 10 * columns[0, :, 0] + 0.1 * columns[0, :, 3]
    found = orthonormal(columns.astype(np.float32))
    assert np.allclose(found[:2].transpose(0, 2, 1) @ found[:2], np.eye(4), atol=1e-4)
    assert not found[2].any()


def test_the_start_has_mean_0_and_variance_1_and_is_fixed():
    entries = np.empty(10_000, np.float32)
    _native.start_matrix(3, stream(5, 2, 1), entries)
    assert abs(entries.mean()) < 0.04
    assert entries.var() == pytest.approx(1, rel=0.04)
    again = np.empty(300, np.float32)
    _native.start_matrix(3, stream(5, 2, 1), again)
    assert np.array_equal(again, entries[:300])
