"""What stages mean: which jobs are short, which predictions a job needs, and what the server itself predicts."""

import math

import numpy as np
import pytest

from beforehand.scheduling import FCFS, LAS, SPRPT, TRAIL, DelayPredict, OneBit, SkipPredict, View
from tests.scheduling.every_policy import EVERY

SIZE, CHEAP = np.array([1.0, 2.0, 3.0]), np.array([1.0, math.nan, 2.0])


def asked(policy, size, cheap):
    """The predictions that a policy asks for while a job of this size runs."""
    view, found = View(0.0, 0), set()
    for view.age in np.linspace(0.0, size, 100, endpoint=False):
        while (by := policy.asks(view)) is not None:
            found.add(by)
            if by == "cheap":
                view.cheap = cheap
            else:
                view.predicted = size
    return found


@pytest.mark.parametrize(
    ("policy", "short"),
    [
        (FCFS(), [False, False, False]),
        (SPRPT(work=0.5), [False, False, False]),
        (LAS(quantum=1.0), [False, False, False]),
        (OneBit(2.0), [True, False, False]),
        (SkipPredict(math.inf), [True, False, True]),
        (DelayPredict(2.0), [True, True, False]),
        (DelayPredict(0.0), [False, False, False]),
    ],
    ids=str,
)
def test_short_jobs_are_those_below_the_threshold_or_up_to_the_limit(policy, short):
    assert policy.stages().is_short(SIZE, CHEAP).tolist() == short


@pytest.mark.parametrize("policy", EVERY, ids=str)
def test_a_job_needs_a_prediction_exactly_if_the_policy_asks_for_it(policy):
    stages, size, cheap = policy.stages(), np.array([0.25, 1.0, 3.0]), np.array([0.25, 2.0, 0.25])
    for by in ("cheap", "expensive"):
        needed = stages.needs(by, size, cheap).tolist() if by in stages.wanted else [False] * 3
        assert needed == [by in asked(policy, x, z) for x, z in zip(size, cheap, strict=True)]


def test_the_servers_own_predictions_and_quanta_are_known():
    assert [policy.stages().predicts for policy in (SPRPT(), SPRPT(work=0.5), TRAIL(0.5))] == [False, True, False]
    assert LAS(quantum=0.5).stages().quanta == (0.5,)
    assert SPRPT().stages().quanta == ()
