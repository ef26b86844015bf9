"""What every policy promises; `tests.scheduling.every_policy` finds them."""

import inspect
import math
import pickle
from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.scheduling import POLICIES, SPJF, TRAIL, Policy, View, policy_from_json, policy_to_json
from beforehand.scheduling.policies.policy import depends_on, rank_many
from beforehand.scheduling.serving import PROFILES, EngineView, ToolView, columns_of
from tests.scheduling.every_policy import EVERY as STAGED
from tests.scheduling.every_policy import LEVELS, UNSTAGED

EVERY = [*STAGED, *UNSTAGED]

predictions = st.just(math.nan) | st.floats(0, 1e100)
few = st.sampled_from([0, 1, 17, 5000])


def engine(profile, decoding, others, host):
    view = EngineView(free_host_tokens=host, profile=profile)
    view.update(now=0.0, decoding=decoding, context_tokens=others)
    return view


engines = st.sampled_from(
    [
        engine(profile, *busy)
        for profile in (None, *PROFILES.values())
        for busy in ((0, 0, 0), (128, 20_000, 10**6), (5000, 10**6, 100))
    ]
)
tools = st.none() | st.builds(ToolView, seconds=predictions, return_tokens=predictions, probability=st.floats(0, 1))
views = st.builds(
    View,
    arrival=st.floats(0, 1e9),
    sequence=st.integers(0, 2**40),
    age=st.floats(0, 1e6),
    started=st.booleans(),
    cheap=predictions,
    predicted=predictions,
    remaining=predictions,
    context=few,
    resident=few,
    cached=few,
    host=few,
    tool=tools,
    engine=engines,
)


@pytest.fixture(params=EVERY, ids=str)
def policy(request):
    return request.param


def test_it_is_a_policy(policy):
    assert isinstance(policy, Policy)


@pytest.mark.parametrize("policy", EVERY, ids=str)
@given(view=views)
def test_its_rank_is_a_number_whatever_is_known(policy, view):
    assert not math.isnan(policy.rank(view))


@pytest.mark.parametrize("policy", EVERY, ids=str)
@given(view=views)
def test_its_rank_is_reviewed_only_later(policy, view):
    assert policy.review_age(view) > view.age


@pytest.mark.parametrize("policy", EVERY, ids=str)
@given(view=views)
def test_it_asks_only_for_what_is_not_there(policy, view):
    asked = policy.asks(view)
    assert asked is None or math.isnan(view.key(asked))


@pytest.mark.parametrize("policy", EVERY, ids=str)
@given(view=views, share=st.floats(0, 1, exclude_max=True))
def test_until_its_review_a_rank_only_falls_with_service(policy, view, share):
    view.state = "running"
    before, end = policy.rank(view), min(policy.review_age(view), view.age + 10)
    view.age = min(view.age + share * (end - view.age), math.nextafter(end, view.age))  # rounding may reach the end
    assert policy.rank(view) <= before


def test_json_and_pickle_give_it_again(policy):
    assert policy_from_json(policy_to_json(policy)) == policy
    assert pickle.loads(pickle.dumps(policy)) == policy


def test_its_options_are_given_by_name(policy):
    by_place = [p for p in inspect.signature(type(policy)).parameters.values() if p.kind is not p.KEYWORD_ONLY]
    assert len(by_place) <= 1
    assert {p.name for p in by_place} <= set(LEVELS)
    assert all(p.default is p.empty for p in by_place)


def test_it_never_changes(policy):
    name = next(iter(policy.__slots__), "quantum")
    with pytest.raises((AttributeError, TypeError)):
        setattr(policy, name, 1.0)


@pytest.mark.parametrize("policy", STAGED, ids=str)
def test_its_stages_end_with_one_without_end(policy):
    stages = policy.stages()
    stages.validate()
    for passed in filter(None, (stages.short, stages.long)):
        assert math.isinf(passed[-1].fixed) or passed[-1].order == "attained"
        assert all(stage.fixed + stage.per_key > 0 or isinstance(policy, TRAIL) for stage in passed)


def test_its_label_is_its_name_and_what_differs_from_the_defaults(policy):
    name, _, options = str(policy).partition("(")
    assert name == type(policy).__name__
    changed = [each for each in fields(policy) if getattr(policy, each.name) != each.default]
    inner = str(getattr(policy, "inner", "")).partition("(")[2]
    assert len(list(filter(None, options.split(",")))) == len(changed) + inner.count(",")


def test_every_kind_is_here():
    assert {type(each) for each in EVERY} == set(POLICIES.values())


@pytest.mark.parametrize("policy", [*UNSTAGED, SPJF(), TRAIL(0.5)], ids=str)
@given(many=st.lists(views, min_size=1, max_size=6), engine=engines)
def test_many_are_ranked_as_one_by_one(policy, many, engine):
    for view in many:
        view.engine = engine
    ranks = rank_many(policy, columns_of(many), engine)
    assert ranks.dtype == np.float64
    np.testing.assert_allclose(ranks, [policy.rank(view) for view in many], rtol=1e-9)


def test_what_its_rank_reads_is_said(policy):
    assert depends_on(policy) == ("engine" if "LAMPS" in str(policy) else "request")
