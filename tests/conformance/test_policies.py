"""What every policy promises. One line adds one."""

import inspect
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.scheduling import (
    FCFS,
    LAS,
    PSPJF,
    SPJF,
    SPRPT,
    TRAIL,
    DelayPredict,
    OneBit,
    Policy,
    SkipPredict,
    View,
    policy_from_json,
    policy_to_json,
)

POLICIES = [
    FCFS(),
    SPJF(),
    PSPJF(by="cheap"),
    SPRPT(),
    SPRPT(work=0.25),
    LAS(quantum=0.5),
    OneBit(1.5),
    OneBit(1.5, preemptive=False),
    OneBit(math.inf, cheap_work=0.25),
    SkipPredict(1.5),
    SkipPredict(1.5, long_order="size", cheap_work=0.25, expensive_work=0.5),
    SkipPredict(0.0, preemptive=False),
    DelayPredict(1.0),
    DelayPredict(math.inf, long_order="size", expensive_work=0.5),
    TRAIL(0.0),
    TRAIL(0.5),
    TRAIL(1.0, by="cheap"),
]
predictions = st.just(math.nan) | st.floats(0, 1e100)
views = st.builds(
    View,
    arrival=st.floats(0, 1e9),
    sequence=st.integers(0, 2**40),
    age=st.floats(0, 1e6),
    started=st.booleans(),
    cheap=predictions,
    predicted=predictions,
    remaining=predictions,
)


@pytest.fixture(params=POLICIES, ids=repr)
def policy(request):
    return request.param


def test_it_is_a_policy(policy):
    assert isinstance(policy, Policy)


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@given(view=views)
def test_its_rank_is_a_number_whatever_is_known(policy, view):
    assert not math.isnan(policy.rank(view))


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@given(view=views)
def test_its_rank_is_reviewed_only_later(policy, view):
    assert policy.review_age(view) > view.age


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@given(view=views)
def test_it_asks_only_for_what_is_not_there(policy, view):
    asked = policy.asks(view)
    assert asked is None or math.isnan(view.key(asked))


@pytest.mark.parametrize("policy", POLICIES, ids=repr)
@given(view=views, share=st.floats(0, 1, exclude_max=True))
def test_until_its_review_a_rank_only_falls_with_service(policy, view, share):
    before, end = policy.rank(view), min(policy.review_age(view), view.age + 10)
    view.age = min(view.age + share * (end - view.age), math.nextafter(end, view.age))  # rounding may reach the end
    assert policy.rank(view) <= before


def test_json_and_pickle_give_it_again(policy):
    assert policy_from_json(policy_to_json(policy)) == policy
    assert pickle.loads(pickle.dumps(policy)) == policy


def test_its_options_are_told_by_name(policy):
    by_place = [p for p in inspect.signature(type(policy)).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    assert [p.name for p in by_place] in ([], ["threshold"], ["limit"], ["fraction"])
    assert all(p.default is p.empty for p in by_place)


def test_it_never_changes(policy):
    name = next(iter(policy.__slots__), "quantum")
    with pytest.raises((AttributeError, TypeError)):
        setattr(policy, name, 1.0)


def test_its_stages_end_with_one_without_end(policy):
    table = policy.stages()
    for rows in filter(None, (table.short, table.long)):
        assert math.isinf(rows[-1].fixed) or rows[-1].order == "attained"
        assert all(row.fixed + row.per_key > 0 or isinstance(policy, TRAIL) for row in rows)
