import numpy as np
import pytest

from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.classic import FCFS, SPJF
from beforehand.scheduling.policies.shortest_work import ShortestWork
from beforehand.scheduling.policies.trail import TRAIL
from beforehand.scheduling.serving.plan.candidates import FIGURES, Candidate
from beforehand.scheduling.serving.plan.finals import Finalist, best_of, ties


def finalist(inner, costs, ratios=(1.0, 1.0, 1.0)):
    """A design with these costs and p99 ratios on the sample and on two draws."""
    policy = FCFS() if inner is None else Boosted(inner, boost=1.0, knee=1.0)
    figures = {name: np.array(costs, float) for name in FIGURES}
    design = Candidate(
        policy=policy,
        handling=None,
        cost=costs[0],
        p99_ratio=ratios[0],
        figures={name: costs[0] for name in FIGURES},
    )
    return Finalist(design, {**figures, "cost": np.array(costs), "p99_ratio": np.array(ratios)}, np.array(costs))


BLIND, WORK, TOKENS, PINNED = ShortestWork(decode=0.0), ShortestWork(), SPJF(), TRAIL(0.8)


def test_the_least_cost_is_chosen():
    assert best_of([finalist(BLIND, [9, 9, 9]), finalist(WORK, [7, 7, 7])], 1.3, 0.02).candidate.policy.inner == WORK


def test_of_those_that_tie_the_one_that_needs_to_know_least_is_chosen():
    tied = [finalist(PINNED, [10, 10.2, 9]), finalist(BLIND, [10.1, 10.1, 10.1]), finalist(WORK, [10.05, 10, 10])]
    assert best_of(tied, 1.3, 0.02).candidate.policy.inner == BLIND


def test_a_prediction_that_wins_on_every_draw_is_bought():
    assert best_of([finalist(BLIND, [10, 10, 10]), finalist(WORK, [9.9, 9.9, 9.9])], 1.3, 0.02).candidate.reads


def test_what_costs_much_more_on_the_sample_never_ties():
    best, other = finalist(WORK, [9, 10, 9]), finalist(BLIND, [10, 9, 10])
    assert not ties(other, best, 0.02)
    assert ties(other, best, 0.2)


def test_whose_p99_may_rise_too_far_on_any_draw_is_left_out():
    risky = finalist(WORK, [7, 7, 7], ratios=(1.1, 1.31, 1.0))
    assert best_of([risky, finalist(BLIND, [9, 9, 9])], 1.3, 0.02).candidate.policy.inner == BLIND
    assert best_of([risky], 1.3, 0.02) is None
    assert best_of([], 1.3, 0.02) is None


def test_the_saving_is_compared_draw_by_draw():
    saved = finalist(WORK, [5, 8, 10]).against(finalist(None, [10, 10, 20]))
    assert (saved.value, saved.low, saved.high) == (0.5, pytest.approx(0.2), 0.5)


def test_where_nothing_can_be_saved_nothing_is():
    assert finalist(WORK, [0, 0, 0]).against(finalist(None, [0, 0, 0])).value == 0.0
