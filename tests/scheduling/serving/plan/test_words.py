import math

import pytest

from beforehand.core.report import Outcome
from beforehand.scheduling.policies.boosted import Boosted
from beforehand.scheduling.policies.classic import FCFS, PSPJF, SPJF
from beforehand.scheduling.policies.shortest_work import ShortestWork
from beforehand.scheduling.policies.skip import Skip
from beforehand.scheduling.policies.skip_predict import SkipPredict
from beforehand.scheduling.serving.plan import words
from beforehand.scheduling.serving.plan.setting import Setting
from beforehand.scheduling.serving.plan.worth import Worth
from tests.scheduling.serving.plan.small import PROFILE

SETTING = Setting(profile=PROFILE)


def test_the_bound_is_that_of_the_least_rank_there_is():
    by_tokens = Boosted(SPJF(), boost=30.0, knee=265.0)
    assert words.bound_of(by_tokens, SETTING) == by_tokens.bound(1.0)
    assert "arrives more than 167 seconds later" in words.guard(by_tokens, SETTING)
    for inner in SPJF(by="cheap"), PSPJF(by="cheap"), Skip(SPJF(), threshold=40.0):
        assert words.bound_of(Boosted(inner, boost=30.0, knee=265.0), SETTING) == by_tokens.bound(1.0)
    by_work = Boosted(ShortestWork(decode=0.0), boost=30.0, knee=0.08)
    rate = PROFILE.work_rates(2048).prefill
    assert words.bound_of(by_work, SETTING) == pytest.approx(by_work.bound(rate))


def test_skip_predict_has_a_bound_among_the_long_only():
    policy = Boosted(SkipPredict(40.0, preemptive=False), boost=30.0, knee=265.0)
    assert words.bound_of(policy, SETTING) == math.inf
    told = words.guard(policy, SETTING)
    assert "overtaken by a long one that arrives more than 167 seconds later" in told
    assert "short ones always go first" in told


def test_orders_without_a_bound_say_so():
    assert words.bound_of(FCFS(), SETTING) == 0
    assert words.guard(FCFS(), SETTING) == "Nobody is overtaken by one that arrives later."
    assert words.bound_of(SPJF(), SETTING) == math.inf
    assert "no guard" in words.guard(SPJF(), SETTING)
    log_form = Boosted(SPJF(), boost=10.0, knee=math.inf)
    assert words.bound_of(log_form, SETTING) == math.inf
    assert "23 seconds for each factor of ten" in words.guard(log_form, SETTING)


@pytest.mark.parametrize(
    ("value", "shown"), [(2.5, "2.5 s"), (0.0025, "2.5 ms"), (2.5e-6, "2.5 us"), (math.inf, "any time"), (0.0, "0 us")]
)
def test_times_are_in_the_unit_that_fits(value, shown):
    assert words.seconds(value) == shown


def test_shares_are_percents_with_their_interval():
    assert words.share(Outcome("x", 0.123, 0.1, 0.2)) == "12.3 % (10.0 to 20.0)"
    assert words.share(Outcome("x", -1e-4, -1e-4, 2e-4)) == "0.0 % (0.0 to 0.0)"


def test_what_a_prediction_is_worth_is_said():
    told = words.paying(Worth(design="A", price=0.01, price_of_length=0.002, error=3.0))
    assert "less than 10 ms" in told[0]
    assert "worth 2 ms for each" in told[1]
    assert "errors are 3 times" in told[2]
    nothing = words.paying(Worth(design="A", price=0.0, price_of_length=0.0, error=math.inf))
    assert "does not pay, even if its predictions cost nothing" in nothing[0]
    assert "worth nothing here" in nothing[1]
    assert len(nothing) == 2
