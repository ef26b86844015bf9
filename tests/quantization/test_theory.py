import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beforehand.core.errors import InvalidInput
from beforehand.quantization.levels import levels
from beforehand.quantization.theory import (
    HIGH_RATE_SPREADS,
    SIZES,
    equivalent_levels,
    expected_squared_error,
    grid_bound,
    high_rate_spread,
    high_rate_vnmse,
    interval_cost,
    lloyd_max_normal,
    mean_estimation_error,
    net_bits,
    rotation_vnmse,
    uniform_vnmse_bound,
)

# size: levels on the positive half, distortion, distortion of the unbiased scale; printed digits
LLOYD_MAX = {
    2: ([0.79788456], 0.363380228, 0.570796327),
    4: ([0.45278003, 1.51041761], 0.117481848, 0.133121169),
    8: ([0.24509418, 0.75600528, 1.34390928, 2.15194570], 0.034547761, 0.035784019),
    16: (
        [0.12839503, 0.38804830, 0.65675912, 0.94234046, 1.25623120, 1.61804639, 2.06901723, 2.73258957],
        0.009501008,
        0.009592143,
    ),
    32: ([3.26073249], 0.002504668, 0.002510957),
    64: ([3.74410127], 0.000644240, 0.000644655),
    128: ([4.18969416], 0.000163478, 0.000163505),
    256: ([4.60353561], 0.0000411851, 0.0000411868),
}
numbers = st.lists(st.integers(-1000, 1000), min_size=1, max_size=30)


@given(numbers, st.integers(-1000, 1000), st.integers(-1000, 1000))
@settings(deadline=None)
def test_the_cost_of_an_interval_is_the_sum_over_what_lies_inside(values, a, b):
    assert interval_cost(values, a, b) == sum((b - x) * (x - a) for x in values if a < x < b)


def test_the_cost_of_an_interval_counts_each_value_by_its_weight():
    assert interval_cost([1, 2, 7], 0, 4, weights=[3, 0.5, 100]) == 3 * 3 * 1 + 0.5 * 2 * 2


@given(numbers, st.sets(st.integers(-2000, 2000), min_size=1, max_size=8), st.sampled_from(["unbiased", "mse"]))
@settings(deadline=None)
def test_the_expected_error_is_that_of_each_value_between_its_neighbours(values, inner, objective):
    levels = sorted(inner | {min(values), max(values)})
    brute = 0
    for x in values:
        below, above = max(q for q in levels if q <= x), min(q for q in levels if q >= x)
        brute += min((x - below) ** 2, (above - x) ** 2) if objective == "mse" else (above - x) * (x - below)
    assert expected_squared_error(values, levels, objective=objective) == brute


def test_the_expected_error_is_what_random_rounding_gives():
    random = np.random.default_rng(0)
    x, levels = random.uniform(0, 4, 50), np.array([0.0, 0.5, 1.5, 4.0])
    below = np.searchsorted(levels, x, side="right") - 1
    share = (x - levels[below]) / (levels[below + 1] - levels[below])
    up = random.random((20_000, 50)) < share
    errors = np.sum((np.where(up, levels[below + 1], levels[below]) - x) ** 2, axis=1)
    z = (errors.mean() - expected_squared_error(x, levels)) / (errors.std() / math.sqrt(len(errors)))
    assert abs(z) < 4


def test_weights_count_in_the_expected_error_and_broadcast():
    x = np.arange(6.0).reshape(2, 3)
    whole = expected_squared_error(np.repeat(x, [2, 3, 5], axis=1), [0, 5])
    assert expected_squared_error(x, [0, 5], weights=[2, 3, 5]) == whole


def test_nearest_rounding_takes_values_outside_the_levels():
    assert expected_squared_error([-1, 0, 9], [0, 4], objective="mse") == 1 + 0 + 25


