import math

import pytest

from beforehand.core.errors import InvalidInput
from beforehand.scheduling import DelayPredict, OneBit, SkipPredict, Stage, View
from beforehand.scheduling.policies import BANDS, FIRST, UNKNOWN


def view(**fields):
    return View(arrival=0.0, sequence=0, **fields)


def test_one_bit_runs_shorts_first_and_counts_a_job_without_its_bit_as_long():
    policy = OneBit(1.5)
    assert policy.rank(view(cheap=1.0)) < policy.rank(view(cheap=1.5)) == policy.rank(view())
    assert policy.rank(view(cheap=2.0, started=True)) == 2.0
    assert OneBit(1.5, preemptive=False).rank(view(cheap=2.0, started=True)) == FIRST


def test_one_bit_predicts_between_shorts_and_longs():
    policy = OneBit(1.5, cheap_work=0.25)
    short, asked, long = view(cheap=1.0, age=0.25), view(cheap=1.0), view(cheap=2.0, age=0.25)
    assert policy.rank(short) < policy.rank(asked) < policy.rank(long)
    assert policy.review_age(asked) == 0.25
    assert policy.review_age(short) == math.inf


def test_skip_predict_pays_for_the_expensive_prediction_of_longs_only():
    policy = SkipPredict(1.5)
    assert policy.asks(view()) == "cheap"
    assert policy.asks(view(cheap=1.0)) is None
    assert policy.asks(view(cheap=1.5)) == "expensive"
    assert policy.asks(view(cheap=1.5, predicted=3.0)) is None


def test_skip_predict_orders_shorts_predictions_and_longs():
    policy = SkipPredict(1.5, cheap_work=0.25, expensive_work=0.5)
    short, cheap = view(cheap=1.0, age=0.25), view(cheap=9.0, age=0.0)
    expensive, long = view(cheap=9.0, age=0.25), view(cheap=9.0, age=1.0, predicted=9.0)
    assert [policy.rank(each) for each in (short, cheap, expensive, long)] == [FIRST, *BANDS, 8.75]
    assert [policy.review_age(each) for each in (short, cheap, expensive, long)] == [math.inf, 0.25, 0.75, math.inf]


@pytest.mark.parametrize(("order", "rank"), [("remaining", 2.0), ("size", 3.0)])
def test_longs_go_by_what_is_left_or_by_size(order, rank):
    assert SkipPredict(1.5, long_order=order).rank(view(cheap=2.0, predicted=3.0, age=1.0)) == rank
    assert DelayPredict(0.5, long_order=order).rank(view(predicted=3.0, age=1.0)) == rank


def test_a_long_job_without_its_prediction_comes_last():
    assert SkipPredict(1.5).rank(view(cheap=2.0)) == UNKNOWN
    assert SkipPredict(1.5, preemptive=False).rank(view(cheap=2.0)) == UNKNOWN
    assert DelayPredict(0.5).rank(view(age=0.5)) == UNKNOWN


def test_skip_predict_without_preemption_lets_a_started_job_end():
    policy = SkipPredict(1.5, preemptive=False)
    ranks = [
        policy.rank(each) for each in (view(cheap=2.0, started=True), view(cheap=1.0), view(cheap=2.0, predicted=0.1))
    ]
    assert ranks == sorted(ranks)
    assert policy.stages().start_pins


def test_delay_predict_asks_once_the_limit_is_reached_and_not_before():
    policy = DelayPredict(1.0, expensive_work=0.5)
    assert policy.asks(view(age=0.9)) is None
    assert policy.asks(view(age=1.0)) == "expensive"
    assert [policy.review_age(view(age=age)) for age in (0.0, 1.0, 1.5)] == [1.0, 1.5, math.inf]
    assert [policy.rank(view(age=age, predicted=4.0)) for age in (0.0, 1.0, 1.5)] == [*BANDS, 3.0]


def test_stages_of_length_zero_are_left_out():
    assert SkipPredict(1.5).stages().long == (Stage(3, "remaining"),)
    assert DelayPredict(0.0).stages().long == (Stage(2, "remaining"),)
    assert DelayPredict(math.inf).stages().long[0] == Stage(0, "fcfs")


@pytest.mark.parametrize(("kind", "work"), [(OneBit, "cheap_work"), (SkipPredict, "expensive_work")])
def test_a_server_that_is_never_preempted_cannot_predict_in_between(kind, work):
    with pytest.raises(InvalidInput, match="never preempted"):
        kind(1, preemptive=False, **{work: 0.1})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: OneBit(-1), "threshold is -1, but must be at least 0"),
        (lambda: SkipPredict(math.nan), "threshold is nan"),
        (lambda: SkipPredict(1, long_order="shortest"), "long_order is 'shortest', but must be one of remaining, size"),
        (lambda: OneBit(1, preemptive="no"), "preemptive is 'no', but must be True or False"),
        (lambda: SkipPredict(1, preemptive=2), "preemptive is 2, but must be True or False"),
        (
            lambda: SkipPredict(1, cheap_work=1e300),
            r"cheap_work is 1e\+300, but must be at least 0 and at most",
        ),
        (lambda: DelayPredict(-0.5), "limit is -0.5"),
        (lambda: DelayPredict(1, expensive_work=math.inf), "expensive_work is inf, but must be finite"),
    ],
)
def test_a_wrong_option_is_refused_with_its_rule(make, message):
    with pytest.raises(InvalidInput, match=message):
        make()
