import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.plan.setting import Setting


@pytest.mark.parametrize(
    ("options", "model"),
    [
        ({}, "Poisson arrivals, one server, no preemption"),
        ({"preemptive": True}, "Poisson arrivals, one server, free preemption"),
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