@pytest.mark.parametrize(
    ("x", "levels", "objective", "words"),
    [
        ([1, 2], [2, 1], "unbiased", "strictly ascending"),
        ([1, 2], [1, 1, 2], "unbiased", "strictly ascending"),
        ([1, 2], [], "mse", "strictly ascending"),
        ([1, 2], [[1, 2]], "mse", "1-D"),
        ([1, 2], [1, np.nan], "unbiased", "finite"),
        ([1, np.nan], [1, 2], "unbiased", "NaN or infinity"),
        ([0, 1, 5], [1, 2], "unbiased", r"2 of 3 values of x lie outside the levels \[1, 2\]"),
        ([1, 2], [1, 2], "median", "objective is 'median', but must be 'unbiased' or 'mse'"),
    ],
)
def test_the_expected_error_refuses_what_it_cannot_score(x, levels, objective, words):
    with pytest.raises(InvalidInput, match=words):
        expected_squared_error(x, levels, objective=objective)


@given(numbers, st.integers(2, 40), st.sampled_from(["unbiased", "mse"]))
@settings(deadline=None)
def test_uniform_levels_stay_below_their_bound(values, s, objective):
    x = np.array(values, dtype=np.float64)
    levels = np.unique(np.linspace(x.min(), x.max(), s))
    norm = np.sum(x**2)
    error = expected_squared_error(x, levels, objective=objective)
    assert error <= uniform_vnmse_bound(x, s) * norm * (1 + 1e-9) + 1e-9


def test_the_bound_of_uniform_levels_is_met_by_values_in_the_middle():
    x = np.array([0.0] + 999_998 * [0.5] + [1.0])
    assert expected_squared_error(x, [0, 1]) / np.sum(x**2) == pytest.approx(uniform_vnmse_bound(x, 2), rel=1e-5)
    assert uniform_vnmse_bound(np.zeros(3), 2) == 0


def test_the_error_of_a_grid_falls_with_the_square_of_its_intervals():
    assert grid_bound(100, 3.0, 10) == 100 * 9 / 400
    assert grid_bound(100, 3.0, 20) == grid_bound(100, 3.0, 10) / 4


def test_the_error_of_a_mean_falls_with_the_number_of_workers():
    random = np.random.default_rng(1)
    x, levels = np.array([0.0, 0.3, 0.6, 1.0]), np.array([0.0, 1.0])
    vnmse = expected_squared_error(x, levels) / np.sum(x**2)
    for workers in (1, 4, 16):
        sent = random.random((20_000, workers, 4)) < x
        errors = np.sum((sent.mean(axis=1) - x) ** 2, axis=1) / np.sum(x**2)
        spread = errors.std() / math.sqrt(len(errors))
        assert abs(errors.mean() - mean_estimation_error(vnmse, workers)) < 4 * spread


@pytest.mark.parametrize("s", LLOYD_MAX)
def test_lloyd_max_levels_agree_with_the_printed_digits(s):
    printed, distortion, unbiased = LLOYD_MAX[s]
    table = lloyd_max_normal(s)
    assert table.shape == (s,)
    assert (table == -table[::-1]).all()
    assert (np.diff(table) > 0).all()
    np.testing.assert_allclose(table[-len(printed) :], printed, rtol=0, atol=5.1e-9)
    assert rotation_vnmse(s, "mse") == pytest.approx(distortion, abs=5.1e-10 if s < 256 else 5.1e-11)
    assert rotation_vnmse(s) == pytest.approx(unbiased, abs=5.1e-10 if s < 256 else 5.1e-11)


@pytest.mark.parametrize("s", [2, 16, 256])
def test_each_lloyd_max_level_is_the_mean_of_its_cell(s):
    table = lloyd_max_normal(s)
    edges = np.concatenate([[-12.0], (table[1:] + table[:-1]) / 2, [12.0]])
    for level, low, high in zip(table, edges, edges[1:], strict=False):
        points, weights = np.polynomial.legendre.leggauss(60)
        points = (high + low) / 2 + (high - low) / 2 * points
        density = np.exp(-(points**2) / 2) * weights
        assert np.sum(points * density) / np.sum(density) == pytest.approx(level, abs=1e-10)


