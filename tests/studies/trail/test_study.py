"""The study of TRAIL and of what UniBoost says, at the scale of a test."""

import pytest

from beforehand.core.errors import InvalidInput
from beforehand.studies.trail import study as trail
from tests.studies import contract


@pytest.fixture(scope="module")
def ran():
    return contract.run(trail)


def test_it_keeps_what_every_study_keeps(ran):
    contract.check(ran, trail, trail.CLAIMS, name="trail")


def test_the_closed_form_and_the_burst_are_reproduced_at_any_scale(ran):
    for words in ("Limited preemption has a closed form", "With a burst"):
        assert ran.finding(words).verdict == "reproduced"


def test_orders_beat_first_come_first_served_in_the_direction_that_is_claimed(ran):
    for words in ("Mean latency falls", "p99 is 35 to 50 %", "No length prediction"):
        assert ran.finding(words).verdict != "not reproduced"


def test_data_that_are_not_there_are_refused_before_anything_runs(tmp_path):
    with pytest.raises(InvalidInput, match="no csv of the Azure LLM trace"):
        trail.run(quick=True, data=tmp_path)
