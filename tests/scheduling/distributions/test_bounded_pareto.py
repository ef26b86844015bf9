"""Figures over the whole range of its arguments, against the same integrals in decimals of 80 digits."""

import itertools
import math
from decimal import Decimal, localcontext

import numpy as np
import pytest

from beforehand.scheduling import FCFS, SPJF, BoundedPareto, ExactError, JobDistribution, expect, simulate

DIGITS = 80
ALPHAS = (1e-6, 0.3, 1.0, 1 + 1e-9, 1.5, 2.0, 2.5, 30.0, 100.0)
LOWS = (1e-100, 1.0, 9e87)
SHARES = (0.0, 1e-3, 0.3, 0.9, 1 - 1e-6)  # of the way from the smallest size to the largest, in logarithms
LEAST = Decimal("1e-290")  # what is smaller may be 0 in floats


def every(alphas, ratios):
    return [BoundedPareto(alpha, low, low * ratio) for alpha, low, ratio in itertools.product(alphas, LOWS, ratios)]


EVERY = every(ALPHAS, (1 + 1e-13, 1.001, 1.5, 1e4, 1e12))
CORNERS = every((1e-6, 1.5, 100.0), (1.5, 1e12))


def beyond(distribution, power, t):
    """E[S**power; S > t] in decimals."""
    alpha, low, high = map(Decimal, (distribution.alpha, distribution.low, distribution.high))
    height, rest = alpha * low**alpha / (1 - (low / high) ** alpha), power - alpha
    return height * ((high / t).ln() if rest == 0 else (high**rest - t**rest) / rest)


def close(found, true, relative=2e-14):
    return abs(true) < LEAST or abs(Decimal(float(found)) / true - 1) < relative


@pytest.mark.parametrize("distribution", EVERY, ids=str)
def test_moments_are_right_to_the_last_digits(distribution):
    with localcontext() as context:
        context.prec = DIGITS
        for power in (1, 2):
            assert close(distribution.moment(power), beyond(distribution, power, Decimal(distribution.low)))
    assert distribution.low <= distribution.mean * (1 + 1e-14)
    assert distribution.mean <= distribution.high * (1 + 1e-14)


@pytest.mark.parametrize("distribution", EVERY, ids=str)
def test_tails_and_excesses_are_right_up_to_the_largest_size(distribution):
    low, high = distribution.low, distribution.high
    with localcontext() as context:
        context.prec = DIGITS
        for share in SHARES:
            t = min(max(low * math.exp(share * math.log(high / low)), low), high)
            level = Decimal(t)
            count, total, square = (beyond(distribution, power, level) for power in range(3))
            if count < LEAST:
                continue
            assert close(distribution.excess(t), total - level * count)
            assert close(distribution.half_square_excess(t), (square - 2 * level * total + level**2 * count) / 2)
            if low < t < high:
                hazard = -count.ln()
                assert close(distribution.cumulative_hazard(t), hazard)
                assert close(distribution.inverse_cumulative_hazard(float(hazard)), level)
                slope = Decimal(distribution.alpha) * count + Decimal(distribution.alpha) * at_end(distribution)
                assert close(distribution.density(t), slope / level)


def at_end(distribution):
    """The share of a distribution without an end that lies beyond, over the share that does not."""
    alpha, low, high = map(Decimal, (distribution.alpha, distribution.low, distribution.high))
    return (low / high) ** alpha / (1 - (low / high) ** alpha)


def test_below_the_smallest_size_all_is_in_excess():
    distribution = BoundedPareto(1.5, 1.0, 10.0)
    assert float(distribution.excess(0.25)) == pytest.approx(distribution.mean - 0.25, rel=1e-14)
    half = distribution.moment(2) / 2 - 0.25 * distribution.mean + 0.25**2 / 2
    assert float(distribution.half_square_excess(0.25)) == pytest.approx(half, rel=1e-14)
    assert float(distribution.excess(10.0)) == float(distribution.half_square_excess(11.0)) == 0.0


def test_tiny_shares_of_jobs_reach_up_to_the_largest_size():
    distribution = BoundedPareto(2.0, 1.0, 1e12)
    hazards = np.array([0.0, 50.0, 60.0, 1e3])
    sizes = distribution.inverse_cumulative_hazard(hazards)
    assert sizes == pytest.approx(np.minimum((np.exp(-hazards) * (1 - 1e-24) + 1e-24) ** -0.5, 1e12), rel=1e-14)
    assert distribution.survival([0.5, 1e12, 1e13]).tolist() == [1.0, 0.0, 0.0]


@pytest.mark.parametrize("distribution", CORNERS, ids=str)
def test_a_queue_of_such_jobs_has_the_mean_of_its_formula(distribution):
    jobs, rate = JobDistribution(distribution, ExactError()), 0.5 / distribution.mean
    first_come = rate * distribution.moment(2) + distribution.mean  # Pollaczek and Khinchine, at load 1/2
    assert expect(FCFS(), jobs, load=0.5).response_time == pytest.approx(first_come, rel=1e-13)
    assert simulate(FCFS(), jobs, load=0.5, jobs=2_000).response_time == pytest.approx(first_come, rel=1e-6)
    shortest = expect(SPJF(), jobs, load=0.5).response_time
    assert distribution.mean < shortest <= first_come * (1 + 1e-9)


def test_powers_of_sizes_beyond_floats_are_infinite_and_no_error():
    assert BoundedPareto(1.5, 1e99, 1e100).moment(4) == math.inf
    assert np.isfinite(BoundedPareto(1.5, 1e99, 1e100).moment(2))


def test_the_hazard_at_the_largest_size_is_infinite_and_warns_of_nothing():
    random = np.random.default_rng(0)
    for alpha, low, ratio in zip(10 ** random.uniform(-6, 2, 500), 10 ** random.uniform(-5, 5, 500),
                                 10 ** random.uniform(0.1, 12, 500), strict=True):  # fmt: skip
        sizes = BoundedPareto(alpha, low, low * ratio)
        assert sizes.cumulative_hazard(sizes.high) == math.inf
