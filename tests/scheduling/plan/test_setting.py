import math

import numpy as np
import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.plan.setting import Setting, percentile


@pytest.mark.parametrize(
    ("options", "model"),
    [
        ({}, "Poisson arrivals, one server, no preemption"),
        ({"preemptive": True}, "Poisson arrivals, one server, free preemption"),
        ({"goal": "p99"}, "Poisson arrivals, one server, simulated, no preemption"),
        ({"slo": 3}, "Poisson arrivals, one server, simulated, no preemption"),
        ({"servers": 3}, "Poisson arrivals, 3 servers, simulated, no preemption"),
        ({"servers": 2, "preemptive": True}, "Poisson arrivals, 2 servers, simulated, free preemption"),
        (
            {"preemptive": True, "switch_cost": (0.1, 0)},
            "Poisson arrivals, one server, simulated, preemption at a cost",
        ),
    ],
)
def test_the_model_says_what_holds_in_this_setting(options, model):
    assert Setting(load=0.8, **options).model == model
    assert Setting(load=0.8, **options).simulated == ("simulated" in model)


def test_prices_are_paid_by_the_job_or_worked_off_by_the_server():
    outside = Setting(load=0.8, cheap_cost=0.5, expensive_cost=2.0)
    assert outside.works == (0.0, 0.0)
    assert outside.cost(10.0, 1.0, 0.25, 7.0) == 10 + 0.5 + 0.5
    inside = Setting(load=0.8, cheap_cost=0.5, expensive_cost=2.0, charge="server", preemptive=True)
    assert inside.works == (0.5, 2.0)
    assert inside.cost(10.0, 1.0, 0.25, 7.0) == 10.0


def test_memory_counts_where_it_is_weighed_and_may_be_unknown_where_not():
    assert Setting(load=0.8, memory_weight=0.5).cost(10.0, 0.0, 0.0, 4.0) == 12.0
    assert Setting(load=0.8).cost(10.0, 0.0, 0.0, float("nan")) == 10.0


@pytest.mark.parametrize("load", [0.0, 1.0, -0.5, float("nan")])
def test_a_load_lies_between_0_and_1(load):
    with pytest.raises(InvalidInput, match="load is"):
        Setting(load=load)


TIMES = np.arange(1.0, 201.0)


@pytest.mark.parametrize(("share", "time"), [(0.95, 190), (0.99, 198), (0.994, 199), (1.0, 200), (0.001, 1)])
def test_a_percentile_is_the_time_within_which_that_share_of_jobs_is_done(share, time):
    assert percentile(np.random.default_rng(0).permutation(TIMES), share) == time
    assert percentile(np.full(10, math.inf), share) == math.inf


@pytest.mark.parametrize(
    ("options", "value", "metric", "figure"),
    [
        ({}, 100.5 + 7, "cost of a job", "mean response"),
        ({"goal": "p95"}, 190 + 7, "p95 of the cost of a job", "p95 of the response"),
        ({"goal": "p99"}, 198 + 7, "p99 of the cost of a job", "p99 of the response"),
        ({"slo": 157}, 0.25, "share of jobs not done within 157", "share of jobs not done within 157"),
    ],
)
def test_a_goal_is_measured_on_response_times_with_what_comes_on_top_of_each(options, value, metric, figure):
    setting = Setting(load=0.8, **options)
    assert setting.goal_of(TIMES, 7.0) == pytest.approx(value)
    assert (setting.metric, setting.figure) == (metric, figure)


def test_a_job_that_takes_exactly_as_long_as_it_may_is_in_time():
    setting = Setting(load=0.8, slo=0.3)
    assert setting.goal_of(np.array([0.1 + 0.2, 0.3, 0.30001])) == pytest.approx(1 / 3)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"goal": "median"}, "goal is 'median', but must be one of mean, p95, p99"),
        ({"goal": "p99", "slo": 3.0}, "goal is 'p99' and slo is 3, but there is one goal; leave one out"),
        ({"slo": 0.0}, "slo is 0.0, but must be above 0"),
        ({"slo": math.inf}, "slo is inf, but must be finite"),
    ],
)
def test_there_is_one_goal(options, words):
    with pytest.raises(InvalidInput, match=words):
        Setting(load=0.8, **options)
