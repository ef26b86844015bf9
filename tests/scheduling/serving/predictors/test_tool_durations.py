"""Durations of tool calls: the sample, its tail, names that are not known yet, and times to live."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.serving.predictors.tool_durations import ToolDurations, best_ttl, expected_costs

SECONDS = st.lists(st.floats(0.0, 100.0), min_size=40, max_size=60)
PAPER = np.array([0.1, 0.2, 0.3, 0.4, 5.0, 6.0])  # hold 1000, evict 700


def of(samples, tool="tool"):
    durations = ToolDurations()
    for seconds in samples:
        durations.observe(tool, seconds)
    return durations


@given(SECONDS, st.floats(0.0, 60.0), st.floats(0.0, 60.0), st.floats(0.001, 0.999))
def test_within_the_sample_the_answers_are_those_of_the_calls_that_took_longer(samples, elapsed, t, p):
    durations, x = of(samples), np.array(samples)
    left = x[x > elapsed] - elapsed if elapsed else x
    if len(left) < 5 or elapsed > np.quantile(x, 0.99, method="inverted_cdf"):
        return
    assert durations.mean("tool", elapsed=elapsed) == pytest.approx(left.mean(), abs=1e-9)
    longer = (x > elapsed + t).sum() / len(left)
    assert durations.survival("tool", t, elapsed=elapsed) == longer
    expected = np.quantile(left, p, method="inverted_cdf")
    assert durations.quantile("tool", p, elapsed=elapsed) == pytest.approx(expected, abs=1e-9)


def test_the_means_are_those_of_the_specification():
    durations = of([1.0, 2.0, 3.0, 4.0, 10.0] * 5)  # five times, so that no tail is fitted
    assert [durations.mean("tool", elapsed=e) for e in (0.0, 1.0, 3.5)] == pytest.approx([4.0, 3.75, 3.5])


def test_a_hung_call_is_expected_to_hang_on():
    durations = of(np.random.default_rng(0).exponential(1.0, 300))
    means = [durations.mean("tool", elapsed=e) for e in (10.0, 20.0, 60.0, 600.0)]
    assert means == sorted(means)
    assert means[-1] > 60.0


def test_the_tail_is_that_of_a_pareto_distribution_where_the_durations_are_of_one():
    durations = of(np.random.default_rng(0).pareto(2.0, 512) + 1.0)
    assert durations.mean("tool", elapsed=50.0) == pytest.approx(50.0, rel=0.5)  # age / (2 - 1)
    assert durations.survival("tool", 50.0, elapsed=50.0) == pytest.approx(0.25, abs=0.1)
    t = durations.quantile("tool", 0.3, elapsed=50.0)
    assert durations.survival("tool", t, elapsed=50.0) == pytest.approx(0.7)


def test_equal_durations_have_the_lightest_tail():
    assert of([2.0] * 20).mean("tool", elapsed=4.5) == pytest.approx(0.5)  # index 10


def test_a_call_that_timed_out_counts_as_long_but_not_for_the_tail():
    x = np.random.default_rng(0).exponential(1.0, 100)
    plain, cut = of(x), of(x)
    for _ in range(20):
        cut.observe("tool", 30.0, timed_out=True)
    assert cut.mean("tool") > plain.mean("tool")
    assert cut.mean("tool", elapsed=40.0) == plain.mean("tool", elapsed=40.0)


def test_the_last_512_durations_count():
    durations = of([100.0] * 512)
    for _ in range(512):
        durations.observe("tool", 1.0)
    assert durations.mean("tool") == 1.0


@pytest.mark.parametrize(
    ("tool", "mean"), [("search:web", 1.0), ("search:maps", 1.5), ("search", 1.5), ("shell", 4.0), ("", 4.0)]
)
def test_a_tool_that_is_new_takes_after_its_class_and_then_after_all(tool, mean):
    durations = ToolDurations()
    for _ in range(10):
        durations.observe("search:web", 1.0)
        durations.observe("search:news", 2.0)
        durations.observe("chat", 9.0)
    assert durations.mean(tool) == mean


def test_before_anything_is_known_a_second_is_expected_always():
    durations = of([50.0] * 7)
    assert durations.mean("tool", elapsed=100.0) == 1.0
    assert durations.survival("tool", 1.0) == pytest.approx(math.exp(-1))
    assert durations.quantile("tool", 1 - math.exp(-1)) == pytest.approx(1.0)


def test_calls_that_take_no_time_are_expected_to_take_none():
    durations = of([0.0] * 20)
    assert (durations.mean("tool"), durations.survival("tool", 0.0), durations.quantile("tool", 0.99)) == (0, 0, 0)
    assert durations.mean("tool", elapsed=1.0) > 0


def test_names_that_clients_invent_do_not_fill_the_memory():
    durations = ToolDurations()
    for number in range(5000):
        durations.observe(f"tool {number}", 1.0)
    assert len(durations._tools._names) == 4096


@pytest.mark.parametrize("seconds", [-1.0, math.nan, math.inf, "1", True])
def test_a_duration_that_is_none_is_refused(seconds):
    durations = of([1.0] * 10)
    with pytest.raises(InvalidInput):
        durations.observe("tool", seconds)
    assert durations.mean("tool") == 1.0


@pytest.mark.parametrize("elapsed", [-1.0, math.nan, math.inf, "1"])
def test_a_call_that_has_not_begun_is_refused(elapsed):
    durations = of([1.0] * 10)
    for ask in (durations.mean, durations.survival, durations.quantile):
        with pytest.raises(InvalidInput, match="elapsed"):
            ask("tool", *(() if ask == durations.mean else (0.5,)), elapsed=elapsed)


def test_the_costs_of_times_to_live_are_those_of_the_specification():
    times = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 5.0, 6.0, math.inf, 0.7])
    expected = [700.0, 683.3, 650.0, 600.0, 533.3, 1950.0, 2000.0, 2000.0, 633.3]
    assert expected_costs(times, PAPER, 1000.0, 700.0) == pytest.approx(expected, abs=0.05)
    assert best_ttl(PAPER, hold_per_second=1000.0, evict_cost=700.0) == 0.4


@given(st.lists(st.floats(0.01, 100.0), min_size=1, max_size=12), st.floats(0.1, 100.0), st.floats(0.0, 1000.0))
def test_no_time_to_live_costs_less_than_the_best(samples, hold, evict):
    x = np.sort(samples)
    best = best_ttl(x, hold_per_second=hold, evict_cost=evict)

    def cost(ttl):
        return (hold * np.minimum(x, ttl) + (x > ttl) * evict).mean()

    tried = [0.0, math.inf, evict / hold, *x, *np.linspace(0.0, 110.0, 301)]
    assert all(cost(best) <= cost(ttl) + 1e-9 * (1 + cost(ttl)) for ttl in tried)


@given(st.floats(0.0, 100.0), st.floats(0.1, 100.0), st.floats(0.01, 1000.0))
def test_without_a_sample_keeping_costs_at_most_twice_what_it_would_if_the_duration_were_known(seconds, hold, evict):
    ttl = ToolDurations().best_ttl("new", hold_per_second=hold, evict_cost=evict)
    paid = hold * min(seconds, ttl) + (seconds > ttl) * evict
    assert paid <= 2 * min(hold * seconds, evict) * (1 + 1e-12)


def test_a_tool_with_few_calls_does_not_live_by_the_durations_of_other_tools():
    durations = of([0.1] * 100, tool="fast")
    assert durations.best_ttl("new", hold_per_second=2.0, evict_cost=6.0) == 3.0
    assert durations.best_ttl("new", hold_per_second=2.0, evict_cost=6.0, elapsed=2.5) == 0.5
    assert durations.best_ttl("fast:er", hold_per_second=2.0, evict_cost=6.0) == 0.1


def test_in_the_tail_memory_is_kept_as_long_as_the_chance_of_an_end_pays():
    durations = of(np.random.default_rng(0).pareto(2.0, 512) + 1.0)
    index = durations._tools.get("tool").tail(50.0)
    ttl = durations.best_ttl("tool", hold_per_second=1.0, evict_cost=40.0, elapsed=50.0)
    assert ttl == pytest.approx(index * 40.0 - 50.0)
    ages = np.linspace(0.0, 400.0, 40_001)
    survival = np.array([durations.survival("tool", t, elapsed=50.0) for t in ages])
    costs = np.concatenate(([0.0], np.cumsum(survival[:-1] * 0.01))) + survival * 40.0
    assert ages[costs.argmin()] == pytest.approx(ttl, abs=0.1)


@pytest.mark.parametrize(("hold", "evict", "ttl"), [(0.0, 1.0, math.inf), (math.inf, 1.0, 0.0), (1.0, math.inf, 3.0)])
def test_costs_at_the_ends_of_the_range_give_the_ends(hold, evict, ttl):
    assert of([1.0, 2.0, 3.0] * 5).best_ttl("tool", hold_per_second=hold, evict_cost=evict) == ttl
