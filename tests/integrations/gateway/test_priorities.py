import logging
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import InvalidInput
from beforehand.integrations.gateway import Priorities
from beforehand.integrations.gateway.priorities import DEFAULT, EPOCH, MOST
from beforehand.scheduling import FCFS, LAMPS, SPJF, Boosted, ShortestWork, SkipPredict, View
from beforehand.scheduling.serving import EngineView, ToolView
from tests.scheduling.queue_steps import ResponseRatio

NOW = EPOCH + 1e7


class Predictor:
    def __init__(self, answer):
        self.answer, self.asked = answer, []

    def predict(self, features):
        self.asked.append(features)
        if isinstance(self.answer, Exception):
            raise self.answer
        return [self.answer]


def test_a_priority_is_the_key_in_milliseconds_since_2026():
    view = View(NOW - EPOCH, 0, context=1000, predicted=256.0, engine=EngineView())
    assert Priorities().priority(1000, now=NOW) == math.floor(1000 * DEFAULT.rank(view))
    assert Priorities(FCFS()).priority(1000, now=NOW) == 10_000_000_000


def test_gateways_that_know_the_same_agree():
    one, other = Priorities(), Priorities()
    for each in (one, other):
        each.finished("", 100)
    assert one.priority(300, now=NOW) == other.priority(300, now=NOW)


def test_an_hour_later_nothing_old_is_overtaken():
    priorities = Priorities()
    assert priorities.priority(200_000, now=NOW) < priorities.priority(1, now=NOW + 3600)
    bound = DEFAULT.bound(DEFAULT.inner.rank(View(0.0, 0, context=1, predicted=1.0, engine=EngineView())))
    assert bound < 300


def test_what_the_engine_was_sent_before_does_not_count():
    priorities = Priorities()
    assert priorities.priority(5000, now=NOW, cached=4900) < priorities.priority(5000, now=NOW)


def test_a_policy_without_a_guard_gets_one():
    assert Priorities(SPJF()).policy == Boosted(SPJF(), boost=30.0, knee=math.inf)


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (Boosted(SPJF()), "boost or knee is 'auto'; plan it, or pass both numbers"),
        (ResponseRatio(), "ranks change with time, but a priority stays"),
        ("spjf", "policy is 'spjf', but must be an object"),
        (SkipPredict(3.0), "must rank by one positive amount"),
    ],
    ids=str,
)
def test_a_policy_that_no_number_can_say_is_refused(policy, message):
    with pytest.raises(InvalidInput, match=message):
        Priorities(policy)


def test_bands_and_any_amounts_stay_within_what_json_holds():
    bands = Priorities(Boosted(SkipPredict(50.0, preemptive=False), boost=30.0, knee=100.0))
    assert bands.priority(10, now=NOW, predicted=5.0) == -MOST
    assert Priorities().priority(1e300, now=NOW) <= MOST


@given(
    prompt=st.floats(1, 1e9), predicted=st.floats(allow_nan=True) | st.none(), claimed=st.floats(),
    most=st.floats(1, 1e9) | st.just(math.inf), cached=st.floats(0, 1e9),
)  # fmt: skip
def test_there_is_always_a_whole_number(prompt, predicted, claimed, most, cached):
    for policy in (None, Boosted(LAMPS(), boost=30.0, knee=1e3)):
        found = Priorities(policy).priority(
            prompt, now=NOW, predicted=predicted, claimed=claimed, max_tokens=most, cached=cached, tool=ToolView()
        )
        assert isinstance(found, int)
        assert abs(found) <= MOST


@pytest.mark.parametrize("answer", [RuntimeError("no idea"), math.nan, -3.0, math.inf, "many", None])
def test_a_predictor_that_fails_costs_only_the_prediction(answer, caplog):
    priorities = Priorities(lengths=Predictor(answer))
    with caplog.at_level(logging.ERROR):
        found = [priorities.priority(100, now=NOW) for _ in range(3)]
    assert found == [Priorities().priority(100, now=NOW)] * 3
    assert priorities.failures == 3
    assert len(caplog.records) <= 1


def test_the_predictor_sees_what_a_trace_has():
    predictor = Predictor(500.0)
    slow = Priorities(lengths=predictor).priority(100, "anna", now=NOW, max_tokens=900.0)
    assert predictor.asked[0]["prompt_tokens"] == [100]
    assert predictor.asked[0]["tenant"] == ["anna"]
    assert slow > Priorities(lengths=Predictor(5.0)).priority(100, "anna", now=NOW, max_tokens=900.0)
    assert slow == Priorities(lengths=Predictor(2000.0)).priority(100, now=NOW, max_tokens=500.0)


def test_without_a_predictor_the_mean_of_finished_answers_is_expected():
    priorities = Priorities(Boosted(ShortestWork(), boost=30.0, knee=0.08))
    assert priorities.expected_tokens(math.nan) == 256
    for tokens in (10, 20, math.nan, 0, -5):
        priorities.finished("", tokens)
    assert priorities.expected_tokens(math.nan) == 15


def test_a_tenant_who_claims_a_tenth_is_corrected_within_220_answers_and_nobody_else_is():
    priorities = Priorities()
    for number in range(220):
        priorities.priority(100, "liar", now=NOW, id=str(number), claimed=40.0)
        priorities.finished(str(number), 200)
    assert priorities.expected_tokens(math.nan, claimed=40.0, tenant="liar") == pytest.approx(200, rel=0.2)
    assert priorities.expected_tokens(math.nan, claimed=40.0, tenant="other") == 40


def test_another_plan_keeps_what_was_learned():
    priorities = Priorities()
    priorities.finished("", 7)
    new = priorities.planned_anew(FCFS())
    assert new.expected_tokens(math.nan) == 7
    assert new.policy == FCFS()
    with pytest.raises(InvalidInput):
        priorities.planned_anew(Boosted(SPJF()))
