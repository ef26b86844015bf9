import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beforehand.core.errors import CorruptData, InvalidInput
from beforehand.scheduling import POLICIES, TRAIL, DelayPredict, OneBit, SkipPredict, policy_from_json, policy_to_json
from beforehand.scheduling.policies.names import label, name_of

WRITTEN = [TRAIL(0.8), DelayPredict(math.inf), OneBit(2.0, preemptive=False), SkipPredict(1.5, long_order="size")]


def test_every_stock_policy_has_one_name():
    assert sorted(POLICIES) == sorted("fcfs spjf pspjf sprpt las 1bit skippredict delaypredict trail".split())
    assert [name_of(SkipPredict(1)), name_of(OneBit(1))] == ["skippredict", "1bit"]


def test_a_policy_of_somebody_else_has_no_name():
    with pytest.raises(InvalidInput, match="must be one of fcfs"):
        name_of(object())


def test_a_label_says_what_differs_from_the_defaults():
    assert label(TRAIL(0.8)) == "TRAIL(0.8)"
    assert label(DelayPredict(0.9, long_order="size")) == "DelayPredict(0.9, size)"
    assert label(SkipPredict(1.5, cheap_work=0.01)) == "SkipPredict(1.5, cheap_work=0.01)"
    assert label(OneBit(2, preemptive=False)) == "OneBit(2, non-preemptive)"


def test_infinity_is_written_as_a_word_and_read_again():
    text = policy_to_json(DelayPredict(math.inf))
    assert '"inf"' in text
    assert policy_from_json(text) == DelayPredict(math.inf)


def test_options_from_numpy_are_written_too():
    policy = SkipPredict(np.float32(0.5), preemptive=np.bool_(True), cheap_work=np.int64(2))
    assert policy_from_json(policy_to_json(policy)) == SkipPredict(0.5, cheap_work=2.0)


def test_options_that_are_left_out_take_their_defaults():
    assert policy_from_json('{"policy": "skippredict", "threshold": 2}') == SkipPredict(2)


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        ("srpt", CorruptData, "neither one of fcfs"),
        ("[1]", CorruptData, "is no policy"),
        ('{"threshold": 1}', CorruptData, "is no policy"),
        ('{"policy": 3}', CorruptData, "must be a name"),
        ('{"policy": "srpt"}', InvalidInput, "policy is 'srpt', but must be one of fcfs"),
        ('{"policy": "trail"}', InvalidInput, "trail lacks an option"),
        ("trail", InvalidInput, "trail lacks an option"),
        ('{"policy": "trail", "fraction": 0.5, "depth": 1}', InvalidInput, "depth is no option of trail"),
        ('{"policy": "trail", "fraction": "half"}', InvalidInput, "fraction is 'half', but must be a number"),
        ('{"policy": "1bit", "threshold": 1, "preemptive": 0}', InvalidInput, "preemptive is 0"),
        ("[" * 100_000, CorruptData, "neither one of"),
    ],
)
def test_what_is_no_policy_is_refused_with_the_reason(text, error, message):
    with pytest.raises(error, match=message):
        policy_from_json(text)


@given(data=st.data())
def test_damaged_json_is_read_or_refused_and_nothing_else(data):
    text = policy_to_json(data.draw(st.sampled_from(WRITTEN)))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(text)))
        new = data.draw(st.text(max_size=3) | st.sampled_from(["1e999", "NaN", "[", "{}", '"', "9" * 400, "null", "-"]))
        text = text[:place] + new + text[place + data.draw(st.integers(0, 8)) :]
    try:
        policy = policy_from_json(text)
    except (CorruptData, InvalidInput):
        return
    assert policy_from_json(policy_to_json(policy)) == policy