def test_the_distortion_of_lloyd_max_levels_is_what_normal_data_shows():
    x = np.random.default_rng(2).standard_normal(2**20)
    for s in (2, 16, 64):
        measured = expected_squared_error(x, lloyd_max_normal(s), objective="mse") / np.sum(x**2)
        assert measured == pytest.approx(rotation_vnmse(s, "mse"), rel=0.02)  # outermost cells hold few values


def test_lloyd_max_levels_cannot_be_changed_by_a_caller():
    with pytest.raises(ValueError, match="read-only"):
        lloyd_max_normal(4)[0] = 1.0


@pytest.mark.parametrize("s", [0, 1, 3, 512])
def test_lloyd_max_levels_exist_for_powers_of_two(s):
    with pytest.raises(InvalidInput, match=f"n_levels is {s}, but must be a power of two from 2 to 256"):
        lloyd_max_normal(s)


@pytest.mark.parametrize(
    ("name", "low", "high", "density"),
    [
        ("normal", -40, 40, lambda x: np.exp(-(x**2) / 2)),
        ("exponential", 0, 200, lambda x: np.exp(-x)),
        ("laplace", -200, 200, lambda x: np.exp(-np.abs(x))),
        ("uniform", -1, 1, np.ones_like),
    ],
)
def test_the_spreads_of_common_densities_are_those_of_the_integral(name, low, high, density):
    points = np.linspace(low, high, 400_001)
    f = density(points)
    f /= np.sum(f) * (points[1] - points[0])
    assert high_rate_spread(points, f) == pytest.approx(HIGH_RATE_SPREADS[name], rel=1e-4)


def test_the_spread_of_the_lognormal_is_that_of_the_integral():
    points = np.exp(np.linspace(-60, 60, 400_001))
    density = np.exp(-(np.log(points) ** 2) / 2) / (points * math.sqrt(2 * math.pi))
    assert high_rate_spread(points, density) == pytest.approx(HIGH_RATE_SPREADS["lognormal"], rel=1e-6)


def test_the_high_rate_law_gives_the_printed_figures():
    assert HIGH_RATE_SPREADS["normal"] == pytest.approx(32.648, abs=5e-4)
    assert high_rate_vnmse(HIGH_RATE_SPREADS["normal"], 64) == pytest.approx(0.001371, abs=5e-7)
    assert high_rate_vnmse(HIGH_RATE_SPREADS["uniform"], 16) == pytest.approx(2 / 15**2)
    normal = HIGH_RATE_SPREADS["normal"]
    assert high_rate_vnmse(normal, 256, "mse") == pytest.approx(rotation_vnmse(256, "mse"), rel=0.02)


def test_the_high_rate_law_holds_for_the_running_code():
    x = np.random.default_rng(3).standard_normal(2**20)
    for objective in ("unbiased", "mse"):
        measured = levels(x, 64, method="histogram", objective=objective).vnmse
        assert measured == pytest.approx(high_rate_vnmse(HIGH_RATE_SPREADS["normal"], 64, objective), rel=0.03)


@pytest.mark.parametrize("objective", ["unbiased", "mse"])
@pytest.mark.parametrize("method", ["exact", "histogram", "uniform"])
def test_the_running_code_reports_the_error_of_its_levels(method, objective):
    x = np.exp(np.random.default_rng(4).standard_normal(5000))
    found = levels(x, 16, method=method, objective=objective)
    assert found.squared_error == pytest.approx(expected_squared_error(x, found, objective=objective), rel=1e-9)
    assert found.vnmse == pytest.approx(found.squared_error / np.sum(x**2), rel=1e-9)


def test_two_levels_cost_their_interval():
    x = np.random.default_rng(5).standard_t(3, 1000)
    assert levels(x, 2).squared_error == pytest.approx(interval_cost(x, x.min(), x.max()), rel=1e-9)


def test_nearest_levels_of_normal_data_come_close_to_lloyd_max():
    x = np.random.default_rng(6).standard_normal(2**20)
    found = levels(x, 16, method="histogram", objective="mse")
    np.testing.assert_allclose(found.values[4:12], lloyd_max_normal(16)[4:12], atol=0.05)  # a flat optimum
    assert found.vnmse == pytest.approx(rotation_vnmse(16, "mse"), rel=0.01)


