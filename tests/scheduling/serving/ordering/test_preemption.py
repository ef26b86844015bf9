"""Who loses a slot."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import InvalidInput
from beforehand.scheduling.policies.view import FIRST
from beforehand.scheduling.serving import (
    FCFS,
    LAMPS,
    PSPJF,
    SPJF,
    SPRPT,
    TRAIL,
    Boosted,
    EngineView,
    ShortestWork,
    View,
    select_victims,
)

TOKENS = st.integers(1, 1000).map(float)


@st.composite
def views(draw, started=True):
    predicted = draw(TOKENS)
    age = float(draw(st.integers(0, 500)))
    return View(
        arrival=draw(st.floats(0.0, 100.0)),
        sequence=draw(st.integers(0, 10_000)),
        age=age,
        started=started,
        predicted=predicted,
        remaining=max(predicted - age, 1.0),
        context=draw(st.integers(1, 4000)),
        state="running" if started else "waiting",
        preemptions=draw(st.integers(0, 3)),
        engine=EngineView(tau_d=0.01, tau_p=0.02, prefill_tokens=256, context_tokens=1000),
    )


WAITING, RUNNING = views(started=False), st.lists(views(), max_size=6, unique_by=lambda view: view.sequence)
INNERS = st.sampled_from([PSPJF(), SPRPT(), TRAIL(0.8), TRAIL(0.0), SPJF()])


def as_specified(policy, head, running, margin, most):
    """The rule in the words of the specification."""
    boosted = isinstance(policy, Boosted)
    rho, boost = (policy.inner.rank, policy.boost) if boosted else (policy.rank, math.inf)
    able = [view for view in running if rho(view) > FIRST and view.preemptions < most]
    if not able:
        return []

    def key(view):
        log = math.log(max(rho(view), 1e-9)) if rho(view) > FIRST else FIRST
        return log if boost == math.inf else view.arrival + boost * log

    victim = max(able, key=lambda view: (policy.rank(view), view.sequence))
    if boosted and not (policy.rank(head), head.sequence) < (policy.rank(victim), victim.sequence):
        return []  # it would be admitted before the head
    return [victim] if key(head) + (margin if boost == math.inf else boost * margin) < key(victim) else []


@given(INNERS, st.one_of(st.none(), st.floats(0.1, 100.0)), WAITING, RUNNING, st.floats(0.0, 2.0))
def test_the_victim_is_that_of_the_specification(inner, boost, head, running, margin):
    policy = inner if boost is None else Boosted(inner, boost=boost, knee=265.0)
    found = select_victims(policy, head, running, free_slots=0, margin=margin)
    expected = as_specified(policy, head, running, margin, 2)
    if found != expected:  # only where both sides are equal but for rounding
        assert as_specified(policy, head, running, margin - 1e-6, 2) != as_specified(
            policy, head, running, margin + 1e-6, 2
        )


@given(st.sampled_from([FCFS(), SPJF(), TRAIL(0.0), LAMPS(), ShortestWork(decode=0)]), WAITING, RUNNING)
def test_orders_that_do_not_preempt_choose_nobody(policy, head, running):
    assert select_victims(policy, head, running, free_slots=0, margin=0.0, max_preemptions=math.inf) == []


@given(INNERS, WAITING, RUNNING)
def test_nobody_gives_way_where_nobody_need(policy, head, running):
    assert select_victims(policy, head, running, free_slots=1) == []
    assert select_victims(policy, None, running, free_slots=0) == []
    assert select_victims(policy, head, running, free_slots=0, max_preemptions=0) == []
    boosted = Boosted(policy, boost=0.0, knee=1.0)
    assert select_victims(boosted, head, running, free_slots=0) == []  # it is first come, first served


@given(WAITING, RUNNING)
def test_a_request_far_enough_along_is_never_the_victim(head, running):
    for victim in select_victims(TRAIL(0.8), head, running, free_slots=0, margin=0.0):
        assert victim.age < 0.8 * victim.predicted


@given(WAITING, RUNNING, st.integers(0, 3))
def test_nobody_loses_a_slot_more_often_than_allowed(head, running, most):
    for victim in select_victims(SPRPT(), head, running, free_slots=0, margin=0.0, max_preemptions=most):
        assert victim.preemptions < most


def test_the_largest_rank_loses_and_of_equal_ones_the_latest():
    head = View(9.0, 9, remaining=1.0)
    running = [View(0.0, place, started=True, remaining=left) for place, left in enumerate([50.0, 99.0, 99.0, 70.0])]
    assert select_victims(SPRPT(), head, running, free_slots=0) == [running[2]]


@pytest.mark.parametrize(("left", "found"), [(49.0, 1), (51.0, 0)])
def test_a_margin_of_ln_2_is_a_factor_of_two(left, found):
    running = [View(0.0, 0, started=True, remaining=100.0)]
    victims = select_victims(SPRPT(), View(1.0, 1, remaining=left), running, free_slots=0, margin=math.log(2))
    assert len(victims) == found


def test_nobody_loses_a_slot_to_one_that_waits_behind_it():
    running = [View(0.0, 0, started=True, remaining=20_000.0)]
    for boost, found in ((4.0, 0), (30.0, 1)):  # the bounds are 22 s and 167 s, and the head comes after 30 s
        policy = Boosted(SPRPT(), boost=boost, knee=265.0)
        assert len(select_victims(policy, View(30.0, 1, remaining=1.0), running, free_slots=0)) == found


def test_a_boost_lets_a_late_arrival_preempt_only_if_it_is_so_much_shorter():
    running = [View(0.0, 0, started=True, predicted=100.0)]
    policy = Boosted(PSPJF(), boost=10.0, knee=math.inf)
    for arrival, found in ((10.0, 1), (20.0, 0)):  # ln 10 boosts are 23 s, less the margin 16 s
        head = View(arrival, 1, predicted=10.0)
        assert len(select_victims(policy, head, running, free_slots=0)) == found


def test_a_request_that_memory_evicted_though_it_was_pinned_takes_the_first_slot():
    pinned = View(5.0, 5, age=90.0, started=True, predicted=100.0, remaining=10.0)
    running = [View(0.0, 0, started=True, predicted=100.0, remaining=12.0)]
    assert select_victims(TRAIL(0.8), pinned, running, free_slots=0) == running
    assert select_victims(TRAIL(0.8), pinned, [replace(pinned, sequence=6)], free_slots=0) == []


@pytest.mark.parametrize("options", [{"margin": -1.0}, {"margin": math.nan}, {"max_preemptions": -1}])
def test_limits_below_zero_are_refused(options):
    with pytest.raises(InvalidInput, match="neither may be below 0"):
        select_victims(SPRPT(), None, [], free_slots=0, **options)


def test_a_boost_that_is_not_yet_a_number_is_refused():
    with pytest.raises(InvalidInput, match="auto"):
        select_victims(Boosted(SPRPT()), View(0.0, 0, remaining=1.0), [], free_slots=0)
