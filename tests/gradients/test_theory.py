import math
import statistics

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.gradients import thc_table, theory

TABLE = thc_table(4, 30, 1 / 32)


@pytest.mark.parametrize(
    ("inverse", "t"),
    [(16, 1.8627319), (32, 2.1538747), (64, 2.4175590), (512, 3.0972691), (1024, 3.2971933)],
)
def test_golden_half_ranges(inverse, t):
    assert theory.half_range(1 / inverse) == pytest.approx(t, abs=5e-8)


def test_half_ranges_have_no_bits_in_which_machines_differ():
    for truncation in (0.49, 0.1, 2.0**-5, 2.0**-13, 1e-9):
        exact = -statistics.NormalDist().inv_cdf(truncation / 2)
        for off in (exact, math.nextafter(exact, 0), math.nextafter(exact, 9)):
            assert round(off * 2**40) / 2**40 == theory.half_range(truncation)
        assert theory.half_range(truncation) == pytest.approx(exact, abs=2**-41)


@pytest.mark.parametrize("p", [0, 0.5, -1, float("nan")])
def test_a_truncation_outside_is_refused(p):
    with pytest.raises(InvalidInput, match="truncation is"):
        theory.half_range(p)


def test_truncation_and_rounding_cost_agree_with_numerical_integrals():
    t, scale = 1.7, 0.8
    a = np.linspace(-12, 12, 480_001)
    beyond = np.maximum(np.abs(a) - t, 0)
    density = np.exp(-a * a / 2) / np.sqrt(2 * np.pi)
    assert theory.truncation_energy(t) == pytest.approx((beyond**2 * density).sum() * 5e-5, rel=1e-4)
    q = -t + 2 * t * np.array([0, 2, 3, 7]) / 7
    cell = np.clip(np.searchsorted(q, a) - 1, 0, 2)
    inside = (np.abs(a) <= t) * (a - q[cell]) * (q[cell + 1] - a)
    density = np.exp(-((a / scale) ** 2) / 2) / np.sqrt(2 * np.pi) / scale
    assert theory.rounding_cost([0, 2, 3, 7], t, scale=scale) == pytest.approx(
        (inside * density).sum() * 5e-5, rel=1e-4
    )


def test_the_cost_of_zeros_is_the_limit_of_small_scales():
    for table in [(0, 1, 2, 5), (0, 2, 4), (0, 3)]:
        small = theory.rounding_cost(table, 2.0, scale=1e-3)
        assert theory.rounding_cost(table, 2.0, scale=0) == pytest.approx(small, abs=2e-3)


def test_the_native_cost_is_that_of_the_formula():
    assert theory.rounding_cost(TABLE.values, TABLE.half_range) == pytest.approx(TABLE.rounding_cost)


@pytest.mark.parametrize(
    ("n", "r", "expected"),
    [(1, 1, 0.02033)]
    + [(4, r, e) for r, e in [(0, 0.02033), (0.3, 0.01137), (0.6, 0.00906), (0.9, 0.00960), (1, 0.01053)]]
    + [(8, r, e) for r, e in [(0, 0.02033), (0.3, 0.00751), (0.6, 0.00617), (0.9, 0.00764), (1, 0.00890)]],
)
def test_golden_errors_of_a_narrow_table(n, r, expected):
    rho = (1 + (n - 1) * r) / n
    found = theory.expected_vnmse(TABLE.values, TABLE.half_range, correlation=rho, norms=[2.0] * n)
    assert found == pytest.approx(expected, abs=6e-6)


@pytest.mark.parametrize(
    ("r", "expected"), [(0, 0.01916), (0.3, 0.01010), (0.6, 0.00691), (0.9, 0.00542), (1, 0.00517)]
)
def test_golden_errors_of_a_wide_table(r, expected):
    table = thc_table(4, 63, 1 / 304)
    found = theory.expected_vnmse(table.values, table.half_range, correlation=(1 + 3 * r) / 4, norms=[1.0] * 4)
    assert found == pytest.approx(expected, abs=6e-6)


