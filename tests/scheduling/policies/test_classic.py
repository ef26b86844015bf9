import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import FCFS, LAS, PSPJF, SPJF, SPRPT, Stage, View
from beforehand.scheduling.policies import BANDS, FIRST, UNKNOWN


def view(**fields):
    return View(arrival=0.0, sequence=0, **fields)


def test_first_come_first_served_ranks_all_alike_and_asks_nothing():
    assert FCFS().rank(view(age=3.0)) == FCFS().rank(view(predicted=9.0)) == 0.0
    assert FCFS().asks(view()) is None


@pytest.mark.parametrize("kind", [SPJF, PSPJF, SPRPT])
@pytest.mark.parametrize("by", ["cheap", "expensive"])
def test_a_keyed_policy_asks_for_its_prediction_once(kind, by):
    policy = kind(by=by)
    assert policy.asks(view()) == by
    assert policy.asks(view(cheap=1.0, predicted=1.0)) is None


@pytest.mark.parametrize("policy", [SPJF(), PSPJF(), SPRPT(), SPJF(by="cheap")])
def test_a_job_without_its_prediction_comes_after_all_that_have_one(policy):
    assert policy.rank(view()) == UNKNOWN > policy.rank(view(cheap=1e100, predicted=1e100))


def test_a_started_job_runs_to_its_end_only_without_preemption():
    started = view(started=True, age=1.0, predicted=4.0)
    assert SPJF().rank(started) == FIRST
    assert PSPJF().rank(started) == 4.0
    assert SPRPT().rank(started) == 3.0


def test_prediction_work_comes_first_and_does_not_count_as_service():
    policy = SPRPT(work=0.5)
    assert policy.rank(view(age=0.25, predicted=4.0)) == BANDS[0]
    assert policy.review_age(view(age=0.25)) == 0.5
    assert policy.rank(view(age=0.5, predicted=4.0)) == 4.0
    assert policy.review_age(view(age=0.5)) == math.inf
    assert policy.stages().long == (Stage(0, "fcfs", 0.5, prediction=True), Stage(1, "remaining"))


@given(st.floats(1e-3, 1e3), st.integers(0, 10**6))
def test_the_levels_of_las_never_stand_still(quantum, steps):
    policy, age = LAS(quantum=quantum), steps * quantum
    assert policy.review_age(view(age=age)) > age
    level = policy.rank(view(age=age))
    assert level * quantum <= age < (level + 1) * quantum


def test_the_limit_of_las_has_a_rank_but_no_engine():
    assert LAS(quantum=0).rank(view(age=2.5)) == 2.5
    with pytest.raises(InvalidInput, match="quantum is 0"):
        LAS(quantum=0).stages()


@pytest.mark.parametrize("quantum", [1e-20, 1e-300, 5e-324])
def test_levels_end_where_floats_have_no_next_one(quantum):
    assert LAS(quantum=quantum).rank(view(age=1.0)) >= 2**53


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SPJF(by="dear"), "by is 'dear', but must be one of cheap, expensive"),
        (lambda: SPRPT(work=-1), "work is -1, but must be at least 0"),
        (lambda: SPRPT(work=math.inf), "work is inf, but must be finite"),
        (lambda: LAS(quantum=math.nan), "quantum is nan"),
        (lambda: LAS(quantum=10**400), "quantum is larger than any float"),
        (lambda: LAS(quantum="1"), "quantum is '1', but must be a number"),
    ],
)
def test_a_wrong_option_is_refused_with_its_rule(make, message):
    with pytest.raises(InvalidInput, match=message):
        make()
