"""The bound never hides a victim that `select_victims` would choose."""

import math
import random

import pytest

from beforehand.integrations.vllm.slot_bound import REVIEW, SlotBound
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.classic import LAS, PSPJF, SPRPT
from beforehand.scheduling.policies.trail import TRAIL
from beforehand.scheduling.policies.view import View
from beforehand.scheduling.serving.ordering.preemption import select_victims

pytestmark = pytest.mark.vllm
MARGIN, MOST = 0.7, 2
POLICIES = [
    TRAIL(0.8), SPRPT(), PSPJF(), Boosted(TRAIL(0.8), boost=3.0, knee=math.inf), Boosted(SPRPT(), boost=9.0, knee=60.0),
    Boosted(TRAIL(0.5), boost=math.inf, knee=1.0), Boosted(TRAIL(0.5), boost=0.0, knee=1.0),
]  # fmt: skip


def waits(number, size):
    return View(float(number), number, cheap=size, predicted=size, remaining=size)


def runs(view):
    view.started, view.state = True, "running"
    return view


def step(running):
    """All that run have one token more; who outlives its prediction may have more left than before."""
    for view in running:
        view.age += 1
        view.remaining = view.predicted - view.age if view.age < view.predicted else 7.0 + view.age % 3


@pytest.mark.parametrize("policy", POLICIES, ids=str)
def test_where_it_excludes_a_look_nobody_would_have_been_chosen(policy):
    draw, excluded, chosen = random.Random(3), 0, 0
    bound, number = SlotBound(MARGIN, MOST), 8
    running = [runs(waits(each, draw.uniform(5, 90))) for each in range(8)]
    for _ in range(2000):
        head = waits(number, draw.lognormvariate(3.5, 1.0))
        victims = select_victims(policy, head, running, free_slots=0, margin=MARGIN, max_preemptions=MOST)
        if bound.excludes(policy, head):
            excluded += 1
            assert not victims
        elif victims:
            chosen += 1
            running[running.index(victims[0])] = runs(head)
            bound.runs(head)
            number += 1
        else:
            bound.looked(policy, running)
        step(running)
        bound.step()
        for place, view in enumerate(running):
            if view.age > view.predicted + 2:  # it ends, and the first that waits begins
                running[place] = runs(waits(number, draw.uniform(5, 90)))
                bound.runs(running[place])
                number += 1
    assert excluded > 50
    assert chosen > 10 or getattr(policy, "boost", 1) == 0


def asked(bound, policy, head):
    """What it says in the next step."""
    bound.step()
    return bound.excludes(policy, head)


def test_it_holds_from_the_second_look_for_as_long_as_no_prediction_changes_or_is_outlived():
    bound, short, policy = SlotBound(MARGIN, MOST), waits(9, 50.0), TRAIL(1.0)
    running = [runs(waits(1, 40.0)), runs(waits(2, 30.0))]
    bound.looked(policy, running)
    assert not asked(bound, policy, short)
    bound.looked(policy, running)
    assert [asked(bound, policy, short) for _ in range(REVIEW + 1)] == [True] * REVIEW + [False]
    bound.looked(policy, running)
    assert not asked(bound, TRAIL(0.5), short)
    assert bound.excludes(policy, short)
    bound.forget()
    assert not bound.excludes(policy, short)
    running[0].age = 37.0
    bound.looked(policy, running)
    bound.looked(policy, running)
    assert [asked(bound, policy, short) for _ in range(3)] == [True, True, False]
    running[0].age = 40.0
    bound.looked(SPRPT(), running)
    bound.looked(SPRPT(), running)
    assert not asked(bound, SPRPT(), short)


def test_steps_in_which_nobody_waits_count():
    bound, policy = SlotBound(MARGIN, MOST), SPRPT()
    running = [runs(waits(1, 10.0))]
    running[0].remaining = 8.0
    for _ in range(2):
        bound.looked(policy, running)
    for _ in range(12):
        step(running)
        bound.step()
    running[0].remaining = 90.0  # it has outlived its prediction, and may be far from its end
    head = waits(2, 9.0)
    assert select_victims(policy, head, running, free_slots=0, margin=MARGIN, max_preemptions=MOST)
    assert not bound.excludes(policy, head)


def test_orders_whose_ranks_rise_with_age_are_looked_at_in_each_step():
    bound, running = SlotBound(MARGIN, MOST), [runs(waits(1, 40.0))]
    for _ in range(3):
        bound.looked(LAS(quantum=0.0), running)
        assert not asked(bound, LAS(quantum=0.0), waits(2, 1.0))