def test_truncation_errors_of_equal_workers_are_equal_and_of_strangers_uncorrelated():
    for t in (1.0, 2.15, 3.3):
        assert theory.truncation_correlation(1, t) == pytest.approx(1)
        assert theory.truncation_correlation(0, t) == 0
    assert theory.truncation_correlation(0.5, 100.0) == 0


def test_truncation_errors_correlate_as_simulated():
    t, r = 1.0, 0.7
    first, other = np.random.default_rng(0).standard_normal((2, 1_000_000))
    second = r * first + np.sqrt(1 - r * r) * other
    cut = [x - np.clip(x, -t, t) for x in (first, second)]
    assert theory.truncation_correlation(r, t) == pytest.approx(np.corrcoef(*cut)[0, 1], abs=0.01)


def test_the_correlation_of_pairs_is_recovered_with_unequal_norms():
    random = np.random.default_rng(1)
    common, own = random.standard_normal(100_000), random.standard_normal((4, 100_000))
    scales = np.array([1.0, 0.5, 0.8, 0.2])
    rows = scales[:, None] * (np.sqrt(0.6) * common + np.sqrt(0.4) * own)
    rho = (rows.mean(axis=0) ** 2).sum() / (rows**2).sum(axis=1).mean()
    assert theory.pairwise_correlation(rho, np.linalg.norm(rows, axis=1).tolist()) == pytest.approx(0.6, abs=0.01)


@pytest.mark.parametrize("norms", [[1.0], [1.0, 0.0], [0.0, 0.0]])
def test_the_correlation_of_one_worker_with_itself_is_one(norms):
    assert theory.pairwise_correlation(0.5, norms) == 1


def test_nothing_is_lost_of_nothing_and_padding_lowers_the_error():
    assert theory.expected_vnmse((0, 1), 1.0, correlation=1, norms=[0.0, 0.0]) == 0
    whole, half = (
        theory.expected_vnmse(TABLE.values, TABLE.half_range, correlation=0.5, norms=[1.0, 1.0], fill=fill)
        for fill in (1.0, 0.5)
    )
    assert half == whole / 2


def test_a_step_without_overlap_is_the_sum_of_its_parts():
    assert theory.step_seconds(2.0, [0.1, 0.3], [0.5, 0.5], [0.1, 0.1], shares=[0.5, 0.5]) == pytest.approx(3.6)
    assert theory.step_seconds(2.0, [], [], [], shares=[]) == 2.0


def test_buckets_that_are_ready_early_hide_their_exchange():
    parts = {"encode": [0.0] * 4, "exchange": [0.2] * 4, "decode": [0.0] * 4, "shares": [0.25] * 4}
    seconds = [theory.step_seconds(1.0, **parts, overlap=overlap) for overlap in (0.0, 0.5, 1.0)]
    assert seconds == pytest.approx([1.8, 1.425, 1.2])
    fast = parts | {"exchange": [0.0] * 4}
    assert theory.step_seconds(1.0, **fast, overlap=1.0) == 1.0


def test_contention_stretches_the_codec_and_not_the_wire():
    seconds = [
        theory.step_seconds(1.0, [0.1], [0.4], [0.2], shares=[1.0], contention=contention) for contention in (0.0, 1.0)
    ]
    assert seconds == pytest.approx([1.7, 2.0])


def test_a_step_needs_one_number_for_each_bucket_and_a_share_of_overlap():
    with pytest.raises(InvalidInput, match="1, 2, 1 and 1"):
        theory.step_seconds(1.0, [0.1], [0.1, 0.2], [0.1], shares=[1.0])
    with pytest.raises(InvalidInput, match="overlap is 2"):
        theory.step_seconds(1.0, [], [], [], shares=[], overlap=2)
