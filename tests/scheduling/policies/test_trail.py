import math

import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import SPRPT, TRAIL, View
from beforehand.scheduling.policies import FIRST, UNKNOWN


def view(**fields):
    return View(arrival=0.0, sequence=0, **fields)


def test_a_job_is_pinned_once_it_has_had_its_share_of_the_prediction():
    policy = TRAIL(0.5)
    ranks = [policy.rank(view(age=age, started=True, predicted=4.0)) for age in (0.0, 1.9, 2.0, 3.0)]
    assert ranks == [4.0, 2.1, FIRST, FIRST]
    assert policy.review_age(view(age=0.0, predicted=4.0)) == 2.0
    assert policy.review_age(view(age=2.0, predicted=4.0)) == math.inf


def test_with_fraction_zero_it_is_the_start_that_pins():
    assert TRAIL(0).rank(view(predicted=4.0)) == 4.0
    assert TRAIL(0).rank(view(predicted=4.0, started=True)) == FIRST


def test_with_fraction_one_it_ranks_as_sprpt_until_the_prediction_is_used_up():
    for age in (0.0, 1.0, 3.9):
        job = view(age=age, started=True, predicted=4.0)
        assert TRAIL(1).rank(job) == SPRPT().rank(job)


def test_a_refreshed_estimate_counts_for_the_rank_but_not_for_the_pin():
    policy = TRAIL(0.5)
    assert policy.rank(view(age=1.0, started=True, predicted=4.0, remaining=7.0)) == 7.0
    assert policy.rank(view(age=2.0, started=True, predicted=4.0, remaining=7.0)) == FIRST


def test_a_job_without_its_prediction_is_never_pinned():
    assert TRAIL(0.5).rank(view(age=9.0, started=True)) == UNKNOWN
    assert TRAIL(0.5).review_age(view()) == math.inf


@pytest.mark.parametrize("fraction", [-0.1, 1.1, math.nan])
def test_a_fraction_outside_zero_to_one_is_refused(fraction):
    with pytest.raises(InvalidInput, match="fraction is"):
        TRAIL(fraction)
