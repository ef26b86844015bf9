import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.gradients import THC, simulate, thc_table, vnmse
from beforehand.gradients.theory import truncation_energy
from beforehand.studies.utility.utility_schemes import (
    SaturatingSum,
    padded,
    partly_rotated,
    rotated,
    safe,
    truncated_share,
)
from beforehand.workloads.gradient_samples import gradients

K = 14
TABLE = thc_table(4, 30, 1 / 32)
PARTS = {"full": ((0, K),), "blocks": ((0, 8),), "strides": ((K - 6, K),), "both": ((0, 3), (K - 4, K))}


def rows_of(structure, **options):
    return gradients(structure, size=2**K, seed=3, **options)["gradient"]


def by_hand(x, levels):
    y = x.astype(np.float64)
    for level in (level for first, last in levels for level in range(first, last)):
        pairs = y.reshape(-1, 2, 2**level)
        y = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 0] - pairs[:, 1]], axis=1).reshape(-1) / np.sqrt(2)
    return y


@pytest.mark.parametrize("levels", PARTS.values(), ids=PARTS)
def test_some_levels_mix_as_by_hand_and_undo_themselves(levels):
    x = rows_of("normal")[0]
    found = rotated(x, levels, seed=5)
    signs = by_hand(found, levels) / x  # the transform undoes itself, which leaves the signs
    assert np.abs(signs) == pytest.approx(1, rel=0.01)
    assert abs(np.sign(signs).sum()) < 600
    assert rotated(found, levels, seed=5, back=True) == pytest.approx(x, abs=1e-5)


def test_all_levels_err_as_the_codec_does():
    rows = rows_of("layers")
    codec = simulate(THC(granularity=30, truncation=1 / 32), rows, rounds=8).vnmse
    ours = np.mean(
        [vnmse(partly_rotated(rows, TABLE, PARTS["full"], seed=seed), rows.mean(axis=0)) for seed in range(8)]
    )
    assert ours == pytest.approx(codec, rel=0.03)


@pytest.mark.parametrize(
    ("structure", "options", "bad", "good"),
    [("layers", {}, "blocks", "strides"), ("columns", {"row": 256}, "strides", "blocks")],
)
def test_the_share_beyond_the_range_is_foretold_and_the_guard_stops_what_it_spoils(structure, options, bad, good):
    rows = rows_of(structure, correlation=1.0, **options)
    for levels in PARTS.values():
        error = vnmse(partly_rotated(rows, TABLE, levels, seed=1), rows.mean(axis=0))
        foretold = truncated_share(rows[0], levels, TABLE.half_range)
        if foretold > 0.05:
            assert foretold == pytest.approx(error, rel=0.2)
    assert not safe(rows, PARTS[bad], TABLE.half_range)
    assert safe(rows, PARTS["full"], TABLE.half_range)
    assert truncated_share(rows[0], PARTS["full"], TABLE.half_range) == pytest.approx(
        truncation_energy(TABLE.half_range)
    )
    better, worse = (truncated_share(rows[0], PARTS[name], TABLE.half_range) for name in (good, bad))
    assert better < worse / 5


def test_one_worker_that_may_not_rotate_so_stops_all():
    rows = np.concatenate([rows_of("normal"), rows_of("layers")[:1]])
    assert safe(rows[:-1], PARTS["blocks"], TABLE.half_range)
    assert not safe(rows, PARTS["blocks"], TABLE.half_range)


@pytest.mark.parametrize(("bits", "error"), [(4, 0.065), (6, 0.0064), (8, 0.0006)])
def test_a_saturating_sum_settles_at_the_known_error(bits, error):
    rows, scheme = rows_of("normal", correlation=0.0), SaturatingSum(bits, seed=1)
    means = [scheme.reduce(rows) for _ in range(60)][40:]
    assert np.mean([vnmse(mean, rows.mean(axis=0)) for mean in means]) == pytest.approx(error, rel=0.1)
    assert 1.5 <= scheme.factor <= 6


def test_a_jump_of_the_norm_does_not_saturate_and_a_fall_recovers():
    rows, scheme = rows_of("normal"), SaturatingSum(8)
    for _ in range(30):
        scheme.reduce(rows)
    for factor in (100, 1):
        scaled = np.float32(factor) * rows
        scheme.reduce(scaled)
        assert scheme.at_limit < 0.01
        for _ in range(3):
            mean = scheme.reduce(scaled)
        assert vnmse(mean, scaled.mean(axis=0)) < 0.002


@given(st.lists(st.sampled_from([1e-3, 0.3, 1, 3, 3.9, 5, 1e3]), min_size=1, max_size=5), st.sampled_from([6, 8]))
def test_whatever_norms_do_the_controller_is_back_within_six_rounds(jumps, bits):
    rows, scheme, factor = rows_of("normal")[:, :4096], SaturatingSum(bits), np.float32(1)
    errors = [vnmse(scheme.reduce(rows), rows.mean(axis=0)) for _ in range(30)]
    for jump in jumps:
        factor *= np.float32(jump)
        scaled = factor * rows
        later = [vnmse(scheme.reduce(scaled), scaled.mean(axis=0)) for _ in range(6)]
        assert later[-1] < 3 * errors[-1]
        assert max(later) < 1.01  # worst, all that is sent is lost
        assert 1.5 <= scheme.factor <= 6


def test_a_step_that_follows_one_worker_saturates():
    rows = rows_of("normal", correlation=1.0)
    scheme = SaturatingSum(8)
    scheme.reduce(rows)
    scheme._expected = float(np.sqrt(np.mean(rows[0] ** 2)))  # of one worker's lane, not of the sum
    scheme.reduce(rows)
    assert scheme.at_limit > 0.12


def test_rows_are_padded_to_a_power_of_two():
    assert padded(np.ones((2, 9), np.float32)).tolist() == [[1] * 9 + [0] * 7] * 2
    assert padded(np.ones((2, 8), np.float32)).shape == (2, 8)