def test_twice_the_levels_on_a_grid_come_within_the_bound_of_the_optimum():
    random = np.random.default_rng(7)
    for _ in range(200):
        d, s, intervals = random.integers(5, 80), random.integers(3, 9), random.integers(4, 60)
        x = random.choice([random.standard_normal(d), np.exp(random.standard_normal(d)), random.standard_cauchy(d)])
        optimum = levels(x, s, method="exact").squared_error
        on_grid = levels(x, 2 * s - 2, grid=np.linspace(x.min(), x.max(), intervals + 1)).squared_error
        assert on_grid <= (optimum + grid_bound(d, np.ptp(x), intervals)) * (1 + 1e-9)


@given(st.floats(0.5, 3.5), st.floats(1e-3, 10), st.sampled_from([2, 4, 16, 256]), st.floats(0.01, 100))
@settings(deadline=None)
def test_equivalent_levels_solve_a_power_law_exactly(power, scale, s, goal_share):
    goal = scale * s**-power * goal_share
    expected = np.clip(s * goal_share ** (-1 / power), SIZES[0], SIZES[-1])
    found = equivalent_levels([goal], s, lambda size: [scale * size**-power])
    np.testing.assert_allclose(found, [expected], rtol=1e-9)


def test_equivalent_levels_are_the_same_where_nothing_is_gained():
    assert equivalent_levels([0.0, 0.5], 16, lambda size: [0.0, 0.5]).tolist() == [16, 16]


def test_equivalent_levels_survive_an_error_of_zero():
    curve = {2: 0.5, 3: 0.2, 4: 0.1, 6: 0.0}
    assert equivalent_levels([0.0], 2, lambda size: [curve[size]]).tolist() == [6]
    assert 4 <= equivalent_levels([0.05], 2, lambda size: [curve[size]])[0] < 4.1  # from 0.1 to 0 is a long way


def test_equivalent_levels_ask_for_no_more_of_the_curve_than_they_need():
    asked = set()

    def curve(size):
        asked.add(size)
        return [1 / size, 1 / size]

    equivalent_levels([1 / 20, 1 / 11], 16, curve)
    assert asked == {16, 24, 12, 8}


def test_net_bits_charge_time_at_the_speed_of_the_link():
    at = {
        rate: net_bits([3.6], extra_seconds=2.4e-9, extra_table_bytes=0.01, bytes_per_second=rate)[0]
        for rate in (None, 1.25e8, 1.25e9)
    }
    assert at[None] == pytest.approx(3.6 - 0.08)
    assert at[1.25e8] == pytest.approx(3.6 - 2.4 - 0.08)
    assert at[1.25e9] == pytest.approx(3.6 - 24 - 0.08)


TAKES_NUMBERS = {
    "interval_cost 0": lambda x: interval_cost(x, 0, 1),
    "interval_cost 1": lambda x: interval_cost([1.0], 0, 1, weights=x),
    "expected_squared_error 2": lambda x: expected_squared_error(x, [0.0, 9.0]),
    "expected_squared_error 3": lambda x: expected_squared_error([1.0], x),
    "expected_squared_error 4": lambda x: expected_squared_error([1.0], [0.0, 9.0], weights=x),
    "uniform_vnmse_bound 5": lambda x: uniform_vnmse_bound(x, 3),
    "high_rate_spread 6": lambda x: high_rate_spread(x, [1.0]),
    "high_rate_spread 7": lambda x: high_rate_spread([1.0], x),
    "equivalent_levels 8": lambda x: equivalent_levels(x, 4, lambda size: [1.0]),
    "net_bits 9": lambda x: net_bits(x, extra_seconds=0, extra_table_bytes=0),
}


@pytest.mark.parametrize("call", TAKES_NUMBERS)
def test_what_is_not_an_array_of_numbers_is_refused(call):
    for x in ([[1.0], [2.0, 3.0]], "a", [10**400]):
        with pytest.raises(InvalidInput, match="is not an array of numbers"):
            TAKES_NUMBERS[call](x)
